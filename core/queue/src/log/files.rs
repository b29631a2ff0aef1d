//! The files of a log, read and not changed: by the log's owner, and by those who only look.

use std::io;
use std::path::{Path, PathBuf};

use super::{Log, Segment, segment_name};
use crate::cursor::Cursor;
use crate::format::{HeaderFault, Identity, LANES, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{Fs, FsFile, read_at_most};
use crate::index::{Entry, FOOTER_BYTES, Footer, Index, Totals};
use crate::scan::{Found, Scanner};

pub(crate) const LOCK: &str = "LOCK";
pub(crate) const CURSOR: &str = "cursor";
pub(crate) const QUARANTINE: &str = "quarantine";
pub(crate) const SEGMENT_SUFFIX: &str = ".seg";

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

/// The segments of a log and where it ends.
pub(crate) struct Files<'a, F: Fs> {
    pub(crate) fs: &'a F,
    pub(crate) directory: &'a Path,
    /// Ascending.
    pub(crate) segments: &'a [Segment],
    pub(crate) next: u64,
}

impl<F: Fs> Log<F> {
    pub(super) fn files(&self) -> Files<'_, F> {
        Files {
            fs: &self.fs,
            directory: &self.directory,
            segments: &self.segments,
            next: self.next,
        }
    }
}

