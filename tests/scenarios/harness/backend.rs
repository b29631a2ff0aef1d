//! An OTLP backend that keeps what it takes, and answers as it is told to.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use net::body::{self, BodyLimits};
use net::compress::{Encoding, decompress};
use net::grpc::{self, Code, MessageLimits, Status};
use net::{Body, Listener, Server};
use parking_lot::Mutex;
use pdata::{Budget, Signal};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Export, PATIENCE, Records};

/// Bytes of one request, and of all requests being read.
const REQUEST_BYTES_MAX: usize = 256 << 20;

/// What the backend does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Accept,
    /// Takes the request, but answers only after this time, as a busy backend does.
    AcceptAfter(Duration),
    /// Takes the request, and says that it threw so many items away.
    PartlyReject(i64),
    /// 503, or `UNAVAILABLE`; with the time to wait.
    Unavailable(Option<Duration>),
    /// 429, or `RESOURCE_EXHAUSTED`; with the time to wait.
    Exhausted(Option<Duration>),
    /// 413, or the `RESOURCE_EXHAUSTED` of grpc-go, for requests of more items than this.
    TooLargeOver(usize),
    /// Never answers.
    Hang,
}

/// A backend for OTLP over gRPC and HTTP on one port.
#[derive(Clone)]
pub(crate) struct Backend {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Replies to the next requests; after them, `standing`.
    script: Mutex<VecDeque<Reply>>,
    standing: Mutex<Reply>,
    taken: Mutex<Vec<Taken>>,
    /// Requests seen, and items taken.
    tally: watch::Sender<Tally>,
    budget: Budget,
}

/// A request that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) export: Export,
    pub(crate) headers: HeaderMap,
}

/// What a backend has seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    pub(crate) refused: usize,
    pub(crate) items: usize,
}

