//! Records that may have ended the process.
//!
//! A record that makes the process end is the first to be handed out when it starts again, and ends
//! it again. So after an end without order the records that may have been out are written down
//! before they are handed out, a few at a time:
//!
//! ```text
//! an end    nothing is known; the next process hands out the oldest few and notes them
//! end 1     what was out is suspected, and from here on handed out alone
//! end 2     it was out again
//! end 3     and again: to `quarantine/`, untouched
//! ```
//!
//! Who was not out at an end, or came through an attempt, is nobody's suspect any more. An orderly
//! end clears everybody.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Open;
use crate::cursor::{Cursor, LaneCursor, SUSPECTS_MAX, Suspect};
use crate::format::LANES;
use crate::fs::Fs;
use crate::log::NewRecord;
use crate::queue::{Loss, LossReason, NotStored, Report};
use crate::scan::StoredRecord;

/// Handed out together in one lane at most; those of the few lanes that are in use fit into the
/// cursor.
const TOGETHER_MAX: usize = SUSPECTS_MAX / 4;
/// Of each lane, so many of the oldest records may have been out.
const MAY_HAVE_BEEN_OUT: u64 = 4096;
/// Whoever has been out so long has not ended the process and holds nobody back any more.
const INNOCENT_AFTER: Duration = Duration::from_secs(10);
/// Ends of the process at which a record is not touched again.
const EXITS_MAX: u64 = 3;

/// The time after an end without order.
#[derive(Default)]
pub(super) struct Probation {
    /// In each lane, records from here on were not out; 0 where nothing is to be watched.
    ends: [u64; LANES],
    /// Records that are written down, and how many ends of the process they have seen.
    noted: BTreeMap<u64, u64>,
    /// Those of each lane that were let through last.
    let_through: [Vec<u64>; LANES],
    let_through_at: [Duration; LANES],
}

impl Probation {
    /// What is to be watched in a log that was opened with this cursor and ends at `end`.
    pub(super) fn new(cursor: &Cursor, end: u64) -> Self {
        if cursor.clean {
            return Probation::default();
        }
        let last = |lane: &LaneCursor| (lane.watermark + MAY_HAVE_BEEN_OUT).min(end);
        // Who was not out had no part in the end, and is nobody's suspect any more.
        let was_out = cursor.suspects.iter().filter(|(_, suspect)| suspect.is_out);
        let noted = was_out.map(|(sequence, suspect)| (*sequence, suspect.exits + 1));
        Probation {
            ends: cursor.lanes.each_ref().map(last),
            noted: noted.collect(),
            let_through: Default::default(),
            let_through_at: Default::default(),
        }
    }

    /// Whether records of the lane are to be noted before they are taken.
    pub(super) fn is_watching(&self, lane: usize) -> bool {
        self.ends[lane] > 0
    }

    /// For the cursor.
    pub(super) fn noted(&self) -> BTreeMap<u64, Suspect> {
        let is_out = |sequence| self.let_through.iter().any(|lane| lane.contains(sequence));
        let noted = self.noted.iter().map(|(sequence, exits)| {
            let suspect = Suspect {
                exits: *exits,
                is_out: is_out(sequence),
            };
            (*sequence, suspect)
        });
        noted.collect()
    }

    /// Whether the record has been out too often.
    pub(super) fn condemns(&self, sequence: u64) -> bool {
        self.noted
            .get(&sequence)
            .is_some_and(|exits| *exits >= EXITS_MAX)
    }

    /// Forgets records that were touched and have not ended the process: a destination that fails is
    /// none of their fault. Says whether any of them was noted.
    fn clear(&mut self, records: &[u64]) -> bool {
        let before = self.noted.len();
        for sequence in records {
            self.noted.remove(sequence);
        }
        for lane in &mut self.let_through {
            lane.retain(|sequence| !records.contains(sequence));
        }
        self.noted.len() < before
    }

    /// The first of `waiting` that may be out together, given what is out in all lanes: a suspect is
    /// alone, so that it is known who it was.
    fn choose(&self, waiting: &[u64]) -> Option<Vec<u64>> {
        let out = || self.let_through.iter().flatten();
        let (first, others) = waiting.split_first()?;
        if out().any(|sequence| self.is_suspect(*sequence)) {
            return None;
        }
        if self.is_suspect(*first) {
            return out().next().is_none().then(|| vec![*first]);
        }
        let others = others.iter().take_while(|next| !self.is_suspect(**next));
        Some(std::iter::once(first).chain(others).copied().collect())
    }

