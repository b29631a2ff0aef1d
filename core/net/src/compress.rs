//! Content codings: inflating what peers send, within a limit and the budget, and compressing what
//! clients send.
//!
//! Both work on whole bodies in memory and do not wait. Inflating 16 MiB takes about 20 ms of the
//! calling thread. Beside the leased output, a running decoder holds its own window: 40 KiB for
//! gzip and deflate, up to [`ZSTD_WINDOW_LOG_MAX`] for zstd, one per thread that inflates.

use std::fmt;
use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use pdata::Budget;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::body::Room;

#[cfg(test)]
mod tests;

/// Largest zstd window accepted, as a power of two: 8 MiB, what RFC 8878 asks decoders to support.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Default bound of one inflated body in bytes.
pub const INFLATED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Members or frames in one body. More than a writer makes that flushes every 64 KiB, and few enough
/// that a body of empty members costs milliseconds.
const MEMBERS_MAX: usize = 4096;
/// First lease for an output; doubled as it grows.
const OUTPUT_STEP: usize = 64 * 1024;
/// Telemetry shrinks four to five times; this first guess for short bodies avoids most growth.
const LIKELY_RATIO: usize = 5;
const ZLIB_WINDOW_BITS: u8 = 15;
/// Our hops are limited by their cores: level 6 takes four times as long for a sixth less output.
const GZIP_LEVEL: Compression = Compression::fast();
const ZSTD_LEVEL: i32 = 1;

/// How a body is coded, as named in `Content-Encoding` and `grpc-encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Identity,
    Gzip,
    Zstd,
    /// The zlib format, as RFC 9110 defines the name; also accepted as `zlib`.
    Deflate,
}

impl Encoding {
    /// What a server that uses [`decompress`] may advertise.
    pub const ACCEPTED: &str = "gzip, zstd, deflate, identity";

    /// Reads the value of a coding header. Names are compared without case; an empty value is
    /// `identity`.
    pub fn parse(name: &str) -> Result<Encoding, UnknownEncoding> {
        const NAMES: [(&str, Encoding); 6] = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("zstd", Encoding::Zstd),
            ("deflate", Encoding::Deflate),
            ("zlib", Encoding::Deflate),
        ];
        let name = name.trim();
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, encoding)| *encoding)
            .ok_or_else(|| UnknownEncoding {
                name: name.chars().take(UNKNOWN_NAME_CHARS_MAX).collect(),
            })
    }

    /// The name to send.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
            Encoding::Deflate => "deflate",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of an unknown name an error repeats.
const UNKNOWN_NAME_CHARS_MAX: usize = 32;

/// A coding that this crate does not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the encoding `{name}` is not supported; accepted are {}",
    Encoding::ACCEPTED
)]
pub struct UnknownEncoding {
    name: String,
}

/// Why a body was not inflated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    #[error("the decompressed body is larger than the limit of `{limit}` bytes")]
    TooLarge { limit: usize },
    #[error("no memory is left to decompress the body; send it again later")]
    Overloaded,
    #[error("the body is not valid {encoding}: {what}")]
    Malformed {
        encoding: Encoding,
        what: &'static str,
    },
}

/// Inflates a whole body: every member of a gzip file, every frame of zstd.
///
/// The output is leased in steps before it is written and never exceeds `limit` bytes; sizes that
/// the body declares about itself are not believed. `Identity` returns the body as it is, whatever
/// its length. The input's own lease ends when `body` is dropped here.
pub fn decompress(
    encoding: Encoding,
    body: Bytes,
    limit: usize,
    budget: &Budget,
) -> Result<Bytes, InflateError> {
    if encoding == Encoding::Identity || body.is_empty() {
        return Ok(body);
    }
    let output = Output::new(body.len(), limit, budget)?;
    match encoding {
        Encoding::Zstd => unzstd(&body, output),
        Encoding::Gzip | Encoding::Deflate => inflate(encoding, &body, output),
        Encoding::Identity => Ok(body),
    }
}

/// The growing result: its capacity is leased, and its capacity is all that decoders may write.
struct Output {
    bytes: Vec<u8>,
    room: Room,
    limit: usize,
}

impl Output {
    fn new(input: usize, limit: usize, budget: &Budget) -> Result<Self, InflateError> {
        // One byte over the limit, so that a decoder can say it has ended exactly there.
        let room_max = limit.saturating_add(1);
        let likely = input.saturating_mul(LIKELY_RATIO).min(OUTPUT_STEP);
        let first = likely.min(room_max);
        let lease = budget.try_lease(first).ok_or(InflateError::Overloaded)?;
        Ok(Output {
            bytes: Vec::with_capacity(first),
            room: Room {
                lease,
                limit: room_max,
            },
            limit,
        })
    }

