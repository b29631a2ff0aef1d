//! Processors that merge over time: the one exception to "an answer means that it is on its way".
//!
//! ```text
//! consume --divide--+-- what passes ----------------------> next, awaited first
//!                   +-- what is held --> journal (on disk) --> folded in its order
//!                       (its room is taken before anything passes)
//! every interval: a cut --> journal;   folded to a cut: close the window --> next, numbered
//!                                      taken there: the window's records are finished
//! ```
//!
//! The answer to what is held is given when the journal has it. Everything that a window becomes
//! follows from the journal's records and their order, so a process that was killed makes the same
//! windows again; each is handed over with a number, which a queue on disk takes once. So nothing is
//! lost, and where the exporters behind it have queues on disk, nothing is counted twice.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Numbered, Signal};
use queue::{NewRecord, Ready};
use telemetry::{Counter, Metrics};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::exporter::disk::stored;
use crate::{Consumer, Refusal, Shutdown};

mod journal;
#[cfg(test)]
mod tests;

pub(crate) use journal::{Journal, Site};

/// Merges what comes within windows of time.
pub trait Aggregator: Send + Sync {
    /// What goes on at once, and what is held back to be merged. Looks at the batch alone.
    fn divide(&self, batch: Batch) -> Division;

    /// The length of a window. Windows begin at multiples of it since the Unix epoch.
    fn interval(&self) -> Duration;

    /// Bytes that the journal may have.
    fn journal_bytes(&self) -> u64;

    /// What folds; asked for once for each pipeline.
    fn merger(&self) -> Box<dyn Merger>;
}

/// A batch in two parts.
#[derive(Debug, Default)]
pub struct Division {
    pub pass: Option<Batch>,
    pub held: Option<Batch>,
}

/// The state of an [`Aggregator`]. What it makes depends on nothing but what it is given and in which
/// order.
pub trait Merger: Send {
    /// Takes in what was held, and safe in the journal at this time.
    fn fold(&mut self, batch: &Batch, at_unix_ms: u64);

    /// Ends the window, and begins the next one.
    fn close(&mut self, window: Window) -> Vec<Batch>;
}

/// A window that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start_unix_ms: u64,
    pub end_unix_ms: u64,
}

/// Milliseconds since the Unix epoch.
pub(crate) type UnixClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Where what is held is kept until its window has been taken. Records come back in order, also after
/// a restart, until they are finished.
#[async_trait]
pub(crate) trait Ledger: Send + Sync {
    /// Room for one record; dropping it gives the room back.
    type Room: Send;

    /// Who this journal is to queues behind it; known when the first record comes back.
    fn producer(&self) -> u64;

    /// Takes room for a record, or says when to come back.
    async fn reserve(&self, record: &NewRecord) -> Result<Self::Room, Refusal>;

    /// Ready when the record is safe.
    async fn append(
        &self,
        room: Self::Room,
        record: NewRecord,
        batch: Option<Batch>,
    ) -> Result<(), Refusal>;

    /// Everything that has not been taken and lies ready.
    fn take(&self) -> Vec<Ready>;

    /// Whether everything that was ever appended has been taken.
    fn is_taken(&self) -> bool;

    /// Ready when there may be more to take. Cancel safe.
    async fn arrived(&self);

    /// A record that was taken has done no harm.
    fn clear(&self, sequence: u64);

    /// A record need not come back.
    fn finish(&self, sequence: u64);
}

/// The lane of the journal: there is one, so that there is one order.
const LANE: u8 = 0;
/// A record that ends a window. Its number is the window's, in intervals since the epoch.
const CODEC_CUT: u8 = 0xC0;
/// A window that becomes more batches hands over the rest in the last one.
const PARTS_MAX: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;
/// Shortest and longest pause before a window is offered again.
const AGAIN_MIN: Duration = Duration::from_millis(10);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// An aggregator in one pipeline.
pub(crate) struct Aggregation<L> {
    id: String,
    signal: Signal,
    aggregator: Arc<dyn Aggregator>,
    next: Arc<dyn Consumer>,
    ledger: Arc<L>,
    unix_ms: UnixClock,
    /// Whether something was appended since the last cut.
    has_uncut: AtomicBool,
    /// The last window that was cut.
    last_window: AtomicU64,
    /// Whether the last cut has been made.
    is_cut: AtomicBool,
    /// What an earlier process left has been folded, or the last cut was made.
    changed: Notify,
    counters: Counters,
}

