//! What is looked at every now and then: age, room and free space.

use std::time::Duration;

use super::Open;
use crate::format::LANES;
use crate::fs::Fs;
use crate::index::Totals;
use crate::queue::{Loss, LossReason, Report};

/// A segment that is finished with as a whole is closed and removed once the queue has this part
/// of its room in it, or the disk is short of room.
const IDLE_PART: u64 = 4;
/// Nothing is kept to be written over once nothing has been written for so long.
const SPARES_IDLE: Duration = Duration::from_secs(60);

impl<F: Fs + Clone> Open<F> {
    pub(super) fn do_chores(&mut self) {
        if !self.times.begin_chores() {
            return;
        }
        self.look_at_free_space();
        self.drop_expired();
        self.close_finished_segment();
        if self.times.since(self.written_at) >= SPARES_IDLE {
            self.log.limit_spares(0);
        }
        self.describe(&mut self.shared.lock());
    }

    pub(super) fn look_at_free_space(&mut self) {
        // A volume that does not say what is free is written to until it refuses.
        let Ok(mut space) = self.log.space() else {
            return;
        };
        let min_free = self.shared.settings.min_free_disk;
        if space.is_short(min_free) && self.log.spare_bytes() > 0 {
            self.log.limit_spares(0);
            space = self.log.space().unwrap_or(space);
        }
        let mut state = self.shared.lock();
        state.statistics.free = space.free;
        let was_short = std::mem::replace(&mut state.is_short, space.is_short(min_free));
        let is_enough_again = was_short && !state.is_short;
        drop(state);
        if is_enough_again {
            self.shared.events.changed();
        }
    }

    fn drop_expired(&mut self) {
        let Some(max_age) = self.shared.settings.max_age else {
            return;
        };
        let max_age = max_age.as_millis() as u64;
        let Some(born_before) = self.times.unix_ms().checked_sub(max_age) else {
            return;
        };
        while let Some(oldest) = self.log.oldest_segment() {
            if oldest.newest_unix_ms >= born_before || !self.drop_oldest(LossReason::Expired) {
                break;
            }
        }
        for lane in 0..LANES as u8 {
            let mut state = self.shared.lock();
            let dropped = state.lanes[usize::from(lane)].drop_older_than(born_before);
            state.is_dirty |= dropped.records > 0;
            drop(state);
            self.report_loss(lane, dropped, LossReason::Expired);
        }
    }

    /// Gives up spare files that stand in the way of `bytes` more.
    pub(super) fn leave_room(&mut self, bytes: u64) {
        let max = self.shared.settings.max_bytes;
        self.log
            .limit_spares(max.saturating_sub(self.log.bytes().saturating_add(bytes)));
    }

    /// Drops the oldest until `bytes` more have room.
    pub(super) fn make_room(&mut self, bytes: u64) {
        let max = self.shared.settings.max_bytes;
        while self.log.bytes() + bytes > max && self.drop_oldest(LossReason::DroppedOldest) {}
    }

    /// Drops what the oldest segment holds, and the segment; `false` if that is not possible now.
    fn drop_oldest(&mut self, reason: LossReason) -> bool {
        let Some(oldest) = self.log.oldest_segment() else {
            return false;
        };
        let Ok(entries) = self.log.entries_below(oldest.end) else {
            return false;
        };
        let before = self.log.bytes();
        for lane in 0..LANES as u8 {
            let mut state = self.shared.lock();
            let of_lane = &mut state.lanes[usize::from(lane)];
            let mut dropped = Totals::default();
            for entry in entries.iter().filter(|entry| entry.lane == lane) {
                if of_lane.is_on_disk_only(entry.sequence) {
                    of_lane.lost(entry.items, entry.payload_len);
                    dropped.add(entry.items, entry.payload_len);
                }
            }
            dropped.merge(of_lane.drop_below(oldest.end));
            state.is_dirty = true;
            drop(state);
            self.report_loss(lane, dropped, reason);
        }
        self.save(false);
        // What is out keeps its segment.
        self.log.bytes() < before
    }

    pub(super) fn report_loss(&self, lane: u8, totals: Totals, reason: LossReason) {
        if totals.records > 0 {
            let lane = Some(lane);
            self.shared.events.reports(&Report::Lost(Loss {
                lane,
                totals,
                reason,
            }));
        }
    }

    /// Gives the room of the segment written to back once all of it is finished.
    fn close_finished_segment(&mut self) {
        let bytes = self.log.bytes();
        let is_short = self.shared.lock().is_short;
        if bytes > self.shared.settings.segment_bytes() / IDLE_PART || is_short && bytes > 0 {
            self.close_if_finished();
        }
    }

    pub(super) fn close_if_finished(&mut self) {
        let state = self.shared.lock();
        let end = state.end;
        let is_idle = state.inbox.is_empty()
            && state
                .lanes
                .iter()
                .all(|lane| lane.cursor(end).watermark >= end);
        drop(state);
        if is_idle && self.log.close_segment().is_ok() {
            self.shared.lock().is_dirty = true;
            self.save(false);
        }
    }
}
