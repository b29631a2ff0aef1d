//! The log: segments in order, and what opening them finds.

use std::io::{self, IoSlice};
use std::path::PathBuf;

use bytes::Bytes;

use crate::cursor::{Cursor, CursorFile};
use crate::format::{
    ALIGNMENT, Identity, Producer, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES,
    SegmentHeader,
};
use crate::fs::{Fs, FsFile, write_all_at};
use crate::scan::{Damage, Found, Scanner, StoredRecord};

mod recover;
mod release;

#[cfg(test)]
mod tests;

pub use recover::{OpenError, Recovery};

/// Default size at which a segment is closed.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// The longest payload of one record.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 30;

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A segment is closed once it is this long; a group of records is never divided.
    pub segment_bytes: u64,
    /// Where identities and epochs come from.
    pub seed: u64,
}

/// A record to append.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub producer: Option<Producer>,
    pub enqueued_unix_ms: u64,
    pub items: u32,
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
    next: u64,
    cursor: Cursor,
    cursor_file: CursorFile<F::File>,
    _lock: F::Lock,
}

/// A segment that can be read.
#[derive(Clone, Copy, Debug)]
struct Segment {
    header: SegmentHeader,
    bytes: u64,
}

/// The segment that is written to; everything before `end` is safe.
struct Active<F> {
    file: F,
    header: SegmentHeader,
    end: u64,
}

impl<F: Fs> Log<F> {
    /// The sequence number the next record will have.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Writes `records` behind each other and returns the first one's sequence number when all of
    /// them would survive a loss of power.
    ///
    /// After a failed write the segment is cut back. After a failed sync nothing is known about the
    /// file, so it is left behind and the records go into a new one.
    pub fn append(&mut self, records: &[NewRecord]) -> Result<u64, AppendError> {
        check(records)?;
        let first = self.next;
        if records.is_empty() {
            return Ok(first);
        }
        match self.write(records) {
            Ok(()) => {}
            Err(WriteError::Refused(error)) => return Err(error.into()),
            Err(WriteError::Unknown(_)) => self.write(records).map_err(WriteError::into_io)?,
        }
        self.next += records.len() as u64;
        Ok(first)
    }

    fn write(&mut self, records: &[NewRecord]) -> Result<(), WriteError> {
        let active = match self.active.take() {
            Some(active) if active.end < self.settings.segment_bytes => active,
            _ => self.new_segment().map_err(WriteError::Refused)?,
        };
        let group = Group::new(records, self.next, active.header.epoch);
        let end = active.end;
        if let Err(error) = write_all_at(&active.file, &mut group.pieces(), end) {
            // Where cutting fails too, the file stays behind as after a failed sync.
            return match active.file.truncate(end) {
                Ok(()) => {
                    self.active = Some(active);
                    Err(WriteError::Refused(error))
                }
                Err(_) => Err(WriteError::Unknown(error)),
            };
        }
        active.file.sync().map_err(WriteError::Unknown)?;
        let end = end + group.bytes;
        self.active = Some(Active { end, ..active });
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = end;
        }
        Ok(())
    }

    /// Begins a segment whose name and header survive a loss of power before a record is in it.
    fn new_segment(&mut self) -> io::Result<Active<F::File>> {
        self.set_aside_empty()?;
        let header = SegmentHeader {
            identity: self.identity,
            epoch: self.random.u64(..),
            first: self.next,
        };
        let path = self.directory.join(segment_name(header.first));
        let file = self.fs.create(&path)?;
        let begun = write_all_at(&file, &mut [IoSlice::new(&header.encode())], 0)
            .and_then(|()| file.sync())
            .and_then(|()| self.fs.sync_dir(&self.directory));
        if let Err(error) = begun {
            // Nothing in it counts; the next attempt needs its name.
            drop(self.fs.remove(&path));
            return Err(error);
        }
        self.segments.push(Segment {
            header,
            bytes: SEGMENT_HEADER_BYTES as u64,
        });
        Ok(Active {
            file,
            header,
            end: SEGMENT_HEADER_BYTES as u64,
        })
    }

    /// Makes room for a segment that would have the name of the last one, which holds nothing.
    fn set_aside_empty(&mut self) -> io::Result<()> {
        let last = self.segments.last().map(|segment| segment.header.first);
        if last == Some(self.next) {
            let path = self.directory.join(segment_name(self.next));
            self.fs.remove(&path)?;
            self.segments.pop();
        }
        Ok(())
    }

    /// Gives every record from `from` on to `visit`, in order, and what is damaged between them.
    /// Damage is reported by whole segments, also where it lies before `from`.
    pub fn read(&self, from: u64, mut visit: impl FnMut(Found)) -> io::Result<()> {
        for (index, segment) in self.segments.iter().enumerate() {
            let following = self.segments.get(index + 1);
            let limit = following.map_or(self.next, |next| next.header.first);
            if limit <= from {
                continue;
            }
            let path = self.directory.join(segment_name(segment.header.first));
            let file = self.fs.open(&path)?;
            let mut scanner = Scanner::new(&file, &segment.header, limit)?;
            while let Some(found) = scanner.step()? {
                let is_before =
                    matches!(&found, Found::Record(record) if record.header.sequence < from);
                if !is_before {
                    visit(found);
                }
            }
            let missing = limit - scanner.next_sequence();
            if missing > 0 {
                visit(Found::Damage(Damage {
                    offset: scanner.tail(),
                    bytes: 0,
                    records: missing,
                    header: None,
                }));
            }
        }
        Ok(())
    }

    /// All intact records from `from` on.
    pub fn records(&self, from: u64) -> io::Result<Vec<StoredRecord>> {
        let mut records = Vec::new();
        self.read(from, |found| {
            if let Found::Record(record) = found {
                records.push(record);
            }
        })?;
        Ok(records)
    }
}

