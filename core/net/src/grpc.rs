//! gRPC framed directly on HTTP: length-prefixed messages in, one answer out.
//!
//! ```text
//! request   +------+-----------------+------------- - -+
//!           | flag | length (u32 BE) | message         |      flag 1: coded as `grpc-encoding` says
//!           +------+-----------------+------------- - -+
//! answer    headers, the same frame, trailers `grpc-status: 0`     or, on failure, only
//!           headers with `grpc-status`, `grpc-message`, `grpc-status-details-bin`
//! ```
//!
//! Source: the PROTOCOL-HTTP2 document of gRPC. Refusals use the codes that grpc-go uses for the same
//! faults, because clients decide by them whether to send again.

mod deadline;
mod details;
mod messages;
mod status;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use pdata::Budget;

use crate::body::{Frames, Pace, ReadError, Room};
use crate::compress::{Encoding, InflateError, decompress};
use crate::outgoing::Body;

pub use deadline::{format_timeout, parse_timeout};
pub use messages::{MessageError, Messages};
pub use status::{Code, Status};

/// Default bound of one message in bytes, as sent and again when inflated; grpc-go's.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What an overloaded server asks its clients to wait.
pub const OVERLOAD_RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) const CONTENT_TYPE_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
pub(crate) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const ACCEPTED: HeaderValue = HeaderValue::from_static(Encoding::ACCEPTED);

pub(crate) const PREFIX_BYTES: usize = 5;

/// The bounds of one request message.
#[derive(Clone, Debug)]
pub struct MessageLimits {
    /// Bytes of the message, as sent and again when inflated.
    pub bytes_max: usize,
    pub pace: Pace,
}

impl Default for MessageLimits {
    fn default() -> Self {
        MessageLimits {
            bytes_max: MESSAGE_BYTES_MAX,
            pace: Pace::default(),
        }
    }
}

/// Whether a request is gRPC, by its content type: `application/grpc`, alone or with a suffix.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Reads the one message of a unary request. Its length is leased as soon as its prefix is there,
/// before the rest is read; the bytes hold the lease.
///
/// A message within one data frame is a slice of it, any other is copied once. Where the message is
/// compressed, the input's lease ends when the output is complete.
pub async fn read_message<B>(
    headers: &HeaderMap,
    body: B,
    limits: &MessageLimits,
    budget: &Budget,
) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    let mut frames = Frames::new(body, &limits.pace);
    let (prefix, first) = read_prefix(&mut frames).await?;
    let length = prefix.length(limits.bytes_max)?;
    let encoding = prefix.encoding(declared_encoding(headers)?)?;
    let lease = budget.try_lease(length).ok_or(ReadError::Overloaded)?;
    let room = Room {
        lease,
        limit: length,
    };
    let buffer = || budget.buffer(length);
    let message = read_rest(&mut frames, first, room, buffer).await?;
    if frames.next().await?.is_some() {
        return Err(second_message());
    }
    Ok(decompress(encoding, message, limits.bytes_max, budget)?)
}

/// The five bytes before a message.
struct Prefix {
    flag: u8,
    length: u32,
}

/// The compression that `grpc-encoding` names for the messages that say they are compressed.
fn declared_encoding(headers: &HeaderMap) -> Result<Encoding, Status> {
    let name = match headers.get(GRPC_ENCODING) {
        None => "",
        Some(value) => value.to_str().unwrap_or("in no known characters"),
    };
    Encoding::parse(name).map_err(|unknown| Status::new(Code::Unimplemented, unknown.to_string()))
}

impl Prefix {
    /// The prefix in [`PREFIX_BYTES`] bytes.
    fn of(bytes: &[u8]) -> Self {
        let mut length = [0; 4];
        length.copy_from_slice(&bytes[1..PREFIX_BYTES]);
        Prefix {
            flag: bytes[0],
            length: u32::from_be_bytes(length),
        }
    }

    fn length(&self, limit: usize) -> Result<usize, Status> {
        usize::try_from(self.length)
            .ok()
            .filter(|length| *length <= limit)
            .ok_or_else(|| too_large(&format!("{} against {limit} bytes", self.length)))
    }

    fn encoding(&self, declared: Encoding) -> Result<Encoding, Status> {
        match (self.flag, declared) {
            (0, _) => Ok(Encoding::Identity),
            (1, Encoding::Identity) => Err(Status::new(
                Code::Internal,
                "the message is flagged as compressed, but `grpc-encoding` names no compression",
            )),
            (1, encoding) => Ok(encoding),
            (flag, _) => Err(Status::new(
                Code::Internal,
                format!("the message starts with the flag `{flag}`, expected 0 or 1"),
            )),
        }
    }
}

