//! The log: segments in order, and what opening them finds.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use crate::cursor::{Cursor, CursorFile, LaneCursor};
use crate::format::{Identity, LANES, PRODUCERS_MAX, Producer, SegmentHeader};
use crate::fs::Fs;
use crate::index::{Summary, note_producer};
use crate::scan::StoredRecord;

mod files;
mod load;
mod recover;
mod release;
mod spare;
mod write;

#[cfg(test)]
mod tests;

pub use files::{Backlog, OpenError};
pub use load::{Load, Loaded, Unreadable, Wanted};
pub use recover::Recovery;
pub use release::Oldest;

pub(crate) use files::{
    CURSOR, Candidate, Files, LOCK, QUARANTINE, Scan, candidates, identity, is_still, read_footer,
    scan, scan_with,
};
pub(crate) use load::read_entries;

use load::Reader;
use spare::Spare;
use write::{Active, WriteError};

/// Default size at which a segment is closed.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// The longest payload of one record.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// Bytes that wait for a sync at most; what would be more is synced at once.
const UNSYNCED_BYTES_MAX: usize = 8 << 20;

/// When what is written is made to survive a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// Before [`Log::append`] returns.
    Always,
    /// At the next [`Log::sync`].
    OnRequest,
    /// When the system likes.
    Never,
}

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A segment is closed once it is this long; a group of records is never divided.
    pub segment_bytes: u64,
    pub sync: SyncMode,
    /// Files of finished segments are kept to be written over, up to so many bytes.
    pub spare_bytes: u64,
    /// Where identities and epochs come from.
    pub seed: u64,
}

/// A record to append.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub producer: Option<Producer>,
    pub enqueued_unix_ms: u64,
    pub items: u32,
    /// Below [`LANES`].
    pub lane: u8,
    pub codec: u8,
    /// What the log's owner wants to know without the payload; at most 64 KiB.
    pub meta: Bytes,
    /// Pieces that together are the payload; at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Vec<Bytes>,
}

/// Why records were not appended. None of them is in the log; a loss of power before the next
/// append may bring some back, as it may with any write.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the record's {0} is too long")]
    TooLong(&'static str),
    #[error("a log has {LANES} lanes")]
    NoLane,
    #[error("a log remembers {PRODUCERS_MAX} producers")]
    TooManyProducers,
    /// Reading goes on; appending can be tried again.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    #[error("cannot write to the log")]
    Io(#[source] io::Error),
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::Full(error),
            _ => AppendError::Io(error),
        }
    }
}

/// An open log.
pub struct Log<F: Fs> {
    fs: F,
    directory: PathBuf,
    identity: Identity,
    settings: LogSettings,
    random: fastrand::Rng,
    /// Ascending; the last one may be the one written to.
    segments: Vec<Segment>,
    active: Option<Active<F::File>>,
    /// Ascending in their length.
    spares: Vec<Spare>,
    next: u64,
    /// The last of the records, as long as they would not survive a loss of power.
    unsynced: Vec<NewRecord>,
    unsynced_bytes: usize,
    producers: BTreeMap<u64, u64>,
    cursor: Cursor,
    cursor_file: CursorFile<F::File>,
    readers: [Option<Reader<F::File>>; LANES],
    _lock: F::Lock,
}

/// A segment that can be read.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Whether index and footer are at its end.
    pub(crate) is_closed: bool,
    pub(crate) summary: Summary,
}

impl<F: Fs> Log<F> {
    /// The sequence number the next record will have.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The highest sequence number of each producer, also of records that are long gone.
    pub fn producers(&self) -> &BTreeMap<u64, u64> {
        &self.producers
    }

