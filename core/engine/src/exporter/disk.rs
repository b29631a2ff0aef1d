//! The queue on disk: what it has stored outlives the process.
//!
//! The log and its thread are [`queue`]'s. Here batches become records and records batches, callers
//! wait without a thread each, and what happens to the disk is counted and shows in health.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pdata::{Batch, Signal};
use queue::{
    Keeper, NewRecord, NoRoom, NotStored, OsFs, Ready, Stored, SystemClock, Totals, WhenFull,
};
use telemetry::{Health, Metrics};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::drain_rate::DrainRate;
use super::observe::Observer;
use super::pending::Pending;
use super::queue::{DeathReason, Queue, Receipt, Record, Reservation, Room, Waiting};
use super::settings::{DiskSettings, QueueSettings, Sizer};
use super::size::{Amount, Size};
use crate::ack::{AckToken, Settle, Settlement};
use crate::{Refusal, Tasks};

mod events;
mod gauges;
pub(crate) mod stored;

#[cfg(test)]
mod tests;

use events::{Closing, Desk, Telling};

/// A caller whose record could not be written is asked to wait so long.
const WRITE_RETRY_AFTER: Duration = Duration::from_secs(2);
/// What a record takes on disk beside its payload, about.
const OVERHEAD_BYTES: u64 = 256;
/// Of a queue with several signals, one may take this part of the room.
const LANE_SHARE: u64 = 2;
/// More than this waits on the disk only, and is no reason to slow callers.
const BACKLOG_ABOVE: usize = 8 << 20;
/// The directory of all queues in the data directory.
pub(crate) const QUEUES: &str = "queues";

/// See the module's documentation.
pub(super) struct DiskQueue {
    queue: queue::DiskQueue,
    keeper: Mutex<Option<Keeper<OsFs>>>,
    desk: Arc<Desk>,
    capacity: usize,
    sizer: Sizer,
    drops_newest: bool,
}

/// What an exporter's queue is told about where it is.
pub(super) struct Site<'a> {
    /// The exporter's.
    pub(super) id: &'a str,
    pub(super) data_dir: &'a Path,
    pub(super) metrics: &'a Metrics,
    pub(super) health: &'a Health,
    pub(super) observers: &'a [Observer; Signal::ALL.len()],
    /// Whether more than one signal comes this way.
    pub(super) is_shared: bool,
}

/// Where the queue of an exporter is.
pub(super) fn directory(data_dir: &Path, settings: &DiskSettings, exporter: &str) -> PathBuf {
    let all = match &settings.directory {
        Some(directory) => directory.clone(),
        None => data_dir.join(QUEUES),
    };
    all.join(directory_name(exporter))
}

/// The id as the name of a directory; different ids have different names.
pub(crate) fn directory_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

impl DiskQueue {
    pub(super) fn new(settings: &QueueSettings, disk: &DiskSettings, site: &Site<'_>) -> Arc<Self> {
        let path = directory(site.data_dir, disk, site.id);
        let desk = Arc::new(Desk::new(site, path.clone()));
        let (queue, keeper) = queue::queue(
            OsFs,
            path,
            log_settings(disk, site.is_shared),
            Box::new(Telling(Arc::clone(&desk))),
            Arc::new(SystemClock::default()),
        );
        gauges::watch(site, &queue, disk.durability);
        Arc::new(DiskQueue {
            queue,
            keeper: Mutex::new(Some(keeper)),
            desk,
            capacity: settings.queue_size,
            sizer: settings.sizer,
            drops_newest: disk.when_full == WhenFull::DropNewest,
        })
    }

    /// Starts the queue's thread, which ends after [`DiskQueue::close`].
    pub(super) fn run(&self, id: &str, tasks: &Tasks) {
        let Some(keeper) = self.keeper.lock().take() else {
            return;
        };
        let closing = Closing(Arc::clone(&self.desk));
        tasks.spawn_thread(&format!("exporters/{id}/queue"), move || {
            let _closing = closing;
            keeper.run();
        });
        let desk = Arc::clone(&self.desk);
        let name = format!("exporters/{id}/queue completions");
        tasks.spawn(&name, async move { desk.complete().await });
    }

