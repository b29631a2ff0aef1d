//! One lane of an open queue, in memory: what may be handed out, what is out, what is finished.
//!
//! ```text
//! finished ... | out (some finished) | ready, in memory | on disk only
//!              ^ watermark                              ^ position
//! ```

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::cursor::LaneCursor;
use crate::index::Totals;
use crate::log::{Backlog, NewRecord};
use crate::scan::StoredRecord;

/// Payload bytes that lie ready in one lane at most, not counting one record more.
pub(crate) const READY_BYTES_MAX: usize = 8 << 20;

/// A record that can be handed out.
#[derive(Debug)]
pub struct Ready {
    pub sequence: u64,
    pub enqueued_unix_ms: u64,
    pub items: u32,
    pub codec: u8,
    pub meta: Bytes,
    /// As it was appended, or in one piece.
    pub payload: Vec<Bytes>,
    pub payload_len: u32,
    /// What was given with the record, as long as it has not been to the disk and back.
    pub companion: Option<Companion>,
}

/// Something that whoever appends a record wants to have again with it, and can make anew from the
/// record.
pub type Companion = Box<dyn Any + Send>;

impl Ready {
    pub(crate) fn appended(record: NewRecord, companion: Companion, sequence: u64) -> Self {
        Ready {
            sequence,
            enqueued_unix_ms: record.enqueued_unix_ms,
            items: record.items,
            codec: record.codec,
            payload_len: record.payload_len() as u32,
            meta: record.meta,
            payload: record.payload,
            companion: Some(companion),
        }
    }

    /// A record as it was read from a log.
    pub fn read(record: StoredRecord) -> Self {
        Ready {
            sequence: record.header.sequence,
            enqueued_unix_ms: record.header.enqueued_unix_ms,
            items: record.header.items,
            codec: record.header.codec,
            payload_len: record.header.payload_len,
            meta: record.meta,
            payload: vec![record.payload],
            companion: None,
        }
    }
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Lane {
    /// Records from here on are on disk only.
    position: u64,
    /// Whether nothing is on disk only: what is appended lies ready at once.
    hot: bool,
    ready: VecDeque<Ready>,
    ready_bytes: usize,
    /// Records from here on are not to be handed out yet.
    gate: Gate,
    /// Everything handed out from the watermark on.
    out: BTreeMap<u64, Out>,
    /// What was finished above the watermark when the log was opened.
    recovered: LaneCursor,
    waiting: Totals,
    out_totals: Totals,
    /// While nothing lies ready: no record was enqueued before this.
    oldest_unix_ms: u64,
}

/// A sequence number; without a word, one that nothing reaches.
struct Gate(u64);

impl Default for Gate {
    fn default() -> Self {
        Gate(u64::MAX)
    }
}

/// A record that was handed out.
#[derive(Clone, Copy)]
struct Out {
    items: u32,
    payload_len: u32,
    finished: bool,
}

impl Lane {
    /// The lane as it was found when the log was opened.
    pub(crate) fn as_found(cursor: &LaneCursor, backlog: &Backlog, lane: usize) -> Self {
        Lane {
            position: cursor.watermark,
            recovered: cursor.clone(),
            waiting: backlog.lanes[lane],
            oldest_unix_ms: backlog.oldest_unix_ms[lane],
            ..Lane::default()
        }
    }

    /// What waits, without what is out.
    pub(crate) fn waiting(&self) -> Totals {
        self.waiting
    }

    pub(crate) fn out(&self) -> Totals {
        self.out_totals
    }

    /// When the oldest record that waits was enqueued, or a time before that; `None` if none
    /// waits.
    pub(crate) fn oldest_unix_ms(&self) -> Option<u64> {
        let ready = self.ready.front();
        let oldest = ready.map_or(self.oldest_unix_ms, |record| record.enqueued_unix_ms);
        (self.waiting.records > 0).then_some(oldest)
    }

    /// What lies ready.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Ready> {
        self.ready.iter()
    }

    /// What may be handed out next.
    pub(crate) fn next(&self) -> Option<&Ready> {
        self.ready
            .front()
            .filter(|ready| ready.sequence < self.gate.0)
    }

    /// Whether the next records wait to be let through.
    pub(crate) fn is_held_back(&self) -> bool {
        self.gate.0 != u64::MAX && self.out_totals.records == 0
    }

    /// Records below `gate` may be handed out, and no others.
    pub(crate) fn open_gate(&mut self, gate: u64) {
        self.gate = Gate(gate);
    }

    /// Where to read on, if there is something to read and room for it.
    pub(crate) fn wants(&self) -> Option<u64> {
        let wants = !self.hot && self.ready_bytes <= READY_BYTES_MAX / 2;
        wants.then_some(self.position)
    }

    /// What was finished before the log was opened.
    pub(crate) fn recovered(&self) -> &LaneCursor {
        &self.recovered
    }

    /// Whether the record waits and is not in memory.
    pub(crate) fn is_on_disk_only(&self, sequence: u64) -> bool {
        sequence >= self.position && !self.recovered.is_finished(sequence)
    }

