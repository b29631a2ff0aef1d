//! Opening a log after whatever happened to it.
//!
//! Recovery loses nothing that was acknowledged and refuses to guess. What is no part of the log
//! goes to `quarantine/` under its own name; the tail that a crash has torn is kept there too, and
//! cut. Writing always goes on in a new segment.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::load::{Scan, read_footer, read_index, scan};
use super::write::Active;
use super::{Log, LogSettings, Segment, segment_name};
use crate::cursor::CursorFile;
use crate::format::{HeaderFault, Identity, LANES, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{Fs, FsFile, LockError, read_at_most, write_all_at};
use crate::index::{Summary, Totals, note_producer};

const LOCK: &str = "LOCK";
const CURSOR: &str = "cursor";
const QUARANTINE: &str = "quarantine";
const SEGMENT_SUFFIX: &str = ".seg";

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
    pub backlog: Backlog,
}

/// What is in a log and not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub lanes: [Totals; LANES],
    /// No record of the lane was enqueued before this; 0 where there is none.
    pub oldest_unix_ms: [u64; LANES],
}

/// Why a log cannot be opened. What it holds was not changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{path}` is in use by another process{}", in_brackets(.holder))]
    Locked { path: PathBuf, holder: String },
    #[error("`{path}` was written by a newer version of the program")]
    Newer { path: PathBuf, source: HeaderFault },
    #[error("cannot open the log in `{path}`")]
    Io { path: PathBuf, source: io::Error },
}

fn in_brackets(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!(" ({text})"),
    }
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
            ..Recovery::default()
        };
        for found in candidates {
            match found.header {
                Some(header)
                    if header.identity == self.identity
                        && found.name == segment_name(header.first) =>
                {
                    self.segments.push(Segment {
                        header,
                        bytes: found.bytes,
                        summary: Summary::default(),
                    });
                }
                _ => {
                    self.quarantine(&found.name)?;
                    recovery.quarantined += 1;
                }
            }
        }
        self.segments.sort_by_key(|segment| segment.header.first);
        recovery.torn_bytes = self.close_last()?;
        recovery.segments = self.segments.len();
        recovery.missing_records = self.summarize()?;
        recovery.backlog = self.backlog()?;
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
        let Scan { index, tail, next } = scan(&file, &header, u64::MAX)?;
        self.next = self.next.max(next);
        let length = file.size()?;
        if tail < length {
            self.keep_tail(&name, &file, tail..length)?;
            file.truncate(tail)?;
            file.sync()?;
        }
        self.active = Some(Active {
            file,
            header,
            index,
        });
        self.close_active();
        Ok(length - tail)
    }

    /// Learns what every segment holds; says how many records are missing between those that are
    /// there.
    fn summarize(&mut self) -> io::Result<u64> {
        let watermarks = self.cursor.lanes.iter().map(|lane| lane.watermark);
        let needed = watermarks.min().unwrap_or_default().max(1);
        let mut missing = 0;
        for index in 0..self.segments.len() {
            let (header, limit) = (self.segments[index].header, self.limit(index));
            let path = self.directory.join(segment_name(header.first));
            let file = self.fs.open(&path)?;
            let mut summary = match read_footer(&file, &header)? {
                Some(footer) => footer.summary,
                None => scan(&file, &header, limit)?.index.summary,
            };
            for (id, sequence) in std::mem::take(&mut summary.producers) {
                note_producer(&mut self.producers, id, sequence);
            }
            if header.first >= needed {
                missing += (limit - header.first).saturating_sub(summary.records());
            }
            self.segments[index].summary = summary;
        }
        let first = self.segments.first().map(|segment| segment.header.first);
        let before = first.map_or(0, |first| first.saturating_sub(needed));
        // Without a cursor nothing is known of what was before.
        Ok(missing + if self.cursor.next > 0 { before } else { 0 })
    }

    /// What is not finished. Only segments that are finished in part have their index read.
    fn backlog(&mut self) -> io::Result<Backlog> {
        let mut backlog = Backlog::default();
        for index in 0..self.segments.len() {
            let limit = self.limit(index);
            let Segment {
                header, summary, ..
            } = &self.segments[index];
            let range = header.first..limit;
            let lanes = self.cursor.lanes.iter();
            if lanes.clone().all(|lane| lane.is_untouched(&range)) {
                let totals = backlog.lanes.iter_mut().zip(&summary.lanes);
                totals.for_each(|(lane, more)| lane.merge(*more));
            } else if !lanes.clone().all(|lane| lane.watermark >= limit) {
                let path = self.directory.join(segment_name(header.first));
                let read = read_index(&self.fs.open(&path)?, header, limit)?;
                for entry in read.entries.iter().filter(|entry| entry.sequence < limit) {
                    let lane = usize::from(entry.lane) % LANES;
                    if !self.cursor.lanes[lane].is_finished(entry.sequence) {
                        backlog.lanes[lane].add(entry.items, entry.payload_len);
                    }
                }
            }
            for (oldest, totals) in backlog.oldest_unix_ms.iter_mut().zip(&backlog.lanes) {
                if *oldest == 0 && totals.records > 0 {
                    *oldest = summary.oldest_unix_ms;
                }
            }
        }
        Ok(backlog)
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
/// A file with a segment's name, and the header it has if it has one.
struct Candidate {
    name: String,
    header: Option<SegmentHeader>,
    bytes: u64,
}

fn candidates<F: Fs>(
    fs: &F,
    directory: &Path,
    names: Vec<String>,
) -> Result<Vec<Candidate>, OpenError> {
    let mut found = Vec::new();
    for name in names {
        if !name.ends_with(SEGMENT_SUFFIX) {
            continue;
        }
        let path = directory.join(&name);
        let read = fs.open(&path);
        let read =
            read.and_then(|file| Ok((read_at_most(&file, 0, SEGMENT_HEADER_BYTES)?, file.size()?)));
        let (begin, bytes) = match read {
            Ok(read) => read,
            Err(source) => return Err(OpenError::Io { path, source }),
        };
        let header = match SegmentHeader::decode(&begin) {
            Ok(header) => Some(header),
            Err(HeaderFault::Damaged) => None,
            Err(source) => return Err(OpenError::Newer { path, source }),
        };
        found.push(Candidate {
            name,
            header,
            bytes,
        });
    }
    Ok(found)
}

/// What most of the segments say that the log is.
fn identity(candidates: &[Candidate]) -> Option<Identity> {
    let headers = || candidates.iter().filter_map(|found| found.header.as_ref());
    let votes = |identity: Identity| headers().filter(|of| of.identity == identity).count();
    headers()
        .map(|header| header.identity)
        .max_by_key(|identity| votes(*identity))
}
