//! SkyWalking's v3 protocol: its messages as they were received.
//!
//! What arrives as a message of an agent leaves towards a SkyWalking backend as the same bytes. A
//! [`NativeChunk`] is one message that has passed the walk; nothing is decoded unless a component
//! asks, and then into the generated types of [`v3`].
//!
//! Source: the `.proto` files under `proto/skywalking`.

use bytes::Bytes;

use crate::otlp::{InvalidUtf8, ReceiveError};
use crate::schema::{self, Message};
use crate::wire::{Fields, Value};
use crate::{Budget, Chunk, repair, walk};

pub mod envelope;
mod kind;
mod normal;
#[rustfmt::skip]
pub mod v10;
#[rustfmt::skip]
pub mod v3;
pub mod view;

pub use kind::{Call, Kind};
pub use normal::{LogStream, MeterStream, MeterUnit};

#[cfg(test)]
mod tests;

/// One message of an agent.
#[derive(Clone, Debug)]
pub struct NativeChunk {
    kind: Kind,
    items: u32,
    /// When it was received; 0 if nobody knows.
    arrived_unix_ms: u64,
    message: Bytes,
    /// Whether the bytes are charged to the budget; those that were received are.
    is_charged: bool,
}

impl NativeChunk {
    /// `message` is a valid message of this kind.
    pub fn from_checked(kind: Kind, message: Bytes, arrived_unix_ms: u64) -> Self {
        let items = match kind {
            Kind::Segment => count(&message, 3),
            Kind::Meters => count(&message, 1),
            _ => 1,
        };
        NativeChunk {
            kind,
            items,
            arrived_unix_ms,
            message,
            is_charged: true,
        }
    }

    /// The chunk with another message of its kind, which is valid.
    #[must_use]
    pub fn with_message(&self, message: Vec<u8>) -> Self {
        NativeChunk {
            is_charged: false,
            ..NativeChunk::from_checked(self.kind, message.into(), self.arrived_unix_ms)
        }
    }

