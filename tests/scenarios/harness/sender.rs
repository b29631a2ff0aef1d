//! A well-behaved OTLP client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use net::client::{Answer, ClientSettings, Protocol, SendError, Unary};
use net::compress::{Encoding, compress};
use net::grpc::Status;
use net::{Body, Client};
use pdata::Signal;
use tokio::runtime::Handle;

use super::PATIENCE;

/// Sends to one address, over kept connections.
#[derive(Clone)]
pub(crate) struct Sender {
    client: Client,
}

impl Sender {
    pub(crate) fn http(address: SocketAddr) -> Sender {
        Sender::over(address, Protocol::Http1)
    }

    pub(crate) fn grpc(address: SocketAddr) -> Sender {
        Sender::over(address, Protocol::Http2)
    }

    pub(crate) fn over(address: SocketAddr, protocol: Protocol) -> Sender {
        let client = Client::try_new(
            &format!("http://{address}"),
            protocol,
            None,
            &ClientSettings::default(),
            Arc::new(Handle::current()),
        );
        Sender {
            client: client.expect("an address makes an endpoint"),
        }
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Answer, SendError> {
        self.client.send(request, PATIENCE).await
    }

    /// The text at `path`.
    pub(crate) async fn get(&self, path: &str) -> String {
        let request = Request::get(path).body(Body::Empty);
        let answer = self.send(request.expect("a path")).await;
        let body = answer.expect("it answers").body;
        String::from_utf8(body.to_vec()).expect("it is text")
    }

    /// Posts `body` with these headers.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, SendError> {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.into()));
        self.send(request.expect("a test's own headers are valid"))
            .await
    }

    /// Posts protobuf to the signal's path.
    pub(crate) async fn post_protobuf(
        &self,
        signal: Signal,
        request: Bytes,
    ) -> Result<Answer, SendError> {
        let content_type = [("content-type", "application/x-protobuf")];
        self.post(path(signal), &content_type, request).await
    }

    /// Posts protobuf in this encoding to the signal's path.
    pub(crate) async fn post_encoded(
        &self,
        signal: Signal,
        request: Bytes,
        encoding: Encoding,
    ) -> Result<Answer, SendError> {
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", encoding.name()),
        ];
        let body = compress(encoding, &[request]);
        self.post(path(signal), &headers, body).await
    }

    /// Calls the signal's `Export`.
    pub(crate) async fn export(
        &self,
        signal: Signal,
        request: Bytes,
        encoding: Encoding,
    ) -> Result<Bytes, Status> {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", HeaderValue::from_static("scenario"));
        let call = Unary {
            path: method(signal),
            headers,
            message: &[request],
            encoding,
            timeout: Duration::from_secs(30),
        };
        self.client.call(call).await
    }
}

/// Where OTLP over HTTP takes a signal.
pub(crate) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Skywalking => unreachable!("OTLP has no path for it"),
    }
}

/// The gRPC method that takes a signal.
pub(crate) fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Skywalking => unreachable!("OTLP has no method for it"),
    }
}