/// Reads until the prefix is complete; returns it with the bytes that followed in the same frame.
async fn read_prefix<B>(frames: &mut Frames<'_, B>) -> Result<(Prefix, Bytes), Status>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    let mut seen = [0; PREFIX_BYTES];
    let mut have = 0;
    while let Some(mut frame) = frames.next().await? {
        let taken = frame.split_to(frame.len().min(PREFIX_BYTES - have));
        seen[have..have + taken.len()].copy_from_slice(&taken);
        have += taken.len();
        if have == PREFIX_BYTES {
            return Ok((Prefix::of(&seen), frame));
        }
    }
    Err(match have {
        0 => Status::new(Code::Internal, "the request holds no message"),
        _ => cut_off_in_prefix(),
    })
}

/// Reads the message whose beginning is `first`; `room` is exactly its length, and so is what
/// `buffer` gives if more than one frame has to be joined.
async fn read_rest<B>(
    frames: &mut Frames<'_, B>,
    first: Bytes,
    room: Room,
    buffer: impl FnOnce() -> Vec<u8>,
) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<ReadError>,
{
    let length = room.limit;
    if first.len() > length {
        return Err(second_message());
    }
    if first.len() == length {
        return Ok(room.keep_frame(first));
    }
    let Some(frame) = frames.next().await? else {
        return Err(cut_off(first.len(), length));
    };
    if first.is_empty() && frame.len() == length {
        return Ok(room.keep_frame(frame));
    }
    let mut buffer = buffer();
    buffer.extend_from_slice(&first);
    drop(first);
    let mut next = Some(frame);
    while let Some(frame) = next.take() {
        if frame.len() > length - buffer.len() {
            return Err(second_message());
        }
        buffer.extend_from_slice(&frame);
        if buffer.len() < length {
            next = frames.next().await?;
        }
    }
    if buffer.len() < length {
        return Err(cut_off(buffer.len(), length));
    }
    Ok(room.keep(buffer))
}

fn too_large(what: &str) -> Status {
    // The words that grpc-go uses and its users search for.
    Status::new(
        Code::ResourceExhausted,
        format!("received message larger than max ({what})"),
    )
}

fn second_message() -> Status {
    Status::new(
        Code::Internal,
        "bytes follow the message; a unary request holds one message",
    )
}

fn cut_off_in_prefix() -> Status {
    Status::new(
        Code::Internal,
        "the request ends within the message's prefix",
    )
}

fn cut_off(have: usize, length: usize) -> Status {
    Status::new(
        Code::Internal,
        format!("the message ends after `{have}` of its `{length}` bytes"),
    )
}

impl From<ReadError> for Status {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge { limit } => too_large(&format!("more than {limit} bytes")),
            ReadError::Overloaded => overloaded(error.to_string()),
            ReadError::TimedOut => Status::new(Code::DeadlineExceeded, error.to_string()),
            ReadError::Disconnected => Status::new(Code::Cancelled, error.to_string()),
            ReadError::Malformed => Status::new(Code::Internal, error.to_string()),
        }
    }
}

impl From<InflateError> for Status {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::TooLarge { limit } => {
                too_large(&format!("more than {limit} bytes when decompressed"))
            }
            InflateError::Overloaded => overloaded(error.to_string()),
            InflateError::Malformed { .. } => Status::new(Code::Internal, error.to_string()),
        }
    }
}

fn overloaded(message: String) -> Status {
    // Not `RESOURCE_EXHAUSTED`: some exporters drop the data on it.
    Status::new(Code::Unavailable, message).retry_after(OVERLOAD_RETRY_AFTER)
}

/// Answers a call with one message.
pub fn answer(message: &[u8]) -> Response<Body> {
    let mut response = Response::new(Body::GrpcMessage(frame(message)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
    headers.insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    response
}

/// Answers a call with a failure, as headers only.
pub fn refuse(status: &Status) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
    headers.insert(GRPC_ACCEPT_ENCODING, ACCEPTED);
    status.write(headers);
    response
}

/// A message that is not compressed, with its prefix.
fn frame(message: &[u8]) -> Bytes {
    /// The answer of most telemetry services: a message without fields.
    const EMPTY: Bytes = Bytes::from_static(&[0; PREFIX_BYTES]);
    if message.is_empty() {
        return EMPTY;
    }
    let length = u32::try_from(message.len()).expect("an answer is far shorter than 4 GiB");
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_slice(&prefix(false, length));
    framed.put_slice(message);
    framed.freeze()
}

/// The prefix of a message of `length` bytes.
pub(crate) fn prefix(compressed: bool, length: u32) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = length.to_be_bytes();
    [u8::from(compressed), a, b, c, d]
}