/// The records of one write with what stands between them.
struct Group<'a> {
    records: &'a [NewRecord],
    headers: Vec<[u8; RECORD_HEADER_BYTES]>,
    paddings: Vec<usize>,
    bytes: u64,
}

impl<'a> Group<'a> {
    fn new(records: &'a [NewRecord], first: u64, epoch: u64) -> Self {
        let mut group = Group {
            records,
            headers: Vec::with_capacity(records.len()),
            paddings: Vec::with_capacity(records.len()),
            bytes: 0,
        };
        for (record, sequence) in records.iter().zip(first..) {
            let header = record.header(sequence);
            let content = u64::from(header.meta_len) + u64::from(header.payload_len);
            let padding = header.record_len() - RECORD_HEADER_BYTES as u64 - content;
            group.headers.push(header.encode(epoch, &record.meta));
            group.paddings.push(padding as usize);
            group.bytes += header.record_len();
        }
        group
    }

    fn pieces(&self) -> Vec<IoSlice<'_>> {
        static ZEROS: [u8; ALIGNMENT as usize] = [0; ALIGNMENT as usize];
        let mut pieces = Vec::with_capacity(self.records.len() * 4);
        for ((record, header), padding) in
            self.records.iter().zip(&self.headers).zip(&self.paddings)
        {
            pieces.push(IoSlice::new(header));
            pieces.push(IoSlice::new(&record.meta));
            pieces.extend(record.payload.iter().map(|piece| IoSlice::new(piece)));
            pieces.push(IoSlice::new(&ZEROS[..*padding]));
        }
        pieces
    }
}

impl NewRecord {
    fn payload_len(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }

    fn header(&self, sequence: u64) -> RecordHeader {
        let checksum = |sum, piece: &Bytes| crc32c::crc32c_append(sum, piece);
        RecordHeader {
            sequence,
            enqueued_unix_ms: self.enqueued_unix_ms,
            producer: self.producer,
            items: self.items,
            lane: self.lane,
            codec: self.codec,
            meta_len: self.meta.len() as u16,
            payload_len: self.payload_len() as u32,
            payload_checksum: self.payload.iter().fold(0, checksum),
        }
    }
}

/// Whether the format can hold the records.
fn check(records: &[NewRecord]) -> Result<(), AppendError> {
    for record in records {
        if record.meta.len() > usize::from(u16::MAX) {
            return Err(AppendError::TooLong("meta"));
        }
        if record.payload_len() > PAYLOAD_BYTES_MAX {
            return Err(AppendError::TooLong("payload"));
        }
    }
    Ok(())
}

/// The name of the segment whose first record has this sequence number.
fn segment_name(first: u64) -> String {
    format!("{first:020}.seg")
}

enum WriteError {
    /// The file is as it was before.
    Refused(io::Error),
    /// What the file holds is not known.
    Unknown(io::Error),
}

impl WriteError {
    fn into_io(self) -> io::Error {
        match self {
            WriteError::Refused(error) | WriteError::Unknown(error) => error,
        }
    }
}
