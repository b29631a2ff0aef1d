//! The only thing that flows through a pipeline.

use std::sync::Arc;

use crate::{Budget, Chunk, Origin, Signal};

/// What tells a batch that is sent a second time from a new one: a queue that remembers its producers
/// takes each number once, and none below one that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbered {
    /// Who made the batch; the same over restarts.
    pub producer: u64,
    pub number: u64,
}

/// Chunks of one signal and where they came from.
///
/// Cloning copies reference counts, never telemetry: fan-out hands the same bytes to every
/// exporter.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    chunks: Vec<Chunk>,
    origin: Arc<Origin>,
    numbered: Option<Numbered>,
}

impl Batch {
    /// A batch of chunks that all carry `signal`.
    pub fn new(signal: Signal, chunks: Vec<Chunk>, origin: Arc<Origin>) -> Self {
        debug_assert!(chunks.iter().all(|chunk| chunk.signal() == signal));
        Batch {
            signal,
            chunks,
            origin,
            numbered: None,
        }
    }

    /// The same batch with a number.
    #[must_use]
    pub fn with_number(mut self, numbered: Numbered) -> Self {
        self.numbered = Some(numbered);
        self
    }

    pub fn numbered(&self) -> Option<Numbered> {
        self.numbered
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

    /// Charges what processors made, and what was not received, to `budget`, once.
    pub fn charge(&mut self, budget: &Budget) {
        for chunk in &mut self.chunks {
            chunk.charge(budget);
        }
    }

    /// Appends the chunks of `other`, which carries the same signal. The origin stays this one's:
    /// exporters that need the origin keep batches of different origin apart. What is merged has no
    /// number any more.
    pub fn merge(&mut self, other: Batch) {
        debug_assert_eq!(self.signal, other.signal);
        self.numbered = None;
        self.chunks.extend(other.chunks);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::edit::Pair;
    use crate::otlp::{InvalidUtf8, receive};
    use crate::skywalking::Kind;
    use crate::{Edit, NativeChunk, sample};

    #[test]
    fn what_was_made_here_is_charged_once_until_nobody_has_it() {
        let budget = Budget::new(1 << 20);
        let request = Bytes::from(sample::spans(2));
        let received = receive(Signal::Traces, request, InvalidUtf8::Repair, &budget);
        let mut chunks = received.expect("samples are valid").chunks;
        let Chunk::Otlp(chunk) = &chunks[0] else {
            panic!("samples are OTLP");
        };
        let edited = chunk.edit_resource(&[Edit::Insert(Pair::int("a", 1))]);
        let mut decoded = chunk.clone();
        decoded.decoded_mut();
        let report = NativeChunk::from_checked(Kind::Segment, Bytes::new(), 0);
        let report = report.with_message(vec![0x0a, 1, b'x']);
        chunks.extend([Chunk::Otlp(edited), Chunk::Otlp(decoded)]);
        let received_bytes = chunks[0].wire_len();
        let mut batch = Batch::new(Signal::Traces, chunks, Arc::new(Origin::default()));
        batch.chunks_mut().push(Chunk::Native(report));
        let all = batch.wire_len();
        batch.charge(&budget);
        batch.charge(&budget);
        assert_eq!(budget.used(), all - received_bytes);
        assert_eq!(batch.wire_len(), all);
        drop(batch);
        assert_eq!(budget.used(), 0);
    }
}
