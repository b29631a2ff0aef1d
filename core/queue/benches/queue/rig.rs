//! A queue with its thread, and producers that wait for their records.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use queue::{
    Completed, DiskQueue, Durability, Events, NewRecord, OsFs, QueueSettings, Report, Room, Stored,
    SystemClock, WhenFull,
};

use crate::PATIENCE;

pub(crate) struct Rig {
    queue: DiskQueue,
    keeper: JoinHandle<()>,
    changed: Receiver<()>,
    groups: (u64, u64),
}

/// Wakes whoever waits for anything.
struct Wake(SyncSender<()>);

impl Wake {
    fn wake(&self) {
        // One that is on its way is enough.
        let _full = self.0.try_send(());
    }
}

impl Events for Wake {
    fn appended(&self, group: Vec<Completed>) {
        for completed in group {
            (completed.completion)(completed.outcome);
        }
    }

    fn arrived(&self, _: u8) {
        self.wake();
    }

    fn changed(&self) {
        self.wake();
    }

    fn reports(&self, _: &Report) {}
}

impl Rig {
    pub(crate) fn open(path: &Path, durability: Durability) -> Self {
        let settings = QueueSettings {
            durability,
            max_bytes: u64::MAX,
            lane_max_bytes: u64::MAX,
            max_age: None,
            min_free_disk: 0,
            when_full: WhenFull::Reject,
            dead_letter_max_bytes: 1 << 20,
            seed: fastrand::u64(..),
        };
        let (wake, changed) = sync_channel(1);
        let clock = Arc::new(SystemClock::default());
        let (queue, keeper) =
            queue::queue(OsFs, path.to_owned(), settings, Box::new(Wake(wake)), clock);
        let keeper = std::thread::spawn(|| keeper.run());
        let rig = Rig {
            queue,
            keeper,
            changed,
            groups: (0, 0),
        };
        drop(rig.room(0));
        rig
    }

    /// Room, as soon as there is some.
    fn room(&self, bytes: u64) -> Room {
        loop {
            match self.queue.reserve(0, bytes) {
                Ok(room) => return room,
                Err(_) => self.changed.recv_timeout(PATIENCE).expect("it goes on"),
            }
        }
    }

    /// Writes records, so many on their way at once, and finishes with each as soon as it can be
    /// taken. Gives how long each took.
    pub(crate) fn write(&mut self, records: u64, length: usize, in_flight: usize) -> Vec<Duration> {
        self.produce(records, length, in_flight, true)
    }

    /// As [`Rig::write`], with nobody who takes the records.
    pub(crate) fn write_and_leave(&mut self, records: u64, length: usize, in_flight: usize) {
        self.produce(records, length, in_flight, false);
    }

    fn produce(
        &mut self,
        records: u64,
        length: usize,
        in_flight: usize,
        takes: bool,
    ) -> Vec<Duration> {
        let (done, stored) = sync_channel(in_flight);
        let payload = Bytes::from(vec![0x5A; length]);
        let mut waits = Vec::with_capacity(records as usize);
        let (mut sent, mut out) = (0, 0);
        let before = self.queue.statistics().groups;
        while (waits.len() as u64) < records {
            while out < in_flight && sent < records {
                self.send(&payload, &done);
                (sent, out) = (sent + 1, out + 1);
            }
            waits.push(stored.recv().expect("the queue answers"));
            out -= 1;
            if takes {
                self.take_all();
            }
        }
        let groups = self.queue.statistics().groups - before;
        self.groups = (records * length as u64, groups);
        waits
    }

    fn send(&self, payload: &Bytes, done: &SyncSender<Duration>) {
        let record = NewRecord {
            producer: None,
            enqueued_unix_ms: 0,
            items: 1,
            lane: 0,
            codec: 0,
            meta: Bytes::from_static(b"some words about where it came from"),
            payload: vec![payload.clone()],
        };
        let room = self.room(record.stored_len());
        let done = done.clone();
        let began = Instant::now();
        let completion = Box::new(move |outcome: Result<Stored, _>| {
            outcome.expect("there is room");
            done.send(began.elapsed()).expect("somebody waits");
        });
        self.queue.append(record, Box::new(()), room, completion);
    }

    fn take_all(&self) -> u64 {
        let taken = self.queue.take(0, |_| true);
        for ready in &taken {
            self.queue.finish(0, ready.sequence);
        }
        taken.len() as u64
    }

    /// Takes and finishes with everything; gives how many records there were.
    pub(crate) fn drain(&mut self) -> u64 {
        let mut drained = 0;
        while self.queue.usage(0).waiting.records > 0 {
            match self.take_all() {
                0 => self.changed.recv_timeout(PATIENCE).expect("more arrives"),
                taken => drained += taken,
            }
        }
        drained
    }

    pub(crate) fn mean_group_bytes(&self) -> u64 {
        let (bytes, groups) = self.groups;
        bytes / groups.max(1)
    }

    pub(crate) fn close(self) {
        self.queue.close();
        self.keeper.join().expect("the keeper ends in order");
    }
}
