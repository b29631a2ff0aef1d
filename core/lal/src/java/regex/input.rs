//! A pattern that is being read.

use std::iter::Peekable;
use std::str::CharIndices;

/// The pattern, as far as it is not read.
#[derive(Clone)]
pub(super) struct Input<'a> {
    pattern: &'a str,
    rest: Peekable<CharIndices<'a>>,
}

impl<'a> Input<'a> {
    pub(super) fn new(pattern: &'a str) -> Input<'a> {
        Input {
            pattern,
            rest: pattern.char_indices().peekable(),
        }
    }

    pub(super) fn next(&mut self) -> Option<(usize, char)> {
        self.rest.next()
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    pub(super) fn eat(&mut self, character: char) -> bool {
        self.rest.next_if(|(_, next)| *next == character).is_some()
    }

    pub(super) fn offset(&mut self) -> usize {
        self.rest.peek().map_or(self.pattern.len(), |(at, _)| *at)
    }

    pub(super) fn rest(&mut self) -> &'a str {
        let offset = self.offset();
        &self.pattern[offset..]
    }

    /// Reads `text` if it is next.
    pub(super) fn eat_all(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.skip(text.len());
        }
        is_next
    }

    /// `bytes` end at a character.
    pub(super) fn skip(&mut self, bytes: usize) {
        let end = self.offset() + bytes;
        while self.rest.next_if(|(at, _)| *at < end).is_some() {}
    }
}