struct Counters {
    aggregated: Counter,
    merged: Counter,
    dropped: Counter,
}

impl Counters {
    fn new(metrics: &Metrics, pipeline: &str, processor: &str) -> Self {
        let labels = [("pipeline", pipeline), ("processor", processor)];
        let counter = |name| metrics.counter(name, &labels);
        Counters {
            aggregated: counter("skyferry_pipeline_aggregated_items_total"),
            merged: counter("skyferry_pipeline_merged_items_total"),
            dropped: counter("skyferry_pipeline_merged_dropped_items_total"),
        }
    }
}

/// Where an aggregator stands.
pub(crate) struct Place<'a> {
    pub(crate) pipeline: &'a str,
    pub(crate) processor: &'a str,
    pub(crate) signal: Signal,
    pub(crate) metrics: &'a Metrics,
}

/// The run ended before a window was taken; it comes again.
struct Cut;

impl<L: Ledger> Aggregation<L> {
    pub(crate) fn new(
        place: &Place<'_>,
        aggregator: Arc<dyn Aggregator>,
        next: Arc<dyn Consumer>,
        ledger: Arc<L>,
        unix_ms: UnixClock,
    ) -> Arc<Self> {
        Arc::new(Aggregation {
            id: format!("processors/{}", place.processor),
            signal: place.signal,
            aggregator,
            next,
            ledger,
            unix_ms,
            has_uncut: AtomicBool::new(false),
            last_window: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            changed: Notify::new(),
            counters: Counters::new(place.metrics, place.pipeline, place.processor),
        })
    }

