//! Writing: groups of records, new segments, closing full ones.

use std::io::{self, IoSlice};

use bytes::Bytes;

use super::spare::Ending;
use super::{Log, NewRecord, Segment, SyncMode, segment_name};
use crate::format::{
    ALIGNMENT, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::fs::{Fs, FsFile, write_all_at};
use crate::index::{Index, SEGMENT_RECORDS_MAX};

/// The segment that is written to.
pub(super) struct Active<F> {
    pub(super) file: F,
    pub(super) header: SegmentHeader,
    pub(super) index: Index,
    /// Bytes of the file, with the remains of an older one that may be behind the records.
    pub(super) length: u64,
}

impl<F> Active<F> {
    fn end(&self) -> u64 {
        self.index.summary.records_end
    }

    pub(super) fn remains(&self) -> u64 {
        self.length - self.end()
    }

    /// What has to stand behind records that end at `end`.
    pub(super) fn ending<S: Fs>(&self, end: u64) -> Option<Ending> {
        (end < self.length).then(|| Ending::new::<S>(&self.header, end, self.length))
    }
}

impl<F: FsFile> Active<F> {
    /// Cuts the file behind the last record.
    pub(super) fn cut_remains(&mut self) -> io::Result<()> {
        self.file.truncate(self.end())?;
        self.length = self.end();
        Ok(())
    }
}

pub(super) enum WriteError {
    /// The file is as it was before.
    Refused(io::Error),
    /// What the file holds is not known; it is left behind.
    Unknown(io::Error),
}

impl WriteError {
    pub(super) fn into_io(self) -> io::Error {
        let (WriteError::Refused(error) | WriteError::Unknown(error)) = self;
        error
    }
}

impl<F: Fs> Log<F> {
    /// Writes `records` with sequence numbers from `first` on.
    pub(super) fn write(&mut self, records: &[NewRecord], first: u64) -> Result<(), WriteError> {
        let mut active = match self.active.take() {
            Some(active) if self.has_room(&active, records.len()) => active,
            Some(full) => {
                // Where syncing fails, what it holds goes into the new segment.
                self.active = Some(full);
                self.sync().map_err(WriteError::Refused)?;
                self.close_active();
                self.new_segment(first).map_err(WriteError::Refused)?
            }
            None => self.new_segment(first).map_err(WriteError::Refused)?,
        };
        let group = Group::new(records, first, active.header.epoch);
        let begin = active.end();
        let end = begin + group.len();
        let ending = active.ending::<F>(end);
        let mut pieces = group.pieces();
        pieces.extend(ending.iter().flat_map(Ending::pieces));
        if let Err(error) = write_all_at(&active.file, &mut pieces, begin) {
            let cut = active.cut_remains();
            self.active = Some(active);
            // Where cutting fails too, the file is left behind as after a failed sync.
            return match cut {
                Ok(()) => Err(WriteError::Refused(error)),
                Err(_) => {
                    self.abandon(first);
                    Err(WriteError::Unknown(error))
                }
            };
        }
        let mut offset = begin;
        for header in &group.headers {
            active.index.add(offset, header);
            offset += header.record_len();
        }
        let written = end + ending.map_or(0, |ending| ending.len());
        active.length = active.length.max(written);
        self.active = Some(active);
        self.describe_active();
        Ok(())
    }

    fn has_room(&self, active: &Active<F::File>, records: usize) -> bool {
        let numbered = self.next - active.header.first + records as u64;
        active.end() < self.settings.segment_bytes && numbered < SEGMENT_RECORDS_MAX
    }

    /// Brings the list of segments up to date with the one written to.
    fn describe_active(&mut self) {
        if let (Some(active), Some(segment)) = (&self.active, self.segments.last_mut()) {
            segment.bytes = active.end();
            segment.summary.clone_from(&active.index.summary);
        }
    }

    /// Syncs the segment written to. Where that fails, nothing from `first` on counts in it and
    /// nothing is written to it again: a second sync would succeed without the data.
    pub(super) fn sync_active(&mut self, first: u64) -> io::Result<()> {
        let Some(active) = &self.active else {
            return Ok(());
        };
        let synced = active.file.sync();
        if synced.is_err() {
            self.abandon(first);
        }
        synced
    }

    /// Leaves the segment written to as it is; its records from `first` on do not count.
    fn abandon(&mut self, first: u64) {
        if let Some(active) = &mut self.active {
            active.index.truncate(first);
        }
        self.describe_active();
        let abandoned = self.active.take();
        if let (Some(active), Some(segment)) = (abandoned, self.segments.last_mut()) {
            segment.bytes = active.length;
        }
    }

    /// Writes `records` into a new segment and syncs it.
    pub(super) fn write_again(&mut self, records: &[NewRecord], first: u64) -> io::Result<()> {
        let written = self.write(records, first);
        written.map_err(WriteError::into_io)?;
        self.sync_active(first)
    }

    /// Puts index and footer behind the records. A failure costs time when the log is opened next.
    pub(super) fn close_active(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        let footer = active.index.encode(&active.header);
        let end = active.end() + footer.len() as u64;
        let mut written = write_all_at(&active.file, &mut [IoSlice::new(&footer)], active.end());
        if end < active.length {
            written = written.and_then(|()| active.file.truncate(end));
        }
        if self.settings.sync != SyncMode::Never {
            written = written.and_then(|()| active.file.sync());
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.is_closed = written.is_ok();
            segment.bytes = match written {
                Ok(()) => end,
                Err(_) => active.length,
            };
            // The highest of each is kept for the whole log.
            segment.summary.producers.clear();
        }
    }

    /// Begins a segment whose name and header survive a loss of power before a record is in it.
    fn new_segment(&mut self, first: u64) -> io::Result<Active<F::File>> {
        self.set_aside_empty(first)?;
        let mut header = SegmentHeader {
            identity: self.identity,
            epoch: self.random.u64(..),
            first,
            is_written_over: true,
        };
        let over = self.spares.pop().and_then(|spare| {
            let over = self.write_over(&spare, header);
            // One that cannot be written to is no reason to refuse.
            over.inspect_err(|_| self.give_back(&spare)).ok()
        });
        header.is_written_over = over.is_some();
        let begun = match over {
            Some(active) => Ok(active),
            None => self.create_segment(header),
        };
        let named = begun.and_then(|active| {
            self.fs.sync_dir(&self.directory)?;
            Ok(active)
        });
        let active = named.inspect_err(|_| {
            // Nothing in it counts; the next attempt needs its name.
            let path = self.directory.join(segment_name(first));
            drop(self.fs.remove(&path));
        })?;
        self.segments.push(Segment {
            header,
            bytes: SEGMENT_HEADER_BYTES as u64,
            is_closed: false,
            summary: Default::default(),
        });
        Ok(active)
    }

    fn create_segment(&self, header: SegmentHeader) -> io::Result<Active<F::File>> {
        let path = self.directory.join(segment_name(header.first));
        let file = self.fs.create(&path)?;
        write_all_at(&file, &mut [IoSlice::new(&header.encode())], 0)?;
        file.sync()?;
        Ok(Active {
            file,
            header,
            index: Index::default(),
            length: SEGMENT_HEADER_BYTES as u64,
        })
    }

    /// Makes room for a segment that would have the name of the last one, which holds nothing.
    fn set_aside_empty(&mut self, first: u64) -> io::Result<()> {
        let last = self.segments.last().map(|segment| segment.header.first);
        if last == Some(first) {
            let path = self.directory.join(segment_name(first));
            self.fs.remove(&path)?;
            self.segments.pop();
            // One that was opened for reading is not this one.
            self.readers = Default::default();
        }
        Ok(())
    }
}

/// The records of one write with what stands between them.
struct Group<'a> {
    records: &'a [NewRecord],
    headers: Vec<RecordHeader>,
    encoded: Vec<[u8; RECORD_HEADER_BYTES]>,
}

