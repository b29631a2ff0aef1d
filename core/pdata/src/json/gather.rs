//! The occurrences of a message's fields, gathered from wherever they stand on the wire.
//!
//! JSON wants each name once, while the wire may hold a field's occurrences apart. The index finds
//! them in one walk over the keys, and applies protobuf's rules for what comes twice.

use super::Malformed;
use super::fields::{Raw, field, place};
use crate::schema::{FIELDS_MAX, Field, Kind, Message, Presence};

/// The occurrences of each field that count, by place in the table.
pub(super) struct Index<'a> {
    start: Walk<'a>,
    entries: [Entry; FIELDS_MAX],
}

#[derive(Clone, Copy, Default)]
struct Entry {
    count: u32,
    /// Of the first occurrence for what grows or merges; of the last for everything else.
    at: Position,
}

impl<'a> Index<'a> {
    pub(super) fn of(message: &'static Message, parts: &'a [&'a [u8]]) -> Result<Self, Malformed> {
        // So that offsets and counts fit their 32 bits.
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        if u32::try_from(len).is_err() {
            return Err(Malformed::TooLong {
                message: message.name,
            });
        }
        let start = Walk {
            message,
            parts,
            at: Position::default(),
        };
        let mut entries = [Entry::default(); FIELDS_MAX];
        let mut walk = start;
        let mut oneof: Option<usize> = None;
        let mut guess = 0;
        loop {
            let at = walk.at;
            let Some((number, _)) = walk.next()? else {
                return Ok(Index { start, entries });
            };
            let Some(place) = place(message.fields, number, guess) else {
                continue;
            };
            guess = place;
            let field = &message.fields[place];
            if field.presence == Presence::Oneof
                && let Some(earlier) = oneof.replace(place)
                && earlier != place
            {
                entries[earlier].count = 0;
            }
            let entry = &mut entries[place];
            let gathers = field.repeated || matches!(field.kind, Kind::Message(_));
            if entry.count == 0 || !gathers {
                entry.at = at;
                entry.count = 0;
            }
            entry.count += 1;
        }
    }

    /// The fields that are there, in the order of the table, each with its occurrences.
    pub(super) fn fields(
        &self,
    ) -> impl Iterator<Item = (&'static Field, Occurrences<'a>)> + use<'a, '_> {
        let fields = self.start.message.fields.iter().zip(&self.entries);
        fields
            .filter(|(_, entry)| entry.count > 0)
            .map(|(field, entry)| {
                let occurrences = Occurrences {
                    walk: Walk {
                        at: entry.at,
                        ..self.start
                    },
                    number: field.number,
                    left: entry.count,
                };
                (field, occurrences)
            })
    }
}

/// The values of one field.
pub(super) struct Occurrences<'a> {
    walk: Walk<'a>,
    number: u32,
    left: u32,
}

impl<'a> Iterator for Occurrences<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let field = self.walk.next().expect("the index has walked these bytes");
            let (number, raw) = field?;
            if number == self.number {
                return Some(raw);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Occurrences<'_> {}

/// Walks the fields of a message that stands in several parts, each with whole fields.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    message: &'static Message,
    parts: &'a [&'a [u8]],
    at: Position,
}

#[derive(Clone, Copy, Default)]
struct Position {
    part: u32,
    offset: u32,
}

impl<'a> Walk<'a> {
    /// The next field's number and value.
    fn next(&mut self) -> Result<Option<(u32, Raw<'a>)>, Malformed> {
        loop {
            let Some(&part) = self.parts.get(self.at.part as usize) else {
                return Ok(None);
            };
            let mut offset = self.at.offset as usize;
            if offset == part.len() {
                self.at = Position {
                    part: self.at.part + 1,
                    offset: 0,
                };
                continue;
            }
            let found = field(part, &mut offset).ok_or(Malformed::Framing {
                message: self.message.name,
            })?;
            // Fits: `Index::of` has refused what is longer.
            self.at.offset = offset as u32;
            return Ok(Some(found));
        }
    }
}
