//! What a segment holds, without its payloads: kept while it is written, and stored at its end.

use std::collections::BTreeMap;

use crate::format::{
    ALIGNMENT, LANES, PRODUCERS_MAX, Producer, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
    get, put,
};

pub(crate) const ENTRY_BYTES: usize = 16;
pub(crate) const FOOTER_BYTES: usize = 1296;

const MAGIC: [u8; 8] = *b"SKYFOOTR";
const CHECKSUM_AT: usize = FOOTER_BYTES - 4;
const LANES_AT: usize = 56;
const LANE_BYTES: usize = 24;
const PRODUCERS_AT: usize = LANES_AT + LANES * LANE_BYTES;
/// Bits of an entry's last word below the lane.
const SEQUENCE_BITS: u32 = 29;

/// Records of one segment at most: what an entry can number.
pub(crate) const SEGMENT_RECORDS_MAX: u64 = 1 << SEQUENCE_BITS;

/// One record, as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its header begins.
    pub offset: u64,
    pub sequence: u64,
    pub items: u32,
    pub payload_len: u32,
    pub lane: u8,
}

/// So many records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub records: u64,
    pub items: u64,
    /// Of payloads.
    pub bytes: u64,
}

impl Totals {
    pub fn add(&mut self, items: u32, payload_len: u32) {
        self.records += 1;
        self.items += u64::from(items);
        self.bytes += u64::from(payload_len);
    }

    /// Takes one record out. What was counted from a damaged disk may be less than there is.
    pub fn subtract(&mut self, items: u32, payload_len: u32) {
        self.records = self.records.saturating_sub(1);
        self.items = self.items.saturating_sub(u64::from(items));
        self.bytes = self.bytes.saturating_sub(u64::from(payload_len));
    }

    pub fn merge(&mut self, other: Totals) {
        self.records += other.records;
        self.items += other.items;
        self.bytes += other.bytes;
    }
}

/// What a segment holds altogether.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub lanes: [Totals; LANES],
    /// Behind the last record.
    pub records_end: u64,
    /// When its records were enqueued; the first is above the second if there are none.
    pub oldest_unix_ms: u64,
    pub newest_unix_ms: u64,
    /// The highest sequence number of each.
    pub producers: BTreeMap<u64, u64>,
}

impl Default for Summary {
    fn default() -> Self {
        Summary {
            lanes: Default::default(),
            records_end: SEGMENT_HEADER_BYTES as u64,
            oldest_unix_ms: u64::MAX,
            newest_unix_ms: 0,
            producers: BTreeMap::new(),
        }
    }
}

impl Summary {
    pub fn records(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.records).sum()
    }
}

/// Every record of a segment, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    pub entries: Vec<Entry>,
    pub summary: Summary,
}

impl Index {
    /// Notes the record with this header at `offset`.
    pub fn add(&mut self, offset: u64, header: &RecordHeader) {
        let entry = Entry {
            offset,
            sequence: header.sequence,
            items: header.items,
            payload_len: header.payload_len,
            lane: header.lane,
        };
        let summary = &mut self.summary;
        summary.lanes[usize::from(entry.lane) % LANES].add(entry.items, entry.payload_len);
        summary.records_end = offset + header.record_len();
        summary.oldest_unix_ms = summary.oldest_unix_ms.min(header.enqueued_unix_ms);
        summary.newest_unix_ms = summary.newest_unix_ms.max(header.enqueued_unix_ms);
        if let Some(Producer { id, sequence }) = header.producer {
            note_producer(&mut summary.producers, id, sequence);
        }
        self.entries.push(entry);
    }

    /// Forgets the records from `first` on.
    pub(crate) fn truncate(&mut self, first: u64) {
        let kept = self.entries.partition_point(|entry| entry.sequence < first);
        if let Some(entry) = self.entries.get(kept) {
            self.summary.records_end = entry.offset;
        }
        for entry in self.entries.drain(kept..) {
            self.summary.lanes[usize::from(entry.lane) % LANES]
                .subtract(entry.items, entry.payload_len);
        }
    }

    /// Index and footer, to be written behind the last record.
    pub(crate) fn encode(&self, header: &SegmentHeader) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY_BYTES + FOOTER_BYTES);
        for entry in &self.entries {
            let number = (entry.sequence - header.first) as u32;
            let numbered = number | u32::from(entry.lane) << SEQUENCE_BITS;
            for word in [
                (entry.offset / ALIGNMENT) as u32,
                entry.items,
                entry.payload_len,
                numbered,
            ] {
                bytes.extend(word.to_le_bytes());
            }
        }
        let checksum = crc32c::crc32c(&bytes);
        let last = self.entries.last();
        let footer = Footer {
            summary: self.summary.clone(),
            records: self.entries.len() as u64,
            numbers: last.map_or(0, |last| last.sequence + 1 - header.first),
            index_checksum: checksum,
            header: *header,
        };
        bytes.extend(footer.encode());
        bytes
    }
}

