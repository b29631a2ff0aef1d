//! Where each character of a YAML scalar's value stands in the file.
//!
//! YAML removes indentation, folds lines and reads escapes, so the value and what was written are
//! walked side by side: characters that are no white space come in the same order in both.

use granit_parser::ScalarStyle;

use crate::diagnostic::Span;

/// A scalar's value with the place of each of its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) value: String,
    source: u32,
    /// For each byte of the value its offset in the file, and one more for the end. Never falls.
    offsets: Vec<u32>,
}

impl Text {
    /// `start` is the byte of `file` where the scalar starts, its quote or `|` included.
    pub(crate) fn new(
        value: String,
        style: ScalarStyle,
        file: &str,
        source: u32,
        start: usize,
    ) -> Text {
        let mut written = Written {
            file,
            at: content_start(file, style, start),
            style,
        };
        let mut offsets = Vec::with_capacity(value.len() + 1);
        for char in value.chars() {
            let at = written.find(char);
            offsets.extend((0..char.len_utf8()).map(|_| offset(at)));
            written.pass(char);
        }
        offsets.push(offset(written.at));
        Text {
            value,
            source,
            offsets,
        }
    }

    /// Bytes `start..end` of the value, with their places.
    pub(crate) fn part(&self, start: usize, end: usize) -> Text {
        Text {
            value: self.value[start..end].to_owned(),
            source: self.source,
            offsets: self.offsets[start..=end].to_vec(),
        }
    }

    /// The place of bytes `start..end` of the value.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let last = self.offsets.len() - 1;
        let first = self.offsets[start.min(last)];
        let end = if end > start {
            // Not the start of what follows: a line's indentation may lie between.
            self.offsets[(end - 1).min(last)] + u32::from(end <= last)
        } else {
            first
        };
        Span {
            source: self.source,
            start: first,
            end,
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a source is shorter than `SOURCE_BYTES_MAX`")
}

/// Behind a block scalar's header line.
fn content_start(file: &str, style: ScalarStyle, start: usize) -> usize {
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let rest = file.get(start..).unwrap_or_default();
    if is_block && rest.starts_with(['|', '>']) {
        return start + rest.find('\n').map_or(rest.len(), |at| at + 1);
    }
    let is_quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    start + usize::from(is_quoted && rest.starts_with(['\'', '"']))
}

/// A scalar as it stands in the file, read up to `at`.
struct Written<'a> {
    file: &'a str,
    at: usize,
    style: ScalarStyle,
}

impl Written<'_> {
    fn rest(&self) -> &str {
        self.file.get(self.at..).unwrap_or_default()
    }

    /// Where `char` of the value stands. White space that came of folding stands where it folded.
    fn find(&mut self, char: char) -> usize {
        if char.is_whitespace() {
            return self.at;
        }
        while let Some(blank) = self.blank() {
            self.at += blank;
        }
        self.at
    }

    /// Bytes of the white space that is next, escaped or not.
    fn blank(&self) -> Option<usize> {
        let rest = self.rest();
        let next = rest.chars().next()?;
        if next.is_whitespace() {
            return Some(next.len_utf8());
        }
        let escaped = rest.strip_prefix('\\')?.chars().next()?;
        let is_blank = self.style == ScalarStyle::DoubleQuoted
            && matches!(escaped, 'n' | 't' | 'r' | ' ' | '\t' | '\n' | '\r');
        is_blank.then_some(2)
    }

    /// Goes on behind `char`, which [`find`](Self::find) has found.
    fn pass(&mut self, char: char) {
        let rest = self.rest();
        let double = self.style == ScalarStyle::DoubleQuoted;
        let passed = if rest.starts_with(char) && !(double && char == '\\') {
            let doubled = self.style == ScalarStyle::SingleQuoted && char == '\'';
            char.len_utf8() + usize::from(doubled)
        } else if double && rest.starts_with('\\') {
            escape_len(rest)
        } else {
            0
        };
        self.at = (self.at + passed).min(self.file.len());
    }
}

/// Bytes of the escape that `rest` starts with.
fn escape_len(rest: &str) -> usize {
    let digits = match rest.chars().nth(1) {
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        Some(other) => return 1 + other.len_utf8(),
        None => return 1,
    };
    2 + digits
}
