//! A small reader of JSON, for configurations. The host has checked them against the plugin's schema, so that
//! what is missing here is what the schema leaves open.
//!
//! ```
//! let config = skyferry_plugin_sdk::json::parse(r#"{"mask": "***", "routes": ["/health"]}"#)?;
//! assert_eq!(config.text("mask"), Some("***"));
//! assert_eq!(config.texts("routes").collect::<Vec<_>>(), ["/health"]);
//! assert_eq!(config.flag("count"), None);
//! # Ok::<(), String>(())
//! ```

/// Lists and objects may nest this deep.
const NESTING_MAX: usize = 64;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A number without a fraction that fits.
    Int(i64),
    Float(f64),
    String(String),
    Array(Vec<Json>),
    /// In the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value with this key, if it is an object; of several the last.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => {
                let mut members = members.iter().rev();
                members
                    .find(|(name, _)| name == key)
                    .map(|(_, value)| value)
            }
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list; of anything else none.
    pub fn elements(&self) -> &[Json] {
        match self {
            Json::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The text with this key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The texts in the list with this key; none where there is no list.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let elements = self.get(key).map_or(&[][..], Json::elements);
        elements.iter().filter_map(Json::as_str)
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Json::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A number with or without a fraction.
    pub fn float(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Json::Int(value) => Some(*value as f64),
            Json::Float(value) => Some(*value),
            _ => None,
        }
    }
}

/// Reads a text that is one value. The error says what was expected and at which byte.
pub fn parse(text: &str) -> Result<Json, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(NESTING_MAX)?;
    reader.skip_space();
    if reader.at < text.len() {
        return reader.expected("the end");
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
}

impl<'a> Reader<'a> {
    fn expected<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("expected {what} at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.expected(&format!("at most {NESTING_MAX} levels"));
        };
        self.skip_space();
        match self.peek() {
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ => self.expected("a value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut members = Vec::new();
        self.sequence("}", |reader| {
            reader.skip_space();
            if reader.peek() != Some(b'"') {
                return reader.expected("a key");
            }
            let key = reader.string()?;
            reader.skip_space();
            if !reader.take(":") {
                return reader.expected("`:`");
            }
            members.push((key, reader.value(depth)?));
            Ok(())
        })?;
        Ok(Json::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        let mut elements = Vec::new();
        self.sequence("]", |reader| {
            elements.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Json::Array(elements))
    }

    /// What stands between a bracket, at which it is, and its other half.
    fn sequence(
        &mut self,
        end: &str,
        mut element: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.at += 1;
        self.skip_space();
        if self.take(end) {
            return Ok(());
        }
        loop {
            element(self)?;
            self.skip_space();
            if self.take(end) {
                return Ok(());
            }
            if !self.take(",") {
                return self.expected(&format!("`,` or `{end}`"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.take("-");
        let leading = self.at;
        self.digits()?;
        if self.at > leading + 1 && self.text.as_bytes()[leading] == b'0' {
            self.at = leading;
            return self.expected("a number without a leading zero");
        }
        let mut is_whole = true;
        if self.take(".") {
            is_whole = false;
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            is_whole = false;
            if !self.take("+") {
                self.take("-");
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if is_whole && let Ok(value) = text.parse() {
            return Ok(Json::Int(value));
        }
        match text.parse() {
            Ok(value) => Ok(Json::Float(value)),
            Err(_) => self.expected("a number"),
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.expected("a digit");
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ');
            let Some(plain) = plain else {
                self.at = self.text.len();
                return self.expected("`\"`");
            };
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                _ => return self.expected("a control character to be escaped"),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let Some(letter) = self.peek() else {
            return self.expected("an escape");
        };
        let character = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.escaped_number();
            }
            _ => return self.expected("an escape"),
        };
        self.at += 1;
        Ok(character)
    }

    /// Half of a surrogate pair alone stands for no character, and becomes a replacement character.
    fn escaped_number(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        if (0xD800..0xDC00).contains(&first) && self.take("\\u") {
            let behind = self.at;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let number = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // No second half: it is read again, on its own.
            self.at = behind - 2;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u32::from_str_radix(digits, 16) {
            Ok(number) if is_hex => {
                self.at += 4;
                Ok(number)
            }
            _ => self.expected("four hexadecimal digits"),
        }
    }
}

#[cfg(test)]
mod tests;
