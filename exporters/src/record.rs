//! The forms of a file of requests: how a record is written, and where the next one begins.
//!
//! ```text
//! lines    {"resourceLogs":[..]} LF {"resourceLogs":[..]} LF ..
//! framed   <length> <payload> <length> <payload> ..      length: 4 bytes, big-endian
//! ```
//!
//! The payload of a framed record is an export request in protobuf, or a zstd frame of one in
//! protobuf or JSON. JSON that is not compressed is always in lines. These are the forms of the
//! collector's file exporter, so that either side reads what the other has written. Nothing in a
//! framed record says which signal it is of.

use std::io;

use pdata::{Batch, Chunk, json};

pub mod backup;

/// The longest record, on disk and again decompressed: more than the largest request that the
/// receivers take by default can become as JSON, and so little that no length begins with a byte
/// that JSON may begin with.
pub const RECORD_MAX: usize = 128 << 20;

/// Bytes of the length in front of a framed record.
pub const PREFIX_LEN: usize = 4;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    pub encoding: Encoding,
    /// Whether each record is compressed with zstd, on its own.
    pub compressed: bool,
}

/// What the request in a record is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Json,
    Proto,
}

/// How the records of a file are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Lines,
    Framed,
}

/// Why a batch cannot be a record.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error(transparent)]
    Malformed(#[from] json::Malformed),
    #[error("a record of {0} bytes exceeds the {RECORD_MAX} bytes a record may have")]
    TooLong(usize),
    #[error("cannot compress: {0}")]
    Compression(io::Error),
}

impl Format {
    pub const fn layout(self) -> Layout {
        match (self.encoding, self.compressed) {
            (Encoding::Json, false) => Layout::Lines,
            _ => Layout::Framed,
        }
    }

    /// The batch as one record, with what separates it from the next.
    pub fn encode(self, batch: &Batch) -> Result<Vec<u8>, EncodeError> {
        let pieces = || batch.chunks().iter().map(framed);
        let start = match self.layout() {
            Layout::Lines => 0,
            Layout::Framed => PREFIX_LEN,
        };
        let mut record = vec![0; start];
        match self.encoding {
            Encoding::Json => json::write_parts(batch.signal(), pieces(), &mut record)?,
            Encoding::Proto => {
                record.reserve_exact(batch.wire_len());
                pieces().for_each(|piece| record.extend_from_slice(piece));
            }
        }
        check_length(record.len() - start)?;
        match self.layout() {
            Layout::Lines => record.push(b'\n'),
            Layout::Framed => {
                if self.compressed {
                    record = compress(&record)?;
                }
                let length = check_length(record.len() - start)?;
                record[..PREFIX_LEN].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(record)
    }
}

/// The length of a payload as it is written, if a record may have it.
fn check_length(length: usize) -> Result<u32, EncodeError> {
    match u32::try_from(length) {
        Ok(short) if length <= RECORD_MAX => Ok(short),
        _ => Err(EncodeError::TooLong(length)),
    }
}

/// The same record with its payload compressed.
fn compress(record: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let payload = &record[PREFIX_LEN..];
    let mut compressed = vec![0; PREFIX_LEN + zstd::zstd_safe::compress_bound(payload.len())];
    let level = zstd::DEFAULT_COMPRESSION_LEVEL;
    let written = zstd::bulk::compress_to_buffer(payload, &mut compressed[PREFIX_LEN..], level)
        .map_err(EncodeError::Compression)?;
    compressed.truncate(PREFIX_LEN + written);
    Ok(compressed)
}

fn framed(chunk: &Chunk) -> &[u8] {
    match chunk {
        Chunk::Otlp(chunk) => chunk.framed(),
        _ => unreachable!("pipelines of OTLP signals carry OTLP chunks"),
    }
}

impl Layout {
    /// The layout of a file that begins with these bytes, of which there are at least
    /// [`PREFIX_LEN`] unless the file is shorter. `None` if it cannot be such a file.
    pub fn detect(head: &[u8]) -> Option<Layout> {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
        match text.first()? {
            b'{' | b' ' | b'\t' | b'\r' | b'\n' => return Some(Layout::Lines),
            _ => {}
        }
        let short = head.len() < PREFIX_LEN;
        let length = head.first_chunk().map(|prefix| u32::from_be_bytes(*prefix));
        let fits = length.is_some_and(|length| plausible(length).is_some());
        // All that can be said of part of a prefix is that its length would not be absurd.
        let may_fit = short && usize::from(head[0]) <= RECORD_MAX >> 24;
        (fits || may_fit).then_some(Layout::Framed)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Layout::Lines => "JSON lines",
            Layout::Framed => "records with a length in front",
        }
    }
}

/// The length in a record's prefix, if a record may have it. None is empty.
pub fn plausible(length: u32) -> Option<usize> {
    let length = length as usize;
    (1..=RECORD_MAX).contains(&length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_layouts_apart_by_the_first_bytes() {
        let cases: [(&[u8], Option<Layout>); 11] = [
            (b"{\"resourceLogs\"", Some(Layout::Lines)),
            (b"\xEF\xBB\xBF{\"res", Some(Layout::Lines)),
            (b"\n{}", Some(Layout::Lines)),
            (&[8, 0, 0, 0, 10], Some(Layout::Framed)),
            (&[8, 0, 0, 1, 10], None),
            (&[0, 0, 1, 0, 10], Some(Layout::Framed)),
            (&[0, 0], Some(Layout::Framed)),
            (b"hello", None),
            (&[0, 0, 0, 0, 0], None),
            (&ZSTD_MAGIC, None),
            (b"", None),
        ];
        for (head, layout) in cases {
            assert_eq!(Layout::detect(head), layout, "{head:02x?}");
        }
    }
}