impl Backend {
    /// Starts a backend that takes everything, on the current runtime.
    pub(crate) fn start() -> Backend {
        let listener = Listener::bind("127.0.0.1:0").expect("loopback has free ports");
        let server = Server::new(listener, None);
        let backend = Backend {
            address: server.local_addr(),
            state: Arc::new(State {
                script: Mutex::default(),
                standing: Mutex::new(Reply::Accept),
                taken: Mutex::default(),
                tally: watch::Sender::default(),
                budget: Budget::new(REQUEST_BYTES_MAX),
            }),
        };
        let state = backend.state.clone();
        let service = tower::service_fn(move |request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(state.answer(request).await) }
        });
        let spawner = Arc::new(Handle::current());
        let serving = server.run(service, spawner, std::future::pending());
        Handle::current().spawn(async move { serving.await.expect("the socket is usable") });
        backend
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next requests like this, one after the other.
    pub(crate) fn reply_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.script.lock().extend(replies);
    }

    /// Answers every request like this that `reply_next` says nothing about.
    pub(crate) fn reply_always(&self, reply: Reply) {
        *self.state.standing.lock() = reply;
    }

    pub(crate) fn tally(&self) -> Tally {
        *self.state.tally.borrow()
    }

    /// The requests taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().clone()
    }

    /// The records taken so far.
    pub(crate) fn records(&self) -> Records {
        let taken = self.state.taken.lock();
        Records::of(taken.iter().map(|taken| &taken.export))
    }

    /// The texts of all log records taken so far.
    pub(crate) fn texts(&self) -> Vec<String> {
        let taken = self.state.taken.lock();
        taken
            .iter()
            .flat_map(|taken| taken.export.texts())
            .collect()
    }

    /// Waits until `enough` is true of what was seen.
    pub(crate) async fn until(&self, what: &str, enough: impl Fn(&Tally) -> bool) {
        let mut tally = self.state.tally.subscribe();
        let waited = timeout(PATIENCE, tally.wait_for(|tally| enough(tally))).await;
        if waited.is_err() {
            let tally = self.tally();
            let taken = self.state.taken.lock();
            let names: BTreeSet<_> = taken.iter().flat_map(|it| it.export.names()).collect();
            panic!("the backend waited for {what} and saw only {tally:?}: {names:?}");
        }
    }

    /// Waits until `enough` is true of the requests taken.
    pub(crate) async fn until_taken(&self, what: &str, enough: impl Fn(&[Taken]) -> bool) {
        self.until(what, |_| enough(&self.state.taken.lock())).await;
    }

    /// Waits for as many records as are expected, and compares them.
    pub(crate) async fn assert_takes(&self, expected: &Records, place: &str) {
        let count = expected.len();
        let enough = |tally: &Tally| tally.items >= count;
        self.until(&format!("{count} items"), enough).await;
        self.records().assert_are(expected, place);
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let is_grpc = grpc::is_grpc(request.headers());
        let (parts, body) = request.into_parts();
        let Some(signal) = signal(parts.uri.path()) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let request = if is_grpc {
            let limits = MessageLimits {
                bytes_max: REQUEST_BYTES_MAX,
                ..MessageLimits::default()
            };
            let message = grpc::read_message(&parts.headers, body, &limits, &self.budget).await;
            message.map_err(|status| status.to_string())
        } else {
            self.read_http(&parts.headers, body).await
        };
        let export = request.and_then(|request| match is_json(&parts.headers) {
            true => Export::from_json(signal, &request),
            false => Export::from_protobuf(signal, &request),
        });
        // A sender that went away in the middle is no request.
        let Ok(export) = export else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let reply = self.script.lock().pop_front();
        let reply = reply.unwrap_or_else(|| self.standing.lock().clone());
        self.act(reply, export, parts.headers, is_grpc).await
    }

    async fn read_http(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, String> {
        let limits = BodyLimits {
            bytes_max: REQUEST_BYTES_MAX,
            ..BodyLimits::default()
        };
        let body = body::read(body, &limits, &self.budget).await;
        let body = body.map_err(|error| error.to_string())?;
        let name = headers.get("content-encoding");
        let name = name.and_then(|name| name.to_str().ok()).unwrap_or_default();
        let encoding = Encoding::parse(name).map_err(|error| error.to_string())?;
        decompress(encoding, body, REQUEST_BYTES_MAX, &self.budget)
            .map_err(|error| error.to_string())
    }

    async fn act(
        &self,
        reply: Reply,
        export: Export,
        headers: HeaderMap,
        is_grpc: bool,
    ) -> Response<Body> {
        let items = export.items();
        let refusal = match reply {
            Reply::TooLargeOver(most) if items > most => {
                Some(refuse(is_grpc, StatusCode::PAYLOAD_TOO_LARGE, None))
            }
            Reply::Unavailable(after) => {
                Some(refuse(is_grpc, StatusCode::SERVICE_UNAVAILABLE, after))
            }
            Reply::Exhausted(after) => Some(refuse(is_grpc, StatusCode::TOO_MANY_REQUESTS, after)),
            Reply::Hang => {
                self.tally.send_modify(|tally| tally.requests += 1);
                std::future::pending().await
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.tally.send_modify(|tally| {
                tally.requests += 1;
                tally.refused += 1;
            });
            return refusal;
        }
        if let Reply::AcceptAfter(delay) = reply {
            sleep(delay).await;
        }
        let json = is_json(&headers);
        self.taken.lock().push(Taken { export, headers });
        self.tally.send_modify(|tally| {
            tally.requests += 1;
            tally.items += items;
        });
        match reply {
            Reply::PartlyReject(rejected) => accept(is_grpc, json, rejected),
            _ => accept(is_grpc, json, 0),
        }
    }
}

fn signal(path: &str) -> Option<Signal> {
    match path {
        "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
            Some(Signal::Traces)
        }
        "/v1/metrics" | "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
            Some(Signal::Metrics)
        }
        "/v1/logs" | "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => {
            Some(Signal::Logs)
        }
        _ => None,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Success; the three services share the shape `1: {1: rejected items}`.
fn accept(is_grpc: bool, json: bool, rejected: i64) -> Response<Body> {
    let mut partial = Vec::new();
    if rejected > 0 {
        prost::encoding::int64::encode(1, &rejected, &mut partial);
    }
    let mut message = Vec::new();
    if !partial.is_empty() {
        prost::encoding::bytes::encode(1, &partial, &mut message);
    }
    if is_grpc {
        return grpc::answer(&message);
    }
    let body = match json {
        true => r#"{"partialSuccess":{}}"#.into(),
        false => Bytes::from(message),
    };
    let mut response = Response::new(Body::from(body));
    let form = match json {
        true => "application/json",
        false => "application/x-protobuf",
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(form));
    response
}

fn refuse(is_grpc: bool, status: StatusCode, after: Option<Duration>) -> Response<Body> {
    if !is_grpc {
        let mut response = plain(status);
        if let Some(after) = after {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, after.as_secs().into());
        }
        return response;
    }
    let mut refusal = match status {
        StatusCode::SERVICE_UNAVAILABLE => Status::new(Code::Unavailable, "told to be away"),
        StatusCode::PAYLOAD_TOO_LARGE => Status::new(
            Code::ResourceExhausted,
            "grpc: received message larger than max (8 vs. 4)",
        ),
        _ => Status::new(Code::ResourceExhausted, "told to be exhausted"),
    };
    refusal.retry_after = after;
    grpc::refuse(&refusal)
}
