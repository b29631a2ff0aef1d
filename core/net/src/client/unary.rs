//! Unary gRPC calls.

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

impl Client {
    /// Makes one call and returns the answer's message. Failures to reach the server are `UNAVAILABLE`
    /// with the cause in the text, an answer over `answer_bytes_max` is `RESOURCE_EXHAUSTED`.
    ///
    /// Answers are asked for uncompressed, being a few bytes. Cancel safe: dropping the future resets
    /// the stream.
    pub async fn call(&self, unary: Unary<'_>) -> Result<Bytes, Status> {
        let limit = unary.timeout;
        let exchange = async {
            let response = self.start(request(unary)?).await?;
            self.read_answer(response).await
        };
        timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(SendError::TimedOut { limit }.into()))
    }

    async fn read_answer(&self, response: Response<Incoming>) -> Result<Bytes, Status> {
        let (parts, mut body) = response.into_parts();
        if let Some(outcome) = Status::read(&parts.headers) {
            return outcome.and(Err(missing_message()));
        }
        if parts.status != StatusCode::OK {
            return Err(Status::from_http(parts.status));
        }
        let mut read = BytesMut::new();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame.map_err(broken_off)?.into_data() {
                Ok(data) if data.len() + read.len() > self.message_bytes_max() => {
                    return Err(too_large(self.answer_bytes_max));
                }
                Ok(data) => read.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        match trailers.as_ref().and_then(Status::read) {
            Some(Ok(())) => message(read.freeze()),
            Some(Err(status)) => Err(status),
            None => Err(Status::new(
                Code::Unknown,
                "the answer ended without `grpc-status`",
            )),
        }
    }

    fn message_bytes_max(&self) -> usize {
        self.answer_bytes_max.saturating_add(grpc::PREFIX_BYTES)
    }
}

fn request(unary: Unary<'_>) -> Result<Request<Body>, Status> {
    let compressed = match unary.encoding {
        Encoding::Identity => None,
        encoding => Some([compress(encoding, unary.message)]),
    };
    let pieces = compressed.as_ref().map_or(unary.message, |one| &one[..]);
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let Ok(length) = u32::try_from(length) else {
        return Err(Status::new(
            Code::ResourceExhausted,
            format!("a message of `{length}` bytes exceeds the 4 GiB that gRPC can frame"),
        ));
    };
    let prefix = Bytes::copy_from_slice(&grpc::prefix(compressed.is_some(), length));
    let body = Body::from_pieces(std::iter::once(prefix).chain(pieces.iter().cloned()));
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = unary
        .path
        .parse()
        .map_err(|_| SendError::Path(unary.path.to_owned()))?;
    *request.headers_mut() = unary.headers;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, grpc::CONTENT_TYPE_GRPC);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let timeout = HeaderValue::try_from(grpc::format_timeout(unary.timeout));
    headers.insert("grpc-timeout", timeout.expect("digits and a letter"));
    if compressed.is_some() {
        let name = HeaderValue::from_static(unary.encoding.name());
        headers.insert(grpc::GRPC_ENCODING, name);
    }
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

fn broken_off(error: hyper::Error) -> Status {
    Status::new(Code::Unavailable, format!("the answer broke off: {error}"))
}
