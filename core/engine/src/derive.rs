//! Processors that make one signal from another.
//!
//! The main pipeline is awaited first, and only then is handed over what was derived, so that a
//! refusal and the sender's resend never count twice. A refusal on the derived side is retried
//! from a bounded buffer, then dropped and counted; it never refuses the sender. Where nothing is
//! left for the main pipeline, the derived side's answer is the answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pdata::{Batch, Signal};
use telemetry::{Counter, Metrics};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::component::{Derivation, Deriver, Guest};
use crate::{Consumer, Refusal, Shutdown};

/// Bytes of refused derived batches kept for a retry, for each processor and signal.
const RETRY_BYTES_MAX: usize = 4 << 20;

const DROPPED: &str = "skyferry_processor_derived_dropped_items_total";

/// Where a processor's derived batches of one signal go.
pub struct DerivedOutlet {
    pipelines: Arc<dyn Consumer>,
    refused: Mutex<Buffer>,
    arrival: Notify,
    derived: Counter,
    dropped: Counter,
}

#[derive(Default)]
struct Buffer {
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl DerivedOutlet {
    /// `pipelines` take what the processor with this id derives.
    pub fn new(
        processor: &str,
        signal: Signal,
        pipelines: Arc<dyn Consumer>,
        metrics: &Metrics,
    ) -> Arc<Self> {
        let labels = [("processor", processor), ("signal", signal.name())];
        Arc::new(DerivedOutlet {
            pipelines,
            refused: Mutex::default(),
            arrival: Notify::new(),
            derived: metrics.counter("skyferry_processor_derived_items_total", &labels),
            dropped: metrics.counter(DROPPED, &labels),
        })
    }

    /// Retries what was refused until `shutdown` begins; then once more, and counts what is left.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = self.arrival.notified() => {}
                () = shutdown.begun() => break,
            }
            while let Some(delay) = self.retry_first().await {
                tokio::select! {
                    () = sleep(delay) => {}
                    () = shutdown.begun() => break,
                }
            }
        }
        while let Some(batch) = self.pop() {
            if self.pipelines.consume(batch.clone()).await.is_err() {
                self.dropped.increment(batch.items() as u64);
            }
        }
    }

    /// Hands over without refusing anybody.
    async fn offer(&self, batch: Batch) {
        self.derived.increment(batch.items() as u64);
        match self.pipelines.consume(batch.clone()).await {
            Ok(()) => {}
            Err(Refusal::Retry { .. }) => self.keep(batch),
            Err(_) => self.dropped.increment(batch.items() as u64),
        }
    }

    /// Hands over as the only taker: its answer is the sender's.
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = batch.items() as u64;
        self.pipelines.consume(batch).await?;
        self.derived.increment(items);
        Ok(())
    }

    fn keep(&self, batch: Batch) {
        let mut refused = self.refused.lock();
        let bytes = batch.wire_len();
        if refused.bytes + bytes > RETRY_BYTES_MAX {
            self.dropped.increment(batch.items() as u64);
            return;
        }
        refused.bytes += bytes;
        refused.batches.push_back(batch);
        drop(refused);
        self.arrival.notify_one();
    }

    fn pop(&self) -> Option<Batch> {
        let mut refused = self.refused.lock();
        let batch = refused.batches.pop_front()?;
        refused.bytes -= batch.wire_len();
        Some(batch)
    }

    /// Tries the oldest refused batch; the delay after which to try again, if there is more to do.
    async fn retry_first(&self) -> Option<Duration> {
        let batch = self.refused.lock().batches.front().cloned()?;
        match self.pipelines.consume(batch).await {
            Err(Refusal::Retry { after, .. }) => Some(after),
            Err(_) => {
                let lost = self.pop().map_or(0, |batch| batch.items());
                self.dropped.increment(lost as u64);
                Some(Duration::ZERO)
            }
            Ok(()) => {
                self.pop();
                Some(Duration::ZERO)
            }
        }
    }
}

/// Where a processor's derived batches go, by signal. Clones are the same.
#[derive(Clone)]
pub struct Derived {
    pub(crate) outlets: [Option<Arc<DerivedOutlet>>; Signal::ALL.len()],
    pub(crate) nowhere: Arc<Nowhere>,
}

impl Derived {
    /// Hands over without refusing anybody; what no pipeline takes is counted and told of once.
    pub async fn offer(&self, batch: Batch) {
        match self.outlet(&batch) {
            Some(outlet) => outlet.offer(batch).await,
            None => self.nowhere.count(&batch),
        }
    }

    /// Hands over as to the only taker: its answer is the sender's.
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        match self.outlet(&batch) {
            Some(outlet) => outlet.consume(batch).await,
            None => {
                self.nowhere.count(&batch);
                Ok(())
            }
        }
    }

    fn outlet(&self, batch: &Batch) -> Option<&Arc<DerivedOutlet>> {
        self.outlets[batch.signal() as usize].as_ref()
    }
}

/// Counts what a processor derives and no pipeline takes.
pub(crate) struct Nowhere {
    processor: String,
    metrics: Metrics,
    has_warned: AtomicBool,
}

impl Nowhere {
    pub(crate) fn new(processor: &str, metrics: Metrics) -> Self {
        Nowhere {
            processor: processor.to_owned(),
            metrics,
            has_warned: AtomicBool::new(false),
        }
    }

    fn count(&self, batch: &Batch) {
        let signal = batch.signal().name();
        let labels = [("processor", &*self.processor), ("signal", signal)];
        let dropped = self.metrics.counter(DROPPED, &labels);
        dropped.increment(batch.items() as u64);
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                component = format!("processors/{}", self.processor),
                signal,
                "what it derives goes nowhere: list it under `receivers` of a pipeline of this signal",
            );
        }
    }
}

/// Who derives.
#[derive(Clone)]
pub(crate) enum Source {
    Deriver(Arc<dyn Deriver>),
    Guest(Arc<dyn Guest>),
}

/// A deriving processor in one of its pipelines.
pub(crate) struct DerivingStage {
    pub(crate) source: Source,
    /// Which of the pipelines that name the processor this is.
    pub(crate) lane: usize,
    pub(crate) next: Arc<dyn Consumer>,
    pub(crate) derived: Derived,
    /// Items that did not go on in this pipeline.
    pub(crate) filtered: Counter,
}

#[async_trait]
impl Consumer for DerivingStage {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = batch.items();
        let Derivation { main, derived } = match &self.source {
            Source::Deriver(deriver) => deriver.derive(batch),
            Source::Guest(guest) => guest.process(self.lane, batch).await?,
        };
        let kept = main.as_ref().map_or(0, Batch::items);
        match main {
            Some(main) => {
                self.next.consume(main).await?;
                for batch in derived {
                    self.derived.offer(batch).await;
                }
            }
            None => {
                for batch in derived {
                    self.derived.consume(batch).await?;
                }
            }
        }
        self.filtered.increment(items.saturating_sub(kept) as u64);
        Ok(())
    }
}
