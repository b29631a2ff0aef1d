//! JSON as Gson's `JsonParser.parseString` reads it: leniently.
//!
//! Beyond JSON it takes comments, words and single quotes for text, `=` and `=>` for a colon, `;` for a
//! comma, and nothing between two commas of a list for a null. Any value may be the top; nothing may
//! follow it. Numbers stay as they are written.

use super::json::unicode_escape;
use super::{Document, Item, Range};

/// What keeps a text that is JSON from being run as a script.
const PREFIX: &str = ")]}'\n";

pub(super) fn parse(document: &mut Document, source: &str) -> Result<(), String> {
    let mut reader = Reader {
        bytes: source.as_bytes(),
        source,
        at: 0,
        document,
    };
    reader.document()
}

struct Reader<'a> {
    bytes: &'a [u8],
    source: &'a str,
    at: usize,
    document: &'a mut Document,
}

/// What was read last inside of a collection.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Open,
    Value,
    Comma,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<(), String> {
        if self.token()?.is_some() && self.source[self.at..].starts_with(PREFIX) {
            self.at += PREFIX.len();
        }
        if self.token()?.is_none() {
            self.document.items.push(Item::Null);
            return Ok(());
        }
        let mut after = self.value()?;
        while let Some(&innermost) = self.document.open.last() {
            let is_map = matches!(self.document.items[innermost], Item::Map(_));
            after = if is_map {
                self.member(after)?
            } else {
                self.element(after)?
            };
        }
        // Behind a value it is lenient no more: a comment is none there.
        let is_null = self.document.items.first() == Some(&Item::Null);
        let rest = self.source[self.at..].trim_start_matches([' ', '\t', '\n', '\r']);
        if !is_null && !rest.is_empty() {
            return self.broken("the text goes on behind the value");
        }
        Ok(())
    }

    fn element(&mut self, after: After) -> Result<After, String> {
        match (self.token()?, after) {
            (Some(b']'), After::Open | After::Value) => Ok(self.close()),
            (Some(b',' | b';'), After::Value) => {
                self.at += 1;
                Ok(After::Comma)
            }
            (_, After::Value) => self.broken("a comma or the end of the list is expected"),
            (Some(b',' | b';' | b']'), _) => {
                self.document.items.push(Item::Null);
                Ok(After::Value)
            }
            _ => self.value(),
        }
    }

    fn member(&mut self, after: After) -> Result<After, String> {
        match (self.token()?, after) {
            (Some(b'}'), After::Open | After::Value) => return Ok(self.close()),
            (Some(b',' | b';'), After::Value) => {
                self.at += 1;
                return Ok(After::Comma);
            }
            (_, After::Value) => {
                return self.broken("a comma or the end of the object is expected");
            }
            _ => {}
        }
        let key = match self.token()? {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote)?,
            _ => self.word("a key is expected")?,
        };
        self.document.items.push(Item::Text(key));
        match self.token()? {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                self.at += 1;
                self.at += usize::from(self.peek() == Some(b'>'));
            }
            _ => return self.broken("a colon is expected behind the key"),
        }
        self.value()
    }

    fn value(&mut self) -> Result<After, String> {
        let item = match self.token()? {
            Some(quote @ (b'"' | b'\'')) => Item::Text(self.quoted(quote)?),
            Some(b'{') => return self.open(Item::Map(0)),
            Some(b'[') => return self.open(Item::List(0)),
            _ => {
                let range = self.word("a value is expected")?;
                let text = self.document.text(range);
                match &*text.to_ascii_lowercase() {
                    "true" => Item::Boolean(true),
                    "false" => Item::Boolean(false),
                    "null" => Item::Null,
                    _ if is_number(text) => Item::Number(range),
                    _ => Item::Text(range),
                }
            }
        };
        self.document.items.push(item);
        Ok(After::Value)
    }

    fn open(&mut self, item: Item) -> Result<After, String> {
        self.at += 1;
        self.document.open(item)?;
        Ok(After::Open)
    }

    fn close(&mut self) -> After {
        self.at += 1;
        self.document.close();
        After::Value
    }

    /// Text without quotes.
    fn word(&mut self, expected: &'static str) -> Result<Range, String> {
        let start = self.at;
        let rest = &self.bytes[start..];
        self.at += rest
            .iter()
            .take_while(|byte| !b"/\\;#={}[]:, \t\x0C\r\n".contains(byte))
            .count();
        if self.at == start {
            return self.broken(expected);
        }
        Ok(Range::new(start, self.at))
    }

    fn quoted(&mut self, quote: u8) -> Result<Range, String> {
        let unescaped = self.document.text.len();
        self.at += 1;
        loop {
            let plain = self.at;
            let rest = &self.bytes[plain..];
            let is_special = |byte: &u8| *byte == quote || *byte == b'\\';
            let Some(length) = rest.iter().position(is_special) else {
                return self.broken("the text ends inside of quotes");
            };
            self.at += length;
            if self.bytes[self.at] == quote && self.document.text.len() == unescaped {
                self.at += 1;
                return Ok(Range::new(plain, self.at - 1));
            }
            self.document.text.push_str(&self.source[plain..self.at]);
            if self.bytes[self.at] == quote {
                self.at += 1;
                return Ok(Range::new(unescaped, self.document.text.len()));
            }
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let plain = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\'' | b'\\' | b'/' | b'\n') => char::from(self.bytes[self.at + 1]),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let Some((character, length)) = unicode_escape(&self.bytes[self.at..]) else {
                    return self.broken("four hexadecimal digits are expected in `\\u....`");
                };
                self.at += length;
                self.document.text.push(character);
                return Ok(());
            }
            _ => return self.broken("no such escape: one of `\"'\\/bfnrtu` is expected"),
        };
        self.at += 2;
        self.document.text.push(plain);
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is neither blank nor part of a comment.
    fn token(&mut self) -> Result<Option<u8>, String> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(b'/') if self.bytes[self.at..].starts_with(b"//") => self.skip_line(),
                Some(b'/') if self.bytes[self.at..].starts_with(b"/*") => {
                    let Some(length) = self.source[self.at + 2..].find("*/") else {
                        return self.broken("the text ends inside of a comment");
                    };
                    self.at += length + 4;
                }
                byte => return Ok(byte),
            }
        }
    }

    fn skip_line(&mut self) {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(is_end).unwrap_or(rest.len());
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, String> {
        Err(format!("{what} at byte {}", self.at))
    }
}

/// As JSON writes numbers; all else is a word.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.starts_with('0')) {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
