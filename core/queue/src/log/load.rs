//! Reading one lane: by the index of each segment, whatever else stands between its records.

use std::io;
use std::ops::Range;

use super::files::read_index;
use super::{Log, Segment, segment_name};
use crate::cursor::LaneCursor;
use crate::format::SegmentHeader;
use crate::fs::{Fs, FsFile};
use crate::index::Entry;
use crate::scan::{READ_AHEAD, Scanner, StoredRecord};

/// What to read of a lane.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub lane: u8,
    /// The first sequence number that is of interest.
    pub from: u64,
    /// Payload bytes, not counting the first record's.
    pub at_most: usize,
    pub unreadable: Unreadable,
    /// Records that this says are finished are left out.
    pub finished: &'a LaneCursor,
}

/// What one read of a lane gave.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// In order.
    pub found: Vec<Loaded>,
    /// Everything of the lane below is in `found`, is finished, or was loaded before.
    pub position: u64,
}

/// A record, or what is known of one that is gone.
#[derive(Clone, Debug)]
pub enum Loaded {
    Record(StoredRecord),
    Lost(Entry),
}

/// What to make of a record that the disk does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The read fails and can be tried again.
    Fails,
    /// The record is lost.
    IsLost,
}

/// A segment that is being read.
pub(super) struct Reader<F> {
    header: SegmentHeader,
    file: F,
    /// Empty for the segment written to, whose index is at hand.
    entries: Vec<Entry>,
}

impl<F: Fs> Log<F> {
    /// Reads what is wanted: at least one record if there is any, and more while they stand in the
    /// same segment.
    pub fn load(&mut self, wanted: &Wanted<'_>) -> io::Result<Load> {
        let lane = usize::from(wanted.lane);
        let mut position = wanted.from;
        loop {
            let begun = |segment: &Segment| segment.header.first <= position;
            // Before the first segment nothing is left.
            let index = self.segments.partition_point(begun).saturating_sub(1);
            if index >= self.segments.len() {
                break;
            }
            let limit = self.limit(index);
            let holds = self.segments[index].summary.lanes[lane].records > 0;
            if holds && position < limit {
                let chosen = self.choose(wanted, index, position..limit)?;
                if let Some(last) = chosen.last() {
                    let position = last.sequence + 1;
                    let found = self.read(wanted, &chosen, limit)?;
                    return Ok(Load { found, position });
                }
            }
            position = position.max(limit);
            if index + 1 >= self.segments.len() {
                break;
            }
        }
        Ok(Load {
            found: Vec::new(),
            position: self.next.max(position),
        })
    }

    /// Where the records of a segment end that count.
    pub(super) fn limit(&self, index: usize) -> u64 {
        self.files().limit(index)
    }

    /// The wanted records of a segment.
    fn choose(
        &mut self,
        wanted: &Wanted<'_>,
        index: usize,
        range: Range<u64>,
    ) -> io::Result<Vec<Entry>> {
        let lane = wanted.lane;
        self.open_reader(lane, index)?;
        let entries = match (&self.active, &self.readers[usize::from(lane)]) {
            (Some(active), _) if active.header == self.segments[index].header => {
                &active.index.entries
            }
            (_, Some(reader)) => &reader.entries,
            (_, None) => return Ok(Vec::new()),
        };
        let begin = entries.partition_point(|entry| entry.sequence < range.start);
        let mut bytes = 0_usize;
        let of_lane = entries[begin..]
            .iter()
            .take_while(|entry| entry.sequence < range.end)
            .filter(|entry| entry.lane == lane && !wanted.finished.is_finished(entry.sequence));
        let mut chosen: Vec<Entry> = Vec::new();
        for entry in of_lane {
            bytes = bytes.saturating_add(entry.payload_len as usize);
            if bytes > wanted.at_most && !chosen.is_empty() {
                break;
            }
            chosen.push(*entry);
        }
        Ok(chosen)
    }

    fn open_reader(&mut self, lane: u8, index: usize) -> io::Result<()> {
        let header = self.segments[index].header;
        let is_active = self.active.as_ref().is_some_and(|of| of.header == header);
        let limit = self.limit(index);
        let reader = &mut self.readers[usize::from(lane)];
        match reader {
            // One that was opened while it was written to has no entries.
            Some(open) if open.header == header && (is_active || !open.entries.is_empty()) => {
                return Ok(());
            }
            _ => {}
        }
        let path = self.directory.join(segment_name(header.first));
        let file = self.fs.open_read(&path)?;
        let entries = match is_active {
            true => Vec::new(),
            false => read_index(&file, &header, limit)?.entries,
        };
        *reader = Some(Reader {
            header,
            file,
            entries,
        });
        Ok(())
    }

    /// The chosen records of a lane, which stand in the segment that its reader has open.
    fn read(&self, wanted: &Wanted<'_>, chosen: &[Entry], limit: u64) -> io::Result<Vec<Loaded>> {
        let Some(reader) = &self.readers[usize::from(wanted.lane)] else {
            return Ok(Vec::new());
        };
        let mut scanner = Scanner::new(&reader.file, &reader.header, limit)?;
        read_entries(&mut scanner, chosen, wanted.unreadable)
    }
}

/// The records that these entries of a segment's index stand for, in one go where they stand close.
pub(crate) fn read_entries<F: FsFile>(
    scanner: &mut Scanner<'_, F>,
    chosen: &[Entry],
    unreadable: Unreadable,
) -> io::Result<Vec<Loaded>> {
    let mut found = Vec::with_capacity(chosen.len());
    let mut left = chosen;
    while let Some(entry) = left.first() {
        if !scanner.has_window(entry.offset) {
            scanner.read_ahead(window_of(left));
        }
        match scanner.record_at(entry) {
            Ok(Some(record)) => found.push(Loaded::Record(record)),
            Ok(None) => found.push(Loaded::Lost(*entry)),
            Err(error) if unreadable == Unreadable::Fails => return Err(error),
            Err(_) => found.push(Loaded::Lost(*entry)),
        }
        left = &left[1..];
    }
    Ok(found)
}

/// How many bytes to read from the first entry's offset on, so that as many of the entries as
/// possible come with one read.
fn window_of(entries: &[Entry]) -> usize {
    let begin = entries[0].offset;
    let ends = entries
        .iter()
        .map(|entry| (entry.offset - begin) as usize + entry.payload_len as usize);
    let within = ends.take_while(|end| *end <= READ_AHEAD).last();
    // Room for the last one's header and meta; where they are longer, they come with a second read.
    within.map_or(0, |end| end + 4096)
}
