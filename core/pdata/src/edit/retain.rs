//! Taking single records out of wire bytes, and editing single ones.
//!
//! ```text
//! resource-level: resource, [scope: a | x | b], [scope: x], [scope: c]      x is removed
//! out:            copied    [scope: a | b]                  copied
//! ```
//!
//! A scope is written again only if one of its records changes; one that is emptied goes with its
//! last record. Everything else is copied as it stands, unknown fields included.

use std::ops::Range;

use super::{Edit, edit_below, path_below_record};
use crate::OtlpChunk;
use crate::otlp::split::items_of_record;
use crate::view::{RecordView, Scope};
use crate::wire::{Fields, Value, put_field};

/// Where a resource-level message has its scopes, and these their records, in every signal.
const SCOPES: u32 = 2;
const RECORDS: u32 = 2;

/// What is to become of a span, a log record or a metric with all its points.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Keep,
    Remove,
    /// Its attributes are edited; of a metric those of every point.
    Edit(Vec<Edit>),
}

/// What became of a chunk.
#[derive(Clone, Debug)]
pub enum Altered {
    /// Every record was kept: the chunk itself goes on.
    Same,
    Changed(OtlpChunk),
    /// The last item was removed, so nothing is left to send.
    Emptied,
}

impl OtlpChunk {
    /// Removes and edits records as `judge` says. It is asked only about those of scopes of which
    /// `choose` makes something, which it is given along; other scopes are not looked into.
    pub fn alter_records<'a, C>(
        &'a self,
        mut choose: impl FnMut(Scope<'a>) -> Option<C>,
        mut judge: impl FnMut(&C, RecordView<'a>) -> Fate,
    ) -> Altered {
        let signal = self.signal();
        let mut splice = Splice::of(self.body());
        let mut removed = 0;
        for (place, message) in messages(self.body(), SCOPES) {
            let scope = Scope { signal, message };
            let Some(chosen) = choose(scope) else {
                continue;
            };
            let altered = alter_scope(scope, |record| judge(&chosen, record));
            removed += altered.removed_items;
            match altered.message {
                Some(_) if altered.is_empty => splice.replace(place, |_| {}),
                Some(message) => splice.replace(place, |out| put_field(out, SCOPES, &message)),
                None => {}
            }
        }
        let left = self.items() - removed;
        match splice.finish() {
            None => Altered::Same,
            Some(_) if left == 0 => Altered::Emptied,
            Some(body) => Altered::Changed(OtlpChunk::frame(signal, left as u32, &body)),
        }
    }
}

struct AlteredScope {
    /// `None` if every record was kept as it is.
    message: Option<Vec<u8>>,
    removed_items: usize,
    /// No record is left.
    is_empty: bool,
}

fn alter_scope<'a>(
    scope: Scope<'a>,
    mut judge: impl FnMut(RecordView<'a>) -> Fate,
) -> AlteredScope {
    let signal = scope.signal;
    let mut splice = Splice::of(scope.message);
    let mut removed_items = 0;
    let mut is_empty = true;
    for (place, message) in messages(scope.message, RECORDS) {
        match judge(RecordView { signal, message }) {
            Fate::Keep => is_empty = false,
            Fate::Remove => {
                removed_items += items_of_record(signal, message);
                splice.replace(place, |_| {});
            }
            Fate::Edit(edits) => {
                is_empty = false;
                let mut edited = Vec::with_capacity(message.len() + super::ROOM_PER_ITEM);
                edit_below(message, path_below_record(signal), &edits, &mut edited);
                splice.replace(place, |out| put_field(out, RECORDS, &edited));
            }
        }
    }
    AlteredScope {
        message: splice.finish(),
        removed_items,
        is_empty,
    }
}

/// The messages in the fields of this number, and where the fields stand.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut end = 0;
    Fields::of(message).filter_map(move |field| {
        let start = end;
        end += field.raw.len();
        match field.value {
            Value::Len(inner) if field.number == number => Some((start..end, inner)),
            _ => None,
        }
    })
}

/// A copy in the making: what is not replaced is taken over as it stands.
struct Splice<'a> {
    source: &'a [u8],
    /// Bytes of the source that are copied or replaced.
    done: usize,
    out: Vec<u8>,
}

impl<'a> Splice<'a> {
    fn of(source: &'a [u8]) -> Self {
        Splice {
            source,
            done: 0,
            out: Vec::new(),
        }
    }

    /// `place` is behind those replaced before.
    fn replace(&mut self, place: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.done == 0 {
            self.out.reserve(self.source.len());
        }
        self.out
            .extend_from_slice(&self.source[self.done..place.start]);
        write(&mut self.out);
        self.done = place.end;
    }

    /// `None` if nothing was replaced: a field has at least one byte.
    fn finish(mut self) -> Option<Vec<u8>> {
        if self.done == 0 {
            return None;
        }
        self.out.extend_from_slice(&self.source[self.done..]);
        Some(self.out)
    }
}

#[cfg(test)]
mod tests;
