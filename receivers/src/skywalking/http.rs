//! The paths of SkyWalking's HTTP port: one message or an array of them, in JSON.
//!
//! Success is an empty `Commands` in protobuf, which has no bytes. An array is taken as a whole or
//! not at all, because a client that is refused sends all of it again.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::Body;
use net::body::{BodyLimits, Pace};
use net::server::{Peer, closing};
use pdata::otlp::InvalidUtf8;
use pdata::skywalking::{Kind, NativeChunk};
use pdata::{Chunk, json};
use tokio::time::Instant;

use super::config::Http;
use super::door::Door;
use super::proxy::{Paths, Proxy};
use crate::intake::{origin, unix_ms};
use crate::listeners::config::header_map;
use crate::listeners::{Answer, Handler, Routes};
use crate::trouble::{Trouble, read_body, wrong_method};

/// What the body of a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One message: JSON, or protobuf where the content type says so or nothing.
    One,
    /// A JSON array of messages.
    Array,
}

const PATHS: [(&str, Kind, Shape); 12] = [
    ("/v3/segment", Kind::Segment, Shape::One),
    ("/v3/segments", Kind::Segment, Shape::Array),
    ("/v3/logs", Kind::Log, Shape::Array),
    ("/v3/events", Kind::Event, Shape::Array),
    (
        "/v3/management/reportProperties",
        Kind::InstanceProperties,
        Shape::One,
    ),
    ("/v3/management/keepAlive", Kind::InstancePing, Shape::One),
    ("/browser/perfData", Kind::BrowserPerf, Shape::One),
    (
        "/browser/perfData/webVitals",
        Kind::BrowserWebVitals,
        Shape::One,
    ),
    (
        "/browser/perfData/webInteractions",
        Kind::BrowserWebInteractions,
        Shape::Array,
    ),
    (
        "/browser/perfData/resources",
        Kind::BrowserResource,
        Shape::Array,
    ),
    ("/browser/errorLog", Kind::BrowserErrorLog, Shape::One),
    ("/browser/errorLogs", Kind::BrowserErrorLog, Shape::Array),
];

/// The paths for which there is a pipeline, and those of reports.
pub(super) fn routes(config: &Http, door: &Door, proxy: Option<&Arc<Proxy>>) -> Routes {
    let mut routes = Routes::default();
    let bytes_max = usize::try_from(config.max_request_body_size.bytes()).unwrap_or(usize::MAX);
    let limits = BodyLimits {
        bytes_max,
        pace: Pace {
            time_max: config.read_timeout.as_std(),
            ..Pace::default()
        },
    };
    let headers = header_map(&config.response_headers);
    for (path, kind, shape) in PATHS {
        if !door.is_open(kind.signal()) {
            continue;
        }
        let post = Post {
            kind,
            shape,
            door: door.clone(),
            limits: limits.clone(),
            headers: headers.clone(),
        };
        routes.http(path, Arc::new(post));
    }
    if let Some(proxy) = proxy.filter(|proxy| proxy.has_http()) {
        routes.other_http(Arc::new(Paths(Arc::clone(proxy))));
    }
    routes
}

/// The `POST` of one path.
struct Post {
    kind: Kind,
    shape: Shape,
    door: Door,
    limits: BodyLimits,
    /// Added to every answer.
    headers: HeaderMap,
}

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Protobuf,
}

impl Handler for Post {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let version = request.version();
            let mut response = match self.post(request).await {
                Ok(()) => success(),
                Err(trouble) => {
                    trouble.count(&self.door.counts);
                    match trouble.body_unread {
                        true => closing(version, refusal(&trouble)),
                        false => refusal(&trouble),
                    }
                }
            };
            response.headers_mut().extend(self.headers.clone());
            response
        })
    }
}

