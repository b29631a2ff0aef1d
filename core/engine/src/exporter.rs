//! The stack of policies around every exporter.
//!
//! ```text
//! consume -> [observe] -> queue ... [assemble] -> sender -> merge -> retry -> timeout -> Exporter::export
//! ```
//!
//! In front of the queue stands [`Front`], which answers the sender of the data. Behind it one
//! `Sender` for each signal merges what waits, sends it and decides what a failure means. An
//! exporter without a queue is called from the front, and its answer is the caller's.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Signal};
use telemetry::Health;
use tokio::time::{Instant, timeout};

use crate::component::{BuildContext, Decision, Delivery, ExportError, Exporter};
use crate::{Consumer, Refusal, Shutdown, Tasks};

mod assemble;
mod backoff;
mod config;
pub(crate) mod disk;
mod drain_rate;
mod gauges;
mod handle;
mod memory;
mod observe;
mod pace;
mod pending;
mod queue;
mod request;
mod sender;
pub(crate) mod settings;
mod size;

pub use assemble::{Assembler, Ended};
pub use config::{
    BatchConfig, BatchSizerConfig, QueueConfig, RetryConfig, SizerConfig, StorageConfig,
    SyncConfig, WhenFullConfig,
};
pub use handle::QueueHandle;
pub use memory::MemoryQueue;
pub use observe::Account;
pub use queue::{DeathReason, Queue, Receipt, Record, Reservation, Waiting};
pub use settings::{
    BatchSettings, DiskSettings, QueueSettings, RetrySettings, Settings, Sizer, Storage,
};

pub use size::{Amount, Size};

use assemble::Assembled;
use disk::DiskQueue;
use observe::Observer;
use sender::{Route, Sender};

/// How long a client is asked to wait when a destination without a queue fails.
const DIRECT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// An exporter as its pipelines see it.
pub struct Front {
    id: Arc<str>,
    exporter: Arc<dyn Exporter>,
    queue: Option<Arc<dyn Queue>>,
    /// The same queue, if it is on disk.
    disk: Option<Arc<DiskQueue>>,
    settings: Settings,
    signals: Vec<Signal>,
    observers: [Observer; Signal::ALL.len()],
    /// The windows behind the lanes that have one.
    assembled: OnceLock<Vec<(Signal, Arc<Assembled>)>>,
    health: Health,
}

impl Front {
    /// Wraps `exporter`, which several of `signals` may share; `id` names it in metrics, logs,
    /// health and its queue's directory. Starts and opens nothing.
    pub fn new(
        id: &str,
        exporter: Arc<dyn Exporter>,
        settings: Settings,
        signals: &[Signal],
        context: &BuildContext,
    ) -> Arc<Self> {
        let BuildContext {
            metrics, health, ..
        } = context;
        let observers = Signal::ALL.map(|signal| Observer::new(metrics, id, signal));
        let mut disk = None;
        let queue = settings.queue.as_ref().map(|queue| {
            let queue: Arc<dyn Queue> = match &queue.storage {
                Storage::Memory => Arc::new(MemoryQueue::new(queue)),
                Storage::Disk(on_disk) => {
                    let site = disk::Site {
                        id,
                        data_dir: &context.data_dir,
                        metrics,
                        health,
                        observers: &observers,
                        is_shared: signals.len() > 1,
                    };
                    let queue = DiskQueue::new(queue, on_disk, &site);
                    disk = Some(Arc::clone(&queue));
                    queue
                }
            };
            gauges::watch_queue(metrics, id, &queue);
            queue
        });
        Arc::new(Front {
            id: id.into(),
            exporter,
            queue,
            disk,
            settings,
            signals: signals.to_vec(),
            observers,
            assembled: OnceLock::new(),
            health: health.clone(),
        })
    }

