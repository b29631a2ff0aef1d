//! The journal on disk: a log of the same make as the exporters' queues.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pdata::Batch;
use queue::{
    Completed, DiskQueue, Durability, Events, Keeper, NewRecord, NoRoom, NotStored, OsFs, Phase,
    QueueSettings, Ready, Report, Room, SystemClock, WhenFull,
};
use telemetry::{Condition, Counter, Health, Metrics};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{LANE, Ledger};
use crate::completions::Completions;
use crate::exporter::disk::directory_name;
use crate::{Refusal, Tasks};

/// The directory of all journals in the data directory.
const JOURNALS: &str = "journals";
/// A volume keeps this much for others.
const MIN_FREE_DISK: u64 = 1 << 30;
/// Records that no process survived are kept up to this.
const ASIDE_BYTES_MAX: u64 = 64 << 20;
/// How long a sender waits for room.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A sender is asked to come back after so long where the journal cannot take anything now.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub(crate) struct Journal {
    queue: DiskQueue,
    keeper: Mutex<Option<Keeper<OsFs>>>,
    bell: Arc<Bell>,
}

/// Where a journal is and what it is called.
pub(crate) struct Site<'a> {
    /// Of the processor and the pipeline that it stands in.
    pub(crate) id: &'a str,
    pub(crate) data_dir: &'a std::path::Path,
    pub(crate) metrics: &'a Metrics,
    pub(crate) health: &'a Health,
}

impl Journal {
    /// Opens nothing yet.
    pub(crate) fn new(site: &Site<'_>, max_bytes: u64) -> Arc<Self> {
        let bell = Arc::new(Bell::new(site));
        let directory: PathBuf = site.data_dir.join(JOURNALS).join(directory_name(site.id));
        let settings = QueueSettings {
            durability: Durability::Always,
            max_bytes,
            lane_max_bytes: max_bytes,
            max_age: None,
            min_free_disk: MIN_FREE_DISK,
            when_full: WhenFull::Reject,
            dead_letter_max_bytes: ASIDE_BYTES_MAX,
            seed: fastrand::u64(..),
        };
        let (queue, keeper) = queue::queue(
            OsFs,
            directory,
            settings,
            Box::new(Ringing(Arc::clone(&bell))),
            Arc::new(SystemClock::default()),
        );
        let gauge = site.metrics.gauge(
            "skyferry_processor_journal_bytes",
            &[("processor", site.id)],
        );
        let shown = queue.clone();
        site.metrics
            .before_render(move || gauge.set(shown.statistics().bytes as f64));
        Arc::new(Journal {
            queue,
            keeper: Mutex::new(Some(keeper)),
            bell,
        })
    }

    /// Starts the journal's thread, which ends after [`Journal::close`].
    pub(crate) fn run(&self, tasks: &Tasks) {
        let Some(keeper) = self.keeper.lock().take() else {
            return;
        };
        let closing = Closing(Arc::clone(&self.bell));
        tasks.spawn_thread(&self.bell.component, move || {
            let _closing = closing;
            keeper.run();
        });
        let bell = Arc::clone(&self.bell);
        let name = format!("{} completions", self.bell.component);
        tasks.spawn(&name, async move { bell.complete().await });
    }

    /// Lets the thread write down what is finished and end.
    pub(crate) fn close(&self) {
        self.queue.close();
    }
}

#[async_trait]
impl Ledger for Journal {
    type Room = Room;

    fn producer(&self) -> u64 {
        self.bell.producer.load(Ordering::Acquire)
    }