    fn is_full(&self) -> bool {
        self.bytes.len() == self.bytes.capacity()
    }

    /// Makes room for at least one more byte.
    fn grow(&mut self) -> Result<(), InflateError> {
        self.check()?;
        self.room
            .admit(self.bytes.len() + 1)
            .map_err(|_| InflateError::Overloaded)?;
        self.bytes
            .reserve_exact(self.room.lease.bytes() - self.bytes.len());
        Ok(())
    }

    fn check(&self) -> Result<(), InflateError> {
        if self.bytes.len() > self.limit {
            return Err(InflateError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn finish(self) -> Result<Bytes, InflateError> {
        self.check()?;
        Ok(self.room.keep(self.bytes))
    }
}

fn inflate(encoding: Encoding, input: &[u8], mut output: Output) -> Result<Bytes, InflateError> {
    let malformed = |what| InflateError::Malformed { encoding, what };
    let mut rest = input;
    for _ in 0..MEMBERS_MAX {
        let mut decoder = match encoding {
            Encoding::Gzip => Decompress::new_gzip(ZLIB_WINDOW_BITS),
            _ => Decompress::new(true),
        };
        rest = inflate_member(&mut decoder, rest, &mut output)
            .map_err(|error| error.unwrap_or(malformed("a member is broken or cut off")))?;
        if rest.is_empty() {
            return output.finish();
        }
        if encoding == Encoding::Deflate {
            return Err(malformed("bytes follow its end"));
        }
    }
    Err(malformed("it has more than 4096 members"))
}

/// Inflates one member and returns what follows it. `Err(None)` is broken data.
fn inflate_member<'a>(
    decoder: &mut Decompress,
    mut input: &'a [u8],
    output: &mut Output,
) -> Result<&'a [u8], Option<InflateError>> {
    loop {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let status = decoder
            .decompress_vec(input, &mut output.bytes, FlushDecompress::None)
            .map_err(|_| None)?;
        let consumed = decoder.total_in() - read;
        input = usize::try_from(consumed)
            .ok()
            .and_then(|consumed| input.get(consumed..))
            .ok_or(None)?;
        if status == Status::StreamEnd {
            return Ok(input);
        }
        if output.is_full() {
            output.grow().map_err(Some)?;
        } else if consumed == 0 && decoder.total_out() == written {
            return Err(None);
        }
    }
}

fn unzstd(input: &[u8], mut output: Output) -> Result<Bytes, InflateError> {
    let malformed = |what| InflateError::Malformed {
        encoding: Encoding::Zstd,
        what,
    };
    let mut decoder = Decoder::new().map_err(|_| InflateError::Overloaded)?;
    decoder
        .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))
        .map_err(|_| malformed("the decoder refuses its window limit"))?;
    let mut source = InBuffer::around(input);
    let mut frames = 0;
    loop {
        let (read, written) = (source.pos(), output.bytes.len());
        let mut target = OutBuffer::around_pos(&mut output.bytes, written);
        let hint = decoder
            .run(&mut source, &mut target)
            .map_err(|_| malformed("a frame is broken or asks for a window over 8 MiB"))?;
        if hint == 0 {
            if source.pos() == input.len() {
                return output.finish();
            }
            frames += 1;
            if frames == MEMBERS_MAX {
                return Err(malformed("it has more than 4096 frames"));
            }
        }
        if output.is_full() {
            output.grow()?;
        } else if source.pos() == read && output.bytes.len() == written {
            return Err(malformed("the last frame is cut off"));
        }
    }
}

/// Compresses pieces into one body, at the fastest level that shrinks telemetry well. `Identity`
/// joins them. The output is not leased: it is shorter than what its caller already holds.
pub fn compress(encoding: Encoding, pieces: &[Bytes]) -> Bytes {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let sink = Vec::with_capacity(length / LIKELY_RATIO + 64);
    let written = match encoding {
        Encoding::Identity => Ok(pieces.concat()),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(sink, GZIP_LEVEL);
            write_all(&mut encoder, pieces).and_then(|()| encoder.finish())
        }
        Encoding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(sink, GZIP_LEVEL);
            write_all(&mut encoder, pieces).and_then(|()| encoder.finish())
        }
        Encoding::Zstd => zstd::Encoder::new(sink, ZSTD_LEVEL).and_then(|mut encoder| {
            write_all(&mut encoder, pieces)?;
            encoder.finish()
        }),
    };
    Bytes::from(written.expect("encoders fail only where their sink does, and a Vec does not"))
}

fn write_all(encoder: &mut impl Write, pieces: &[Bytes]) -> std::io::Result<()> {
    pieces.iter().try_for_each(|piece| encoder.write_all(piece))
}
