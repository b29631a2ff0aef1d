//! OTLP over HTTP: one path for each signal, protobuf and JSON.
//!
//! Statuses and bodies follow the OTLP specification, section "OTLP/HTTP"; where it is silent, the
//! collector, except that a body over the limit is 413 and a wrong method names the right one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::Refusal;
use http::header::{ALLOW, CONTENT_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::Body;
use net::body::{BodyLimits, Pace, ReadError};
use net::compress::{Encoding, InflateError, decompress};
use net::server::{Peer, closing};
use pdata::{Signal, json};

use super::answer::{Form, Trouble};
use super::config::Http;
use super::door::{Door, Turned, origin};
use crate::listeners::{Answer, Handler, Routes};

/// The paths for which there is a pipeline.
pub(super) fn routes(config: &Http, door: impl Fn(Signal) -> Option<Door>) -> Routes {
    let mut routes = Routes::default();
    let bytes_max = usize::try_from(config.max_request_body_size.bytes()).unwrap_or(usize::MAX);
    let time_max = config.read_timeout.as_std();
    let limits = BodyLimits {
        bytes_max,
        pace: Pace {
            time_max,
            ..Pace::default()
        },
    };
    let headers: HeaderMap = config
        .response_headers
        .iter()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value).ok()?,
            ))
        })
        .collect();
    for signal in Signal::ALL {
        if let Some(door) = door(signal) {
            let post = Post {
                door,
                limits: limits.clone(),
                headers: headers.clone(),
            };
            routes.http(&config.path(signal), Arc::new(post));
        }
    }
    routes
}

/// The `POST` of one signal.
struct Post {
    door: Door,
    limits: BodyLimits,
    /// Added to every answer.
    headers: HeaderMap,
}

impl Handler for Post {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let mut response = self.post(request).await;
            if !self.headers.is_empty() {
                response.headers_mut().extend(self.headers.clone());
            }
            response
        })
    }
}

impl Post {
    async fn post(&self, request: Request<Incoming>) -> Response<Body> {
        let version = request.version();
        if request.method() != Method::POST {
            self.door.tally.unread.increment(1);
            return closing(version, wrong_method());
        }
        let Some(form) = Form::of(request.headers()) else {
            self.door.tally.unread.increment(1);
            return closing(version, Form::unsupported());
        };
        let (parts, body) = request.into_parts();
        let taken = async {
            let encoding = content_encoding(&parts.headers)?;
            let body = net::body::read(body, &self.limits, &self.door.budget).await?;
            let body = decompress(encoding, body, self.limits.bytes_max, &self.door.budget)?;
            let request = self.protobuf(form, body)?;
            let origin = origin(&parts.headers, parts.extensions.get::<Peer>());
            self.door.take(request, origin).await.map_err(Trouble::from)
        };
        match taken.await {
            Ok(()) => form.success(),
            Err(trouble) => {
                self.count(&trouble);
                let body_unread = trouble.body_unread;
                let response = form.refusal(trouble);
                if body_unread {
                    closing(version, response)
                } else {
                    response
                }
            }
        }
    }

    /// The request in protobuf, with its bytes leased.
    fn protobuf(&self, form: Form, body: Bytes) -> Result<Bytes, Trouble> {
        if form == Form::Protobuf {
            return Ok(body);
        }
        // On the wire a request is hardly ever longer than its JSON; the lease follows the fact.
        let budget = &self.door.budget;
        let mut lease = budget
            .try_lease(body.len())
            .ok_or_else(Trouble::overloaded)?;
        let read = json::read(self.door.signal, &body);
        let read = read.map_err(|error| Trouble::bad_request(error.to_string()))?;
        if read.repaired > 0 && self.door.invalid_utf8 == pdata::otlp::InvalidUtf8::Refuse {
            let text = "a string is not valid Unicode: half of a surrogate pair, or broken UTF-8";
            return Err(Trouble::bad_request(text));
        }
        self.door.tally.repaired.increment(read.repaired.into());
        let (held, needed) = (lease.bytes(), read.wire.capacity());
        if needed > held && !lease.try_grow(needed - held) {
            return Err(Trouble::overloaded());
        }
        lease.shrink_to(needed);
        Ok(lease.hold(read.wire))
    }

    fn count(&self, trouble: &Trouble) {
        let tally = &self.door.tally;
        match trouble.status {
            StatusCode::PAYLOAD_TOO_LARGE => tally.too_large.increment(1),
            StatusCode::SERVICE_UNAVAILABLE => tally.overloaded.increment(1),
            StatusCode::BAD_REQUEST => tally.malformed.increment(1),
            _ => tally.unread.increment(1),
        }
    }
}

fn wrong_method() -> Response<Body> {
    let mut response = Response::new(Body::from("405 method not allowed, supported: [POST]\n"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("POST"));
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
