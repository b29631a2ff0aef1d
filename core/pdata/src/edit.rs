//! Changing attributes in wire bytes: a splice instead of decoding, editing and encoding.
//!
//! ```text
//! item:   [field][attribute][attribute][field]      edits: rename b, insert d if absent
//!            |        a          b        |
//! out:    copied   copied     new key  copied + d   and the lengths around it rewritten
//! ```
//!
//! Everything that is not touched is copied as it stands, unknown fields included. Editing the
//! resource re-encodes the resource alone.

mod log;
mod partition;
mod regroup;
mod retain;

pub use log::{BodyEdit, LogEdit, SenderEdit};
pub use regroup::{Regrouping, UNCHANGED};
pub use retain::{Altered, Fate};

use crate::schema::KEY_VALUE;
use crate::wire::{Fields, Value, put_field, put_varint, varint_len};
use crate::{OtlpChunk, Signal};

mod native;

pub use native::SpanEdit;

/// A change of a set of attributes. Where a key occurs more than once, all of them are meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Adds the attribute unless its key is there.
    Insert(Pair),
    /// Gives the attribute this value, or adds it.
    Upsert(Pair),
    /// Gives the attribute this value if its key is there.
    Update(Pair),
    /// Gives another key; attributes that have it already are removed, if there is one to rename.
    Rename {
        from: String,
        to: String,
    },
    Delete {
        key: String,
    },
}

/// A key with its value, encoded once for all the items it goes into.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    key: String,
    /// The `KeyValue` message.
    encoded: Vec<u8>,
}

impl Pair {
    pub fn string(key: &str, value: &str) -> Self {
        let mut any_value = Vec::with_capacity(value.len() + 3);
        put_field(&mut any_value, 1, value.as_bytes());
        Pair::new(key, &any_value)
    }

    pub fn int(key: &str, value: i64) -> Self {
        let mut any_value = vec![3 << 3];
        put_varint(&mut any_value, value as u64);
        Pair::new(key, &any_value)
    }

    pub fn bool(key: &str, value: bool) -> Self {
        Pair::new(key, &[2 << 3, u8::from(value)])
    }

    fn new(key: &str, any_value: &[u8]) -> Self {
        let mut encoded = Vec::with_capacity(key.len() + any_value.len() + 6);
        put_field(&mut encoded, 1, key.as_bytes());
        put_field(&mut encoded, 2, any_value);
        Pair {
            key: key.to_owned(),
            encoded,
        }
    }
}

impl OtlpChunk {
    /// The chunk with its resource's attributes edited; the items stay the bytes they are.
    #[must_use]
    pub fn edit_resource(&self, edits: &[Edit]) -> OtlpChunk {
        let body = self.body();
        // A resource in several parts means their concatenation.
        let parts = Fields::of(body).filter_map(|field| match field.value {
            Value::Len(part) if field.number == 1 => Some(part),
            _ => None,
        });
        let resource: Vec<u8> = parts.flatten().copied().collect();
        let mut edited = Vec::with_capacity(resource.len() + 64);
        edit_attributes(&resource, RESOURCE_ATTRIBUTES, edits, &mut edited);
        let mut out = Vec::with_capacity(body.len() + edited.len() + 8);
        put_field(&mut out, 1, &edited);
        for field in Fields::of(body).filter(|field| field.number != 1) {
            out.extend_from_slice(field.raw);
        }
        OtlpChunk::frame(self.signal(), self.items() as u32, &out)
    }

    /// The chunk with the attributes of every span, data point or log record edited.
    #[must_use]
    pub fn edit_items(&self, edits: &[Edit]) -> OtlpChunk {
        let body = self.body();
        let mut out = Vec::with_capacity(body.len() + self.items() * ROOM_PER_ITEM);
        edit_below(body, path(self.signal()), edits, &mut out);
        OtlpChunk::frame(self.signal(), self.items() as u32, &out)
    }
}

/// Bytes an item is expected to grow by.
const ROOM_PER_ITEM: usize = 48;
const RESOURCE_ATTRIBUTES: u32 = 1;

