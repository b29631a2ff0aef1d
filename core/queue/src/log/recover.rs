//! Opening a log after whatever happened to it.
//!
//! Recovery loses nothing that was acknowledged and refuses to guess. What is no part of the log
//! goes to `quarantine/` under its own name; the tail that a crash has torn is kept there too, and
//! cut. Writing always goes on in a new segment. Spare files are removed: they hold nothing.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::Path;

use super::files::{
    Backlog, CURSOR, Candidate, LOCK, OpenError, QUARANTINE, Scan, candidates, identity,
    read_footer, scan,
};
use super::spare::SPARE_SUFFIX;
use super::write::Active;
use super::{Log, LogSettings, Segment, segment_name};
use crate::cursor::CursorFile;
use crate::format::Identity;
use crate::fs::{Fs, FsFile, LockError, read_at_most, write_all_at};
use crate::index::{Summary, note_producer};

/// Longer tails are cut without a copy: nothing that was being written is so long.
const TAIL_BYTES_MAX: u64 = 64 << 20;

/// What opening found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that can be read.
    pub segments: usize,
    /// Files taken out because they are no segments of this log.
    pub quarantined: usize,
    /// Bytes behind the last record, cut.
    pub torn_bytes: u64,
    /// Sequence numbers that no segment has though they were not finished.
    pub missing_records: u64,
    /// Whether the log was closed in order before.
    pub was_clean: bool,
    /// What tells this log from every other one.
    pub identity: Identity,
    pub backlog: Backlog,
}

impl<F: Fs> Log<F> {
    /// Opens the log in `directory`, which is created where it is missing.
    pub fn open(
        fs: F,
        directory: &Path,
        settings: LogSettings,
    ) -> Result<(Self, Recovery), OpenError> {
        let failed = |source: io::Error| OpenError::Io {
            path: directory.to_owned(),
            source,
        };
        fs.create_dir(directory).map_err(failed)?;
        let path = directory.join(LOCK);
        let lock = fs.lock(&path).map_err(|error| match error {
            LockError::Held { holder } => OpenError::Locked {
                path: directory.to_owned(),
                holder,
            },
            LockError::Io(error) => failed(error),
        })?;
        let names = fs.list(directory).map_err(failed)?;
        for spare in names.iter().filter(|name| name.ends_with(SPARE_SUFFIX)) {
            // Nobody looks at one that stays.
            drop(fs.remove(&directory.join(spare)));
        }
        let candidates = candidates(&fs, directory, names)?;
        let mut random = fastrand::Rng::with_seed(settings.seed);
        let fresh = random.u128(..).to_le_bytes();
        let path = directory.join(CURSOR);
        let opened = CursorFile::open(&fs, &path, identity(&candidates), fresh);
        let (cursor_file, cursor) = opened.map_err(failed)?;
        let mut log = Log {
            identity: cursor_file.identity(),
            fs,
            directory: directory.to_owned(),
            settings,
            random,
            segments: Vec::new(),
            active: None,
            spares: Vec::new(),
            next: 1.max(cursor.next),
            unsynced: Vec::new(),
            unsynced_bytes: 0,
            producers: cursor.producers.clone(),
            cursor,
            cursor_file,
            readers: Default::default(),
            _lock: lock,
        };
        let recovery = log.recover(candidates).map_err(failed)?;
        Ok((log, recovery))
    }

    fn recover(&mut self, candidates: Vec<Candidate>) -> io::Result<Recovery> {
        let mut recovery = Recovery {
            was_clean: self.cursor.clean,
            identity: self.identity,
            ..Recovery::default()
        };
        for found in candidates {
            match found.segment_of(&self.identity) {
                Some(header) => self.segments.push(Segment {
                    header,
                    bytes: found.bytes,
                    is_closed: false,
                    summary: Summary::default(),
                }),
                None => {
                    self.quarantine(&found.name)?;
                    recovery.quarantined += 1;
                }
            }
        }
        self.segments.sort_by_key(|segment| segment.header.first);
        recovery.torn_bytes = self.close_last()?;
        recovery.segments = self.segments.len();
        self.summarize()?;
        recovery.missing_records = self.files().missing(&self.cursor);
        recovery.backlog = self.files().backlog(&self.cursor)?;
        Ok(recovery)
    }

    /// Finds the end of the last segment, cuts what is behind it and closes it.
    fn close_last(&mut self) -> io::Result<u64> {
        let Some(last) = self.segments.last() else {
            return Ok(0);
        };
        let header = last.header;
        let name = segment_name(header.first);
        let file = self.fs.open(&self.directory.join(&name))?;
        if let Some(footer) = read_footer(&file, &header)? {
            self.next = self.next.max(header.first + footer.numbers);
            return Ok(0);
        }
        let Scan {
            index,
            tail,
            torn_end,
            next,
        } = scan(&file, &header, u64::MAX)?;
        self.next = self.next.max(next);
        if tail < torn_end {
            self.keep_tail(&name, &file, tail..torn_end)?;
        }
        if tail < file.size()? {
            file.truncate(tail)?;
            file.sync()?;
        }
        self.active = Some(Active {
            file,
            header,
            length: index.summary.records_end,
            index,
        });
        self.close_active();
        Ok(torn_end - tail)
    }

    /// Learns what every segment holds.
    fn summarize(&mut self) -> io::Result<()> {
        for index in 0..self.segments.len() {
            let (header, limit) = (self.segments[index].header, self.limit(index));
            let path = self.directory.join(segment_name(header.first));
            let file = self.fs.open_read(&path)?;
            // From its end, or else from its records.
            let footer = read_footer(&file, &header)?;
            let is_closed = footer.is_some();
            let mut summary = match footer {
                Some(footer) => footer.summary,
                None => scan(&file, &header, limit)?.index.summary,
            };
            for (id, sequence) in std::mem::take(&mut summary.producers) {
                note_producer(&mut self.producers, id, sequence);
            }
            let segment = &mut self.segments[index];
            (segment.summary, segment.is_closed) = (summary, is_closed);
        }
        Ok(())
    }

    /// Copies a tail for people to look at. Without room for the copy it is lost: it was never
    /// acknowledged.
    fn keep_tail(&self, name: &str, file: &F::File, tail: Range<u64>) -> io::Result<()> {
        let length = tail.end - tail.start;
        if length > TAIL_BYTES_MAX {
            return Ok(());
        }
        let bytes = read_at_most(file, tail.start, length as usize)?;
        drop(self.set_aside(&format!("{name}.{}.tail", tail.start), &bytes));
        Ok(())
    }

    /// Keeps bytes that are no part of the log for people to look at.
    pub(crate) fn set_aside(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let directory = self.directory.join(QUARANTINE);
        self.fs.create_dir(&directory)?;
        let copy = self.fs.create(&directory.join(name))?;
        write_all_at(&copy, &mut [IoSlice::new(bytes)], 0)
    }

    fn quarantine(&self, name: &str) -> io::Result<()> {
        let directory = self.directory.join(QUARANTINE);
        self.fs.create_dir(&directory)?;
        let from = self.directory.join(name);
        self.fs
            .rename(&from, &directory.join(format!("{name}.foreign")))?;
        self.fs.sync_dir(&directory)?;
        self.fs.sync_dir(&self.directory)
    }
}
