//! Chunks of any kind behind each other, so that they can be told apart again.
//!
//! ```text
//! envelope := { field }       a protobuf message
//! field    := tag(code, LEN) length message        one message of the kind with this code
//!           | tag(31, LEN)   length framed         one OTLP chunk
//! ```
//!
//! It is what a queue on disk stores for a batch that is not OTLP alone.

use bytes::Bytes;

use super::{Kind, NativeChunk};
use crate::wire::{Fields, Value, put_varint};
use crate::{Chunk, Signal, otlp};

/// The field of an OTLP chunk; no kind has this code.
const OTLP: u32 = 31;

/// Bytes that a field of a number below 16 and of less than 4 GiB has in front, at most.
pub(super) const HEAD_BYTES_MAX: usize = 6;

/// The pieces that together are the envelope of `chunks`; none of telemetry is copied.
pub fn pieces(chunks: &[Chunk]) -> Vec<Bytes> {
    // All heads are written into one buffer; a piece is a slice of it.
    let mut heads = Vec::with_capacity(chunks.len() * 4);
    let mut parts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let (number, content) = match chunk {
            Chunk::Otlp(chunk) => (OTLP, chunk.framed().clone()),
            Chunk::Native(chunk) => (u32::from(chunk.kind.code()), chunk.message.clone()),
        };
        put_varint(&mut heads, u64::from(number) << 3 | 2);
        put_varint(&mut heads, content.len() as u64);
        parts.push((heads.len(), content));
    }
    let heads = Bytes::from(heads);
    let mut start = 0;
    let mut pieces = Vec::with_capacity(parts.len() * 2);
    for (end, content) in parts {
        pieces.push(heads.slice(start..end));
        pieces.push(content);
        start = end;
    }
    pieces
}

/// The chunks of an envelope that [`pieces`] made; `None` if it is none. The messages are not
/// checked again.
pub fn open(signal: Signal, envelope: &Bytes, arrived_unix_ms: u64) -> Option<Vec<Chunk>> {
    let mut chunks = Vec::new();
    let mut read = 0;
    for field in Fields::of(envelope) {
        let Value::Len(content) = field.value else {
            return None;
        };
        read += field.raw.len();
        let content = envelope.slice_ref(content);
        chunks.push(match field.number {
            OTLP => {
                let items = otlp::items(signal, &content)?;
                otlp::restore(signal, content, items)?
            }
            code => {
                let kind = Kind::from_code(code).filter(|kind| kind.signal() == signal)?;
                Chunk::Native(NativeChunk::from_checked(kind, content, arrived_unix_ms))
            }
        });
    }
    (read == envelope.len()).then_some(chunks)
}