impl Post {
    async fn post(&self, request: Request<Incoming>) -> Result<(), Trouble> {
        if request.method() != Method::POST {
            return Err(Trouble {
                body_unread: true,
                ..Trouble::new(StatusCode::METHOD_NOT_ALLOWED, "")
            });
        }
        let form = Form::of(request.headers(), self.shape)?;
        let (parts, body) = request.into_parts();
        let body = read_body(&parts, body, &self.limits, &self.door.budget).await?;
        let origin = origin(&parts.headers, parts.extensions.get::<Peer>());
        let arrived = unix_ms(&origin);
        let chunks = match form {
            Form::Protobuf => {
                let chunk = self.door.receive(self.kind, body, arrived)?;
                vec![Chunk::Native(chunk)]
            }
            Form::Json => self.read_json(&body, arrived)?,
        };
        // A client over HTTP keeps what was refused, so it is told at once.
        let now = Instant::now();
        let taken = self.door.take(self.kind.signal(), chunks, origin, now);
        Ok(taken.await?)
    }

    fn read_json(&self, body: &Bytes, arrived: u64) -> Result<Vec<Chunk>, Trouble> {
        // On the wire a message is hardly ever longer than its JSON; the lease follows the fact.
        let budget = &self.door.budget;
        let mut lease = budget
            .try_lease(body.len())
            .ok_or_else(Trouble::overloaded)?;
        let shape = self.kind.schema();
        let bad = |error: json::Error| Trouble::bad_request(error.to_string());
        let read = match self.shape {
            Shape::One => {
                let read = json::read_message(shape, body).map_err(bad)?;
                let whole = 0..read.wire.len();
                json::List {
                    wire: read.wire,
                    elements: vec![whole],
                    repaired: read.repaired,
                }
            }
            Shape::Array => json::read_list(shape, body).map_err(bad)?,
        };
        if read.repaired > 0 && self.door.invalid_utf8 == InvalidUtf8::Refuse {
            let text = "a string is not valid Unicode: half of a surrogate pair, or broken UTF-8";
            return Err(Trouble::bad_request(text));
        }
        self.door.counts.repaired.increment(read.repaired.into());
        let (held, needed) = (lease.bytes(), read.wire.capacity());
        if needed > held && !lease.try_grow(needed - held) {
            return Err(Trouble::overloaded());
        }
        lease.shrink_to(needed);
        let wire = lease.hold(read.wire);
        let chunks = read.elements.into_iter().map(|range| {
            let message = wire.slice(range);
            Chunk::Native(NativeChunk::from_checked(self.kind, message, arrived))
        });
        Ok(chunks.collect())
    }
}

impl Form {
    /// The form that the content type names; parameters such as `charset` do not matter.
    fn of(headers: &HeaderMap, shape: Shape) -> Result<Form, Trouble> {
        let value = headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
        let value = value.unwrap_or(Ok("")).unwrap_or("?").to_ascii_lowercase();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        let is_json = media_type == "application/json" || media_type.ends_with("+json");
        let is_protobuf = media_type.is_empty()
            || media_type.contains("protobuf")
            || media_type == "application/octet-stream";
        match shape {
            _ if is_json => Ok(Form::Json),
            Shape::One if is_protobuf => Ok(Form::Protobuf),
            Shape::One => Err(unsupported("application/json, application/x-protobuf")),
            Shape::Array => Err(unsupported("application/json")),
        }
    }
}

fn unsupported(supported: &str) -> Trouble {
    let text = format!("415 unsupported media type, supported: [{supported}]");
    Trouble {
        body_unread: true,
        ..Trouble::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
    }
}

fn success() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    let form = HeaderValue::from_static("application/protobuf");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}

fn refusal(trouble: &Trouble) -> Response<Body> {
    if trouble.status == StatusCode::METHOD_NOT_ALLOWED {
        return wrong_method();
    }
    let mut response = Response::new(Body::from(format!("{}\n", trouble.text)));
    *response.status_mut() = trouble.status;
    let headers = response.headers_mut();
    let form = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, form);
    trouble.write_retry_after(headers);
    response
}
