//! Finishing with records and removing what nobody needs.
//!
//! The order is what keeps data: a segment is removed only when a cursor that says that all of it
//! is finished has survived any loss of power.

use std::io;

use super::{Log, segment_name};
use crate::cursor::{Cursor, LANES};
use crate::fs::Fs;

impl<F: Fs> Log<F> {
    /// What is finished, saved or not.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Finishes with one record, in any order.
    pub fn finish(&mut self, lane: u8, sequence: u64) {
        self.cursor.lanes[usize::from(lane) % LANES].finish(sequence);
    }

    /// Says that `sequence` is a lane's first record that is not finished, or the next that will be
    /// appended where it has none.
    pub fn advance(&mut self, lane: u8, sequence: u64) {
        let lane = &mut self.cursor.lanes[usize::from(lane) % LANES];
        lane.advance_to(sequence.min(self.next));
    }

    /// Returns when what is finished would survive a loss of power.
    pub fn save(&mut self) -> io::Result<()> {
        self.cursor.next = self.next;
        self.cursor_file.save(&self.cursor)
    }

    /// Removes the segments of which every record is finished; says how many bytes they held.
    pub fn remove_finished(&mut self) -> io::Result<u64> {
        let watermarks = self.cursor.lanes.iter().map(|lane| lane.watermark);
        let needed = watermarks.min().unwrap_or_default();
        let ends = self.segments.windows(2).map(|pair| pair[1].header.first);
        let count = ends.take_while(|end| *end <= needed).count();
        if count == 0 {
            return Ok(0);
        }
        self.save()?;
        let mut removed = 0;
        for _ in 0..count {
            let segment = self.segments[0];
            let path = self.directory.join(segment_name(segment.header.first));
            self.fs.remove(&path)?;
            self.segments.remove(0);
            removed += segment.bytes;
        }
        // A name that comes back holds finished records only.
        self.fs.sync_dir(&self.directory)?;
        Ok(removed)
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}