impl<F: Fs> Files<'_, F> {
    /// Where the records of a segment end that count.
    pub(crate) fn limit(&self, index: usize) -> u64 {
        let following = self.segments.get(index + 1);
        following.map_or(self.next, |next| next.header.first)
    }

    pub(crate) fn open(&self, index: usize) -> io::Result<F::File> {
        let name = segment_name(self.segments[index].header.first);
        self.fs.open_read(&self.directory.join(name))
    }

    /// A segment's file and what it holds; `None` if the segment is gone, because its owner has
    /// removed it or written another one over it.
    pub(crate) fn index(&self, index: usize, limit: u64) -> io::Result<Option<(F::File, Index)>> {
        let header = &self.segments[index].header;
        let file = match self.open(index) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let read = read_index(&file, header, limit)?;
        Ok(is_still(&file, header)?.then_some((file, read)))
    }

    /// Where the first record may stand that is not finished.
    fn needed(cursor: &Cursor) -> u64 {
        let watermarks = cursor.lanes.iter().map(|lane| lane.watermark);
        watermarks.min().unwrap_or_default().max(1)
    }

    /// How many records are missing in one segment, of those that may not be finished.
    pub(crate) fn missing_in(&self, index: usize, cursor: &Cursor) -> u64 {
        let segment = &self.segments[index];
        match segment.header.first >= Self::needed(cursor) {
            true => {
                (self.limit(index) - segment.header.first).saturating_sub(segment.summary.records())
            }
            false => 0,
        }
    }

    /// How many are missing before the first segment.
    pub(crate) fn missing_before(&self, cursor: &Cursor) -> u64 {
        let first = self.segments.first().map(|segment| segment.header.first);
        let before = first.map_or(0, |first| first.saturating_sub(Self::needed(cursor)));
        // Without a cursor nothing is known of what was before.
        if cursor.next > 0 { before } else { 0 }
    }

    /// How many sequence numbers no segment has though they were not finished.
    pub(crate) fn missing(&self, cursor: &Cursor) -> u64 {
        let within = (0..self.segments.len()).map(|index| self.missing_in(index, cursor));
        within.sum::<u64>() + self.missing_before(cursor)
    }

    /// What is not finished. Only segments that are finished in part have their index read.
    pub(crate) fn backlog(&self, cursor: &Cursor) -> io::Result<Backlog> {
        let mut backlog = Backlog::default();
        for (index, segment) in self.segments.iter().enumerate() {
            let limit = self.limit(index);
            let Segment {
                header, summary, ..
            } = segment;
            let range = header.first..limit;
            let lanes = cursor.lanes.iter();
            if lanes.clone().all(|lane| lane.is_untouched(&range)) {
                let totals = backlog.lanes.iter_mut().zip(&summary.lanes);
                totals.for_each(|(lane, more)| lane.merge(*more));
            } else if !lanes.clone().all(|lane| lane.watermark >= limit) {
                let read = self.index(index, limit)?.map(|(_, read)| read.entries);
                let of_segment = |entry: &Entry| entry.sequence < limit;
                for entry in read.unwrap_or_default().into_iter().filter(of_segment) {
                    let lane = usize::from(entry.lane) % LANES;
                    if !cursor.lanes[lane].is_finished(entry.sequence) {
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
}

/// A file with a segment's name, and the header it has if it has one.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) header: Option<SegmentHeader>,
    pub(crate) bytes: u64,
}

impl Candidate {
    /// Its header, if it is a segment of this log under its own name.
    pub(crate) fn segment_of(&self, identity: &Identity) -> Option<SegmentHeader> {
        let of_log = |header: &SegmentHeader| {
            header.identity == *identity && self.name == segment_name(header.first)
        };
        self.header.filter(of_log)
    }
}

pub(crate) fn candidates<F: Fs>(
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
        let read = fs.open_read(&path);
        let read =
            read.and_then(|file| Ok((read_at_most(&file, 0, SEGMENT_HEADER_BYTES)?, file.size()?)));
        let (begin, bytes) = match read {
            Ok(read) => read,
            // Its owner has removed it since the names were read.
            Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
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
pub(crate) fn identity(candidates: &[Candidate]) -> Option<Identity> {
    let headers = || candidates.iter().filter_map(|found| found.header.as_ref());
    let votes = |identity: Identity| headers().filter(|of| of.identity == identity).count();
    headers()
        .map(|header| header.identity)
        .max_by_key(|identity| votes(*identity))
}

/// Whether a file is this segment yet. What was read of it before the answer is the segment's: a new
/// header is the first thing that is written over an old segment.
pub(crate) fn is_still(file: &impl FsFile, header: &SegmentHeader) -> io::Result<bool> {
    let begin = read_at_most(file, 0, SEGMENT_HEADER_BYTES)?;
    Ok(SegmentHeader::decode(&begin).as_ref() == Ok(header))
}

/// The index of a segment: from its end, or else from its records.
pub(crate) fn read_index<F: FsFile>(
    file: &F,
    header: &SegmentHeader,
    limit: u64,
) -> io::Result<Index> {
    if let Some(footer) = read_footer(file, header)? {
        let (at, length) = footer.index_at();
        let bytes = read_at_most(file, at, length)?;
        if let Some(index) = footer.index(&bytes) {
            return Ok(index);
        }
    }
    Ok(scan(file, header, limit)?.index)
}

pub(crate) fn read_footer<F: FsFile>(
    file: &F,
    header: &SegmentHeader,
) -> io::Result<Option<Footer>> {
    let length = file.size()?;
    let Some(at) = length.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(None);
    };
    let bytes = read_at_most(file, at, FOOTER_BYTES)?;
    Ok(Footer::decode(&bytes, header, length))
}

/// What a segment holds by its records alone.
pub(crate) struct Scan {
    pub(crate) index: Index,
    /// Where the last record ends.
    pub(crate) tail: u64,
    /// Where what is torn behind it ends; the remains of an older file may follow.
    pub(crate) torn_end: u64,
    /// The sequence number behind the last record's.
    pub(crate) next: u64,
}

pub(crate) fn scan<F: FsFile>(file: &F, header: &SegmentHeader, limit: u64) -> io::Result<Scan> {
    scan_with(file, header, limit, |_, _| Ok(()))
}

/// The same, with every step and where it was made shown to `visit`.
pub(crate) fn scan_with<F: FsFile>(
    file: &F,
    header: &SegmentHeader,
    limit: u64,
    mut visit: impl FnMut(u64, &Found) -> io::Result<()>,
) -> io::Result<Scan> {
    let mut index = Index::default();
    let mut scanner = Scanner::new(file, header, limit)?;
    loop {
        let offset = scanner.tail();
        let Some(found) = scanner.step()? else { break };
        visit(offset, &found)?;
        match &found {
            Found::Record(record) => index.add(offset, &record.header),
            // Where its header is known, the record is lost when its turn comes.
            Found::Damage(damage) => {
                if let Some(header) = &damage.header {
                    index.add(damage.offset, header);
                }
            }
        }
    }
    Ok(Scan {
        index,
        tail: scanner.tail(),
        torn_end: scanner.torn_end()?,
        next: scanner.next_sequence(),
    })
}
