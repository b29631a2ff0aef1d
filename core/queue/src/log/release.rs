//! Finishing with records and removing what nobody needs.
//!
//! The order is what keeps data: a segment is removed only when a cursor that says that all of it
//! is finished has survived any loss of power.

use std::io;
use std::ops::Range;

use super::files::read_index;
use super::spare::Spare;
use super::{Log, Segment, segment_name};
use crate::cursor::Cursor;
use crate::format::{LANES, RECORD_HEADER_BYTES};
use crate::fs::{Fs, Space, read_at_most};
use crate::index::Entry;

/// What is known of the oldest segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    /// Where its records end.
    pub end: u64,
    /// When the last of them was enqueued.
    pub newest_unix_ms: u64,
}

impl<F: Fs> Log<F> {
    /// What was finished when the log was opened or [`Log::save`] was called last.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Whether a record is finished by that.
    pub fn is_finished(&self, lane: u8, sequence: u64) -> bool {
        self.cursor.lanes[usize::from(lane) % LANES].is_finished(sequence)
    }

    /// Returns when what is finished would survive a loss of power.
    pub fn save(&mut self, mut cursor: Cursor) -> io::Result<()> {
        cursor.next = self.next;
        cursor.producers.clone_from(&self.producers);
        self.cursor_file.save(&cursor)?;
        self.cursor = cursor;
        Ok(())
    }

    /// Finishes with the records that have these numbers, in all lanes; says how many bytes left the
    /// disk with them. Returns when that would survive a loss of power.
    pub fn finish(&mut self, runs: impl IntoIterator<Item = Range<u64>>) -> io::Result<u64> {
        let runs: Vec<_> = runs.into_iter().collect();
        let first = self.segments.first().map(|segment| segment.header.first);
        let mut cursor = self.cursor.clone();
        for lane in &mut cursor.lanes {
            // Nothing is before the first segment.
            lane.finish(0..first.unwrap_or(self.next));
            runs.iter().for_each(|run| lane.finish(run.clone()));
        }
        let is_all = cursor.lanes.iter().all(|lane| lane.watermark >= self.next);
        self.save(cursor)?;
        if is_all {
            self.close_segment()?;
        }
        self.remove_finished()
    }

    /// Removes the segments of which every record is finished by the cursor that was saved last;
    /// says how many bytes they held.
    pub fn remove_finished(&mut self) -> io::Result<u64> {
        let watermarks = self.cursor.lanes.iter().map(|lane| lane.watermark);
        let needed = watermarks.min().unwrap_or_default();
        let closed = self.segments.len() - usize::from(self.active.is_some());
        let ends = (0..closed).map(|index| self.limit(index));
        let count = ends.take_while(|end| *end <= needed).count();
        if count == 0 {
            return Ok(0);
        }
        let mut retired = Vec::new();
        let removed = self.retire(count, &mut retired);
        // A file that is still open keeps its room on the disk, or is another segment soon.
        self.readers = Default::default();
        // A name that comes back holds finished records only, as long as it is not written over.
        let synced = removed.and_then(|bytes| {
            self.fs.sync_dir(&self.directory)?;
            Ok(bytes)
        });
        match synced.is_ok() {
            true => self.keep_spares(retired),
            false => retired.iter().for_each(|spare| self.give_back(spare)),
        }
        synced
    }

    /// Takes the first `count` segments out of the log; says how many bytes they held.
    fn retire(&mut self, count: usize, retired: &mut Vec<Spare>) -> io::Result<u64> {
        let mut bytes = 0;
        for _ in 0..count {
            self.retire_first(retired)?;
            bytes += self.segments.remove(0).bytes;
        }
        Ok(bytes)
    }

    /// Bytes of all segments, without [`Log::spare_bytes`].
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Segments, the one written to among them.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The oldest segment; `None` if there is only the one written to.
    pub fn oldest_segment(&self) -> Option<Oldest> {
        let oldest = self.segments.first()?;
        let is_active = self.segments.len() == 1 && self.active.is_some();
        (!is_active).then(|| Oldest {
            end: self.limit(0),
            newest_unix_ms: oldest.summary.newest_unix_ms,
        })
    }

    /// Every record of the oldest segment that counts.
    pub fn entries_below(&mut self, end: u64) -> io::Result<Vec<Entry>> {
        let Some(oldest) = self.segments.first() else {
            return Ok(Vec::new());
        };
        let (header, limit) = (oldest.header, self.limit(0));
        let mut entries = read_index(&self.files().open(0)?, &header, limit)?.entries;
        entries.retain(|entry| entry.sequence < limit.min(end));
        Ok(entries)
    }

    /// Copies what is left of a record to `quarantine/`.
    pub fn keep_damaged(&self, entry: &Entry) -> io::Result<()> {
        let begun = |segment: &Segment| segment.header.first <= entry.sequence;
        let index = self.segments.partition_point(begun);
        let Some(segment) = index.checked_sub(1).map(|index| &self.segments[index]) else {
            return Ok(());
        };
        let path = self.directory.join(segment_name(segment.header.first));
        let file = self.fs.open(&path)?;
        let length = RECORD_HEADER_BYTES + entry.payload_len as usize;
        let bytes = read_at_most(&file, entry.offset, length)?;
        self.set_aside(&format!("{:020}.damaged", entry.sequence), &bytes)
    }

    /// Closes the segment written to, so that it can be removed like any other.
    pub fn close_segment(&mut self) -> io::Result<()> {
        self.sync()?;
        self.close_active();
        Ok(())
    }

    /// What the volume has room for.
    pub fn space(&self) -> io::Result<Space> {
        self.fs.space(&self.directory)
    }
}
