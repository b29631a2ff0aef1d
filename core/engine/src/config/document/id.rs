//! Ids of components and pipelines: `type` or `type/name`.

use std::fmt;

use serde::Serialize;

const MAX_TYPE_BYTES: usize = 63;
const MAX_NAME_BYTES: usize = 1024;

/// `type` or `type/name`, spaces around either half removed. The type is kept as written, also
/// where it is an older name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct ComponentId {
    type_name: String,
    name: Option<String>,
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("`{0}` is no id: the part before `/` is empty")]
    EmptyType(String),
    #[error("`{0}` is no id: the part after `/` is empty")]
    EmptyName(String),
    #[error(
        "`{0}` is no id: a type is made of letters, digits and `_`, \
         starts with a letter and has at most {MAX_TYPE_BYTES} characters"
    )]
    Type(String),
    #[error("`{id}` is no id: a name cannot contain `{char}`")]
    NameChar { id: String, char: String },
    #[error("this is no id: a name has at most {MAX_NAME_BYTES} bytes")]
    LongName,
}

impl ComponentId {
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (type_name, name) = match text.split_once('/') {
            Some((type_name, name)) => (type_name.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        let mut letters = type_name.chars();
        let valid_type = letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|char| char.is_ascii_alphanumeric() || char == '_')
            && type_name.len() <= MAX_TYPE_BYTES;
        if type_name.is_empty() {
            return Err(IdError::EmptyType(text.to_owned()));
        }
        if !valid_type {
            return Err(IdError::Type(text.to_owned()));
        }
        if let Some(name) = name {
            check_name(name, text)?;
        }
        Ok(ComponentId {
            type_name: type_name.to_owned(),
            name: name.map(str::to_owned),
        })
    }

    pub(crate) fn of_type(type_name: &str) -> Self {
        ComponentId {
            type_name: type_name.to_owned(),
            name: None,
        }
    }

    /// The half before the first `/`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The half after the first `/`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

fn check_name(name: &str, id: &str) -> Result<(), IdError> {
    if name.is_empty() {
        return Err(IdError::EmptyName(id.to_owned()));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(IdError::LongName);
    }
    match name.chars().find(|char| !is_name_char(*char)) {
        Some(char) => Err(IdError::NameChar {
            id: id.to_owned(),
            char: char.escape_debug().to_string(),
        }),
        None => Ok(()),
    }
}

/// The collector refuses the Unicode classes Z, C and S. Of these, symbols outside of ASCII are let
/// through here; what cannot be seen is not.
fn is_name_char(char: char) -> bool {
    let invisible = matches!(char,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}');
    !char.is_whitespace() && !char.is_control() && !invisible && !"$+<=>^`|~".contains(char)
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name)?;
        match &self.name {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl From<ComponentId> for String {
    fn from(id: ComponentId) -> String {
        id.to_string()
    }
}
