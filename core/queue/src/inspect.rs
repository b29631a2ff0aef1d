//! A look at a log without opening it: nothing is changed, and another process may be writing it.
//!
//! The lock is not taken, so what is seen is a moment ago. Its owner removes segments, or writes new
//! ones over them, only after a cursor that says they are finished; the cursor is read last, so
//! nothing that is gone is missed.
//! What stands behind the last record is being written as long as somebody has the lock.

use std::io;
use std::path::{Path, PathBuf};

use crate::cursor::{self, Cursor};
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{Fs, FsFile};
use crate::log::{
    Backlog, CURSOR, Candidate, Files, LOCK, OpenError, Segment, candidates, identity, is_still,
    read_footer, scan, segment_name,
};

mod quarantine;
mod read;
mod verify;

#[cfg(test)]
mod tests;

pub use quarantine::{QuarantinedFile, Salvage, quarantined};
pub use read::{Part, Selection};
pub use verify::{Depth, Fault, Finding, Verdict};

/// A cursor that was caught half written is read again, so often at most.
const CURSOR_READS_MAX: usize = 3;

/// A log as it was found.
pub struct View<F: Fs> {
    fs: F,
    directory: PathBuf,
    holder: Option<String>,
    segments: Vec<Segment>,
    strangers: Vec<String>,
    cursor: Cursor,
    damaged_slots: usize,
    next: u64,
    tail_bytes: u64,
}

/// What is in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Who has it open, in its own words.
    pub holder: Option<String>,
    pub segments: Vec<SegmentFound>,
    /// Names of files that look like segments and are none of this log.
    pub strangers: Vec<String>,
    pub cursor: Cursor,
    /// The sequence number the next record will have, or had a moment ago.
    pub next: u64,
    pub backlog: Backlog,
    pub missing_records: u64,
    /// Bytes behind the last record of the last segment: torn, or being written.
    pub tail_bytes: u64,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFound {
    pub name: String,
    /// The sequence number of its first record.
    pub first: u64,
    /// Where its records end.
    pub end: u64,
    pub bytes: u64,
    pub records: u64,
    /// When its records were enqueued; `None` if there are none.
    pub unix_ms: Option<(u64, u64)>,
    pub is_closed: bool,
}

impl<F: Fs> View<F> {
    pub fn open(fs: F, directory: &Path) -> Result<Self, OpenError> {
        let failed = |source: io::Error| OpenError::Io {
            path: directory.to_owned(),
            source,
        };
        let holder = fs.holder(&directory.join(LOCK)).map_err(failed)?;
        let names = fs.list(directory).map_err(failed)?;
        let candidates = candidates(&fs, directory, names)?;
        let mut view = View {
            fs,
            directory: directory.to_owned(),
            holder,
            segments: Vec::new(),
            strangers: Vec::new(),
            cursor: Cursor::default(),
            damaged_slots: 0,
            next: 1,
            tail_bytes: 0,
        };
        view.look(candidates).map_err(failed)?;
        Ok(view)
    }

    fn look(&mut self, candidates: Vec<Candidate>) -> io::Result<()> {
        let identity = identity(&candidates);
        let mut found: Vec<(SegmentHeader, u64)> = Vec::new();
        for candidate in candidates {
            let header = identity.and_then(|of| candidate.segment_of(&of));
            match header {
                Some(header) => found.push((header, candidate.bytes)),
                None => self.strangers.push(candidate.name),
            }
        }
        found.sort_by_key(|(header, _)| header.first);
        for (index, (header, bytes)) in found.iter().enumerate() {
            let following = found.get(index + 1).map(|(next, _)| next.first);
            self.look_at(header, *bytes, following)?;
        }
        self.strangers.sort();
        self.read_cursor(identity)?;
        if self.holder.is_none() {
            // It may have been opened meanwhile.
            self.holder = self.fs.holder(&self.directory.join(LOCK))?;
        }
        if self.holder.is_none() || self.segments.is_empty() {
            self.next = self.next.max(self.cursor.next);
        }
        if self.holder.is_some() {
            self.forget_unborn();
        }
        Ok(())
    }

    /// Learns what one segment holds, which ends where the `following` one begins.
    fn look_at(
        &mut self,
        header: &SegmentHeader,
        bytes: u64,
        following: Option<u64>,
    ) -> io::Result<()> {
        let path = self.directory.join(segment_name(header.first));
        let file = match self.fs.open_read(&path) {
            // Finished with, and removed since its name was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let mut torn = 0;
        let footer = read_footer(&file, header)?;
        let is_closed = footer.is_some();
        let (summary, next) = match footer {
            Some(footer) => (footer.summary, header.first + footer.numbers),
            None => {
                let found = scan(&file, header, following.unwrap_or(u64::MAX))?;
                torn = found.torn_end - found.tail;
                (found.index.summary, found.next)
            }
        };
        if !is_still(&file, header)? {
            return Ok(());
        }
        if following.is_none() {
            self.tail_bytes = torn;
        }
        self.next = self.next.max(next);
        self.segments.push(Segment {
            header: *header,
            bytes,
            is_closed,
            summary,
        });
        Ok(())
    }

    fn read_cursor(&mut self, identity: Option<crate::format::Identity>) -> io::Result<()> {
        let path = self.directory.join(CURSOR);
        for _ in 0..CURSOR_READS_MAX {
            (self.cursor, self.damaged_slots) = cursor::look(&self.fs, &path, identity)?;
            if self.damaged_slots == 0 {
                break;
            }
        }
        Ok(())
    }

    /// A segment that is being created has no header yet.
    fn forget_unborn(&mut self) {
        let (fs, directory) = (&self.fs, &self.directory);
        self.strangers.retain(|name| {
            let file = fs.open_read(&directory.join(name));
            let size = file.and_then(|file| file.size());
            size.is_ok_and(|size| size >= SEGMENT_HEADER_BYTES as u64)
        });
    }

    fn files(&self) -> Files<'_, F> {
        Files {
            fs: &self.fs,
            directory: &self.directory,
            segments: &self.segments,
            next: self.next,
        }
    }

    /// The sequence number the next record will have, or had a moment ago.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Who has the log open, in its own words.
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    pub fn inspection(&self) -> Result<Inspection, OpenError> {
        let files = self.files();
        let backlog = files.backlog(&self.cursor);
        let backlog = backlog.map_err(|source| OpenError::Io {
            path: self.directory.clone(),
            source,
        })?;
        let segments = self.segments.iter().enumerate();
        let segments = segments.map(|(index, segment)| {
            let summary = &segment.summary;
            let times = (summary.oldest_unix_ms, summary.newest_unix_ms);
            SegmentFound {
                name: segment_name(segment.header.first),
                first: segment.header.first,
                end: files.limit(index),
                bytes: segment.bytes,
                records: summary.records(),
                unix_ms: (summary.records() > 0).then_some(times),
                is_closed: segment.is_closed,
            }
        });
        Ok(Inspection {
            holder: self.holder.clone(),
            segments: segments.collect(),
            strangers: self.strangers.clone(),
            cursor: self.cursor.clone(),
            next: self.next,
            backlog,
            missing_records: match self.holder {
                // What its owner removes meanwhile is finished, not missing.
                Some(_) => 0,
                None => files.missing(&self.cursor),
            },
            tail_bytes: self.tail_bytes,
        })
    }
}
