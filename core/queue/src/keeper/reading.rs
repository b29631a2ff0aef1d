//! Reading ahead for lanes that have fallen behind.

use super::Open;
use crate::format::{LANES, RecordHeader};
use crate::fs::Fs;
use crate::index::{Entry, Totals};
use crate::lane::Ready;
use crate::log::{Loaded, Unreadable, Wanted};
use crate::queue::{Loss, LossReason, Report};

/// What is read at once, not counting one record more.
const LOAD_BYTES_MAX: usize = 1 << 20;
/// A disk that does not read gets so many chances before a record counts as lost.
const READ_ATTEMPTS: u32 = 3;

impl<F: Fs + Clone> Open<F> {
    pub(super) fn read_ahead(&mut self) {
        if self.read_failures > 0 && self.times.is_resting() {
            return;
        }
        for lane in 0..LANES as u8 {
            let state = self.shared.lock();
            let wants = state.lanes[usize::from(lane)].wants();
            drop(state);
            if let Some(from) = wants {
                self.load(lane, from);
            }
        }
    }

    fn load(&mut self, lane: u8, from: u64) {
        let unreadable = match self.read_failures < READ_ATTEMPTS {
            true => Unreadable::Fails,
            false => Unreadable::IsLost,
        };
        let recovered = self.shared.lock().lanes[usize::from(lane)]
            .recovered()
            .clone();
        let loaded = self.log.load(&Wanted {
            lane,
            from,
            at_most: LOAD_BYTES_MAX,
            unreadable,
            finished: &recovered,
        });
        let load = match loaded {
            Ok(load) => load,
            Err(_) => {
                self.read_failures += 1;
                self.times.failed();
                return;
            }
        };
        self.read_failures = 0;
        let (mut ready, mut lost) = (Vec::with_capacity(load.found.len()), Vec::new());
        let mut condemned = Vec::new();
        for found in load.found {
            match found {
                Loaded::Record(record) if self.probation.condemns(record.header.sequence) => {
                    condemned.push(record);
                }
                Loaded::Record(record) => ready.push(Ready::read(record)),
                Loaded::Lost(entry) => lost.push(entry),
            }
        }
        if !condemned.is_empty() && !self.condemn(lane, &condemned) {
            // All of it is read again.
            self.read_failures = 1;
            self.times.failed();
            return;
        }
        let has_arrived = !ready.is_empty();
        let end = self.log.next_sequence();
        let mut state = self.shared.lock();
        let of_lane = &mut state.lanes[usize::from(lane)];
        of_lane.loaded(ready, load.position, end);
        for entry in &lost {
            of_lane.lost(entry.items, entry.payload_len);
        }
        for RecordHeader {
            items, payload_len, ..
        } in condemned.iter().map(|record| record.header)
        {
            of_lane.lost(items, payload_len);
        }
        state.is_dirty = true;
        drop(state);
        self.report_damage(lane, &lost);
        if has_arrived {
            self.shared.events.arrived(lane);
        }
    }

    fn report_damage(&mut self, lane: u8, lost: &[Entry]) {
        if lost.is_empty() {
            return;
        }
        let mut totals = Totals::default();
        for entry in lost {
            totals.add(entry.items, entry.payload_len);
            // Without room for the copy there is nothing left to look at.
            drop(self.log.keep_damaged(entry));
        }
        self.shared.lock().statistics.quarantined.merge(totals);
        self.shared.events.reports(&Report::Lost(Loss {
            lane: Some(lane),
            totals,
            reason: LossReason::Damaged,
        }));
    }
}