/// How to get from a message to the attributes of the items below it.
enum Step {
    /// Through the messages in this field.
    Down(u32, &'static Step),
    /// Through the one kind of data that a metric has: its field, and there.
    Data(&'static [(u32, Step)]),
    /// The attributes are in this field.
    Attributes(u32),
}

static SPANS: Step = Step::Down(2, &Step::Down(2, &SPAN));
static LOGS: Step = Step::Down(2, &Step::Down(2, &LOG));
static POINTS: Step = Step::Down(2, &Step::Down(2, &METRIC));
static SPAN: Step = Step::Attributes(9);
static LOG: Step = Step::Attributes(6);
static METRIC: Step = Step::Data(&[
    (5, Step::Down(1, &Step::Attributes(7))),
    (7, Step::Down(1, &Step::Attributes(7))),
    (9, Step::Down(1, &Step::Attributes(9))),
    (10, Step::Down(1, &Step::Attributes(1))),
    (11, Step::Down(1, &Step::Attributes(7))),
]);

fn path(signal: Signal) -> &'static Step {
    match signal {
        Signal::Traces => &SPANS,
        Signal::Metrics => &POINTS,
        Signal::Logs => &LOGS,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// From a span, a log record or a metric.
fn path_below_record(signal: Signal) -> &'static Step {
    match signal {
        Signal::Traces => &SPAN,
        Signal::Metrics => &METRIC,
        Signal::Logs => &LOG,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

fn edit_below(message: &[u8], step: &'static Step, edits: &[Edit], out: &mut Vec<u8>) {
    if let Step::Attributes(number) = step {
        return edit_attributes(message, *number, edits, out);
    }
    let next = |number: u32| match step {
        Step::Down(down, next) => (*down == number).then_some(*next),
        Step::Data(kinds) => kinds
            .iter()
            .find(|(kind, _)| *kind == number)
            .map(|(_, next)| next),
        Step::Attributes(_) => None,
    };
    for field in Fields::of(message) {
        match (field.value, next(field.number)) {
            (Value::Len(inner), Some(next)) => {
                put_varint(out, u64::from(field.number) << 3 | 2);
                sized(out, inner.len(), |out| edit_below(inner, next, edits, out));
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
}

/// Writes a length and the content that `write` appends. Room for the length is left by a guess;
/// only if that has another number of digits is the content moved.
fn sized(out: &mut Vec<u8>, guess: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    let room = varint_len(guess as u64);
    out.resize(at + room, 0);
    write(out);
    let length = (out.len() - at - room) as u64;
    let mut digits = Vec::with_capacity(10);
    put_varint(&mut digits, length);
    if digits.len() == room {
        out[at..at + room].copy_from_slice(&digits);
    } else {
        out.splice(at..at + room, digits);
    }
}

/// Copies a message with the attributes in field `number` edited. Added ones come last.
fn edit_attributes(message: &[u8], number: u32, edits: &[Edit], out: &mut Vec<u8>) {
    let keys = || {
        Fields::of(message).filter_map(move |field| match field.value {
            Value::Len(pair) if field.number == number => Some(key_of(pair)),
            _ => None,
        })
    };
    if edits.len() > 1 {
        return edit_in_turn(message, number, edits, out);
    }
    let Some(edit) = edits.first() else {
        return out.extend_from_slice(message);
    };
    let present = |key: &str| keys().any(|found| found == key.as_bytes());
    match edit {
        Edit::Insert(pair) => {
            out.extend_from_slice(message);
            if !present(&pair.key) {
                put_field(out, number, &pair.encoded);
            }
        }
        Edit::Update(pair) => replace(message, number, pair, out),
        Edit::Upsert(pair) => {
            replace(message, number, pair, out);
            if !present(&pair.key) {
                put_field(out, number, &pair.encoded);
            }
        }
        Edit::Rename { from, to } if from == to || !present(from) => {
            out.extend_from_slice(message);
        }
        Edit::Rename { from, to } => rename(message, number, (from, to), out),
        Edit::Delete { key } => {
            each(message, number, out, |found, _, _| found != key.as_bytes());
        }
    }
}

/// Each edit sees what the one before it made.
fn edit_in_turn(message: &[u8], number: u32, edits: &[Edit], out: &mut Vec<u8>) {
    let mut current = message.to_vec();
    let mut next = Vec::with_capacity(message.len() + ROOM_PER_ITEM);
    for edit in edits {
        next.clear();
        edit_attributes(&current, number, std::slice::from_ref(edit), &mut next);
        std::mem::swap(&mut current, &mut next);
    }
    out.extend_from_slice(&current);
}

fn replace(message: &[u8], number: u32, pair: &Pair, out: &mut Vec<u8>) {
    each(message, number, out, |found, _, out| {
        let ours = found == pair.key.as_bytes();
        if ours {
            put_field(out, number, &pair.encoded);
        }
        !ours
    });
}

fn rename(message: &[u8], number: u32, (from, to): (&str, &str), out: &mut Vec<u8>) {
    each(message, number, out, |found, pair, out| {
        if found == from.as_bytes() {
            put_varint(out, u64::from(number) << 3 | 2);
            sized(
                out,
                pair.len() + to.len() - from.len().min(to.len()),
                |out| {
                    put_field(out, KEY_VALUE.fields[0].number, to.as_bytes());
                    for field in Fields::of(pair).filter(|field| field.number != 1) {
                        out.extend_from_slice(field.raw);
                    }
                },
            );
            return false;
        }
        found != to.as_bytes()
    });
}

/// Copies every field but the attributes for which `keep` says no, which may append others in
/// their place.
fn each(
    message: &[u8],
    number: u32,
    out: &mut Vec<u8>,
    mut keep: impl FnMut(&[u8], &[u8], &mut Vec<u8>) -> bool,
) {
    // Bytes from here to `at` are kept and not copied yet: neighbours are copied at once.
    let mut run = 0;
    let mut at = 0;
    let mut appended = Vec::new();
    for field in Fields::of(message) {
        let end = at + field.raw.len();
        if let Value::Len(pair) = field.value
            && field.number == number
            && !keep(key_of(pair), pair, &mut appended)
        {
            out.extend_from_slice(&message[run..at]);
            out.append(&mut appended);
            run = end;
        }
        at = end;
    }
    out.extend_from_slice(&message[run..]);
}

/// The key of a `KeyValue`.
fn key_of(pair: &[u8]) -> &[u8] {
    let keys = Fields::of(pair).filter_map(|field| match field.value {
        Value::Len(key) if field.number == 1 => Some(key),
        _ => None,
    });
    keys.last().unwrap_or_default()
}

#[cfg(test)]
mod tests;
