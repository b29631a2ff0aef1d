//! gRPC calls that are answered with one message: unary ones and clients' streams.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{Client, SendError};
use crate::compress::{Encoding, compress};
use crate::grpc::{self, Code, Status};
use crate::outgoing::Body;

/// One call.
#[derive(Debug)]
pub struct Unary<'a> {
    /// `/package.Service/Method`.
    pub path: &'a str,
    /// Metadata to send beside gRPC's own headers.
    pub headers: HeaderMap,
    /// The message's pieces in order; they are sent as they are, or compressed as one.
    pub message: &'a [Bytes],
    pub encoding: Encoding,
    /// For the whole call; the server is told of it.
    pub timeout: Duration,
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{:?}: {}", status.code, status.message)]
pub struct CallError {
    pub status: Status,
    pub fate: Fate,
}

/// What became of the messages of a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has answered with the status.
    Answered,
    /// Nothing has left: there was no connection.
    Unsent,
    /// The server may have taken them.
    Unknown,
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        CallError {
            status,
            fate: Fate::Answered,
        }
    }
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        let fate = match error.may_have_arrived() {
            true => Fate::Unknown,
            false => Fate::Unsent,
        };
        CallError {
            status: error.into(),
            fate,
        }
    }
}

/// One call with a stream of messages that are all there.
#[derive(Debug)]
pub struct Stream<'a> {
    /// `/package.Service/Method`.
    pub path: &'a str,
    /// Metadata to send beside gRPC's own headers.
    pub headers: HeaderMap,
    /// Sent in this order, uncompressed.
    pub messages: &'a [Bytes],
    /// For the whole call; the server is told of it.
    pub timeout: Duration,
}

impl Client {
    /// Sends a stream of messages and returns the answer's; statuses are those of [`Client::call`].
    ///
    /// A server may answer before it has read everything; then the rest is not sent.
    pub async fn call_with_stream(&self, stream: Stream<'_>) -> Result<Bytes, CallError> {
        let mut pieces = Vec::with_capacity(stream.messages.len() * 2);
        for message in stream.messages {
            pieces.push(prefix(false, message.len())?);
            pieces.push(message.clone());
        }
        let request = request(stream.path, stream.headers, stream.timeout, pieces)?;
        self.exchange(request, stream.timeout).await
    }

    /// Makes one call and returns the answer's message. Failures to reach the server are `UNAVAILABLE`
    /// with the cause in the text, an answer over `answer_bytes_max` is `RESOURCE_EXHAUSTED`.
    ///
    /// Answers are asked for uncompressed, being a few bytes. Cancel safe: dropping the future resets
    /// the stream.
    pub async fn call(&self, unary: Unary<'_>) -> Result<Bytes, Status> {
        let answer = self.call_once(unary).await;
        answer.map_err(|error| error.status)
    }

    /// [`Client::call`], which also says what became of a call that failed.
    pub async fn call_once(&self, unary: Unary<'_>) -> Result<Bytes, CallError> {
        let limit = unary.timeout;
        self.exchange(unary_request(unary)?, limit).await
    }

    async fn exchange(&self, request: Request<Body>, limit: Duration) -> Result<Bytes, CallError> {
        let exchange = async {
            let response = self.start(request).await?;
            self.read_answer(response).await
        };
        timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(SendError::TimedOut { limit }.into()))
    }

    async fn read_answer(&self, response: Response<Incoming>) -> Result<Bytes, CallError> {
        let (parts, mut body) = response.into_parts();
        if let Some(outcome) = Status::read(&parts.headers) {
            return Err(outcome.err().unwrap_or_else(missing_message).into());
        }
        if parts.status != StatusCode::OK {
            return Err(Status::from_http(parts.status).into());
        }
        let mut read = BytesMut::new();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame.map_err(broken_off)?.into_data() {
                Ok(data) if data.len() + read.len() > self.message_bytes_max() => {
                    return Err(too_large(self.answer_bytes_max).into());
                }
                Ok(data) => read.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        match trailers.as_ref().and_then(Status::read) {
            Some(Ok(())) => Ok(message(read.freeze())?),
            Some(Err(status)) => Err(status.into()),
            None => Err(CallError {
                status: Status::new(Code::Unknown, "the answer ended without `grpc-status`"),
                fate: Fate::Unknown,
            }),
        }
    }

    fn message_bytes_max(&self) -> usize {
        self.answer_bytes_max.saturating_add(grpc::PREFIX_BYTES)
    }
}

fn unary_request(unary: Unary<'_>) -> Result<Request<Body>, Status> {
    let compressed = match unary.encoding {
        Encoding::Identity => None,
        encoding => Some([compress(encoding, unary.message)]),
    };
    let pieces = compressed.as_ref().map_or(unary.message, |one| &one[..]);
    let length = pieces.iter().map(Bytes::len).sum();
    let prefix = prefix(compressed.is_some(), length)?;
    let pieces = std::iter::once(prefix).chain(pieces.iter().cloned());
    let mut request = request(unary.path, unary.headers, unary.timeout, pieces)?;
    if compressed.is_some() {
        let name = HeaderValue::from_static(unary.encoding.name());
        request.headers_mut().insert(grpc::GRPC_ENCODING, name);
    }
    Ok(request)
}

/// What stands before a message of `length` bytes.
fn prefix(compressed: bool, length: usize) -> Result<Bytes, Status> {
    let Ok(length) = u32::try_from(length) else {
        return Err(Status::new(
            Code::ResourceExhausted,
            format!("a message of `{length}` bytes exceeds the 4 GiB that gRPC can frame"),
        ));
    };
    Ok(Bytes::copy_from_slice(&grpc::prefix(compressed, length)))
}

fn request(
    path: &str,
    headers: HeaderMap,
    timeout: Duration,
    pieces: impl IntoIterator<Item = Bytes>,
) -> Result<Request<Body>, Status> {
    let mut request = Request::new(Body::from_pieces(pieces));
    *request.method_mut() = Method::POST;
    let uri = path.parse();
    *request.uri_mut() = uri.map_err(|_| SendError::Path(path.to_owned()))?;
    *request.headers_mut() = headers;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, grpc::CONTENT_TYPE_GRPC);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let timeout = HeaderValue::try_from(grpc::format_timeout(timeout));
    headers.insert("grpc-timeout", timeout.expect("digits and a letter"));
    Ok(request)
}

/// The message of an answer's body.
fn message(mut body: Bytes) -> Result<Bytes, Status> {
    if body.is_empty() {
        return Err(missing_message());
    }
    let malformed = |what: &str| Err(Status::new(Code::Internal, what));
    if body.len() < grpc::PREFIX_BYTES {
        return malformed("the answer ends within its message's prefix");
    }
    if body.get_u8() != 0 {
        return malformed("the answer is compressed, which was not asked for");
    }
    let length = body.get_u32();
    if usize::try_from(length) != Ok(body.len()) {
        return malformed("the answer is not one whole message");
    }
    Ok(body)
}

fn missing_message() -> Status {
    Status::new(
        Code::Internal,
        "the answer reports success without a message",
    )
}

fn too_large(limit: usize) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("the answer is larger than the limit of `{limit}` bytes"),
    )
}

fn broken_off(error: hyper::Error) -> CallError {
    CallError {
        status: Status::new(Code::Unavailable, format!("the answer broke off: {error}")),
        fate: Fate::Unknown,
    }
}