    /// Drops what lies ready and was enqueued before `unix_ms`.
    pub(crate) fn drop_older_than(&mut self, unix_ms: u64) -> Totals {
        let kept = self
            .ready
            .iter()
            .find(|record| record.enqueued_unix_ms >= unix_ms);
        let end = kept.map(|record| record.sequence);
        let last = self.ready.back().map_or(0, |record| record.sequence + 1);
        self.drop_ready_below(end.unwrap_or(last))
    }

    /// A record was appended to the log.
    pub(crate) fn appended(&mut self, record: Ready) {
        let (sequence, items, payload_len) = (record.sequence, record.items, record.payload_len);
        if self.waiting.records == 0 {
            self.oldest_unix_ms = record.enqueued_unix_ms;
        }
        self.waiting.add(items, payload_len);
        if !self.hot {
            return;
        }
        match self.ready_bytes <= READY_BYTES_MAX {
            true => {
                self.push(record);
                self.position = sequence + 1;
            }
            false => {
                self.position = sequence;
                self.hot = false;
            }
        }
    }

    fn push(&mut self, record: Ready) {
        self.ready_bytes += record.payload_len as usize;
        self.ready.push_back(record);
    }

    /// Records were read from disk, from [`Lane::wants`] up to `position`; `end` is where the log
    /// ends.
    pub(crate) fn loaded(&mut self, records: Vec<Ready>, position: u64, end: u64) {
        records.into_iter().for_each(|record| self.push(record));
        self.position = position;
        self.hot = position >= end;
        if self.hot {
            self.recovered = LaneCursor::default();
        }
    }

    /// A record that was to be read is gone.
    pub(crate) fn lost(&mut self, items: u32, payload_len: u32) {
        self.waiting.subtract(items, payload_len);
    }

    /// Hands out the first record that lies ready.
    pub(crate) fn take(&mut self) -> Option<Ready> {
        let record = self.ready.pop_front()?;
        self.ready_bytes -= record.payload_len as usize;
        let (sequence, items, payload_len) = (record.sequence, record.items, record.payload_len);
        self.waiting.subtract(items, payload_len);
        self.out_totals.add(items, payload_len);
        let finished = false;
        let out = Out {
            items,
            payload_len,
            finished,
        };
        self.out.insert(sequence, out);
        self.oldest_unix_ms = record.enqueued_unix_ms;
        Some(record)
    }

    /// A record that was handed out is finished with.
    pub(crate) fn finish(&mut self, sequence: u64) {
        let Some(out) = self.out.get_mut(&sequence) else {
            return;
        };
        if !std::mem::replace(&mut out.finished, true) {
            self.out_totals.subtract(out.items, out.payload_len);
        }
        while self
            .out
            .first_entry()
            .is_some_and(|first| first.get().finished)
        {
            self.out.pop_first();
        }
    }

    /// The first record that is not finished, or the next one that will be appended.
    pub(crate) fn watermark(&self) -> u64 {
        let first = self.out.first_key_value().map(|(sequence, _)| *sequence);
        let ready = self.ready.front().map(|record| record.sequence);
        first.or(ready).unwrap_or(self.position)
    }

    /// What is finished, for [`crate::Log::save`]; `end` is where the log ends.
    pub(crate) fn cursor(&self, end: u64) -> LaneCursor {
        let mut cursor = LaneCursor {
            watermark: match self.hot && self.out.is_empty() && self.ready.is_empty() {
                true => end,
                false => self.watermark(),
            },
            runs: Vec::new(),
        };
        let mut open_before = None;
        for (sequence, out) in &self.out {
            if !out.finished {
                extend(&mut cursor, open_before, *sequence);
                open_before = Some(*sequence);
            }
        }
        // Up to what lies ready or is on disk only.
        let ready = self.ready.front().map(|record| record.sequence);
        extend(&mut cursor, open_before, ready.unwrap_or(self.position));
        let later = self.recovered.runs.iter();
        let later = later.map(|run| run.start.max(self.position)..run.end);
        cursor.runs.extend(later.filter(|run| !run.is_empty()));
        cursor
    }

    /// Drops every record below `end` that is not out; gives what lay ready. What was on disk only
    /// is the caller's to count, with [`Lane::lost`].
    pub(crate) fn drop_below(&mut self, end: u64) -> Totals {
        self.position = self.position.max(end);
        self.drop_ready_below(end)
    }

    /// Drops every record that is not out; `end` is where the log ends.
    pub(crate) fn drop_all(&mut self, end: u64) -> Totals {
        let all = self.waiting;
        self.drop_below(end);
        self.waiting = Totals::default();
        all
    }

    fn drop_ready_below(&mut self, end: u64) -> Totals {
        let mut dropped = Totals::default();
        while let Some(record) = self.ready.pop_front_if(|record| record.sequence < end) {
            self.ready_bytes -= record.payload_len as usize;
            self.waiting.subtract(record.items, record.payload_len);
            dropped.add(record.items, record.payload_len);
        }
        dropped
    }
}

/// Notes that everything between two open records is finished.
fn extend(cursor: &mut LaneCursor, open_before: Option<u64>, open: u64) {
    if let Some(before) = open_before
        && before + 1 < open
    {
        cursor.runs.push(before + 1..open);
    }
}

#[cfg(test)]
mod tests;