    /// Lets the queue's thread write down what is finished and end.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    fn waiting_bytes(&self, signal: Signal) -> usize {
        self.queue.usage(signal as u8).waiting.bytes as usize
    }

    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        self.desk.directory()
    }

    pub(super) fn drops_newest(&self) -> bool {
        self.drops_newest
    }

    /// For requests of operators.
    pub(super) fn log(&self) -> &queue::DiskQueue {
        &self.queue
    }

    fn units(&self, size: Size) -> usize {
        match self.sizer {
            Sizer::Requests => 1,
            Sizer::Items => size.items,
            Sizer::Bytes => size.bytes,
        }
    }

    /// Room in the units of `queue_size`, and on the disk.
    fn try_reserve(&self, signal: Signal, size: Size) -> Result<Room, NoRoom> {
        let lane = signal as u8;
        let units = self.units(size);
        let pending = Pending::new(self.desk.pending(signal), units);
        if self.capacity < usize::MAX && self.used(signal) > self.capacity {
            let (used, max) = (self.used(signal) - units, self.capacity);
            return Err(NoRoom::Full {
                used: used as u64,
                max: max as u64,
            });
        }
        let room = self
            .queue
            .reserve(lane, size.bytes as u64 + OVERHEAD_BYTES)?;
        Ok(Room::Disk { room, pending })
    }

    fn refusal(&self, signal: Signal, no_room: &NoRoom) -> Refusal {
        let text = no_room.to_string();
        match no_room {
            NoRoom::Closed => Refusal::Closed,
            NoRoom::TooLarge { .. } => Refusal::reject(text),
            _ => {
                let waiting = self.queue.usage(signal as u8).waiting.bytes as usize;
                let drain = self.desk.drain(signal).lock();
                Refusal::retry(text, drain.delay(waiting, Instant::now()))
            }
        }
    }

    fn record(&self, ready: Ready, signal: Signal) -> Option<Record> {
        let held = Held {
            queue: self.queue.clone(),
            desk: Arc::clone(&self.desk),
            signal,
            sequence: ready.sequence,
            bytes: ready.payload_len as usize,
        };
        match stored::decode(ready, signal) {
            Ok(batch) => Some(Record {
                batch,
                token: AckToken::new(Box::new(held)),
            }),
            Err(unreadable) => {
                let items = unreadable.items as usize;
                self.desk.unreadable(signal, unreadable.sequence, items);
                let kept = stored::as_it_is(unreadable, signal);
                self.queue.bury(kept, Box::new(move || held.finish()));
                None
            }
        }
    }
}

fn log_settings(disk: &DiskSettings, is_shared: bool) -> queue::QueueSettings {
    queue::QueueSettings {
        durability: disk.durability,
        max_bytes: disk.max_bytes,
        lane_max_bytes: match is_shared {
            true => disk.max_bytes / LANE_SHARE,
            false => disk.max_bytes,
        },
        max_age: disk.max_age,
        min_free_disk: disk.min_free_disk,
        when_full: disk.when_full,
        dead_letter_max_bytes: disk.dead_letter_max_bytes,
        seed: fastrand::u64(..),
    }
}

#[async_trait]
impl Queue for DiskQueue {
    async fn reserve(
        &self,
        signal: Signal,
        size: Size,
        deadline: Instant,
    ) -> Result<Reservation, Refusal> {
        if self.units(size) > self.capacity {
            return Err(self.sizer.exceeds(self.units(size), self.capacity));
        }
        loop {
            let changed = self.desk.changed.notified();
            let no_room = match self.try_reserve(signal, size) {
                Ok(room) => {
                    let waiting = || match self.waiting_bytes(signal) {
                        // Nobody keeps the pace of a destination that has fallen far behind.
                        bytes if bytes > BACKLOG_ABOVE => 0,
                        bytes => bytes,
                    };
                    self.desk.pace(signal).slow(deadline, waiting).await;
                    return Ok(Reservation { signal, room });
                }
                Err(no_room) => no_room,
            };
            let is_over = !no_room.is_temporary() || timeout_at(deadline, changed).await.is_err();
            if is_over {
                return Err(self.refusal(signal, &no_room));
            }
        }
    }

