//! Rule text to tokens, as ANTLR's lexer makes them, mistakes included.
//!
//! What starts no token is reported and skipped by OAP, and the rest is read as if it were not
//! there; so it is here, with a warning.

use crate::align::Text;
use crate::diagnostic::{Findings, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or an identifier: the grammar tells them apart by their text.
    Word,
    Number,
    /// With its quotes.
    String,
    /// With `$/` and `/$`.
    Slashy,
    /// An operator or punctuation.
    Mark,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// In the file.
    pub(crate) span: Span,
    /// In the text that was read.
    pub(crate) start: usize,
    /// Nothing else stands before it on its line.
    pub(crate) first_on_line: bool,
}

/// Words that never are identifiers, and no names of fields or keys either.
pub(crate) const RESERVED: [&str; 15] = [
    "if",
    "else",
    "as",
    "log",
    "parsed",
    "ProcessRegistry",
    "true",
    "false",
    "null",
    "String",
    "Long",
    "Integer",
    "Double",
    "Float",
    "Boolean",
];

/// Words that are no identifiers, and may be names of fields and keys all the same.
pub(crate) const SOFT: [&str; 28] = [
    "service",
    "instance",
    "endpoint",
    "layer",
    "traceId",
    "segmentId",
    "spanId",
    "timestamp",
    "tag",
    "metrics",
    "regexp",
    "abortOnFailure",
    "name",
    "value",
    "labels",
    "sampler",
    "rateLimit",
    "rpm",
    "enforcer",
    "dropper",
    "text",
    "json",
    "yaml",
    "filter",
    "extractor",
    "sink",
    "abort",
    "def",
];

const MARKS: [&str; 25] = [
    "==", "!=", "&&", "||", ">=", "<=", "!", ">", "<", ".", ",", ":", ";", "(", ")", "{", "}", "[",
    "]", "?", "=", "+", "-", "*", "/",
];

/// The tokens of `text`, ended by one [`Kind::End`].
pub(crate) fn read<'a>(text: &'a Text, findings: &mut Findings) -> Vec<Token<'a>> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line_is_blank: true,
        tokens: Vec::new(),
    };
    while lexer.at < text.value.len() {
        lexer.step(findings);
    }
    lexer.push(Kind::End, 0);
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a Text,
    at: usize,
    line_is_blank: bool,
    tokens: Vec<Token<'a>>,
}

impl Lexer<'_> {
    /// Goes on by at least one character.
    fn step(&mut self, findings: &mut Findings) {
        let rest = &self.text.value[self.at..];
        let Some(first) = rest.chars().next() else {
            return;
        };
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            self.line_is_blank |= first == '\n';
            self.at += 1;
            return;
        }
        if let Some(length) = comment(rest) {
            self.at += length;
            return;
        }
        let word = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        let word = word.unwrap_or(rest.len());
        if word > 0 && !first.is_ascii_digit() {
            return self.push(Kind::Word, word);
        }
        if let Some(length) = number(rest) {
            return self.push(Kind::Number, length);
        }
        match first {
            '"' | '\'' => match string(rest) {
                Ok(length) => self.push(Kind::String, length),
                Err(length) => self.skip_text(length, findings),
            },
            '$' if rest.starts_with("$/") => match rest[2..].find("/$") {
                Some(inner) => self.push(Kind::Slashy, inner + 4),
                None => self.skip_text(rest.len(), findings),
            },
            _ => match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                Some(mark) => self.push(Kind::Mark, mark.len()),
                None => self.skip(first, findings),
            },
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let end = self.at + length;
        self.tokens.push(Token {
            kind,
            text: &self.text.value[self.at..end],
            span: self.text.span(self.at, end),
            start: self.at,
            first_on_line: self.line_is_blank,
        });
        self.line_is_blank = false;
        self.at = end;
    }

    /// A text that is not closed, up to where it cannot go on.
    fn skip_text(&mut self, length: usize, findings: &mut Findings) {
        let rest = &self.text.value[self.at..];
        let span = self.text.span(self.at, self.at + length);
        let quote = if rest.starts_with('$') {
            "$/"
        } else {
            &rest[..1]
        };
        let close = if quote == "$/" { "/$" } else { quote };
        let message = format!("the text after `{quote}` is not closed: OAP skips all of it");
        let report = findings.warning(span, message);
        report.help(format!(
            "end it with `{close}`, on the same line if it is quoted"
        ));
        self.pass(length + 1);
    }

    /// A character of no token. The lexer of OAP takes the one behind a lone `&`, `|` or `$` along.
    fn skip(&mut self, first: char, findings: &mut Findings) {
        let rest = &self.text.value[self.at..];
        let taken = match first {
            '&' | '|' | '$' => rest.chars().take(2).map(char::len_utf8).sum(),
            _ => first.len_utf8(),
        };
        let skipped = &rest[..taken];
        let span = self.text.span(self.at, self.at + taken);
        let message = format!(
            "`{}` is no part of the language: OAP skips it",
            skipped.trim_end()
        );
        let help = match first {
            '#' => "a comment starts with `//`",
            '&' => "both conditions: `&&`",
            '|' => "either condition: `||`",
            _ => "take it away, or put it into quotes",
        };
        findings.warning(span, message).help(help);
        self.pass(taken);
    }

    /// Goes on without a token; ends at a character's boundary.
    fn pass(&mut self, length: usize) {
        let value = &self.text.value;
        let end = value.floor_char_boundary(self.at + length).max(self.at + 1);
        self.line_is_blank |= value[self.at..value.len().min(end)].contains('\n');
        self.at = end;
    }
}

/// Bytes of the comment that `rest` starts with; a `/*` without an end is no comment.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find(['\n', '\r']).unwrap_or(rest.len()));
    }
    let inner = rest.strip_prefix("/*")?;
    inner.find("*/").map(|length| length + 4)
}

/// Bytes of the quoted text that `rest` starts with, or of what cannot become one.
fn string(rest: &str) -> Result<usize, usize> {
    let mut chars = rest.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '\n' | '\r' => return Err(at),
            _ if Some(char) == quote => return Ok(at + 1),
            _ => {}
        }
    }
    Err(rest.len())
}

/// Bytes of the longest number that `rest` starts with.
fn number(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        let run = bytes.iter().skip(from);
        run.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let has = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let whole = digits(0);
    let fraction = if has(whole, b".") {
        digits(whole + 1)
    } else {
        0
    };
    if whole + fraction == 0 {
        return None;
    }
    let mut end = whole + if fraction > 0 { fraction + 1 } else { 0 };
    let mut is_decimal = fraction > 0;
    if has(end, b"eE") {
        let sign = usize::from(has(end + 1, b"+-"));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
            is_decimal = true;
        }
    }
    let suffixes: &[u8] = if is_decimal { b"FfDd" } else { b"LlFfDd" };
    Some(end + usize::from(has(end, suffixes)))
}
