//! Why a request over HTTP is not taken, and what is answered.

use std::time::Duration;

use bytes::Bytes;
use engine::Refusal;
use http::header::{ALLOW, CONTENT_ENCODING, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use net::Body;
use net::body::{BodyLimits, ReadError};
use net::compress::{Encoding, InflateError, decompress};
use net::grpc::OVERLOAD_RETRY_AFTER;
use pdata::Budget;

use crate::intake::{Counts, Turned};

/// Why a request is not taken.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) retry_after: Option<Duration>,
    /// The body was not read to its end, so the connection cannot be used again.
    pub(crate) body_unread: bool,
}

impl Trouble {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Trouble {
            status,
            text: text.into(),
            retry_after: None,
            body_unread: false,
        }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Trouble::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn too_large(text: String) -> Self {
        Trouble::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    pub(crate) fn unavailable(text: impl Into<String>, after: Duration) -> Self {
        let trouble = Trouble::new(StatusCode::SERVICE_UNAVAILABLE, text);
        Trouble {
            retry_after: Some(after),
            ..trouble
        }
    }

    pub(crate) fn overloaded() -> Self {
        Trouble::unavailable(
            "no memory is left for the request now",
            OVERLOAD_RETRY_AFTER,
        )
    }

    /// Tells the client when to come back, if it may.
    pub(crate) fn write_retry_after(&self, headers: &mut HeaderMap) {
        if let Some(after) = self.retry_after {
            // Whole seconds; a shorter wait must not become none.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
    }

    pub(crate) fn count(&self, counts: &Counts) {
        match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => counts.too_large.increment(1),
            StatusCode::SERVICE_UNAVAILABLE => counts.overloaded.increment(1),
            StatusCode::BAD_REQUEST => counts.malformed.increment(1),
            _ => counts.unread.increment(1),
        }
    }
}

/// Reads a body and decompresses it, within the limits of both.
pub(crate) async fn read_body(
    parts: &Parts,
    body: Incoming,
    limits: &BodyLimits,
    budget: &Budget,
) -> Result<Bytes, Trouble> {
    let encoding = content_encoding(&parts.headers)?;
    let body = net::body::read(body, limits, budget).await?;
    Ok(decompress(encoding, body, limits.bytes_max, budget)?)
}

pub(crate) fn wrong_method() -> Response<Body> {
    let mut response = Response::new(Body::from("405 method not allowed, supported: [POST]\n"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, allowed);
    response
}

fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Trouble> {
    let Some(name) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    let name = String::from_utf8_lossy(name.as_bytes());
    Encoding::parse(&name).map_err(|error| Trouble {
        body_unread: true,
        ..Trouble::bad_request(error.to_string())
    })
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        let text = error.to_string();
        let trouble = match error {
            ReadError::TooLarge { .. } => Trouble::too_large(text),
            ReadError::Overloaded => Trouble::overloaded(),
            ReadError::TimedOut => Trouble::new(StatusCode::REQUEST_TIMEOUT, text),
            ReadError::Disconnected | ReadError::Malformed => Trouble::bad_request(text),
        };
        Trouble {
            body_unread: true,
            ..trouble
        }
    }
}

impl From<InflateError> for Trouble {
    fn from(error: InflateError) -> Self {
        let text = error.to_string();
        match error {
            InflateError::TooLarge { .. } => Trouble::too_large(text),
            InflateError::Overloaded => Trouble::overloaded(),
            InflateError::Malformed { .. } => Trouble::bad_request(text),
        }
    }
}

/// How long a client is to wait when the process shuts down: another instance may be there.
const CLOSED_RETRY_AFTER: Duration = Duration::from_secs(1);

impl From<Turned> for Trouble {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Malformed(text) => Trouble::bad_request(text),
            Turned::Overloaded(_) => Trouble::overloaded(),
            Turned::Refused(refusal) => {
                let text = refusal.to_string();
                match refusal {
                    Refusal::Retry { after, .. } => Trouble::unavailable(text, after),
                    Refusal::Reject { .. } => Trouble::bad_request(text),
                    Refusal::Closed => Trouble::unavailable(text, CLOSED_RETRY_AFTER),
                }
            }
        }
    }
}
