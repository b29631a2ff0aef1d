//! One client per endpoint: a pool of HTTP/1.1 connections, or one HTTP/2 connection, plain or TLS.
//!
//! It makes one attempt per call and has no retry policy. The one exception is hyper's, and safe: a
//! request that meets a pooled connection just as the peer closes it is sent on another one, if
//! nothing of it has left.

mod connect;
mod error;
mod unary;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::TokioTimer;
use tokio::time::timeout;

use crate::outgoing::{Body, Held};
use crate::spawn::{Spawn, Task};
use crate::tls::ClientSecurity;
use connect::Connector;

pub use error::{EndpointError, SendError};
pub use unary::{CallError, Fate, Stream, Unary};

/// Bounds of a client and of its connections.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// For name resolution, TCP and TLS together. 10 s.
    pub connect_timeout: Duration,
    /// How long an unused HTTP/1.1 connection is kept. 90 s, as the Collector does.
    pub idle_timeout: Duration,
    /// Unused HTTP/1.1 connections kept. 100, as the Collector does.
    pub idle_max: usize,
    /// Bytes read of an answer's body. 64 KiB: answers to telemetry are a few bytes, and an endpoint
    /// given by mistake may send pages.
    pub answer_bytes_max: usize,
    /// How long the peer's kernel may leave sent bytes unacknowledged before the connection counts
    /// as dead (Linux only). 30 s; without it an HTTP/2 connection to a vanished peer is used for as long as
    /// TCP retransmits, a quarter of an hour.
    pub unacknowledged_max: Duration,
    /// Interval of HTTP/2 pings while an answer is awaited. Never by default: grpc-go servers end
    /// connections that are pinged more often than every 5 min.
    pub ping_interval: Option<Duration>,
    /// How long a ping may be unanswered. 20 s.
    pub ping_timeout: Duration,
    /// Where to connect to, instead of the addresses of the endpoint's name: for one backend of
    /// several that share a name. Requests and certificates are still for the name.
    pub address: Option<IpAddr>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            idle_max: 100,
            answer_bytes_max: 64 * 1024,
            unacknowledged_max: Duration::from_secs(30),
            ping_interval: None,
            ping_timeout: Duration::from_secs(20),
            address: None,
        }
    }
}

/// Flow-control window of an HTTP/2 connection and its streams, for answers; no answer read is larger.
const ANSWER_WINDOW: u32 = 1024 * 1024;
/// Largest HTTP/2 frame taken, and the size that peers like us may then use, too.
const FRAME_BYTES_MAX: u32 = 1024 * 1024;
/// Bytes of one request that wait in the HTTP/2 connection beyond the peer's window.
const SEND_BUFFER_BYTES: usize = 1024 * 1024;

/// Which HTTP to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// HTTP/2 only: by prior knowledge over plain text, by ALPN over TLS. What gRPC needs.
    Http2,
    /// Whatever the server selects by ALPN; HTTP/1.1 over plain text.
    Negotiated,
}

/// A client of one endpoint. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    pool: legacy::Client<Connector, Body>,
    scheme: Scheme,
    authority: Authority,
    /// Put before every request's path; without a slash at its end.
    base: Arc<str>,
    answer_bytes_max: usize,
}

/// An answer whose body was read as far as it is allowed to be.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether `body` is all of it. A body that is too long or breaks off does not make the status
    /// less true, so it is no error.
    pub complete: bool,
}

/// Runs the connections' tasks where the client's owner wants them. They end when the last clone of
/// the client is dropped and its requests are done, or when the owner drops them.
#[derive(Clone)]
struct Tasks(Arc<dyn Spawn>);

impl hyper::rt::Executor<Task> for Tasks {
    fn execute(&self, task: Task) {
        self.0.spawn(task);
    }
}

