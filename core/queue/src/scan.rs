//! Reading a segment from its bytes alone, whatever has happened to them.
//!
//! A scan is total: it gives every intact record in order and says what lies between them. What is
//! behind the last intact record is the tail, which a crash may have torn. In a segment that is
//! written over an older file the remains of that one follow; they are nothing.

use std::io;

use bytes::Bytes;

use crate::format::{
    ALIGNMENT, MARK_BYTES, MARK_MAGIC, RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader,
    SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::fs::{FsFile, read_at_most};
use crate::index::{Entry, SEGMENT_RECORDS_MAX};

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
    header: SegmentHeader,
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
            header: *header,
            at: SEGMENT_HEADER_BYTES as u64,
            end: file.size()?,
            expected: header.first,
            // More than one segment numbers are nobody's, whatever they say.
            limit: limit.min(header.first.saturating_add(SEGMENT_RECORDS_MAX)),
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

    /// Where what a crash has torn ends, which is where the tail begins if nothing was torn. What is
    /// behind it in the file was there before.
    pub(crate) fn torn_end(&mut self) -> io::Result<u64> {
        let tail = self.tail();
        if !self.header.is_written_over {
            return Ok(self.end);
        }
        if self.bytes(tail, MARK_BYTES)?.as_deref() == Some(&self.header.end_mark(tail)) {
            return Ok(tail);
        }
        if let Place::Header(header) = self.place(tail)? {
            return Ok(self.end.min(tail + header.record_len()));
        }
        // Its length is not known. At most it reaches to the next record, of whatever time.
        let next = self.seek(tail + ALIGNMENT, &[RECORD_MAGIC, MARK_MAGIC])?;
        Ok(next.unwrap_or(self.end))
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
        while let Some(place) = self.seek(next, &[RECORD_MAGIC])? {
            next = place;
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

    /// The first place from `from` on that begins with one of these words.
    fn seek(&mut self, from: u64, words: &[[u8; 4]]) -> io::Result<Option<u64>> {
        let mut at = from;
        while self.bytes(at, ALIGNMENT as usize)?.is_some() {
            let read = &self.window[(at - self.window_start) as usize..];
            let (places, _) = read.as_chunks::<{ ALIGNMENT as usize }>();
            let begins =
                |place: &[u8; ALIGNMENT as usize]| words.iter().any(|word| place.starts_with(word));
            match places.iter().position(begins) {
                Some(found) => return Ok(Some(at + found as u64 * ALIGNMENT)),
                None => at += places.len() as u64 * ALIGNMENT,
            }
        }
        Ok(None)
    }

    fn place(&mut self, at: u64) -> io::Result<Place> {
        let Some(bytes) = self.bytes(at, RECORD_HEADER_BYTES)? else {
            return Ok(Place::Nothing);
        };
        let bytes = bytes.first_chunk::<RECORD_HEADER_BYTES>().copied();
        let bytes = bytes.expect("so many bytes were asked for");
        let Some(header) = RecordHeader::decode(&bytes).filter(|_| self.header.may_own(&bytes))
        else {
            return Ok(Place::Nothing);
        };
        // From the beginning, so that what is read for it serves the places behind it too.
        let head_len = RECORD_HEADER_BYTES + usize::from(header.meta_len);
        let Some(head) = self.bytes(at, head_len)? else {
            return Ok(Place::Nothing);
        };
        let meta = head.slice(RECORD_HEADER_BYTES..);
        // One that was before is no record of this place.
        if !self.header.owns(&bytes, &meta) || header.sequence < self.expected {
            return Ok(Place::Nothing);
        }
        let payload_at = at + head_len as u64;
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
