//! Layers that belong in front of every service that strangers can reach.
//!
//! They know no routes. Where they answer themselves they do it in the request's own protocol: gRPC
//! callers get a gRPC status, the others an HTTP status.

mod cors;
mod shed;
mod timeout;

#[cfg(test)]
mod tests;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::grpc::{self, Code, Status};
use crate::outgoing::Body;

pub use cors::{Cors, CorsService, CorsSettings, OriginError};
pub use shed::{Shed, ShedService};
pub use timeout::{ResponseTimeout, ResponseTimeoutService};

/// What a request's caller understands.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Http,
    Grpc,
}

impl Dialect {
    fn of(headers: &HeaderMap) -> Self {
        if grpc::is_grpc(headers) {
            Dialect::Grpc
        } else {
            Dialect::Http
        }
    }

    /// The answer of a server that cannot take a request now. Both forms ask the client to wait for
    /// [`grpc::OVERLOAD_RETRY_AFTER`] and send again.
    fn unavailable(self, code: Code, text: &'static str) -> Response<Body> {
        let wait = grpc::OVERLOAD_RETRY_AFTER;
        match self {
            Dialect::Grpc => grpc::refuse(&Status::new(code, text).retry_after(wait)),
            Dialect::Http => {
                let mut response = Response::new(Body::from(text));
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                let seconds = HeaderValue::from(wait.as_secs().max(1));
                response.headers_mut().insert(RETRY_AFTER, seconds);
                response
            }
        }
    }
}
