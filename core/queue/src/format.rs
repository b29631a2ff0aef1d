//! The bytes of a segment. All numbers are little endian.
//!
//! ```text
//! segment   header | record | record | ... | index | footer       the last two once it is full
//!
//! header    0  magic "SKYFERRQ"     16  identity of the log (16 bytes)
//!           8  version u16          32  epoch u64, random for each segment
//!          10  flags u16            40  first sequence number u64
//!          12  zero (4 bytes)       48  zero (12 bytes)
//!                                   60  CRC-32C of bytes 0 to 59
//!
//! record    0  magic "SKYR"         40  sequence number of the producer u64
//!           4  CRC-32C of the epoch,48  items u32
//!              bytes 8 to 63, meta  52  length of meta u16
//!           8  CRC-32C of payload   54  lane u8
//!          12  length of payload    55  codec u8
//!          16  sequence number u64  56  epoch u64
//!          24  enqueued, Unix ms    64  meta, payload, zeros up to a multiple of 8
//!          32  producer u64
//!
//! end mark  0  magic "SKYE"          4  CRC-32C of the epoch and of the mark's offset u64
//!
//! index     for each record: offset / 8 u32, items u32, length of payload u32,
//!           sequence number - first (29 bits) | lane (3 bits)
//!
//! footer    0  magic "SKYFOOTR"     56  for each lane: records u64, items u64, payload bytes u64
//!           8  epoch u64           248  number of producers u64
//!          16  end of records u64  256  for each: id u64, its highest sequence number u64
//!          24  records u64         1280  zero (12 bytes)
//!          32  oldest, Unix ms    1292  CRC-32C of bytes 0 to 1291
//!          40  newest, Unix ms
//!          48  CRC-32C of index, numbers u32: from the first to the last record's
//! ```
//!
//! Index and footer say nothing that the records do not; without them opening is slower.
//!
//! A record's header is bound to its segment by the epoch, so bytes of another file, of a segment
//! that was there before, or of a payload made to look like a record cannot pass as one. Sequence
//! numbers grow by one from record to record, so a gap says how many records are missing.
//!
//! Flag 1 says that the segment is written over the file of one that was finished. Until it is
//! closed, which cuts the file to its length, there are remains behind its last record:
//!
//! ```text
//! header | record | ... | record | end mark, zeros to the end of the block | remains
//! ```
//!
//! Every group of records brings the mark with it and is written over the one before. There the
//! epoch in a record's header counts too, so that none of the remains can be taken for a record,
//! whoever chose their bytes. Without the mark the last write was torn.

use std::ops::Range;

/// Streams in one log.
pub const LANES: usize = 8;

/// Producers that one log remembers.
pub const PRODUCERS_MAX: usize = 64;

/// The version this program writes and reads.
pub const VERSION: u16 = 1;

pub const SEGMENT_HEADER_BYTES: usize = 64;
pub const RECORD_HEADER_BYTES: usize = 64;

/// Records start at multiples of this.
pub const ALIGNMENT: u64 = 8;

const SEGMENT_MAGIC: [u8; 8] = *b"SKYFERRQ";
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"SKYR";
pub(crate) const MARK_MAGIC: [u8; 4] = *b"SKYE";

pub(crate) const MARK_BYTES: usize = 8;

const FLAG_WRITTEN_OVER: u16 = 1;
/// In a record's header.
const EPOCH_AT: usize = 56;

/// What says that segments belong together.
pub type Identity = [u8; 16];

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    pub identity: Identity,
    pub epoch: u64,
    /// The sequence number of its first record, if there is one.
    pub first: u64,
    /// Whether the file was another segment before.
    pub is_written_over: bool,
}

/// Why bytes are no header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    #[error("the file does not begin with a segment's header")]
    Damaged,
    #[error("the file has version {0} of the format; this program knows {VERSION}")]
    Version(u16),
}

impl SegmentHeader {
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        put(&mut bytes, 0, SEGMENT_MAGIC);
        put(&mut bytes, 8, VERSION.to_le_bytes());
        let flags = u16::from(self.is_written_over) * FLAG_WRITTEN_OVER;
        put(&mut bytes, 10, flags.to_le_bytes());
        put(&mut bytes, 16, self.identity);
        put(&mut bytes, 32, self.epoch.to_le_bytes());
        put(&mut bytes, 40, self.first.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        put(&mut bytes, 60, checksum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES] = bytes.first_chunk().ok_or(HeaderFault::Damaged)?;
        let checksum = u32::from_le_bytes(get(bytes, 60));
        if get(bytes, 0) != SEGMENT_MAGIC || checksum != crc32c::crc32c(&bytes[..60]) {
            return Err(HeaderFault::Damaged);
        }
        match u16::from_le_bytes(get(bytes, 8)) {
            VERSION => Ok(SegmentHeader {
                identity: get(bytes, 16),
                epoch: u64::from_le_bytes(get(bytes, 32)),
                first: u64::from_le_bytes(get(bytes, 40)),
                is_written_over: u16::from_le_bytes(get(bytes, 10)) & FLAG_WRITTEN_OVER != 0,
            }),
            other => Err(HeaderFault::Version(other)),
        }
    }

