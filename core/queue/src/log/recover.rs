//! Opening a log after whatever happened to it.
//!
//! Recovery loses nothing that was acknowledged and refuses to guess. What is no part of the log
//! goes to `quarantine/` under its own name; the tail that a crash has torn is kept there too, and
//! cut. Writing always goes on in a new segment.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use super::{Log, LogSettings, Segment, segment_name};
use crate::cursor::CursorFile;
use crate::format::{HeaderFault, Identity, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{Fs, FsFile, read_at_most, write_all_at};
use crate::scan::{Found, Scanner};

const LOCK: &str = "LOCK";
const CURSOR: &str = "cursor";
const QUARANTINE: &str = "quarantine";
const SEGMENT_SUFFIX: &str = ".seg";

/// Longer tails are cut without a copy: nothing that was being written is so long.
const TAIL_BYTES_MAX: u64 = 64 << 20;

/// What opening found; all zero after an orderly end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that can be read.
    pub segments: usize,
    /// Files taken out because they are no segments of this log.
    pub quarantined: usize,
    /// Bytes behind the last record, cut.
    pub torn_bytes: u64,
}

/// Why a log cannot be opened. Nothing in the directory was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{0}` is in use by another process")]
    Locked(PathBuf),
    #[error("`{path}` was written by a newer version of the program")]
    Newer { path: PathBuf, source: HeaderFault },
    #[error("cannot open the log in `{path}`")]
    Io { path: PathBuf, source: io::Error },
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
        let lock = fs.lock(&directory.join(LOCK)).map_err(|error| {
            match error.kind() == io::ErrorKind::WouldBlock {
                true => OpenError::Locked(directory.to_owned()),
                false => failed(error),
            }
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
            cursor,
            cursor_file,
            _lock: lock,
        };
        let recovery = log.recover(candidates).map_err(failed)?;
        Ok((log, recovery))
    }

    fn recover(&mut self, candidates: Vec<Candidate>) -> io::Result<Recovery> {
        let mut recovery = Recovery::default();
        for Candidate {
            name,
            header,
            bytes,
        } in candidates
        {
            match header {
                Some(header)
                    if header.identity == self.identity && name == segment_name(header.first) =>
                {
                    self.segments.push(Segment { header, bytes });
                }
                _ => {
                    self.quarantine(&name)?;
                    recovery.quarantined += 1;
                }
            }
        }
        self.segments.sort_by_key(|segment| segment.header.first);
        recovery.torn_bytes = self.close_last()?;
        recovery.segments = self.segments.len();
        Ok(recovery)
    }

    /// Finds the end of the last segment and cuts what is behind it.
    fn close_last(&mut self) -> io::Result<u64> {
        let Some(last) = self.segments.last() else {
            return Ok(0);
        };
        let header = last.header;
        let name = segment_name(header.first);
        let file = self.fs.open(&self.directory.join(&name))?;
        let mut scanner = Scanner::new(&file, &header, u64::MAX)?;
        while let Some(found) = scanner.step()? {
            drop::<Found>(found);
        }
        self.next = self.next.max(scanner.next_sequence());
        let (tail, end) = (scanner.tail(), file.size()?);
        if tail < end {
            self.keep_tail(&name, &file, tail..end)?;
            file.truncate(tail)?;
            file.sync()?;
        }
        if let Some(last) = self.segments.last_mut() {
            last.bytes = tail;
        }
        Ok(end - tail)
    }

    /// Copies a tail for people to look at. Without room for the copy it is lost: it was never
    /// acknowledged.
    fn keep_tail(&self, name: &str, file: &F::File, tail: std::ops::Range<u64>) -> io::Result<()> {
        let length = tail.end - tail.start;
        if length > TAIL_BYTES_MAX {
            return Ok(());
        }
        let bytes = read_at_most(file, tail.start, length as usize)?;
        let directory = self.directory.join(QUARANTINE);
        let path = directory.join(format!("{name}.{}.tail", tail.start));
        let kept = self.fs.create_dir(&directory).and_then(|()| {
            let copy = self.fs.create(&path)?;
            write_all_at(&copy, &mut [IoSlice::new(&bytes)], 0)
        });
        // Without room for it the copy is given up; see above.
        drop(kept);
        Ok(())
    }

    fn quarantine(&self, name: &str) -> io::Result<()> {
        let directory = self.directory.join(QUARANTINE);
        self.fs.create_dir(&directory)?;
        let from = self.directory.join(name);
        self.fs.rename(&from, &directory.join(name))
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
