//! The messages of SkyWalking's agents in a record.
//!
//! They say themselves of which kind they are, so nothing is guessed here. A record is taken as a whole or
//! not at all: whoever has the rest of one cannot tell what is missing.

use std::fmt;

use bytes::Bytes;
use pdata::otlp::{InvalidUtf8, ReceiveError};
use pdata::skywalking::{Kind, receive};
use pdata::wire::{Fields, Value};
use pdata::{Budget, NativeChunk, json};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::NATIVE_FIELD;

/// What is wrong with a record of messages.
#[derive(Debug, thiserror::Error)]
pub enum NativeDamage {
    #[error("expected {{\"skywalking\":[{{\"segment\":{{..}}}}, ..]}}: {0}")]
    Line(serde_json::Error),
    /// The message with this index cannot be read; the column is that of the line.
    #[error("skywalking[{index}].{kind}{path}: {problem} at column {column}", kind = .kind.name())]
    Json {
        index: usize,
        kind: Kind,
        /// Empty, or a field's name behind a dot.
        path: String,
        problem: json::Problem,
        column: usize,
    },
    #[error("expected an envelope of messages and nothing behind it, found other bytes")]
    Envelope,
    #[error("expected a message of a kind from 1 to {max}, found `{0}`", max = Kind::ALL.len())]
    Kind(u32),
    #[error("message {index} is no {kind}: {error}", kind = .kind.name())]
    Message {
        index: usize,
        kind: Kind,
        error: ReceiveError,
    },
}

/// Whether a payload in protobuf is an envelope of messages.
pub(super) fn is_envelope(payload: &[u8]) -> bool {
    let first = Fields::of(payload).next();
    first.is_some_and(|field| field.number == NATIVE_FIELD)
}

/// The messages of such a payload; text that is not UTF-8 is repaired, as a receiver does.
pub(super) fn of_proto(payload: &Bytes) -> Result<Vec<NativeChunk>, NativeDamage> {
    let mut fields = Fields::of(payload);
    let envelope = match fields.next() {
        Some(field) if field.raw.len() == payload.len() => field.value,
        _ => return Err(NativeDamage::Envelope),
    };
    let Value::Len(envelope) = envelope else {
        return Err(NativeDamage::Envelope);
    };
    // A repair copies a message, and all of them are no longer than the payload.
    let budget = Budget::new(payload.len());
    let mut messages = Vec::new();
    let mut read = 0;
    for (index, field) in Fields::of(envelope).enumerate() {
        let kind = Kind::from_code(field.number).ok_or(NativeDamage::Kind(field.number))?;
        let Value::Len(message) = field.value else {
            return Err(NativeDamage::Envelope);
        };
        read += field.raw.len();
        let message = payload.slice_ref(message);
        let received = receive(kind, message, 0, InvalidUtf8::Repair, &budget);
        let received = received.map_err(|error| NativeDamage::Message { index, kind, error })?;
        messages.push(received.chunk);
    }
    match read == envelope.len() {
        true => Ok(messages),
        false => Err(NativeDamage::Envelope),
    }
}

/// The messages of a line; bytes that are not UTF-8 are replaced, as the reader of OTLP does.
pub(super) fn of_json(line: &[u8]) -> Result<Vec<NativeChunk>, NativeDamage> {
    let text = String::from_utf8_lossy(line);
    let object = text.trim_start_matches('\u{feff}');
    let parsed: Line<'_> = serde_json::from_str(object).map_err(NativeDamage::Line)?;
    let mut messages = Vec::new();
    for (index, element) in parsed.skywalking.iter().enumerate() {
        let Element { kind, message } = *element;
        let read = json::read_message(kind.schema(), message.get().as_bytes());
        let read = read.map_err(|error| {
            let before = message.get().as_ptr().addr() - text.as_ptr().addr();
            NativeDamage::Json {
                index,
                kind,
                path: match error.path() {
                    "" => String::new(),
                    path => format!(".{path}"),
                },
                problem: error.problem().clone(),
                column: before + error.offset() + 1,
            }
        })?;
        messages.push(NativeChunk::from_checked(kind, read.wire.into(), 0));
    }
    Ok(messages)
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    skywalking: Vec<Element<'a>>,
}

/// `{"segment":{..}}`.
#[derive(Clone, Copy)]
struct Element<'a> {
    kind: Kind,
    message: &'a RawValue,
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneMessage)
    }
}

struct OneMessage;

impl<'de> Visitor<'de> for OneMessage {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the kind of one message as its only name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Element<'de>, M::Error> {
        let name: Option<String> = map.next_key()?;
        let name = name.ok_or_else(|| M::Error::invalid_length(0, &self))?;
        let mut kinds = Kind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| {
            let names = Kind::ALL.map(Kind::name).join("`, `");
            M::Error::custom(format_args!(
                "unknown kind `{name}`, expected one of `{names}`"
            ))
        })?;
        let message = map.next_value()?;
        match map.next_key::<String>()? {
            None => Ok(Element { kind, message }),
            Some(_) => Err(M::Error::invalid_length(2, &self)),
        }
    }
}
