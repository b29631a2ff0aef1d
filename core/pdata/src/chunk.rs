//! The unit a batch is made of: one resource with everything under it.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::decoded::Decoded;
use crate::otlp::split;
use crate::skywalking::NativeChunk;
use crate::wire::put_field;
use crate::{Budget, Signal};

/// What is counted, split and merged as one: a resource with everything under it, or one message of
/// a SkyWalking agent; in the form in which it arrived.
#[derive(Clone, Debug)]
pub enum Chunk {
    Otlp(OtlpChunk),
    Native(NativeChunk),
}

impl Chunk {
    pub fn signal(&self) -> Signal {
        match self {
            Chunk::Otlp(chunk) => chunk.signal(),
            Chunk::Native(chunk) => chunk.kind().signal(),
        }
    }

    /// The chunk of OTLP that it is, if it is one.
    pub fn into_otlp(self) -> Option<OtlpChunk> {
        match self {
            Chunk::Otlp(chunk) => Some(chunk),
            Chunk::Native(_) => None,
        }
    }

    /// Spans, metric data points, log records or reports.
    pub fn items(&self) -> usize {
        match self {
            Chunk::Otlp(chunk) => chunk.items(),
            Chunk::Native(chunk) => chunk.items(),
        }
    }

    pub fn wire_len(&self) -> usize {
        match self {
            Chunk::Otlp(chunk) => chunk.framed().len(),
            Chunk::Native(chunk) => chunk.message().len(),
        }
    }

    /// Charges bytes that were made here, and not received, to `budget`, once.
    pub(crate) fn charge(&mut self, budget: &Budget) {
        match self {
            Chunk::Otlp(chunk) => chunk.charge(budget),
            Chunk::Native(chunk) => chunk.charge(budget),
        }
    }

    /// The first `items` items and the rest, each under a copy of their headers.
    ///
    /// `None` if there is nothing to split, or if the headers are so large beside the items that
    /// repeating them would let a small request grow into a large one. A segment is never split.
    pub fn split_at(&self, items: usize) -> Option<[Chunk; 2]> {
        match self {
            Chunk::Otlp(chunk) => chunk.split_at(items).map(|halves| halves.map(Chunk::Otlp)),
            Chunk::Native(chunk) => chunk
                .split_at(items)
                .map(|halves| halves.map(Chunk::Native)),
        }
    }
}

/// One `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`, checked and counted.
///
/// ```text
/// framed:  0A <length> <body .......................> [unknown fields of the request]
///          |--------- field 1 of the request --------|
/// ```
///
/// The bytes are kept with the field header they had in the request, so that concatenating the
/// framed bytes of any chunks of one signal gives a request again. Fields of the request that
/// OTLP does not know travel with the chunk they stood beside.
#[derive(Clone, Debug)]
pub struct OtlpChunk {
    signal: Signal,
    /// Empty from a change of `decoded` to the next look at the bytes.
    pub(crate) wire: OnceLock<Wire>,
    /// What the bytes say, once somebody has asked to change it. Clones share it.
    pub(crate) decoded: Option<Arc<Decoded>>,
}

/// A chunk as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    items: u32,
    framed: Bytes,
    /// Where the resource-level message is.
    body: Range<u32>,
    /// Whether the bytes are charged to the budget; those that were received are.
    is_charged: bool,
}

impl Wire {
    /// Frames a valid resource-level message.
    fn frame(items: u32, body: &[u8]) -> Self {
        let mut framed = Vec::with_capacity(body.len() + 6);
        put_field(&mut framed, 1, body);
        let end = framed.len() as u32;
        Wire {
            items,
            framed: framed.into(),
            body: end - body.len() as u32..end,
            is_charged: false,
        }
    }
}

impl OtlpChunk {
    /// `framed` has passed the walk, holds `items` items and its resource-level message at `body`.
    pub(crate) fn from_checked(
        signal: Signal,
        items: u32,
        framed: Bytes,
        body: Range<u32>,
    ) -> Self {
        debug_assert!(body.end as usize <= framed.len());
        let wire = Wire {
            items,
            framed,
            body,
            is_charged: true,
        };
        OtlpChunk {
            signal,
            wire: wire.into(),
            decoded: None,
        }
    }

    /// Frames a resource-level message that is valid and holds `items` items.
    pub(crate) fn frame(signal: Signal, items: u32, body: &[u8]) -> Self {
        OtlpChunk {
            signal,
            wire: Wire::frame(items, body).into(),
            decoded: None,
        }
    }

    /// What the generated types say, as a chunk.
    pub fn from_decoded(decoded: Decoded) -> Self {
        OtlpChunk {
            signal: decoded.signal(),
            wire: OnceLock::new(),
            decoded: Some(Arc::new(decoded)),
        }
    }

    /// See [`Chunk::charge`]. What was decoded is given up: from here on nobody changes the chunk.
    fn charge(&mut self, budget: &Budget) {
        if self.wire.get().is_some_and(|wire| wire.is_charged) {
            return;
        }
        self.wire();
        self.decoded = None;
        if let Some(wire) = self.wire.get_mut() {
            let framed = std::mem::take(&mut wire.framed);
            wire.framed = budget.lease_at_any_rate(framed.len()).hold(framed);
            wire.is_charged = true;
        }
    }

    fn wire(&self) -> &Wire {
        self.wire.get_or_init(|| {
            let decoded = self.decoded.as_deref();
            let decoded = decoded.expect("a chunk without bytes has been decoded");
            Wire::frame(decoded.items() as u32, &decoded.encode())
        })
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn items(&self) -> usize {
        match (self.wire.get(), &self.decoded) {
            // Counting is no reason to encode.
            (None, Some(decoded)) => decoded.items(),
            _ => self.wire().items as usize,
        }
    }

    /// The resource-level message with its field header, ready to be concatenated into a request.
    pub fn framed(&self) -> &Bytes {
        &self.wire().framed
    }

    /// The resource-level message alone.
    pub fn body(&self) -> &[u8] {
        let Wire { framed, body, .. } = self.wire();
        &framed[body.start as usize..body.end as usize]
    }

    /// The resource-level message alone, as a slice of the same buffer.
    pub fn body_bytes(&self) -> Bytes {
        let Wire { framed, body, .. } = self.wire();
        framed.slice(body.start as usize..body.end as usize)
    }

    /// The same chunk, as one that was made here: its bytes are not charged yet.
    pub(crate) fn made(mut self) -> Self {
        if let Some(wire) = self.wire.get_mut() {
            wire.is_charged = false;
        }
        self
    }

    /// See [`Chunk::split_at`].
    pub fn split_at(&self, items: usize) -> Option<[OtlpChunk; 2]> {
        if items == 0 || items >= self.items() {
            return None;
        }
        let [head, tail] = split::at(self.signal, self.body(), items)?;
        let rest = self.items() - items;
        Some([
            OtlpChunk::frame(self.signal, items as u32, &head),
            OtlpChunk::frame(self.signal, rest as u32, &tail),
        ])
    }
}
