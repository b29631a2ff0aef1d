//! The unit a batch is made of: one resource with everything under it.

use std::ops::Range;

use bytes::Bytes;

use crate::Signal;

/// One resource's worth of telemetry, in the form in which it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Chunk {
    Otlp(OtlpChunk),
}

impl Chunk {
    pub fn signal(&self) -> Signal {
        match self {
            Chunk::Otlp(chunk) => chunk.signal(),
        }
    }

    /// Spans, metric data points or log records.
    pub fn items(&self) -> usize {
        match self {
            Chunk::Otlp(chunk) => chunk.items(),
        }
    }

    pub fn wire_len(&self) -> usize {
        match self {
            Chunk::Otlp(chunk) => chunk.framed().len(),
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
    items: u32,
    framed: Bytes,
    body: Range<u32>,
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
        OtlpChunk {
            signal,
            items,
            framed,
            body,
        }
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn items(&self) -> usize {
        self.items as usize
    }

    /// The resource-level message with its field header, ready to be concatenated into a request.
    pub fn framed(&self) -> &Bytes {
        &self.framed
    }

    /// The resource-level message alone.
    pub fn body(&self) -> &[u8] {
        &self.framed[self.body.start as usize..self.body.end as usize]
    }
}