    /// See [`Chunk::charge`].
    pub(crate) fn charge(&mut self, budget: &Budget) {
        if !self.is_charged {
            let message = std::mem::take(&mut self.message);
            self.message = budget.lease_at_any_rate(message.len()).hold(message);
            self.is_charged = true;
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Spans of a segment, meters of a collection; 1 for any other message.
    pub fn items(&self) -> usize {
        self.items as usize
    }

    /// When it was received, in milliseconds since the Unix epoch; 0 if nobody knows.
    pub fn arrived_unix_ms(&self) -> u64 {
        self.arrived_unix_ms
    }

    /// The message as it was received.
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// The text in the last field with this number; of a message that has passed the walk.
    pub fn text(&self, number: u32) -> &str {
        text(&self.message, number)
    }

    /// Whose instance reports: of meters that of the first one, of any other message its own; empty if
    /// the message does not say.
    pub fn instance(&self) -> &str {
        let number = match self.kind {
            Kind::Meters => {
                let mut meters = Fields::of(&self.message).filter(|field| field.number == 1);
                return match meters.next().map(|field| field.value) {
                    Some(Value::Len(meter)) => text(meter, 4),
                    _ => "",
                };
            }
            Kind::Segment => 5,
            Kind::Log | Kind::Jvm | Kind::Clr => 3,
            Kind::InstanceProperties | Kind::InstancePing => 2,
            _ => return "",
        };
        self.text(number)
    }

    /// See [`Chunk::split_at`]. Only collections of meters come apart.
    pub(crate) fn split_at(&self, items: usize) -> Option<[NativeChunk; 2]> {
        if self.kind != Kind::Meters || items == 0 || items >= self.items() {
            return None;
        }
        let mut seen = 0;
        let mut at = 0;
        for field in Fields::of(&self.message) {
            seen += usize::from(field.number == 1);
            if seen > items {
                break;
            }
            at += field.raw.len();
        }
        let half = |message| NativeChunk::from_checked(self.kind, message, self.arrived_unix_ms);
        Some([
            half(self.message.slice(..at)),
            half(self.message.slice(at..)),
        ])
    }
}

/// How often the field with this number is there.
fn count(message: &[u8], number: u32) -> u32 {
    let fields = Fields::of(message).filter(|field| field.number == number);
    fields.count() as u32
}

fn text(message: &[u8], number: u32) -> &str {
    let fields = Fields::of(message).filter(|field| field.number == number);
    let last = fields.last().map(|field| field.value);
    match last {
        Some(Value::Len(text)) => std::str::from_utf8(text).unwrap_or_default(),
        _ => "",
    }
}

/// A message that was checked on its way in.
#[derive(Clone, Debug)]
pub struct Received {
    pub chunk: NativeChunk,
    /// Strings whose broken UTF-8 was replaced.
    pub repaired: usize,
}

/// Checks one message. Nothing is copied, unless text has to be repaired: that copies the message
/// once, within `budget`.
pub fn receive(
    kind: Kind,
    message: Bytes,
    arrived_unix_ms: u64,
    invalid_utf8: InvalidUtf8,
    budget: &Budget,
) -> Result<Received, ReceiveError> {
    let (message, repaired) = check(kind.schema(), message, invalid_utf8, budget)?;
    Ok(Received {
        chunk: NativeChunk::from_checked(kind, message, arrived_unix_ms),
        repaired,
    })
}

/// Checks a message that somebody else has made, and copies it into a chunk that came when `arrived_unix_ms`
/// says. Text has to be UTF-8.
pub fn made(kind: Kind, message: &[u8], arrived_unix_ms: u64) -> Result<NativeChunk, ReceiveError> {
    let message = Bytes::copy_from_slice(message);
    // Nothing is repaired, so nothing is taken of this budget.
    let budget = Budget::new(0);
    let received = receive(kind, message, arrived_unix_ms, InvalidUtf8::Refuse, &budget)?;
    Ok(NativeChunk {
        is_charged: false,
        ..received.chunk
    })
}

/// Checks one `MeterData`, an element of a [`MeterStream`]. The number is that of repaired strings.
pub fn receive_meter(
    meter: Bytes,
    invalid_utf8: InvalidUtf8,
    budget: &Budget,
) -> Result<(Bytes, usize), ReceiveError> {
    check(&schema::skywalking::METER_DATA, meter, invalid_utf8, budget)
}

/// Checks a `SegmentCollection` and cuts it into its segments, which are slices of the same buffer.
/// The number is that of repaired strings.
pub fn receive_segments(
    collection: Bytes,
    arrived_unix_ms: u64,
    invalid_utf8: InvalidUtf8,
    budget: &Budget,
) -> Result<(Vec<Chunk>, usize), ReceiveError> {
    let shape = &schema::skywalking::SEGMENT_COLLECTION;
    let (collection, repaired) = check(shape, collection, invalid_utf8, budget)?;
    let segments = Fields::of(&collection).filter(|field| field.number == 1);
    let chunks = segments.filter_map(|field| match field.value {
        Value::Len(message) => {
            let message = collection.slice_ref(message);
            let chunk = NativeChunk::from_checked(Kind::Segment, message, arrived_unix_ms);
            Some(Chunk::Native(chunk))
        }
        _ => None,
    });
    Ok((chunks.collect(), repaired))
}

/// Checks a message against its shape, and repairs its text in a copy where it must be. The number is
/// that of repaired strings.
fn check(
    shape: &'static Message,
    message: Bytes,
    invalid_utf8: InvalidUtf8,
    budget: &Budget,
) -> Result<(Bytes, usize), ReceiveError> {
    if u32::try_from(message.len()).is_err() {
        return Err(ReceiveError::TooLarge(message.len()));
    }
    let broken = walk::message(shape, &message, invalid_utf8)?;
    if broken.is_empty() {
        return Ok((message, 0));
    }
    let lease = budget.try_lease(message.len());
    let lease = lease.ok_or(ReceiveError::Overloaded(message.len()))?;
    Ok((lease.hold(repair::copy(&message, &broken)), broken.len()))
}