impl Client {
    /// A client of `endpoint`, `http://host:port/base` or `https://..`; `security` is for `https`.
    /// Connects to nothing yet. The connections are tasks on `spawner`.
    pub fn try_new(
        endpoint: &str,
        protocol: Protocol,
        security: Option<ClientSecurity>,
        settings: &ClientSettings,
        spawner: Arc<dyn Spawn>,
    ) -> Result<Self, EndpointError> {
        let invalid = || EndpointError::Invalid(endpoint.to_owned());
        let uri: Uri = endpoint.parse().map_err(|_| invalid())?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid());
        };
        let secured = scheme == Scheme::HTTPS;
        if !secured && scheme != Scheme::HTTP {
            return Err(invalid());
        }
        if secured && security.is_none() {
            return Err(EndpointError::NeedsTls(endpoint.to_owned()));
        }
        if parts
            .path_and_query
            .as_ref()
            .is_some_and(|path| path.query().is_some())
        {
            return Err(EndpointError::Query(endpoint.to_owned()));
        }
        let base = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let connector = Connector::new(protocol, security.filter(|_| secured), settings);
        Ok(Client {
            pool: pool(protocol, settings, Tasks(spawner)).build(connector),
            scheme,
            authority,
            base: base.trim_end_matches('/').into(),
            answer_bytes_max: settings.answer_bytes_max,
        })
    }

    /// Sends a request, whose URI is a path only, and reads the answer; all of it within `limit`.
    ///
    /// Any status is an answer. Cancel safe: dropping the future resets the request.
    pub async fn send(&self, request: Request<Body>, limit: Duration) -> Result<Answer, SendError> {
        let exchange = async {
            let response = self.start(request).await?;
            Ok(self.read(response).await)
        };
        timeout(limit, exchange)
            .await
            .unwrap_or(Err(SendError::TimedOut { limit }))
    }

    /// Hands a request on and returns the answer, each of their bodies while it comes; `held` lasts as
    /// long as the answer. What belongs to one connection only is to be taken out of the headers before.
    pub async fn relay(
        &self,
        request: Request<Incoming>,
        held: Held,
    ) -> Result<Response<Body>, SendError> {
        let request = request.map(|body| Body::Relayed(body, None));
        let answer = self.start(request).await?;
        Ok(answer.map(|body| Body::Relayed(body, Some(held))))
    }

    /// Sends a request up to its answer's headers.
    async fn start(&self, mut request: Request<Body>) -> Result<Response<Incoming>, SendError> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.base))
            .build();
        *request.uri_mut() = uri.map_err(|_| SendError::Path(path.to_owned()))?;
        // The pool decides; a version left over from a received request would be refused.
        *request.version_mut() = Version::HTTP_11;
        self.pool
            .request(request)
            .await
            .map_err(|error| SendError::classify(error, &self.authority))
    }

    async fn read(&self, response: Response<Incoming>) -> Answer {
        let (parts, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        let complete = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => {
                    let Some(data) = frame.data_ref() else {
                        continue;
                    };
                    let room = self.answer_bytes_max - read.len();
                    read.extend_from_slice(&data[..data.len().min(room)]);
                    if data.len() > room {
                        break false;
                    }
                }
            }
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: read.freeze(),
            complete,
        }
    }
}

fn pool(protocol: Protocol, settings: &ClientSettings, tasks: Tasks) -> legacy::Builder {
    let mut builder = legacy::Client::builder(tasks);
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(settings.idle_timeout)
        .pool_max_idle_per_host(settings.idle_max)
        .http2_only(protocol == Protocol::Http2)
        .http2_initial_stream_window_size(ANSWER_WINDOW)
        .http2_initial_connection_window_size(ANSWER_WINDOW)
        .http2_max_frame_size(FRAME_BYTES_MAX)
        .http2_max_send_buf_size(SEND_BUFFER_BYTES)
        .http2_keep_alive_interval(settings.ping_interval)
        .http2_keep_alive_timeout(settings.ping_timeout);
    builder
}
