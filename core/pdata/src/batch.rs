//! The only thing that flows through a pipeline.

use std::sync::Arc;

use crate::{Chunk, Origin, Signal};

/// Chunks of one signal and where they came from.
///
/// Cloning copies reference counts, never telemetry: fan-out hands the same bytes to every
/// exporter.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    chunks: Vec<Chunk>,
    origin: Arc<Origin>,
}

impl Batch {
    /// A batch of chunks that all carry `signal`.
    pub fn new(signal: Signal, chunks: Vec<Chunk>, origin: Arc<Origin>) -> Self {
        debug_assert!(chunks.iter().all(|chunk| chunk.signal() == signal));
        Batch {
            signal,
            chunks,
            origin,
        }
    }

    pub fn signal(&self) -> Signal {
        self.signal
    }

    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// For processors that change chunks or drop them.
    pub fn chunks_mut(&mut self) -> &mut Vec<Chunk> {
        &mut self.chunks
    }

    pub fn into_chunks(self) -> Vec<Chunk> {
        self.chunks
    }

    /// Spans, metric data points or log records in all chunks.
    pub fn items(&self) -> usize {
        self.chunks.iter().map(Chunk::items).sum()
    }

    /// Bytes of all chunks on the wire.
    pub fn wire_len(&self) -> usize {
        self.chunks.iter().map(Chunk::wire_len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Appends the chunks of `other`, which carries the same signal. The origin stays this one's:
    /// exporters that need the origin keep batches of different origin apart.
    pub fn merge(&mut self, other: Batch) {
        debug_assert_eq!(self.signal, other.signal);
        self.chunks.extend(other.chunks);
    }
}