/// Remembers the highest sequence number of a producer.
pub(crate) fn note_producer(producers: &mut BTreeMap<u64, u64>, id: u64, sequence: u64) {
    let highest = producers.entry(id).or_default();
    *highest = sequence.max(*highest);
}

/// A footer that is whole and belongs to its segment.
pub(crate) struct Footer {
    pub(crate) summary: Summary,
    records: u64,
    /// Sequence numbers from the first to the last record's.
    pub(crate) numbers: u64,
    index_checksum: u32,
    header: SegmentHeader,
}

impl Footer {
    fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        put(&mut bytes, 0, MAGIC);
        put(&mut bytes, 48, self.index_checksum.to_le_bytes());
        put(&mut bytes, 52, (self.numbers as u32).to_le_bytes());
        let mut word = |at: usize, value: u64| put(&mut bytes, at, value.to_le_bytes());
        let summary = &self.summary;
        word(8, self.header.epoch);
        word(16, summary.records_end);
        word(24, self.records);
        word(32, summary.oldest_unix_ms);
        word(40, summary.newest_unix_ms);
        for (lane, at) in summary.lanes.iter().zip((LANES_AT..).step_by(LANE_BYTES)) {
            word(at, lane.records);
            word(at + 8, lane.items);
            word(at + 16, lane.bytes);
        }
        word(PRODUCERS_AT, summary.producers.len() as u64);
        let producers = summary.producers.iter().take(PRODUCERS_MAX);
        for ((id, sequence), at) in producers.zip((PRODUCERS_AT + 8..).step_by(16)) {
            word(at, *id);
            word(at + 8, *sequence);
        }
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        put(&mut bytes, CHECKSUM_AT, checksum.to_le_bytes());
        bytes
    }

    /// Reads the last [`FOOTER_BYTES`] of a segment that is `length` bytes long.
    pub(crate) fn decode(bytes: &[u8], header: &SegmentHeader, length: u64) -> Option<Self> {
        let bytes: &[u8; FOOTER_BYTES] = bytes.first_chunk()?;
        let checksum = u32::from_le_bytes(get(bytes, CHECKSUM_AT));
        if get(bytes, 0) != MAGIC || checksum != crc32c::crc32c(&bytes[..CHECKSUM_AT]) {
            return None;
        }
        let word = |at: usize| u64::from_le_bytes(get(bytes, at));
        let mut summary = Summary {
            records_end: word(16),
            oldest_unix_ms: word(32),
            newest_unix_ms: word(40),
            ..Summary::default()
        };
        for (lane, at) in summary
            .lanes
            .iter_mut()
            .zip((LANES_AT..).step_by(LANE_BYTES))
        {
            *lane = Totals {
                records: word(at),
                items: word(at + 8),
                bytes: word(at + 16),
            };
        }
        let producers = (word(PRODUCERS_AT) as usize).min(PRODUCERS_MAX);
        for at in (PRODUCERS_AT + 8..).step_by(16).take(producers) {
            summary.producers.insert(word(at), word(at + 8));
        }
        let footer = Footer {
            records: word(24),
            numbers: u64::from(u32::from_le_bytes(get(bytes, 52))),
            index_checksum: u32::from_le_bytes(get(bytes, 48)),
            header: *header,
            summary,
        };
        let fits = word(8) == header.epoch && footer.index_end()? + FOOTER_BYTES as u64 == length;
        fits.then_some(footer)
    }

    fn index_end(&self) -> Option<u64> {
        let length = self.records.checked_mul(ENTRY_BYTES as u64)?;
        self.summary.records_end.checked_add(length)
    }

    /// Where the index stands and how long it is.
    pub(crate) fn index_at(&self) -> (u64, usize) {
        let length = self.records as usize * ENTRY_BYTES;
        (self.summary.records_end, length)
    }

    /// The index in `bytes`, if it is whole.
    pub(crate) fn index(self, bytes: &[u8]) -> Option<Index> {
        let whole = bytes.len() == self.records as usize * ENTRY_BYTES;
        if !whole || crc32c::crc32c(bytes) != self.index_checksum {
            return None;
        }
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let entries = entries.iter().map(|entry| {
            let word = |at: usize| u32::from_le_bytes(get(entry, at));
            Entry {
                offset: u64::from(word(0)) * ALIGNMENT,
                items: word(4),
                payload_len: word(8),
                sequence: self.header.first + u64::from(word(12) & ((1 << SEQUENCE_BITS) - 1)),
                lane: (word(12) >> SEQUENCE_BITS) as u8,
            }
        });
        Some(Index {
            entries: entries.collect(),
            summary: self.summary,
        })
    }
}

#[cfg(test)]
mod tests;
