//! Reading a segment from its bytes alone, whatever has happened to them.
//!
//! A scan is total: it gives every intact record in order and says what lies between them. What is
//! behind the last intact record is the tail, which a crash may have torn.

use std::io;

use bytes::Bytes;

use crate::format::{
    ALIGNMENT, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader, is_intact,
};
use crate::fs::{FsFile, read_at_most};
use crate::index::Entry;

/// Bytes read at once.
pub(crate) const READ_AHEAD: usize = 1 << 20;

/// A record with its bytes, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub header: RecordHeader,
    pub meta: Bytes,
    pub payload: Bytes,
}

/// What lies where records should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins in the file.
    pub offset: u64,
    pub bytes: u64,
    /// Sequence numbers that are missing because of it.
    pub records: u64,
    /// The header, where only the payload is damaged; it says how many items are lost.
    pub header: Option<RecordHeader>,
}

/// One step of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Record(StoredRecord),
    Damage(Damage),
}

/// Goes through the records of one segment.
pub struct Scanner<'a, F> {
    file: &'a F,
    epoch: u64,
    /// Where the next record is looked for.
    at: u64,
    /// The end of the file, or of the part of it that counts.
    end: u64,
    /// The next sequence number in an undamaged segment.
    expected: u64,
    /// Records from here on are in another segment.
    limit: u64,
    window: Bytes,
    window_start: u64,
    /// How much to read when the window does not have what is asked for.
    read_ahead: usize,
}

/// What stands at an offset.
enum Place {
    Record(StoredRecord),
    /// The header is intact, the payload is not.
    Header(RecordHeader),
    Nothing,
}

impl<'a, F: FsFile> Scanner<'a, F> {
    /// Scans the segment with this header for records with sequence numbers below `limit`.
    pub fn new(file: &'a F, header: &SegmentHeader, limit: u64) -> io::Result<Self> {
        Ok(Scanner {
            file,
            epoch: header.epoch,
            at: SEGMENT_HEADER_BYTES as u64,
            end: file.size()?,
            expected: header.first,
            limit,
            window: Bytes::new(),
            window_start: 0,
            read_ahead: READ_AHEAD,
        })
    }

    /// Scans a file that holds the end of the segment with this header, without the header.
    pub(crate) fn of_tail(file: &'a F, header: &SegmentHeader) -> io::Result<Self> {
        Ok(Scanner {
            at: 0,
            ..Scanner::new(file, header, u64::MAX)?
        })
    }

    /// The record that an index knows of, if it is intact.
    pub(crate) fn record_at(&mut self, entry: &Entry) -> io::Result<Option<StoredRecord>> {
        Ok(match self.place(entry.offset)? {
            Place::Record(record) if record.header.sequence == entry.sequence => Some(record),
            _ => None,
        })
    }

    /// Whether something at this offset has been read.
    pub(crate) fn has_window(&self, offset: u64) -> bool {
        (self.window_start..self.window_start + self.window.len() as u64).contains(&offset)
    }

    /// Sets how many bytes the next read asks for at least.
    pub(crate) fn read_ahead(&mut self, bytes: usize) {
        self.read_ahead = bytes;
    }

    /// The next record or damage; `None` where nothing intact follows.
    pub fn step(&mut self) -> io::Result<Option<Found>> {
        match self.place(self.at)? {
            Place::Record(record) => Ok(self.take(record)),
            Place::Header(header) => self.resume(Some(header)),
            Place::Nothing => self.resume(None),
        }
    }

    /// Where the tail begins, once [`Scanner::step`] has given `None`: behind the last record. The
    /// file may end within that one's padding.
    pub fn tail(&self) -> u64 {
        self.at.min(self.end)
    }

    /// The sequence number behind the last record.
    pub fn next_sequence(&self) -> u64 {
        self.expected
    }

    fn take(&mut self, record: StoredRecord) -> Option<Found> {
        let header = record.header;
        if header.sequence >= self.limit {
            return None;
        }
        let missing = header.sequence - self.expected;
        if missing > 0 {
            self.expected = header.sequence;
            return Some(Found::Damage(Damage {
                offset: self.at,
                bytes: 0,
                records: missing,
                header: None,
            }));
        }
        self.at += header.record_len();
        self.expected = header.sequence + 1;
        Some(Found::Record(record))
    }

    /// Goes on behind damage, if anything intact is there.
    fn resume(&mut self, damaged: Option<RecordHeader>) -> io::Result<Option<Found>> {
        let mut next = match damaged {
            Some(header) => self.at + header.record_len(),
            None => self.at + ALIGNMENT,
        };
        while next + RECORD_HEADER_BYTES as u64 <= self.end {
            let sequence = match self.place(next)? {
                Place::Record(record) => record.header.sequence,
                Place::Header(header) => header.sequence,
                Place::Nothing => {
                    next += ALIGNMENT;
                    continue;
                }
            };
            if sequence >= self.limit {
                return Ok(None);
            }
            let damage = Damage {
                offset: self.at,
                bytes: next - self.at,
                records: sequence - self.expected,
                header: damaged.filter(|header| header.sequence + 1 == sequence),
            };
            self.at = next;
            self.expected = sequence;
            return Ok(Some(Found::Damage(damage)));
        }
        Ok(None)
    }

    fn place(&mut self, at: u64) -> io::Result<Place> {
        let Some(bytes) = self.bytes(at, RECORD_HEADER_BYTES)? else {
            return Ok(Place::Nothing);
        };
        let bytes = bytes.first_chunk::<RECORD_HEADER_BYTES>().copied();
        let bytes = bytes.expect("so many bytes were asked for");
        let Some(header) = RecordHeader::decode(&bytes) else {
            return Ok(Place::Nothing);
        };
        let after = at + RECORD_HEADER_BYTES as u64;
        let Some(meta) = self.bytes(after, usize::from(header.meta_len))? else {
            return Ok(Place::Nothing);
        };
        // One that was before is no record of this place.
        if !is_intact(&bytes, self.epoch, &meta) || header.sequence < self.expected {
            return Ok(Place::Nothing);
        }
        let payload_at = after + u64::from(header.meta_len);
        let payload = self.bytes(payload_at, header.payload_len as usize)?;
        let intact = payload.filter(|found| crc32c::crc32c(found) == header.payload_checksum);
        Ok(match intact {
            Some(payload) => Place::Record(StoredRecord {
                header,
                meta,
                payload,
            }),
            None => Place::Header(header),
        })
    }

    /// `length` bytes from `at` on; `None` if the file ends before.
    fn bytes(&mut self, at: u64, length: usize) -> io::Result<Option<Bytes>> {
        if at + length as u64 > self.end {
            return Ok(None);
        }
        let within = |start: u64, window: &Bytes| {
            let skip = usize::try_from(at.checked_sub(start)?).ok()?;
            (skip + length <= window.len()).then(|| window.slice(skip..skip + length))
        };
        if let Some(found) = within(self.window_start, &self.window) {
            return Ok(Some(found));
        }
        let wanted = length.max(self.read_ahead);
        let left = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        self.window = read_at_most(self.file, at, wanted.min(left))?.into();
        self.window_start = at;
        // The file may have become shorter since it was measured.
        Ok(within(at, &self.window))
    }
}