    /// Whether a record's header may have been written into this segment, as far as can be told
    /// without its meta.
    pub(crate) fn may_own(&self, record: &[u8; RECORD_HEADER_BYTES]) -> bool {
        // Programs that wrote no segment over another left the epoch out.
        !self.is_written_over || get(record, EPOCH_AT) == self.epoch.to_le_bytes()
    }

    /// Whether a record's header was written into this segment, together with `meta`.
    pub fn owns(&self, record: &[u8; RECORD_HEADER_BYTES], meta: &[u8]) -> bool {
        self.may_own(record)
            && u32::from_le_bytes(get(record, 4)) == checksum(record, self.epoch, meta)
    }

    /// What stands behind the last record, which ends at `offset`, where remains are behind it.
    pub(crate) fn end_mark(&self, offset: u64) -> [u8; MARK_BYTES] {
        let mut mark = [0; MARK_BYTES];
        let of_epoch = crc32c::crc32c(&self.epoch.to_le_bytes());
        let checksum = crc32c::crc32c_append(of_epoch, &offset.to_le_bytes());
        put(&mut mark, 0, MARK_MAGIC);
        put(&mut mark, 4, checksum.to_le_bytes());
        mark
    }
}

/// Who made a record and which of its own it is, for producers that repeat themselves after a
/// restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    /// Not zero.
    pub id: u64,
    pub sequence: u64,
}

/// What is known of a record without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    pub sequence: u64,
    pub enqueued_unix_ms: u64,
    pub producer: Option<Producer>,
    pub items: u32,
    /// One of the streams that the log keeps in one order.
    pub lane: u8,
    /// How the payload is coded; the log does not look.
    pub codec: u8,
    pub meta_len: u16,
    pub payload_len: u32,
    pub payload_checksum: u32,
}

impl RecordHeader {
    /// The header as written into the segment of this epoch, before `meta` and the payload.
    pub fn encode(&self, epoch: u64, meta: &[u8]) -> [u8; RECORD_HEADER_BYTES] {
        let mut bytes = [0; RECORD_HEADER_BYTES];
        let producer = self.producer.map_or((0, 0), |of| (of.id, of.sequence));
        put(&mut bytes, 0, RECORD_MAGIC);
        put(&mut bytes, 8, self.payload_checksum.to_le_bytes());
        put(&mut bytes, 12, self.payload_len.to_le_bytes());
        put(&mut bytes, 16, self.sequence.to_le_bytes());
        put(&mut bytes, 24, self.enqueued_unix_ms.to_le_bytes());
        put(&mut bytes, 32, producer.0.to_le_bytes());
        put(&mut bytes, 40, producer.1.to_le_bytes());
        put(&mut bytes, 48, self.items.to_le_bytes());
        put(&mut bytes, 52, self.meta_len.to_le_bytes());
        put(&mut bytes, 54, [self.lane, self.codec]);
        put(&mut bytes, EPOCH_AT, epoch.to_le_bytes());
        let checksum = checksum(&bytes, epoch, meta);
        put(&mut bytes, 4, checksum.to_le_bytes());
        bytes
    }

    /// Reads what looks like a header; only [`SegmentHeader::owns`] makes it one.
    pub fn decode(bytes: &[u8; RECORD_HEADER_BYTES]) -> Option<Self> {
        if get(bytes, 0) != RECORD_MAGIC {
            return None;
        }
        let id = u64::from_le_bytes(get(bytes, 32));
        let sequence = u64::from_le_bytes(get(bytes, 40));
        let [lane, codec] = get(bytes, 54);
        Some(RecordHeader {
            payload_checksum: u32::from_le_bytes(get(bytes, 8)),
            payload_len: u32::from_le_bytes(get(bytes, 12)),
            sequence: u64::from_le_bytes(get(bytes, 16)),
            enqueued_unix_ms: u64::from_le_bytes(get(bytes, 24)),
            producer: (id != 0).then_some(Producer { id, sequence }),
            items: u32::from_le_bytes(get(bytes, 48)),
            meta_len: u16::from_le_bytes(get(bytes, 52)),
            lane,
            codec,
        })
    }

    /// Its sequence number, for those who count in runs.
    pub fn run(&self) -> Range<u64> {
        self.sequence..self.sequence + 1
    }

    /// Bytes from the record's first to the next one's first.
    pub fn record_len(&self) -> u64 {
        let content = u64::from(self.meta_len) + u64::from(self.payload_len);
        (RECORD_HEADER_BYTES as u64 + content).next_multiple_of(ALIGNMENT)
    }
}

fn checksum(header: &[u8; RECORD_HEADER_BYTES], epoch: u64, meta: &[u8]) -> u32 {
    let of_epoch = crc32c::crc32c(&epoch.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(of_epoch, &header[8..]), meta)
}

pub(crate) fn put<const N: usize, const LEN: usize>(
    bytes: &mut [u8; LEN],
    at: usize,
    value: [u8; N],
) {
    bytes[at..at + N].copy_from_slice(&value);
}

pub(crate) fn get<const N: usize, const LEN: usize>(bytes: &[u8; LEN], at: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&bytes[at..at + N]);
    value
}

#[cfg(test)]
mod tests;