    /// Where there is no room, that is waited for a little, as by a queue.
    async fn reserve(&self, record: &NewRecord) -> Result<Room, Refusal> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let changed = self.bell.changed.notified();
            let no_room = match self.queue.reserve(LANE, record.stored_len()) {
                Ok(room) => return Ok(room),
                Err(no_room) => no_room,
            };
            if no_room.is_temporary() && timeout_at(deadline, changed).await.is_ok() {
                continue;
            }
            return Err(match no_room {
                NoRoom::Closed => Refusal::Closed,
                NoRoom::TooLarge { .. } => Refusal::reject(no_room.to_string()),
                _ => Refusal::retry(format!("the journal: {no_room}"), RETRY_AFTER),
            });
        }
    }

    async fn append(
        &self,
        room: Room,
        record: NewRecord,
        batch: Option<Batch>,
    ) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        // A caller may have stopped waiting.
        let completion = Box::new(move |outcome| drop(answer.send(outcome)));
        let companion: queue::Companion = match batch {
            Some(batch) => Box::new(batch),
            None => Box::new(()),
        };
        self.queue.append(record, companion, room, completion);
        match answered.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(NotStored::Unfit(why))) => Err(Refusal::reject(why)),
            Ok(Err(NotStored::Failed(why))) => Err(Refusal::retry(why, RETRY_AFTER)),
            Err(_) => Err(Refusal::Closed),
        }
    }

    fn take(&self) -> Vec<Ready> {
        self.queue.take(LANE, |_| true)
    }

    fn is_taken(&self) -> bool {
        self.queue.phase() == Phase::Open && self.queue.usage(LANE).waiting.records == 0
    }

    async fn arrived(&self) {
        self.bell.arrived.notified().await;
    }

    fn clear(&self, sequence: u64) {
        self.queue.clear(sequence);
    }

    fn finish(&self, sequence: u64) {
        self.queue.finish(LANE, sequence);
    }
}

/// What the journal's thread tells, brought to those who wait for it.
struct Bell {
    component: String,
    health: Health,
    lost: Counter,
    producer: AtomicU64,
    arrived: Notify,
    /// Room was freed, or the journal was opened or closed.
    changed: Notify,
    completions: Completions,
}

impl Bell {
    fn new(site: &Site<'_>) -> Self {
        let labels = [("processor", site.id)];
        Bell {
            component: format!("processors/{}/journal", site.id),
            health: site.health.clone(),
            lost: site
                .metrics
                .counter("skyferry_processor_journal_lost_items_total", &labels),
            producer: AtomicU64::new(0),
            arrived: Notify::new(),
            changed: Notify::new(),
            completions: Completions::default(),
        }
    }

    /// Answers callers until the thread has ended; one task, so that a group wakes the runtime once.
    async fn complete(&self) {
        self.completions.answer().await;
        self.health.set(&self.component, Condition::Stopped);
    }

    fn fails(&self, error: &str, what: &str) {
        tracing::error!(component = self.component, error, "{what}");
        let condition = Condition::Failing(error.to_owned());
        self.health.set(&self.component, condition);
    }
}

/// Says so when the thread ends, however it does.
struct Closing(Arc<Bell>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.completions.close();
    }
}

/// The end that the queue has.
struct Ringing(Arc<Bell>);

impl Events for Ringing {
    fn appended(&self, group: Vec<Completed>) {
        self.0.completions.extend(group);
    }

    fn arrived(&self, _: u8) {
        self.0.arrived.notify_one();
    }

    fn changed(&self) {
        self.0.arrived.notify_one();
        self.0.changed.notify_waiters();
    }

    fn reports(&self, report: &Report) {
        let bell = &*self.0;
        match report {
            Report::Opened(recovery) => {
                let (half, _) = recovery.identity.split_at(8);
                let id = half.try_into().map_or(1, u64::from_le_bytes);
                // Zero is nobody.
                bell.producer.store(id.max(1), Ordering::Release);
                bell.health.set(&bell.component, Condition::Ok);
            }
            Report::CannotOpen(error) => bell.fails(error, "cannot open the journal, trying again"),
            Report::CannotWrite(error) => bell.fails(error, "cannot write to the journal"),
            Report::Writing => {
                tracing::info!(component = bell.component, "writing to the journal again");
                bell.health.set(&bell.component, Condition::Ok);
            }
            Report::Lost(loss) => {
                let (records, items) = (loss.totals.records, loss.totals.items);
                tracing::warn!(component = bell.component, records, items, reason = ?loss.reason,
                    "left the journal unmerged; what is left of it is in `quarantine`");
                bell.lost.increment(items);
            }
        }
    }
}
