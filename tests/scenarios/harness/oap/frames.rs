//! gRPC's framing, written for the tests alone: a fault in the program's own cannot hide behind it.

use std::io::Read;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A flag, and the message's length in four bytes.
const PREFIX_BYTES: usize = 5;
/// What an OAP takes in one message.
const MESSAGE_BYTES_MAX: usize = 50 << 20;

/// Codes of gRPC that the tests name.
pub(crate) mod code {
    pub(crate) const OK: u16 = 0;
    pub(crate) const UNKNOWN: u16 = 2;
    pub(crate) const INVALID_ARGUMENT: u16 = 3;
    pub(crate) const PERMISSION_DENIED: u16 = 7;
    pub(crate) const RESOURCE_EXHAUSTED: u16 = 8;
    pub(crate) const UNIMPLEMENTED: u16 = 12;
    pub(crate) const INTERNAL: u16 = 13;
    pub(crate) const UNAVAILABLE: u16 = 14;
}

/// How a call ended, if not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Status {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Status {
        let message = message.into();
        Status { code, message }
    }

    /// The status in a call's trailers, or in the headers of an answer without a body.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Status> {
        let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
        let message = headers.get("grpc-message");
        let message = message.and_then(|text| text.to_str().ok());
        Some(Status::new(code, message.unwrap_or_default()))
    }
}

/// A message behind its prefix.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("tests send less than 4 GiB");
    Bytes::from([&[0][..], &length.to_be_bytes(), message].concat())
}

/// Reads messages out of a body as it comes.
pub(crate) struct Frames {
    body: Incoming,
    unread: BytesMut,
    gzip: bool,
    trailers: Option<HeaderMap>,
}

impl Frames {
    pub(crate) fn new(headers: &HeaderMap, body: Incoming) -> Frames {
        let gzip = headers
            .get("grpc-encoding")
            .is_some_and(|name| name == "gzip");
        Frames {
            body,
            unread: BytesMut::new(),
            gzip,
            trailers: None,
        }
    }

    /// The next message; `None` at the orderly end of the body.
    ///
    /// Cancel safe: what was received stays for the next call.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                None if self.unread.is_empty() => return Ok(None),
                None => return Err(Status::new(code::INTERNAL, "a message is cut off")),
                Some(Err(error)) => return Err(Status::new(code::UNAVAILABLE, error.to_string())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.unread.extend_from_slice(&data),
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    /// The trailers, once `next` has come to the end.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// A message that is there as a whole.
    fn take(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((prefix, rest)) = self.unread.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_BYTES_MAX {
            let text = format!("a message of {length} bytes, more than {MESSAGE_BYTES_MAX}");
            return Err(Status::new(code::RESOURCE_EXHAUSTED, text));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.unread.advance(PREFIX_BYTES);
        let message = self.unread.split_to(length).freeze();
        match flag {
            0 => Ok(Some(message)),
            1 if self.gzip => inflate(&message).map(Some),
            _ => Err(Status::new(
                code::INTERNAL,
                format!("a message has flag {flag} and no encoding"),
            )),
        }
    }
}

/// What gzip made smaller, as long as it fits.
pub(crate) fn inflate(compressed: &[u8]) -> Result<Bytes, Status> {
    let mut message = Vec::new();
    let limit = MESSAGE_BYTES_MAX as u64 + 1;
    let read = flate2::read::MultiGzDecoder::new(compressed)
        .take(limit)
        .read_to_end(&mut message);
    if let Err(error) = read {
        return Err(Status::new(code::INTERNAL, format!("gzip: {error}")));
    }
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(Status::new(code::RESOURCE_EXHAUSTED, "gzip: too large"));
    }
    Ok(message.into())
}
