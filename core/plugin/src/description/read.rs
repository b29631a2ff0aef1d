//! Reads what a plugin says about itself, and checks that it makes sense.

use std::collections::HashSet;

use super::{Description, Signal};
use crate::library::LoadError;

/// Bytes of a description with its schema.
pub const DESCRIPTION_BYTES_MAX: usize = 1 << 20;

const NAME_BYTES_MAX: usize = 64;
const VERSION_BYTES_MAX: usize = 64;
const SUMMARY_BYTES_MAX: usize = 1 << 10;

impl Description {
    /// Reads the JSON object that `describe` returns.
    pub(crate) fn read(json: &[u8]) -> Result<Description, LoadError> {
        read(json).map_err(LoadError::BadDescription)
    }
}

fn read(json: &[u8]) -> Result<Description, String> {
    if json.len() > DESCRIPTION_BYTES_MAX {
        return Err(format!(
            "it has `{}` bytes, and may have `{DESCRIPTION_BYTES_MAX}`",
            json.len()
        ));
    }
    let json = std::str::from_utf8(json).map_err(|error| format!("it is not UTF-8: {error}"))?;
    let mut reader = serde_json::Deserializer::from_str(json);
    let description: Description =
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            match error.path().iter().next() {
                None => error.inner().to_string(),
                Some(_) => format!("`{}`: {}", error.path(), error.inner()),
            }
        })?;
    reader.end().map_err(|error| error.to_string())?;
    check(&description)?;
    Ok(description)
}

fn check(description: &Description) -> Result<(), String> {
    let is_in_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let name = &description.name;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_in_name) {
        return Err(format!(
            "`name` is `{}`, and has to be 1 to {NAME_BYTES_MAX} of the characters a-z, 0-9, `_` and `-`",
            name.escape_debug()
        ));
    }
    if description.version.is_empty() {
        return Err("`version` is empty, and has to be one such as `1.0.0`".to_owned());
    }
    one_line("version", &description.version, VERSION_BYTES_MAX)?;
    one_line("summary", &description.summary, SUMMARY_BYTES_MAX)?;
    if description.signals.is_empty() {
        return Err(
            "`signals` is empty, and has to hold what the plugin processes: `traces`, `metrics`, `logs`"
                .to_owned(),
        );
    }
    each_once("signals", &description.signals)?;
    each_once("emits", &description.emits)?;
    match &description.schema {
        None | Some(serde_json::Value::Object(_) | serde_json::Value::Bool(_)) => Ok(()),
        Some(_) => Err("`schema` is not a JSON Schema, which is an object or a boolean".to_owned()),
    }
}

/// It is shown on terminals and in the log.
fn one_line(key: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    if text.len() > bytes_max {
        let found = text.len();
        return Err(format!(
            "`{key}` has `{found}` bytes, and may have `{bytes_max}`"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!(
            "`{key}` is `{}`, and may hold no control characters",
            text.escape_debug()
        ));
    }
    Ok(())
}

fn each_once(key: &str, signals: &[Signal]) -> Result<(), String> {
    let mut seen = HashSet::new();
    match signals.iter().all(|signal| seen.insert(signal)) {
        true => Ok(()),
        false => Err(format!(
            "`{key}` names a signal twice, and each may be named once"
        )),
    }
}

#[cfg(test)]
mod tests;
