//! The window in which the spans of a trace are waited for, so that they become segments together.
//!
//! A span alone does not say who called whom. So spans wait until their trace has been silent for a
//! while; then everything that is there of it becomes segments at once. Nothing is decoded before
//! that: what waits is slices of the requests that brought it, and these are what the window's bound
//! counts. What is not OTLP passes at once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use engine::AckToken;
use engine::exporter::{Assembler, Ended, Record};
use parking_lot::Mutex;
use pdata::convert::assemble::Options;
use pdata::{Batch, Chunk, Origin, OtlpChunk, Signal};
use telemetry::{Counter, Metrics};
use tokio::time::Instant;

mod convert;
mod cut;
mod places;

#[cfg(test)]
mod tests;

pub(super) use places::Memory;

use cut::Source;

/// A trace is complete when nothing more of it has come for so long.
const SILENCE: Duration = Duration::from_secs(2);
/// A trace is not waited for longer.
const AGE_MAX: Duration = Duration::from_secs(10);
/// Requests of which a span is in the window, in bytes.
const BYTES_MAX: usize = 16 << 20;
/// Traces end together in steps of this, so that few requests carry many of them.
const STEP: Duration = Duration::from_millis(100);

/// See the module's documentation.
pub(super) struct Spans {
    traces: HashMap<Bytes, Trace>,
    /// Every trace once, by the time at which to look at it again.
    looks: VecDeque<(Instant, Bytes)>,
    /// Traces in the order of their first spans; those that are gone are passed over.
    order: VecDeque<(Instant, Bytes)>,
    /// What passes without waiting.
    passing: VecDeque<Record>,
    /// Bytes of the requests that the window holds.
    bytes: Arc<AtomicUsize>,
    items: usize,
    ended: Vec<Ended>,
    places: Arc<Mutex<Memory>>,
    options: Options,
    cut_short: Counter,
}

/// What has come of one trace.
struct Trace {
    first: Instant,
    last: Instant,
    items: usize,
    parts: Vec<Part>,
}

/// What one request brought of a trace.
struct Part {
    source: Arc<Source>,
    /// Which spans of the source.
    spans: Vec<cut::Pick>,
    token: AckToken,
}

impl Trace {
    /// When it is complete if nothing more comes.
    fn due(&self) -> Instant {
        (self.last + SILENCE).min(self.first + AGE_MAX)
    }
}

impl Spans {
    pub(super) fn new(
        places: Arc<Mutex<Memory>>,
        options: Options,
        metrics: &Metrics,
        exporter: &str,
    ) -> Self {
        let labels = [("exporter", exporter)];
        Spans {
            traces: HashMap::new(),
            looks: VecDeque::new(),
            order: VecDeque::new(),
            passing: VecDeque::new(),
            bytes: Arc::default(),
            items: 0,
            ended: Vec::new(),
            places,
            options,
            cut_short: metrics.counter("skyferry_exporter_traces_cut_short_total", &labels),
        }
    }

    fn add(&mut self, chunk: OtlpChunk, origin: &Arc<Origin>, token: &AckToken, now: Instant) {
        self.items += chunk.items();
        let source = Source::new(chunk, Arc::clone(origin), Arc::clone(&self.bytes));
        let (source, traces) = source.by_trace();
        for (trace_id, spans) in traces {
            let trace = match self.traces.get_mut(&trace_id) {
                Some(trace) => trace,
                None => {
                    self.looks.push_back((now + SILENCE, trace_id.clone()));
                    self.order.push_back((now, trace_id.clone()));
                    self.traces.entry(trace_id).or_insert(Trace {
                        first: now,
                        last: now,
                        items: 0,
                        parts: Vec::new(),
                    })
                }
            };
            trace.last = now;
            trace.items += spans.len();
            trace.parts.push(Part {
                source: Arc::clone(&source),
                spans,
                token: token.split(),
            });
        }
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= BYTES_MAX
    }

    /// Lets go of the traces that are complete.
    fn release_due(&mut self, now: Instant, ready: &mut VecDeque<Record>) {
        while let Some((at, _)) = self.looks.front()
            && *at <= now
        {
            let Some((_, trace_id)) = self.looks.pop_front() else {
                break;
            };
            let due = match self.traces.get(&trace_id) {
                None => continue,
                Some(trace) => trace.due(),
            };
            if due <= now {
                self.release(&trace_id, ready);
            } else {
                // Looks come in the order of their times: every one is at least a step away.
                self.looks.push_back((now + SILENCE, trace_id));
            }
        }
    }

    /// Lets go of the oldest traces until there is room.
    fn release_oldest(&mut self, ready: &mut VecDeque<Record>) {
        while self.is_full() {
            let Some((first, trace_id)) = self.order.pop_front() else {
                break;
            };
            let is_there = self.traces.get(&trace_id).map(|trace| trace.first);
            if is_there == Some(first) {
                self.cut_short.increment(1);
                self.release(&trace_id, ready);
            }
        }
    }

    fn release(&mut self, trace_id: &Bytes, ready: &mut VecDeque<Record>) {
        let Some(trace) = self.traces.remove(trace_id) else {
            return;
        };
        self.items -= trace.items;
        let chunks = convert::segments(&trace.parts, &mut *self.places.lock(), &self.options);
        let items: usize = chunks.iter().map(Chunk::items).sum();
        if items < trace.items {
            self.ended.push(Ended {
                reason: "repeated",
                items: trace.items - items,
            });
        }
        let first = trace.parts.first().map(|part| &part.source.origin);
        let origin = first.map(Arc::clone).unwrap_or_default();
        let tokens = trace.parts.into_iter().map(|part| part.token);
        ready.push_back(Record {
            batch: Batch::new(Signal::Traces, chunks, origin),
            token: AckToken::join(tokens.collect()),
        });
    }
}

impl Assembler for Spans {
    fn push(&mut self, record: Record, now: Instant) {
        let Record { batch, token } = record;
        let origin = Arc::clone(batch.origin());
        let mut native = Vec::new();
        for chunk in batch.into_chunks() {
            match chunk {
                Chunk::Otlp(chunk) => self.add(chunk, &origin, &token, now),
                chunk @ Chunk::Native(_) => native.push(chunk),
            }
        }
        if !native.is_empty() {
            let batch = Batch::new(Signal::Traces, native, origin);
            self.items += batch.items();
            self.passing.push_back(Record {
                batch,
                token: token.split(),
            });
        }
        // The shares carry the record.
        token.done();
    }

    fn has_room(&self) -> bool {
        !self.is_full()
    }

    fn take(&mut self, now: Instant, is_end: bool, ready: &mut VecDeque<Record>) {
        for record in self.passing.drain(..) {
            self.items -= record.batch.items();
            ready.push_back(record);
        }
        if is_end {
            while let Some((_, trace_id)) = self.looks.pop_front() {
                self.release(&trace_id, ready);
            }
        }
        self.release_due(now, ready);
        self.release_oldest(ready);
        while let Some((first, trace_id)) = self.order.front()
            && self
                .traces
                .get(trace_id)
                .is_none_or(|trace| trace.first != *first)
        {
            self.order.pop_front();
        }
    }

    fn due(&self) -> Option<Instant> {
        if !self.passing.is_empty() {
            return Some(Instant::now());
        }
        // A little later than the first, for others to come with it.
        self.looks.front().map(|(at, _)| *at + STEP)
    }

    fn items(&self) -> usize {
        self.items
    }

    fn ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }
}