    async fn append(
        &self,
        reservation: Reservation,
        batch: Batch,
        receipt: Receipt,
    ) -> Result<(), Refusal> {
        let Room::Disk { room, pending } = reservation.room else {
            unreachable!("this queue handed out the reservation")
        };
        let record = stored::encode(&batch, None);
        let (answer, answered) = oneshot::channel();
        let completion = Box::new(move |outcome: Result<Stored, NotStored>| {
            drop(pending);
            if outcome == Ok(Stored::Now) {
                receipt.stored();
            }
            // A caller may have stopped waiting.
            drop(answer.send(outcome));
        });
        self.queue.append(record, Box::new(batch), room, completion);
        match answered.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(NotStored::Unfit(why))) => Err(Refusal::reject(why)),
            Ok(Err(NotStored::Failed(why))) => Err(Refusal::retry(why, WRITE_RETRY_AFTER)),
            Err(_) => Err(Refusal::Closed),
        }
    }

    fn take(&self, signal: Signal, at_most: Amount) -> Vec<Record> {
        let before = self.waiting_bytes(signal);
        let mut total = Size::default();
        let mut is_first = true;
        let ready = self.queue.take(signal as u8, |next| {
            total.items += next.items as usize;
            total.bytes += next.payload_len as usize;
            std::mem::take(&mut is_first) || total.fits(at_most)
        });
        let after = self.waiting_bytes(signal);
        self.desk.pace(signal).went(before, after);
        ready
            .into_iter()
            .filter_map(|ready| self.record(ready, signal))
            .collect()
    }

    fn waiting(&self, signal: Signal) -> Waiting {
        let usage = self.queue.usage(signal as u8);
        let now = queue::Clock::unix_ms(&SystemClock::default());
        let age = usage.oldest_unix_ms.map(|then| now.saturating_sub(then));
        Waiting {
            records: usage.waiting.records as usize,
            size: size_of(&usage.waiting),
            oldest: Duration::from_millis(age.unwrap_or_default()),
        }
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn used(&self, signal: Signal) -> usize {
        let usage = self.queue.usage(signal as u8);
        let units = |totals: &Totals| match self.sizer {
            Sizer::Requests => totals.records as usize,
            Sizer::Items => totals.items as usize,
            Sizer::Bytes => totals.bytes as usize,
        };
        let pending = self.desk.pending(signal).load(Ordering::Relaxed);
        units(&usage.waiting) + units(&usage.out) + pending
    }

    async fn has_waiting(&self, signal: Signal, amount: Amount) {
        loop {
            let arrival = self.desk.arrival(signal).notified();
            let usage = self.queue.usage(signal as u8);
            if usage.is_ready && size_of(&usage.waiting).reaches(amount) {
                return;
            }
            arrival.await;
        }
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn bury(&self, record: Record, reason: &DeathReason) -> Result<(), Record> {
        let Record { batch, token } = record;
        let letter: NewRecord = stored::encode(&batch, Some(reason));
        self.queue.bury(letter, Box::new(move || token.done()));
        Ok(())
    }
}

fn size_of(totals: &Totals) -> Size {
    Size {
        items: totals.items as usize,
        bytes: totals.bytes as usize,
    }
}

/// A record that was handed out.
struct Held {
    queue: queue::DiskQueue,
    desk: Arc<Desk>,
    signal: Signal,
    sequence: u64,
    bytes: usize,
}

impl Held {
    fn finish(&self) {
        self.queue.finish(self.signal as u8, self.sequence);
        let mut drain = self.desk.drain(self.signal).lock();
        DrainRate::count(&mut drain, self.bytes, Instant::now());
        drop(drain);
        self.desk.changed.notify_waiters();
    }
}

impl Settle for Held {
    /// An open record comes again when the log is opened next.
    fn settle(self: Box<Self>, settlement: Settlement) {
        if settlement == Settlement::Done {
            self.finish();
        }
    }

    fn survived(&self) {
        self.queue.clear(self.sequence);
    }
}
