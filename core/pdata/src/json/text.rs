//! A cursor over JSON text: its tokens, and what may be skipped.

use std::borrow::Cow;

use super::error::{Fault, Problem};
use super::string::{Quoted, plain_run};
use super::{UNKNOWN_NESTING_MAX, number};

/// How much of an unexpected value an error quotes, in bytes.
const EXCERPT_MAX: usize = 40;

pub(super) struct Text<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    /// The text behind a byte order mark, if there is one.
    pub(super) fn new(body: &'a [u8]) -> Self {
        let at = if body.starts_with(b"\xEF\xBB\xBF") {
            3
        } else {
            0
        };
        Text { body, at }
    }

    /// The first byte of the next token. Afterwards the cursor stands on it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        match self.body.get(self.at) {
            Some(&token) if token > b' ' => Some(token),
            _ => self.peek_behind_blanks(),
        }
    }

    /// Out of line: most programs write no blanks.
    #[cold]
    fn peek_behind_blanks(&mut self) -> Option<u8> {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.body[self.at..].iter().take_while(blank).count();
        self.body.get(self.at).copied()
    }

    /// Steps over a punctuation mark if it is the next token.
    #[inline]
    pub(super) fn eat(&mut self, mark: u8) -> bool {
        let found = self.peek() == Some(mark);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn expect(&mut self, mark: u8, expected: &'static str) -> Result<(), Box<Fault>> {
        if self.eat(mark) {
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    /// Steps over `literal` if it is the next token.
    #[inline]
    pub(super) fn eat_literal(&mut self, literal: &str) -> bool {
        let found = self.peek() == literal.as_bytes().first().copied()
            && self.body[self.at..].starts_with(literal.as_bytes());
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Behind a member or an element: whether another follows before the closing `end`.
    #[inline]
    pub(super) fn another(&mut self, end: u8) -> Result<bool, Box<Fault>> {
        let more = match self.peek() {
            Some(b',') => true,
            Some(mark) if mark == end => false,
            _ if end == b'}' => return Err(self.unexpected("`,` or `}`")),
            _ => return Err(self.unexpected("`,` or `]`")),
        };
        self.at += 1;
        Ok(more)
    }

    pub(super) fn end(&mut self) -> Result<(), Box<Fault>> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the body")),
        }
    }

    /// Steps over the member name `name` and its colon if it is the next token, written without
    /// escapes or blanks.
    #[inline]
    pub(super) fn eat_name(&mut self, name: &str) -> bool {
        let found = self.peek() == Some(b'"')
            && self.body[self.at + 1..]
                .strip_prefix(name.as_bytes())
                .is_some_and(|behind| behind.starts_with(b"\":"));
        if found {
            self.at += name.len() + 3;
        }
        found
    }

    /// Steps over a member's name and its colon.
    pub(super) fn name(&mut self) -> Result<Quoted<'a>, Box<Fault>> {
        let name = self.string("a name in double quotes")?;
        self.expect(b':', "`:`")?;
        Ok(name)
    }

    // Inlined, because the result is too large to return in registers.
    #[inline(always)]
    pub(super) fn string(&mut self, expected: &'static str) -> Result<Quoted<'a>, Box<Fault>> {
        self.expect(b'"', expected)?;
        let start = self.at;
        let (mut escaped, mut ascii) = (false, true);
        loop {
            let run = plain_run(&self.body[self.at..]);
            self.at += run.len;
            ascii &= run.ascii;
            match self.body.get(self.at) {
                Some(b'"') => {
                    let raw = &self.body[start..self.at];
                    self.at += 1;
                    return Ok(Quoted::of_checked(raw, escaped, ascii));
                }
                Some(b'\\') => {
                    self.at += self.escape_len()?;
                    escaped = true;
                }
                Some(_) => return Err(self.unexpected("control characters to be escaped")),
                None => return Err(self.unexpected("`\"` at the end of a string")),
            }
        }
    }

    /// Length of the escape at the cursor.
    fn escape_len(&self) -> Result<usize, Box<Fault>> {
        match self.body[self.at..] {
            [
                _,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => Ok(2),
            [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_hexdigit) => Ok(6),
            _ => Err(self.unexpected(r#"one of the escapes \" \\ \/ \b \f \n \r \t \u0000"#)),
        }
    }

    /// The text of a number, or of the string that may stand for it. `None` if the next token is
    /// neither; the cursor then stands on it.
    pub(super) fn number_or_string(&mut self) -> Result<Option<Cow<'a, [u8]>>, Box<Fault>> {
        Ok(match self.peek() {
            Some(b'"') => Some(self.string("a string")?.text()),
            Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(self.number())),
            _ => None,
        })
    }

    /// The text of a number or a boolean if one is the next token.
    pub(super) fn number_or_boolean(&mut self) -> Option<&'a [u8]> {
        let start = self.offset();
        match self.body.get(start)? {
            b'-' | b'0'..=b'9' if number::is_number(self.number()) => {}
            b't' if self.eat_literal("true") => {}
            b'f' if self.eat_literal("false") => {}
            _ => {
                self.at = start;
                return None;
            }
        }
        Some(&self.body[start..self.at])
    }

    /// Takes what a number could be made of; whether it is one is for [`number`] to say.
    fn number(&mut self) -> &'a [u8] {
        let rest = &self.body[self.at..];
        let part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(part).count();
        self.at += len;
        &rest[..len]
    }

    /// Steps over a value of any kind. `depth` counts the lists and objects around it.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Box<Fault>> {
        match self.peek() {
            Some(b'{') => self.skip_members(depth),
            Some(b'[') => self.skip_elements(depth),
            Some(b'"') => self.string("a string").map(drop),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                if number::is_number(self.number()) {
                    return Ok(());
                }
                self.at = start;
                Err(self.unexpected("a number"))
            }
            _ if ["true", "false", "null"]
                .iter()
                .any(|l| self.eat_literal(l)) =>
            {
                Ok(())
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    fn skip_members(&mut self, depth: u32) -> Result<(), Box<Fault>> {
        self.deeper(depth)?;
        let mut more = !self.eat(b'}');
        while more {
            self.name()?;
            self.skip(depth + 1)?;
            more = self.another(b'}')?;
        }
        Ok(())
    }

    fn skip_elements(&mut self, depth: u32) -> Result<(), Box<Fault>> {
        self.deeper(depth)?;
        let mut more = !self.eat(b']');
        while more {
            self.skip(depth + 1)?;
            more = self.another(b']')?;
        }
        Ok(())
    }

    /// Steps into the list or object at the cursor.
    fn deeper(&mut self, depth: u32) -> Result<(), Box<Fault>> {
        if depth >= UNKNOWN_NESTING_MAX {
            return Err(self.fault(Problem::UnknownTooDeep));
        }
        self.at += 1;
        Ok(())
    }

    /// Where the next token begins; also a place to go [back](Self::unexpected_at) to.
    pub(super) fn offset(&mut self) -> usize {
        self.peek();
        self.at
    }

    #[cold]
    pub(super) fn fault(&self, problem: Problem) -> Box<Fault> {
        Fault::new(self.at, problem)
    }

    #[cold]
    pub(super) fn unexpected(&self, expected: &'static str) -> Box<Fault> {
        self.unexpected_at(self.at, Cow::Borrowed(expected))
    }

    /// An error about the value that began at `offset`.
    #[cold]
    pub(super) fn unexpected_at(&self, offset: usize, expected: Cow<'static, str>) -> Box<Fault> {
        let found = found(&self.body[offset..]);
        Fault::new(offset, Problem::Unexpected { expected, found })
    }
}

/// The value at the start of `rest`, in words or as an excerpt.
fn found(rest: &[u8]) -> String {
    let len = match rest {
        [] => return "the end of the body".to_owned(),
        [b'{', ..] => return "an object".to_owned(),
        [b'[', ..] => return "a list".to_owned(),
        [byte @ (0..=0x1F | 0x7F), ..] => return format!("the byte 0x{byte:02X}"),
        [b'"', content @ ..] => {
            let quote = content.iter().position(|&byte| byte == b'"');
            quote.map_or(rest.len(), |quote| quote + 2)
        }
        rest => {
            let part = |byte: &&u8| !byte.is_ascii_whitespace() && !b",]}".contains(byte);
            rest.iter().take_while(part).count().max(1)
        }
    };
    let excerpt = String::from_utf8_lossy(&rest[..len.min(EXCERPT_MAX)]).into_owned();
    let dots = if len > EXCERPT_MAX { "..." } else { "" };
    format!("`{}`{dots}", excerpt.replace(char::is_control, " "))
}