    fn is_suspect(&self, sequence: u64) -> bool {
        self.noted.get(&sequence).is_some_and(|exits| *exits > 0)
    }
}

impl<F: Fs + Clone> Open<F> {
    /// Lets the next records of lanes that are watched be taken, once they are noted.
    pub(super) fn watch_suspects(&mut self) {
        let is_on_probation = self.probation.ends.iter().any(|end| *end > 0);
        let shared = &self.shared;
        shared
            .is_on_probation
            .store(is_on_probation, Ordering::Relaxed);
        let cleared = std::mem::take(&mut shared.lock().cleared);
        if !is_on_probation || self.times.is_resting() {
            return;
        }
        if self.probation.clear(&cleared) {
            // At once: a process that is killed often would count against them what they survived.
            self.shared.lock().is_dirty = true;
            self.save(false);
        }
        for lane in 0..LANES {
            self.clear_finished(lane);
        }
        let gates: [Option<u64>; LANES] = std::array::from_fn(|lane| self.next_gate(lane));
        if gates.iter().all(Option::is_none) {
            return;
        }
        self.shared.lock().is_dirty = true;
        if !self.save(false) {
            return;
        }
        for (lane, gate) in gates.into_iter().enumerate() {
            if let Some(gate) = gate {
                self.shared.lock().lanes[lane].open_gate(gate);
                self.shared.events.arrived(lane as u8);
            }
        }
    }

    /// Forgets what was let through and has not ended the process.
    fn clear_finished(&mut self, lane: usize) {
        let state = self.shared.lock();
        let of_lane = &state.lanes[lane];
        let is_finished = of_lane.out().records == 0 && of_lane.next().is_none();
        drop(state);
        let probation = &mut self.probation;
        if is_finished || self.times.since(probation.let_through_at[lane]) >= INNOCENT_AFTER {
            for cleared in std::mem::take(&mut probation.let_through[lane]) {
                probation.noted.remove(&cleared);
            }
        }
    }

    /// How far a lane may be taken next, with what is below noted; `None` as long as it is not its
    /// turn.
    fn next_gate(&mut self, lane: usize) -> Option<u64> {
        let end = self.probation.ends[lane];
        let state = self.shared.lock();
        let of_lane = &state.lanes[lane];
        let has_next = of_lane.ready().next().is_some();
        // What is out and has done no harm may stay out for long: it holds nobody back.
        let is_free = of_lane.out().records == 0 || self.probation.let_through[lane].is_empty();
        let is_turn = end > 0 && is_free && of_lane.next().is_none();
        if !is_turn || (!has_next && of_lane.wants().is_some()) {
            return None;
        }
        let waiting: Vec<u64> = of_lane
            .ready()
            .map(|ready| ready.sequence)
            .take_while(|sequence| *sequence < end)
            .take(TOGETHER_MAX)
            .collect();
        drop(state);
        let probation = &mut self.probation;
        if waiting.is_empty() {
            probation.ends[lane] = 0;
            return Some(u64::MAX);
        }
        let chosen = probation.choose(&waiting)?;
        for sequence in &chosen {
            probation.noted.entry(*sequence).or_default();
        }
        let gate = chosen.last().map(|last| last + 1);
        probation.let_through[lane] = chosen;
        probation.let_through_at[lane] = self.times.now();
        gate
    }

    /// Keeps records that have been out too often where nobody touches them.
    pub(super) fn condemn(&mut self, lane: u8, records: &[StoredRecord]) -> bool {
        let copies: Vec<NewRecord> = records.iter().map(copy).collect();
        if let Err(error) = self.quarantine.keep(&copies) {
            let failed = NotStored::Failed(format!("cannot write to the quarantine: {error}"));
            self.report_writing(Some(&failed));
            return false;
        }
        let mut totals = crate::index::Totals::default();
        for record in records {
            totals.add(record.header.items, record.header.payload_len);
            self.probation.noted.remove(&record.header.sequence);
        }
        self.shared.events.reports(&Report::Lost(Loss {
            lane: Some(lane),
            totals,
            reason: LossReason::Suspected,
        }));
        true
    }
}

fn copy(record: &StoredRecord) -> NewRecord {
    NewRecord {
        producer: None,
        enqueued_unix_ms: record.header.enqueued_unix_ms,
        items: record.header.items,
        lane: record.header.lane,
        codec: record.header.codec,
        meta: record.meta.clone(),
        payload: vec![record.payload.clone()],
    }
}
