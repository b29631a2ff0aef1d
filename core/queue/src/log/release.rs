//! Finishing with records and removing what nobody needs.
//!
//! The order is what keeps data: a segment is removed only when a cursor that says that all of it
//! is finished has survived any loss of power.

use std::io;

use super::{Log, segment_name};
use crate::cursor::Cursor;
use crate::fs::{Fs, Space};

impl<F: Fs> Log<F> {
    /// What was finished when the log was opened or [`Log::save`] was called last.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Returns when what is finished would survive a loss of power.
    pub fn save(&mut self, mut cursor: Cursor) -> io::Result<()> {
        cursor.next = self.next;
        cursor.producers.clone_from(&self.producers);
        self.cursor_file.save(&cursor)?;
        self.cursor = cursor;
        Ok(())
    }

    /// Removes the segments of which every record is finished by the cursor that was saved last;
    /// says how many bytes they held.
    pub fn remove_finished(&mut self) -> io::Result<u64> {
        let watermarks = self.cursor.lanes.iter().map(|lane| lane.watermark);
        let needed = watermarks.min().unwrap_or_default();
        let ends = self.segments.windows(2).map(|pair| pair[1].header.first);
        let count = ends.take_while(|end| *end <= needed).count();
        let mut removed = 0;
        for _ in 0..count {
            let segment = &self.segments[0];
            let (bytes, name) = (segment.bytes, segment_name(segment.header.first));
            self.fs.remove(&self.directory.join(name))?;
            self.segments.remove(0);
            removed += bytes;
        }
        if count > 0 {
            // A file that is still open keeps its room on the disk.
            self.readers = Default::default();
            // A name that comes back holds finished records only.
            self.fs.sync_dir(&self.directory)?;
        }
        Ok(removed)
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Segments, the one written to among them.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Where the oldest segment's records end and when the newest of them was enqueued; `None` if
    /// there is only the one written to.
    pub fn oldest_segment(&self) -> Option<(u64, u64)> {
        let following = self.segments.get(1)?;
        let oldest = self.segments.first()?;
        Some((following.header.first, oldest.summary.newest_unix_ms))
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