    /// Writes `records` behind each other and returns the first one's sequence number when they
    /// are as safe as [`LogSettings::sync`] says.
    ///
    /// After a failed write the segment is cut back. After a failed sync nothing is known about the
    /// file, so it is left behind and the records go into a new one.
    pub fn append(&mut self, records: &[NewRecord]) -> Result<u64, AppendError> {
        self.check(records)?;
        if records.is_empty() {
            return Ok(self.next);
        }
        if self.active.is_none() || self.unsynced_bytes > UNSYNCED_BYTES_MAX {
            self.sync()?;
        }
        let first = self.next;
        self.write(records, first)?;
        self.next += records.len() as u64;
        match self.settings.sync {
            SyncMode::Always => self.sync_group(records, first)?,
            SyncMode::OnRequest => {
                self.unsynced.extend_from_slice(records);
                self.unsynced_bytes += records.iter().map(NewRecord::payload_len).sum::<usize>();
            }
            SyncMode::Never => {}
        }
        for producer in records.iter().filter_map(|record| record.producer) {
            note_producer(&mut self.producers, producer.id, producer.sequence);
        }
        Ok(first)
    }

    fn sync_group(&mut self, records: &[NewRecord], first: u64) -> Result<(), AppendError> {
        let synced = self.sync_active(first);
        let written = synced.or_else(|_| self.write_again(records, first));
        if written.is_err() {
            self.next = first;
        }
        Ok(written?)
    }

    /// Returns when everything appended would survive a loss of power. After a failure the records
    /// are still to be synced, and this can be tried again.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.unsynced);
        let first = self.next - records.len() as u64;
        let synced = match self.active {
            Some(_) => self.sync_active(first),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let synced = synced.or_else(|_| self.write_again(&records, first));
        match synced {
            Ok(()) => self.unsynced_bytes = 0,
            Err(_) => self.unsynced = records,
        }
        synced
    }

    /// As [`Log::sync`], also where nobody keeps what was not synced.
    pub fn sync_all(&mut self) -> io::Result<()> {
        match self.settings.sync {
            SyncMode::Never => self.sync_active(self.next),
            SyncMode::Always | SyncMode::OnRequest => self.sync(),
        }
    }

    /// Whether something would not survive a loss of power.
    pub fn is_unsynced(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Whether the log can hold the records.
    pub(crate) fn check(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        let mut strangers: Vec<u64> = Vec::new();
        for record in records {
            if record.meta.len() > usize::from(u16::MAX) {
                return Err(AppendError::TooLong("meta"));
            }
            if record.payload_len() > PAYLOAD_BYTES_MAX {
                return Err(AppendError::TooLong("payload"));
            }
            if usize::from(record.lane) >= LANES {
                return Err(AppendError::NoLane);
            }
            let id = record.producer.map(|producer| producer.id);
            strangers.extend(id.filter(|id| !self.producers.contains_key(id)));
        }
        strangers.sort_unstable();
        strangers.dedup();
        match self.producers.len() + strangers.len() <= PRODUCERS_MAX {
            true => Ok(()),
            false => Err(AppendError::TooManyProducers),
        }
    }

    /// All intact records from `from` on, finished or not.
    pub fn records(&mut self, from: u64) -> io::Result<Vec<StoredRecord>> {
        let mut records = Vec::new();
        for lane in 0..LANES as u8 {
            let mut wanted = Wanted {
                lane,
                from,
                at_most: usize::MAX,
                unreadable: Unreadable::Fails,
                finished: &LaneCursor::default(),
            };
            while wanted.from < self.next {
                let load = self.load(&wanted)?;
                wanted.from = load.position;
                records.extend(load.found.into_iter().filter_map(|found| match found {
                    Loaded::Record(record) => Some(record),
                    Loaded::Lost(_) => None,
                }));
            }
        }
        records.sort_by_key(|record| record.header.sequence);
        Ok(records)
    }
}

impl NewRecord {
    pub fn payload_len(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }
}

impl From<WriteError> for AppendError {
    fn from(error: WriteError) -> Self {
        error.into_io().into()
    }
}

/// The name of the segment whose first record has this sequence number.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}.seg")
}
