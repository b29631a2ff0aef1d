//! OTLP over gRPC: three unary methods.
//!
//! Framed directly on HTTP/2, because a general gRPC server copies each message on the way in.
//! Statuses follow the OTLP specification, section "OTLP/gRPC"; overload is `UNAVAILABLE` with
//! `RetryInfo`, because some exporters drop their data on `RESOURCE_EXHAUSTED`.

use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use net::Body;
use net::grpc::{self, Code, MessageLimits, Status};
use net::server::Peer;
use pdata::{Signal, otlp};

use super::config::Grpc;
use super::door::Door;
use crate::intake::origin;
use crate::listeners::{Answer, Handler, Routes};

/// The methods for which there is a pipeline.
pub(super) fn routes(config: &Grpc, door: impl Fn(Signal) -> Option<Door>) -> Routes {
    let mut routes = Routes::default();
    let bytes_max = config.max_recv_msg_size_mib as usize * 1024 * 1024;
    for signal in Signal::OTLP {
        if let Some(door) = door(signal) {
            let limits = MessageLimits {
                bytes_max,
                ..MessageLimits::default()
            };
            routes.grpc(otlp::grpc_path(signal), Arc::new(Export { door, limits }));
        }
    }
    routes
}

/// The `Export` method of one signal.
struct Export {
    door: Door,
    limits: MessageLimits,
}

impl Handler for Export {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            match self.export(request).await {
                // The response message without fields takes no bytes.
                Ok(()) => grpc::answer(&[]),
                Err(status) => self.refuse(&status),
            }
        })
    }
}

impl Export {
    async fn export(&self, request: Request<Incoming>) -> Result<(), Status> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            let text = format!("method {} is not POST", parts.method);
            return Err(Status::new(Code::Internal, text));
        }
        let message =
            grpc::read_message(&parts.headers, body, &self.limits, &self.door.budget).await?;
        let origin = origin(&parts.headers, parts.extensions.get::<Peer>());
        Ok(self.door.take(message, origin).await?)
    }

    fn refuse(&self, status: &Status) -> Response<Body> {
        self.door.tally.count(status);
        grpc::refuse(status)
    }
}
