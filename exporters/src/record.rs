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
//!
//! The messages of SkyWalking's agents have a record of their own beside it:
//!
//! ```text
//! JSON      {"skywalking":[{"segment":{..}},{"log":{..}}, ..]}     protobuf's own JSON form of each
//! protobuf  tag(30, LEN) <length> <envelope>                       see `pdata::skywalking::envelope`
//! ```

use std::io;

use pdata::schema::WireType;
use pdata::skywalking::envelope;
use pdata::{Batch, Chunk, NativeChunk, json, wire};

pub mod backup;
#[cfg(test)]
pub(crate) mod sample;

/// The longest record, on disk and again decompressed: more than the largest request that the
/// receivers take by default can become as JSON, and so little that no length begins with a byte
/// that JSON may begin with.
pub const RECORD_MAX: usize = 128 << 20;

/// Bytes of the length in front of a framed record.
pub const PREFIX_LEN: usize = 4;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// What some editors put in front of text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The field in front of an envelope; no export request of OTLP begins with it.
pub const NATIVE_FIELD: u32 = 30;

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

    /// The batch as one record, or one for its OTLP and one for its native messages; with what separates
    /// them from the next.
    pub fn encode(self, batch: &Batch) -> Result<Vec<u8>, EncodeError> {
        let otlp = || {
            batch.chunks().iter().filter_map(|chunk| match chunk {
                Chunk::Otlp(chunk) => Some(&chunk.framed()[..]),
                Chunk::Native(_) => None,
            })
        };
        let native = || batch.chunks().iter().any(is_native);
        let mut records = Vec::new();
        if otlp().next().is_some() {
            self.record(&mut records, |payload| {
                match self.encoding {
                    Encoding::Json => json::write_parts(batch.signal(), otlp(), payload)?,
                    Encoding::Proto => otlp().for_each(|piece| payload.extend_from_slice(piece)),
                }
                Ok(())
            })?;
        }
        if native() {
            self.record(&mut records, |payload| match self.encoding {
                Encoding::Json => native_json(batch, payload),
                Encoding::Proto => {
                    native_protobuf(batch, payload);
                    Ok(())
                }
            })?;
        }
        Ok(records)
    }

    /// Appends a record with the payload that `write` appends.
    fn record(
        self,
        records: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = records.len();
        let prefix = match self.layout() {
            Layout::Lines => 0,
            Layout::Framed => PREFIX_LEN,
        };
        records.resize(start + prefix, 0);
        write(records)?;
        check_length(records.len() - start - prefix)?;
        match self.layout() {
            Layout::Lines => records.push(b'\n'),
            Layout::Framed => {
                if self.compressed {
                    let compressed = compress(&records[start + prefix..])?;
                    records.truncate(start + prefix);
                    records.extend_from_slice(&compressed);
                }
                let length = check_length(records.len() - start - prefix)?;
                records[start..start + prefix].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    }
}

fn is_native(chunk: &Chunk) -> bool {
    matches!(chunk, Chunk::Native(_))
}

fn natives(batch: &Batch) -> impl Iterator<Item = &NativeChunk> {
    batch.chunks().iter().filter_map(|chunk| match chunk {
        Chunk::Native(chunk) => Some(chunk),
        Chunk::Otlp(_) => None,
    })
}

fn native_json(batch: &Batch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    out.extend_from_slice(b"{\"skywalking\":[");
    for (index, chunk) in natives(batch).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(chunk.kind().name().as_bytes());
        out.extend_from_slice(b"\":");
        json::write_message(chunk.kind().schema(), chunk.message(), out)?;
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

fn native_protobuf(batch: &Batch, out: &mut Vec<u8>) {
    let chunks: Vec<Chunk> = batch
        .chunks()
        .iter()
        .filter(|chunk| is_native(chunk))
        .cloned()
        .collect();
    let envelope = envelope::pieces(&chunks);
    let length: usize = envelope.iter().map(|piece| piece.len()).sum();
    wire::put_varint(out, wire::key(NATIVE_FIELD, WireType::Len));
    wire::put_varint(out, length as u64);
    envelope
        .iter()
        .for_each(|piece| out.extend_from_slice(piece));
}

/// The length of a payload as it is written, if a record may have it.
fn check_length(length: usize) -> Result<u32, EncodeError> {
    match u32::try_from(length) {
        Ok(short) if length <= RECORD_MAX => Ok(short),
        _ => Err(EncodeError::TooLong(length)),
    }
}

fn compress(payload: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let level = zstd::DEFAULT_COMPRESSION_LEVEL;
    zstd::bulk::compress(payload, level).map_err(EncodeError::Compression)
}

impl Layout {
    /// The layout of a file that begins with these bytes, of which there are at least
    /// [`PREFIX_LEN`] unless the file is shorter. `None` if it cannot be such a file.
    pub fn detect(head: &[u8]) -> Option<Layout> {
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
