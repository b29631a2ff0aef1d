//! OTLP over HTTP: one path for each signal, protobuf and JSON.
//!
//! Statuses and bodies follow the OTLP specification, section "OTLP/HTTP"; where it is silent, the
//! collector, except that a body over the limit is 413 and a wrong method names the right one.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use net::Body;
use net::body::{BodyLimits, Pace};
use net::server::{Peer, closing};
use pdata::{Signal, json};

use super::answer::Form;
use super::config::Http;
use super::door::Door;
use crate::intake::origin;
use crate::listeners::config::header_map;
use crate::listeners::{Answer, Handler, Routes};
use crate::trouble::{Trouble, read_body, wrong_method};

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
    let headers = header_map(&config.response_headers);
    for (signal, path) in config.paths() {
        if let Some(door) = door(signal) {
            let post = Post {
                door,
                limits: limits.clone(),
                headers: headers.clone(),
            };
            routes.http(&path, Arc::new(post));
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
            let body = read_body(&parts, body, &self.limits, &self.door.budget).await?;
            let request = self.protobuf(form, body)?;
            let origin = origin(&parts.headers, parts.extensions.get::<Peer>());
            self.door.take(request, origin).await.map_err(Trouble::from)
        };
        match taken.await {
            Ok(()) => form.success(),
            Err(trouble) => {
                trouble.count(&self.door.tally);
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
}
