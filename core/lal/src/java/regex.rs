//! Regular expressions: Java's syntax, matched in linear time.
//!
//! A pattern is translated to the syntax of the `regex` crate, which finds what Java would find. What
//! cannot be matched in linear time, or is not worth its code, is refused with its place. Three things
//! differ, each in a corner: in multi-line mode lines end at `\n`, `\r` and `\r\n` only, `^` matches
//! behind the last of them too, and case folding by `(?iu)` is that of Unicode in full.

mod class;
mod input;
mod possessive;
mod replace;
mod translate;

use std::fmt::{self, Display};

use ::regex::{Regex, RegexBuilder};

pub(crate) use replace::{Replacement, split};
use translate::End;

/// Bytes of a compiled pattern, and of the states that matching keeps.
const PATTERN_BYTES_MAX: usize = 2 << 20;

/// Java's `$` takes the line terminator in front of the end along, into a group whose name starts so;
/// no group of Java's can, as `_` is not allowed.
const LINE_END: &str = "line_end_";

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported {
    /// Bytes into the pattern.
    pub(crate) offset: usize,
    pub(crate) reason: String,
    /// What to write instead.
    pub(crate) help: &'static str,
}

impl Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at offset {}: {}",
            self.reason, self.offset, self.help
        )
    }
}

/// A pattern that is looked for anywhere in a text.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Unsupported> {
    build(pattern, &translate::translate(pattern, End::Line)?)
}

/// A pattern that a whole text has to match.
pub(crate) fn compile_whole(pattern: &str) -> Result<Regex, Unsupported> {
    let translated = translate::translate(pattern, End::Text)?;
    build(pattern, &format!(r"\A(?:{translated})\z"))
}

fn build(pattern: &str, translated: &str) -> Result<Regex, Unsupported> {
    let mut builder = RegexBuilder::new(translated);
    builder
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX);
    builder.build().map_err(|error| match error {
        ::regex::Error::CompiledTooBig(_) => Unsupported {
            offset: 0,
            reason: format!("the pattern needs more than {PATTERN_BYTES_MAX} bytes"),
            help: "repeat less, or by `*` and `+`",
        },
        _ => Unsupported {
            offset: pattern.len(),
            reason: "the pattern is not well formed".to_owned(),
            help: "each group has a name of its own, ranges are in order and nothing is nested deeper \
                   than 250 levels",
        },
    })
}

#[cfg(test)]
mod tests;
