//! Appending: everything that waits, as one group.

use std::time::Duration;

use super::Open;
use crate::format::Producer;
use crate::fs::Fs;
use crate::lane::{Companion, Ready};
use crate::log::{AppendError, NewRecord};
use crate::queue::{
    Completed, Completion, Durability, GROUP_BYTES_MAX, Loss, LossReason, NotStored, Pending,
    Report, Room, Stored, WhenFull,
};

/// Records that are written at once.
const GROUP_RECORDS_MAX: usize = 512;

/// Records that go to the disk together.
#[derive(Default)]
struct Group {
    records: Vec<NewRecord>,
    companions: Vec<Companion>,
    completions: Vec<Completion>,
    rooms: Vec<Room>,
    bytes: u64,
    /// What has ended without being written.
    ended: Vec<Completed>,
}

impl<F: Fs + Clone> Open<F> {
    /// Writes what waits and tells what became of it.
    pub(super) fn write_group(&mut self) {
        let mut group = self.gather();
        if !group.records.is_empty() {
            let outcome = self.store(&group.records, group.bytes);
            self.hand_over(&mut group, outcome);
        }
        if !group.ended.is_empty() {
            self.shared.events.appended(group.ended);
        }
        // Their room is given back only now that it is taken up in the log.
        drop(group.rooms);
    }

    fn gather(&mut self) -> Group {
        let mut group = Group::default();
        let mut state = self.shared.lock();
        while group.bytes < GROUP_BYTES_MAX && group.records.len() < GROUP_RECORDS_MAX {
            let of_group =
                |pending: &mut Pending| !repeats(&group.records, pending.record.producer);
            let Some(pending) = state.inbox.pop_front_if(of_group) else {
                break;
            };
            let Pending {
                mut record,
                companion,
                room,
                completion,
            } = pending;
            let outcome = if let Err(error) = self.log.check(std::slice::from_ref(&record)) {
                Some(Err(NotStored::from(&error)))
            } else if self.is_repeat(record.producer) {
                Some(Ok(Stored::Before))
            } else if room.is_dropped {
                self.shared.events.reports(&dropped_newest(&record));
                Some(Ok(Stored::Now))
            } else {
                None
            };
            if let Some(outcome) = outcome {
                group.ended.push(Completed {
                    completion,
                    outcome,
                });
            } else {
                record.enqueued_unix_ms = self.times.unix_ms();
                group.bytes += record.stored_len();
                group.records.push(record);
                group.companions.push(companion);
                group.completions.push(completion);
            }
            group.rooms.push(room);
        }
        group
    }

    /// Whether the producer has appended this one, or a later one, before.
    fn is_repeat(&self, producer: Option<Producer>) -> bool {
        producer.is_some_and(|Producer { id, sequence }| {
            let stored = self.log.producers().get(&id);
            stored.is_some_and(|stored| *stored >= sequence)
        })
    }

    fn store(&mut self, records: &[NewRecord], bytes: u64) -> Result<u64, NotStored> {
        if self.shared.settings.when_full == WhenFull::DropOldest {
            self.make_room(bytes);
        }
        self.leave_room(bytes);
        self.written_at = self.times.now();
        let log = &mut self.log;
        let (appended, took) = self.times.measure(|| match log.append(records) {
            Err(AppendError::Full(_)) if log.spare_bytes() > 0 => {
                log.limit_spares(0);
                log.append(records)
            }
            appended => appended,
        });
        let mut state = self.shared.lock();
        let statistics = &mut state.statistics;
        statistics.group_records = records.len();
        statistics.group_bytes = bytes as usize;
        statistics.sync_time = took;
        statistics.groups += 1;
        // Looked at again with the chores, so that a disk without room is left alone for a while.
        state.is_short |= matches!(appended, Err(AppendError::Full(_)));
        drop(state);
        let failed = appended.as_ref().err().map(NotStored::from);
        self.report_writing(failed.as_ref());
        match (appended, failed) {
            (Ok(first), _) => Ok(first),
            (Err(_), Some(failed)) => Err(failed),
            (Err(error), None) => Err(NotStored::from(&error)),
        }
    }

    /// Tells when writing begins to fail and when it works again.
    pub(super) fn report_writing(&mut self, failed: Option<&NotStored>) {
        let was_failing = std::mem::replace(&mut self.is_failing, failed.is_some());
        let report = match failed {
            Some(failed) if !was_failing => Report::CannotWrite(failed.to_string()),
            None if was_failing => Report::Writing,
            _ => return,
        };
        self.shared.events.reports(&report);
    }

    /// Puts what was stored into its lanes.
    fn hand_over(&mut self, group: &mut Group, outcome: Result<u64, NotStored>) {
        let mut arrived = 0_u8;
        if let Ok(first) = outcome {
            let mut state = self.shared.lock();
            let companions = group.companions.drain(..);
            for ((record, companion), sequence) in
                group.records.drain(..).zip(companions).zip(first..)
            {
                let lane = usize::from(record.lane);
                state.lanes[lane].appended(Ready::appended(record, companion, sequence));
                arrived |= 1 << lane;
            }
            self.describe(&mut state);
        }
        let outcome = outcome.map(|_| Stored::Now);
        let completions = group.completions.drain(..);
        group.ended.extend(completions.map(|completion| Completed {
            completion,
            outcome: outcome.clone(),
        }));
        for lane in (0..8).filter(|lane| arrived & 1 << lane != 0) {
            self.shared.events.arrived(lane);
        }
    }

    /// How long something may stay unsynced that is.
    pub(super) fn sync_interval(&self) -> Option<Duration> {
        match self.shared.settings.durability {
            Durability::Interval(interval) if self.log.is_unsynced() => Some(interval),
            _ => None,
        }
    }

    pub(super) fn sync_in_time(&mut self) {
        let Some(interval) = self.sync_interval() else {
            // What is appended next is as old as this.
            self.times.synced();
            return;
        };
        if !self.times.is_time_to_sync(interval) || self.times.is_resting() {
            return;
        }
        let synced = self.log.sync();
        let failed = synced.map_err(|error| NotStored::Failed(format!("cannot sync: {error}")));
        match failed.is_ok() {
            true => self.times.synced(),
            false => self.times.failed(),
        }
        self.report_writing(failed.as_ref().err());
    }
}

/// Whether a group that is not safe yet holds this one of the producer, or a later one: then it has
/// to wait for what becomes of the group.
fn repeats(group: &[NewRecord], producer: Option<Producer>) -> bool {
    producer.is_some_and(|Producer { id, sequence }| {
        let mut of_group = group.iter().filter_map(|record| record.producer);
        of_group.any(|of| of.id == id && of.sequence >= sequence)
    })
}

fn dropped_newest(record: &NewRecord) -> Report {
    let mut totals = crate::index::Totals::default();
    totals.add(record.items, record.payload_len() as u32);
    Report::Lost(Loss {
        lane: Some(record.lane),
        totals,
        reason: LossReason::DroppedNewest,
    })
}