    /// Starts the thread of a queue on disk, if there is one. It ends after [`Front::close`].
    pub fn run_queue(&self, tasks: &Tasks) {
        if let Some(disk) = &self.disk {
            disk.run(&self.id, tasks);
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether its overflow is dropped and counted instead of refusing anybody.
    pub fn is_optional(&self) -> bool {
        self.settings.optional
    }

    /// Starts one sender for each signal, if there is a queue. They end when `shutdown` has begun
    /// and their queue is empty, or when `shutdown` ends.
    pub fn run(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let Some(queue) = &self.queue else { return };
        let mut windows = Vec::new();
        for &signal in &self.signals {
            let mut queue = Arc::clone(queue);
            if let Some(assembler) = self.exporter.assembler(signal) {
                let observer = self.observers[signal as usize].clone();
                let window = Assembled::new(queue, signal, assembler, observer, shutdown.clone());
                windows.push((signal, Arc::clone(&window)));
                queue = window;
            }
            let route = Route {
                id: Arc::clone(&self.id),
                signal,
                queue,
                exporter: Arc::clone(&self.exporter),
                settings: self.settings.clone(),
            };
            let observer = self.observers[signal as usize].clone();
            let sender = Sender::new(route, observer, self.health.clone());
            let name = format!("exporters/{}/{signal}", self.id);
            tasks.spawn(&name, sender.run(shutdown.clone()));
        }
        // A front runs once.
        self.assembled.get_or_init(|| windows);
    }

    /// Starts what the exporter does beside its attempts. It ends when `stop` begins.
    pub fn run_exporter(&self, tasks: &Tasks, stop: &Shutdown) {
        let (exporter, stop) = (Arc::clone(&self.exporter), stop.clone());
        tasks.spawn(&format!("exporters/{}", self.id), async move {
            tokio::select! {
                () = exporter.run() => {}
                () = stop.begun() => {}
            }
        });
    }

    /// Lets the exporter write out what it buffers, and the queue write down what was delivered.
    pub async fn close(&self) {
        self.exporter.close().await;
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// Signals of the pipelines that name it.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// Whether what is left in its queue outlives the process.
    pub fn is_durable(&self) -> bool {
        self.disk.is_some()
    }

    /// What became of the items so far, by signal.
    pub fn account(&self, signal: Signal) -> Account {
        let waiting = self
            .queue
            .as_ref()
            .map(|queue| queue.waiting(signal))
            .unwrap_or_default();
        let windows = self.assembled.get().map_or(&[][..], Vec::as_slice);
        let windows = windows.iter().filter(|(of, _)| *of == signal);
        let held: usize = windows.map(|(_, window)| window.held()).sum();
        self.observers[signal as usize].account(waiting.size.items + held)
    }

    /// Takes room for `batch` until `deadline`. `None` if there is no queue to take room in.
    pub(crate) async fn reserve(
        &self,
        batch: &Batch,
        deadline: Instant,
    ) -> Result<Option<Reservation>, Refusal> {
        let Some(queue) = &self.queue else {
            return Ok(None);
        };
        let reserved = queue
            .reserve(batch.signal(), Size::of(batch), deadline)
            .await;
        if reserved.is_err() {
            self.observers[batch.signal() as usize].enqueue_failed(batch.items());
        }
        reserved.map(Some)
    }

    /// The latest moment until which a caller waits for room.
    pub(crate) fn patience(&self) -> Instant {
        let wait = self
            .settings
            .queue
            .as_ref()
            .map_or(Duration::ZERO, |queue| queue.max_wait);
        Instant::now() + wait
    }

    /// Fills the reserved room.
    pub(crate) async fn append(
        &self,
        reservation: Reservation,
        batch: Batch,
    ) -> Result<(), Refusal> {
        let Some(queue) = &self.queue else {
            unreachable!("only a queue hands out reservations")
        };
        let receipt = Receipt {
            observer: self.observers[batch.signal() as usize].clone(),
            items: batch.items(),
        };
        queue.append(reservation, batch, receipt).await
    }

    /// Exports while the caller waits; for exporters without a queue.
    pub(crate) async fn export_now(&self, batch: &Batch) -> Result<(), Refusal> {
        let observer = &self.observers[batch.signal() as usize];
        let items = batch.items();
        match attempt(&*self.exporter, batch, self.settings.timeout).await {
            Ok(delivery) => {
                observer.enqueued(items);
                observer.delivered(items, &delivery);
                Ok(())
            }
            Err(error) => {
                observer.enqueue_failed(items);
                tracing::warn!(component = %self.id, %error, "export failed, caller refused");
                Err(refusal(error))
            }
        }
    }

    /// Counts what an optional exporter had no room for.
    pub(crate) fn overflow(&self, batch: &Batch) {
        let observer = &self.observers[batch.signal() as usize];
        observer.enqueued(batch.items());
        observer.dropped(batch.items(), "overflow");
    }
}

fn refusal(error: ExportError) -> Refusal {
    match error.decision {
        Decision::Retry { after } => {
            Refusal::retry(error.message, after.unwrap_or(DIRECT_RETRY_AFTER))
        }
        Decision::Park => Refusal::retry(error.message, DIRECT_RETRY_AFTER),
        Decision::Split | Decision::Reject => Refusal::reject(error.message),
    }
}

/// One attempt, bounded in time; `Duration::ZERO` is no bound.
async fn attempt(
    exporter: &dyn Exporter,
    batch: &Batch,
    limit: Duration,
) -> Result<Delivery, ExportError> {
    if limit.is_zero() {
        return exporter.export(batch).await;
    }
    match timeout(limit, exporter.export(batch)).await {
        Ok(answer) => answer,
        Err(_) => Err(ExportError::retry(format!("no answer within {limit:?}"))),
    }
}

#[async_trait]
impl Consumer for Front {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        match self.reserve(&batch, self.patience()).await? {
            Some(reservation) => self.append(reservation, batch).await,
            None => self.export_now(&batch).await,
        }
    }
}

#[cfg(test)]
mod tests;
