//! How often something is repeated.

use super::{Translator, refuse};
use crate::java::regex::Unsupported;

/// How often an atom is repeated.
pub(super) struct Quantifier {
    pub(super) offset: usize,
    /// In the target's syntax; empty if it is not.
    pub(super) text: String,
    pub(super) is_optional: bool,
    pub(super) repeats: bool,
    pub(super) is_fixed: bool,
    pub(super) is_lazy: bool,
    pub(super) is_possessive: bool,
}

impl Translator<'_> {
    pub(super) fn quantifier(&mut self) -> Result<Quantifier, Unsupported> {
        self.skip_comments();
        let offset = self.input.offset();
        let (mut text, min, max) = match self.input.peek() {
            Some('*') => ("*".to_owned(), 0, None),
            Some('+') => ("+".to_owned(), 1, None),
            Some('?') => ("?".to_owned(), 0, Some(1)),
            Some('{') => self.counts(offset)?,
            _ => (String::new(), 1, Some(1)),
        };
        let is_there = !text.is_empty();
        if is_there && !text.starts_with('{') {
            self.input.skip(1);
        }
        let is_lazy = is_there && self.input.eat('?');
        let is_possessive = is_there && !is_lazy && self.input.eat('+');
        if is_there && matches!(self.input.peek(), Some('*' | '+' | '?' | '{')) {
            let help = "put what is repeated into a group";
            return refuse(self.input.offset(), "a quantifier follows another", help);
        }
        text.push_str(if is_lazy { "?" } else { "" });
        Ok(Quantifier {
            offset,
            text,
            is_optional: min == 0,
            repeats: max != Some(1),
            is_fixed: max == Some(min),
            is_lazy,
            is_possessive,
        })
    }

    /// `{2}`, `{2,}` or `{2,3}`.
    fn counts(&mut self, offset: usize) -> Result<(String, u32, Option<u32>), Unsupported> {
        let rest = self.input.rest();
        let length = rest.find('}').map_or(rest.len(), |at| at + 1);
        let text = &rest[..length];
        let inner = text.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
        let counts = inner.and_then(|inner| match inner.split_once(',') {
            None => number(inner).map(|count| (count, Some(count))),
            Some((min, "")) => number(min).map(|min| (min, None)),
            Some((min, max)) => number(min).zip(number(max).map(Some)),
        });
        let Some((min, max)) = counts.filter(|(min, max)| max.is_none_or(|max| *min <= max)) else {
            let help = "`{2}`, `{2,}` or `{2,3}`; `\\{` is the character";
            return refuse(offset, "this is no count", help);
        };
        self.input.skip(length);
        Ok((text.to_owned(), min, max))
    }
}