impl<'a> Group<'a> {
    fn new(records: &'a [NewRecord], first: u64, epoch: u64) -> Self {
        let numbered = records.iter().zip(first..);
        let headers: Vec<_> = numbered
            .map(|(record, sequence)| record.header(sequence))
            .collect();
        let encoded = records
            .iter()
            .zip(&headers)
            .map(|(record, header)| header.encode(epoch, &record.meta))
            .collect();
        Group {
            records,
            headers,
            encoded,
        }
    }

    /// Bytes that they take in the file.
    fn len(&self) -> u64 {
        self.headers.iter().map(RecordHeader::record_len).sum()
    }

    fn pieces(&self) -> Vec<IoSlice<'_>> {
        static ZEROS: [u8; ALIGNMENT as usize] = [0; ALIGNMENT as usize];
        // One more of each, and what stands behind them.
        let mut pieces = Vec::with_capacity(self.records.len() * 4 + 2);
        let numbered = self.headers.iter().zip(&self.encoded);
        for (record, (header, encoded)) in self.records.iter().zip(numbered) {
            let content = u64::from(header.meta_len) + u64::from(header.payload_len);
            let padding = header.record_len() - RECORD_HEADER_BYTES as u64 - content;
            pieces.push(IoSlice::new(encoded));
            pieces.push(IoSlice::new(&record.meta));
            pieces.extend(record.payload.iter().map(|piece| IoSlice::new(piece)));
            pieces.push(IoSlice::new(&ZEROS[..padding as usize]));
        }
        pieces
    }
}

impl NewRecord {
    pub(super) fn header(&self, sequence: u64) -> RecordHeader {
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
