//! The whole queue on a disk that fails, turn by turn, without threads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use super::*;
use crate::log::NewRecord;
use crate::queue::{
    Completed, Durability, Loss, LossReason, NoRoom, NotStored, QueueSettings, Stored, WhenFull,
};
use crate::sim::{Faults, SimFs};

mod crashes;
mod damage;
mod lessons;
mod limits;
mod poison;
mod promises;
mod requests;

const DIRECTORY: &str = "/queue";

/// Everything a queue has told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    stored: Vec<u64>,
    refused: Vec<(u64, NotStored)>,
    reports: Vec<Report>,
    waiting: Vec<u64>,
}

impl Events for Told {
    fn appended(&self, group: Vec<Completed>) {
        for completed in group {
            (completed.completion)(completed.outcome);
        }
    }

    fn arrived(&self, _: u8) {}

    fn changed(&self) {}

    fn reports(&self, report: &Report) {
        self.0.lock().reports.push(report.clone());
    }
}

/// A clock that is set by hand.
#[derive(Default)]
struct HandClock {
    elapsed_ms: AtomicU64,
    unix_ms: AtomicU64,
}

impl Clock for HandClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }

    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::Relaxed)
    }
}

fn settings(seed: u64) -> QueueSettings {
    QueueSettings {
        durability: Durability::Always,
        max_bytes: 1 << 30,
        lane_max_bytes: 1 << 30,
        max_age: None,
        min_free_disk: 0,
        when_full: WhenFull::Reject,
        dead_letter_max_bytes: 1 << 20,
        seed,
    }
}

/// A record that says which one it is.
fn record(number: u64, length: usize) -> NewRecord {
    NewRecord {
        producer: None,
        enqueued_unix_ms: 0,
        items: number as u32,
        lane: (number % 3) as u8,
        codec: 0,
        meta: Bytes::copy_from_slice(&number.to_le_bytes()),
        payload: vec![Bytes::from(vec![number as u8; length])],
    }
}

fn number_of(ready: &crate::Ready) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&ready.meta);
    let number = u64::from_le_bytes(number);
    let payload = ready.payload.concat();
    assert!(payload.iter().all(|byte| *byte == number as u8));
    assert_eq!(payload.len(), ready.payload_len as usize);
    number
}

/// A queue and the one who turns its keeper.
struct Rig {
    queue: DiskQueue,
    open: Open<SimFs>,
    told: Told,
    clock: Arc<HandClock>,
}

impl Rig {
    fn open(fs: &SimFs, settings: QueueSettings) -> Option<Rig> {
        Rig::open_at(fs, settings, Arc::default())
    }

    fn open_at(fs: &SimFs, settings: QueueSettings, clock: Arc<HandClock>) -> Option<Rig> {
        let told = Told::default();
        let (queue, keeper) = queue(
            fs.clone(),
            DIRECTORY.into(),
            settings,
            Box::new(told.clone()),
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let open = keeper.open().ok()?;
        Some(Rig {
            queue,
            open,
            told,
            clock,
        })
    }

    /// Lets the time pass, and the keeper turn.
    fn turn(&mut self, ms: u64) {
        self.clock.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
        self.open.step();
    }

    /// Puts a record into the inbox.
    fn offer(&self, number: u64, record: NewRecord) -> Result<(), NoRoom> {
        let room = self.queue.reserve(record.lane, record.stored_len())?;
        let told = self.told.clone();
        let completion = Box::new(move |outcome| {
            let mut heard = told.0.lock();
            heard.waiting.retain(|waiting| *waiting != number);
            match outcome {
                Ok(_) => heard.stored.push(number),
                Err(refused) => heard.refused.push((number, refused)),
            }
        });
        self.told.0.lock().waiting.push(number);
        self.queue.append(record, Box::new(()), room, completion);
        Ok(())
    }

    fn append(&mut self, numbers: std::ops::Range<u64>, length: usize) {
        for number in numbers {
            let offered = self.offer(number, record(number, length));
            offered.expect("there is room");
            self.turn(0);
        }
    }

    /// Takes what can be taken of every lane, at most so many records: lane, sequence number,
    /// number.
    fn take(&self, at_most: usize) -> Vec<(u8, u64, u64)> {
        let mut taken = Vec::new();
        for lane in 0..3 {
            let mut left = at_most - taken.len();
            let ready = self.queue.take(lane, |_| {
                let wanted = left > 0;
                left = left.saturating_sub(1);
                wanted
            });
            taken.extend(
                ready
                    .iter()
                    .map(|ready| (lane, ready.sequence, number_of(ready))),
            );
        }
        taken
    }

    /// Takes and finishes everything; gives the numbers.
    fn drain(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            self.turn(300);
            let taken = self.take(usize::MAX);
            if taken.is_empty() {
                return numbers;
            }
            for (lane, sequence, number) in taken {
                numbers.push(number);
                self.queue.finish(lane, sequence);
            }
        }
    }

    /// Numbers of the records that are not to be touched again.
    fn quarantined(&mut self) -> Vec<u64> {
        let records = self.open.quarantine.records();
        records
            .into_iter()
            .map(|record| number_of(&crate::Ready::read(record)))
            .collect()
    }

    fn stored(&self) -> BTreeSet<u64> {
        self.told.0.lock().stored.iter().copied().collect()
    }

    fn losses(&self) -> Vec<Loss> {
        let heard = self.told.0.lock();
        let losses = heard.reports.iter().filter_map(|report| match report {
            Report::Lost(loss) => Some(loss.clone()),
            _ => None,
        });
        losses.collect()
    }
}