    /// Folds and cuts until `shutdown` begins; then cuts once more and hands over what is open. What
    /// is not taken when `shutdown` ends stays in the journal.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let mut folding = pin!(self.fold_all());
        let work = async {
            tokio::select! {
                is_cut = self.cut_in_time(&shutdown) => if is_cut {
                    folding.await;
                },
                () = &mut folding => {}
            }
        };
        tokio::select! {
            () = work => {}
            () = shutdown.ended() => {}
        }
    }

    fn interval_ms(&self) -> u64 {
        (self.aggregator.interval().as_millis() as u64).max(1)
    }

    /// Ends windows at their time, and the one that is open when `shutdown` begins. Begins when the
    /// windows of an earlier process are known; `false` if they never were.
    async fn cut_in_time(&self, shutdown: &Shutdown) -> bool {
        let known = async {
            loop {
                let changed = self.changed.notified();
                if self.ledger.is_taken() {
                    break;
                }
                changed.await;
            }
        };
        tokio::select! {
            () = known => {}
            // What is there comes again.
            () = shutdown.begun() => return false,
        }
        loop {
            let (now, interval) = ((self.unix_ms)(), self.interval_ms());
            let end = (now / interval + 1) * interval;
            tokio::select! {
                () = sleep(Duration::from_millis(end - now)) => self.cut(end - 1).await,
                () = shutdown.begun() => break,
            }
        }
        self.cut((self.unix_ms)()).await;
        self.is_cut.store(true, Ordering::Release);
        self.changed.notify_waiters();
        true
    }

    /// Ends the window that `within_unix_ms` is in, if there is anything in it. A window has its
    /// number once: what comes after it was cut early is of the next one.
    async fn cut(&self, within_unix_ms: u64) {
        if !self.has_uncut.swap(false, Ordering::AcqRel) {
            return;
        }
        let last = self.last_window.load(Ordering::Acquire);
        let window = (within_unix_ms / self.interval_ms()).max(last + 1);
        let record = NewRecord {
            producer: None,
            enqueued_unix_ms: 0,
            items: 0,
            lane: LANE,
            codec: CODEC_CUT,
            meta: window.to_le_bytes().to_vec().into(),
            payload: Vec::new(),
        };
        let stored = async {
            let room = self.ledger.reserve(&record).await?;
            self.ledger.append(room, record, None).await
        };
        match stored.await {
            Ok(()) => self.last_window.store(window, Ordering::Release),
            Err(refusal) => {
                tracing::warn!(component = self.id, %refusal, "cannot end a window, goes on with it");
                self.has_uncut.store(true, Ordering::Release);
            }
        }
    }

    /// Folds what the journal has, in its order, until the last cut was made and folded.
    async fn fold_all(&self) {
        let mut open = Open {
            merger: self.aggregator.merger(),
            records: Vec::new(),
            last_cut: None,
        };
        loop {
            let (arrived, changed) = (self.ledger.arrived(), self.changed.notified());
            let is_cut = self.is_cut.load(Ordering::Acquire);
            let taken = self.ledger.take();
            if taken.is_empty() {
                if is_cut && self.ledger.is_taken() {
                    return;
                }
                tokio::select! {
                    () = arrived => {}
                    () = changed => {}
                }
            }
            for record in taken {
                if self.apply(&mut open, record).await.is_err() {
                    return;
                }
            }
            self.changed.notify_waiters();
        }
    }

    async fn apply(&self, open: &mut Open, record: Ready) -> Result<(), Cut> {
        let sequence = record.sequence;
        if record.codec == CODEC_CUT {
            let window = record.meta.first_chunk().copied().map(u64::from_le_bytes);
            self.ledger.clear(sequence);
            return self.close(open, sequence, window.unwrap_or_default()).await;
        }
        self.has_uncut.store(true, Ordering::Release);
        let at_unix_ms = record.enqueued_unix_ms;
        match stored::decode(record, self.signal) {
            Ok(batch) => open.merger.fold(&batch, at_unix_ms),
            Err(unreadable) => {
                let items = unreadable.items;
                tracing::error!(
                    component = self.id,
                    sequence,
                    items,
                    "a record cannot be read"
                );
                self.counters.dropped.increment(u64::from(items));
            }
        }
        self.ledger.clear(sequence);
        open.records.push(sequence);
        Ok(())
    }

    /// Hands a window over, and finishes its records once that is taken. The cut stays in the journal
    /// until the next one is done, so that no window is ever given the same time again.
    async fn close(&self, open: &mut Open, cut: u64, window: u64) -> Result<(), Cut> {
        self.last_window.fetch_max(window, Ordering::AcqRel);
        let start_unix_ms = window.saturating_mul(self.interval_ms());
        let batches = open.merger.close(Window {
            start_unix_ms,
            end_unix_ms: start_unix_ms.saturating_add(self.interval_ms()),
        });
        for (part, batch) in joined(batches).into_iter().enumerate() {
            let numbered = Numbered {
                producer: self.ledger.producer(),
                number: cut << PART_BITS | part as u64,
            };
            self.hand_over(batch.with_number(numbered)).await?;
        }
        for sequence in open.records.drain(..).chain(open.last_cut.replace(cut)) {
            self.ledger.finish(sequence);
        }
        Ok(())
    }

    async fn hand_over(&self, batch: Batch) -> Result<(), Cut> {
        let items = batch.items() as u64;
        loop {
            match self.next.consume(batch.clone()).await {
                Ok(()) => break,
                Err(Refusal::Retry { after, .. }) => {
                    sleep(after.clamp(AGAIN_MIN, AGAIN_MAX)).await;
                }
                Err(Refusal::Closed) => return Err(Cut),
                Err(refusal @ Refusal::Reject { .. }) => {
                    tracing::error!(component = self.id, items, %refusal, "merged data was refused");
                    self.counters.dropped.increment(items);
                    return Ok(());
                }
            }
        }
        self.counters.merged.increment(items);
        Ok(())
    }
}

/// What has been folded since the last window was taken.
struct Open {
    merger: Box<dyn Merger>,
    records: Vec<u64>,
    last_cut: Option<u64>,
}

/// No more batches than there are numbers for.
fn joined(mut batches: Vec<Batch>) -> Vec<Batch> {
    while batches.len() > PARTS_MAX
        && let Some(last) = batches.pop()
        && let Some(before) = batches.last_mut()
    {
        before.merge(last);
    }
    batches
}

#[async_trait]
impl<L: Ledger> Consumer for Aggregation<L> {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let Division { pass, held } = self.aggregator.divide(batch);
        let Some(held) = held else {
            return match pass {
                Some(pass) => self.next.consume(pass).await,
                None => Ok(()),
            };
        };
        let items = held.items() as u64;
        let record = NewRecord {
            lane: LANE,
            ..stored::encode(&held, None)
        };
        // First, so that a sender that is refused for want of it has passed on nothing.
        let room = self.ledger.reserve(&record).await?;
        if let Some(pass) = pass {
            self.next.consume(pass).await?;
        }
        self.ledger.append(room, record, Some(held)).await?;
        // After it is there: a cut that was made before does not hold it.
        self.has_uncut.store(true, Ordering::Release);
        self.counters.aggregated.increment(items);
        Ok(())
    }
}
