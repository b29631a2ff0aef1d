//! A backend that takes everything and counts it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use net::grpc::{self, Code, MessageLimits, Messages, Status};
use net::{Body, Listener, Server};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::Kind;
use pdata::{Budget, Signal};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// See the module's documentation. Ends with the bench.
pub(crate) struct Sink {
    port: u16,
    state: Arc<State>,
}

struct State {
    items: AtomicUsize,
    arrived: Notify,
    budget: Budget,
}

/// Bytes the sink reads at once.
const BUDGET: usize = 1 << 30;
/// Everything acknowledged arrives long before.
const PATIENCE: Duration = Duration::from_secs(60);

impl Sink {
    pub(crate) async fn start() -> Result<Sink> {
        let server = Server::new(Listener::bind("127.0.0.1:0")?, None);
        let port = server.local_addr().port();
        let state = Arc::new(State {
            items: AtomicUsize::new(0),
            arrived: Notify::new(),
            budget: Budget::new(BUDGET),
        });
        let counted = Arc::clone(&state);
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&counted);
            async move { Ok::<_, Infallible>(state.take(request).await) }
        });
        let forever = std::future::pending::<Instant>();
        let serving = server.run(service, Arc::new(Handle::current()), forever);
        drop(Handle::current().spawn(serving));
        Ok(Sink { port, state })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ready when so many items have arrived.
    pub(crate) async fn wait_for(&self, items: usize) -> Result<()> {
        let arrived = async {
            loop {
                let changed = self.state.arrived.notified();
                if self.state.items.load(Ordering::Relaxed) >= items {
                    return;
                }
                changed.await;
            }
        };
        let seen = || self.state.items.load(Ordering::Relaxed);
        timeout(PATIENCE, arrived)
            .await
            .with_context(|| format!("{} of {items} items arrived", seen()))
    }
}

impl State {
    async fn take(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if path == Kind::Segment.path() {
            return self.take_stream(&parts.headers, body).await;
        }
        let is_json = path == "/v3/segments";
        let signal = if path.contains("race") {
            Signal::Traces
        } else if path.contains("etrics") {
            Signal::Metrics
        } else {
            Signal::Logs
        };
        if grpc::is_grpc(&parts.headers) {
            let limits = MessageLimits {
                bytes_max: BUDGET,
                ..MessageLimits::default()
            };
            return match grpc::read_message(&parts.headers, body, &limits, &self.budget).await {
                Ok(message) => {
                    self.count(signal, message);
                    grpc::answer(&[])
                }
                Err(status) => grpc::refuse(&status),
            };
        }
        let limits = net::body::BodyLimits::default();
        match net::body::read(body, &limits, &self.budget).await {
            Ok(body) if is_json => {
                let id = b"\"traceSegmentId\"";
                let segments = body.windows(id.len()).filter(|window| window == id);
                self.add(segments.count());
                Response::new(Body::Empty)
            }
            Ok(body) => {
                self.count(signal, body);
                Response::new(Body::from(Bytes::from_static(b"\x0A\x00")))
            }
            Err(error) => {
                let mut response = Response::new(Body::from(error.to_string()));
                *response.status_mut() = http::StatusCode::BAD_REQUEST;
                response
            }
        }
    }

    fn count(&self, signal: Signal, request: Bytes) {
        let received = receive(signal, request, InvalidUtf8::Refuse, &self.budget);
        self.add(received.map_or(0, |received| received.items));
    }

    fn add(&self, items: usize) {
        self.items.fetch_add(items, Ordering::Relaxed);
        self.arrived.notify_waiters();
    }

    /// Counts the messages of a stream.
    async fn take_stream(&self, headers: &HeaderMap, body: Incoming) -> Response<Body> {
        let limits = MessageLimits::default();
        let messages = Messages::new(headers, body, limits, self.budget.clone());
        let mut messages = match messages {
            Ok(messages) => messages,
            Err(status) => return grpc::refuse(&status),
        };
        let mut count = 0;
        loop {
            match messages.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => {
                    self.add(count);
                    return grpc::answer(&[]);
                }
                Err(error) => {
                    let text = format!("{error:?}");
                    return grpc::refuse(&Status::new(Code::Internal, text));
                }
            }
        }
    }
}
