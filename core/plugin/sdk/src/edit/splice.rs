//! A copy of a message with parts of it replaced, however deep they are.

use crate::wire::{put_varint, set_length, varint_len};

/// Bytes a changed message is expected to grow by.
const ROOM: usize = 4096;

/// Walks down into messages within messages. Nothing is copied until the first replacement; from then on
/// what is open is written, and what is closed unopened stays part of a run.
pub(crate) struct Splice<'a> {
    out: Vec<u8>,
    /// The message itself, and below it those that were entered.
    levels: Vec<Level<'a>>,
}

struct Level<'a> {
    message: &'a [u8],
    /// Up to where it is in `out`, or replaced.
    done: usize,
    /// Where it stands in the message above it.
    number: u32,
    start: usize,
    end: usize,
    head: Option<Head>,
}

/// Where the tag and the length of an open level are in `out`.
#[derive(Clone, Copy)]
struct Head {
    at: usize,
    length_at: usize,
    room: usize,
}

impl<'a> Splice<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        let root = Level {
            message,
            done: 0,
            number: 0,
            start: 0,
            end: message.len(),
            head: None,
        };
        Splice {
            out: Vec::new(),
            levels: vec![root],
        }
    }

    /// Goes down into `message`, which is field `number` of the current one, tag included from `start` to
    /// `end`. Every call is paired with one of [`Self::leave`] or [`Self::remove`].
    #[inline]
    pub(crate) fn enter(&mut self, number: u32, message: &'a [u8], start: usize, end: usize) {
        self.levels.push(Level {
            message,
            done: 0,
            number,
            start,
            end,
            head: None,
        });
    }

    /// Puts what `write` appends in the place of these bytes of the current message. Places grow.
    pub(crate) fn replace(&mut self, start: usize, end: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.open();
        let Some(level) = self.levels.last_mut() else {
            return;
        };
        self.out
            .extend_from_slice(level.message.get(level.done..start).unwrap_or_default());
        level.done = end;
        write(&mut self.out);
    }

    /// Whether anything in the current message was replaced.
    pub(crate) fn is_open(&self) -> bool {
        self.levels.last().is_some_and(|level| level.head.is_some())
    }

    /// Goes back up.
    #[inline]
    pub(crate) fn leave(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        if let Some(head) = level.head {
            self.out
                .extend_from_slice(level.message.get(level.done..).unwrap_or_default());
            set_length(&mut self.out, head.length_at, head.room);
        }
    }

    /// Goes back up and takes the message out of the one above.
    pub(crate) fn remove(&mut self) {
        let Some(level) = self.levels.pop() else {
            return;
        };
        match level.head {
            Some(head) => self.out.truncate(head.at),
            None => self.replace(level.start, level.end, |_| {}),
        }
    }

    /// The whole, if anything was replaced.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        let root = self.levels.first()?;
        root.head?;
        self.out
            .extend_from_slice(root.message.get(root.done..).unwrap_or_default());
        Some(self.out)
    }

    /// Writes what stands before the current message, down from the first level that is not open.
    fn open(&mut self) {
        if self.is_open() {
            return;
        }
        for index in 0..self.levels.len() {
            if self.levels[index].head.is_some() {
                continue;
            }
            if index == 0 {
                self.out.reserve(self.levels[0].message.len() + ROOM);
            }
            let (number, start, end) = {
                let level = &self.levels[index];
                (level.number, level.start, level.end)
            };
            if let Some(above) = index.checked_sub(1).map(|above| &mut self.levels[above]) {
                self.out
                    .extend_from_slice(above.message.get(above.done..start).unwrap_or_default());
                above.done = end;
            }
            let at = self.out.len();
            let room = varint_len(self.levels[index].message.len() as u64);
            if index > 0 {
                put_varint(&mut self.out, u64::from(number) << 3 | 2);
            }
            let length_at = self.out.len();
            if index > 0 {
                self.out.resize(length_at + room, 0);
            }
            self.levels[index].head = Some(Head {
                at,
                length_at,
                room,
            });
        }
    }
}
