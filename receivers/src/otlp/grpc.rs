//! OTLP over gRPC: three unary methods.
//!
//! Framed directly on HTTP/2, because a general gRPC server copies each message on the way in.
//! Statuses follow the OTLP specification, section "OTLP/gRPC"; overload is `UNAVAILABLE` with
//! `RetryInfo`, because some exporters drop their data on `RESOURCE_EXHAUSTED`.

use std::sync::Arc;

use engine::Refusal;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use net::Body;
use net::grpc::{self, Code, MessageLimits, OVERLOAD_RETRY_AFTER, Status};
use net::server::Peer;
use pdata::Signal;

use super::config::Grpc;
use super::door::{Door, Turned, origin};
use crate::listeners::{Answer, Handler, Routes};

/// The methods for which there is a pipeline.
pub(super) fn routes(config: &Grpc, door: impl Fn(Signal) -> Option<Door>) -> Routes {
    let mut routes = Routes::default();
    let bytes_max = config.max_recv_msg_size_mib as usize * 1024 * 1024;
    for signal in Signal::ALL {
        if let Some(door) = door(signal) {
            let limits = MessageLimits {
                bytes_max,
                ..MessageLimits::default()
            };
            routes.grpc(path(signal), Arc::new(Export { door, limits }));
        }
    }
    routes
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
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
        self.door.take(message, origin).await.map_err(status)
    }

    fn refuse(&self, status: &Status) -> Response<Body> {
        let tally = &self.door.tally;
        match status.code {
            Code::Unavailable => tally.overloaded.increment(1),
            Code::ResourceExhausted => tally.too_large.increment(1),
            Code::InvalidArgument => tally.malformed.increment(1),
            _ => tally.unread.increment(1),
        }
        grpc::refuse(status)
    }
}

fn status(turned: Turned) -> Status {
    match turned {
        Turned::Malformed(text) => Status::new(Code::InvalidArgument, text),
        Turned::Overloaded(text) => {
            Status::new(Code::Unavailable, text).retry_after(OVERLOAD_RETRY_AFTER)
        }
        Turned::Refused(refusal) => {
            let text = refusal.to_string();
            match refusal {
                Refusal::Retry { after, .. } => {
                    Status::new(Code::Unavailable, text).retry_after(after)
                }
                Refusal::Reject { .. } => Status::new(Code::InvalidArgument, text),
                Refusal::Closed => {
                    Status::new(Code::Unavailable, text).retry_after(OVERLOAD_RETRY_AFTER)
                }
            }
        }
    }
}
