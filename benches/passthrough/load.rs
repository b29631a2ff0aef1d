//! The loads, as clients send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request};
use net::client::{ClientSettings, Protocol, Stream, Unary};
use net::compress::Encoding;
use net::grpc::Status;
use net::{Body, Client};
use pdata::skywalking::Kind;
use pdata::{Signal, sample};
use tokio::runtime::Handle;

use crate::template::{DEVICE_POINTS, Template};

/// One shape of load.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) signal: Signal,
    pub(crate) grpc: bool,
    /// Items in each request: spans, points, logs; of SkyWalking, segments.
    pub(crate) items: usize,
    /// Requests of the measured part.
    pub(crate) requests: usize,
    /// Requests in flight at once; over HTTP/1.1 each has a connection of its own.
    pub(crate) in_flight: usize,
    pub(crate) content: Content,
}

/// What a request holds.
#[derive(Clone)]
pub(crate) enum Content {
    /// The same export request every time.
    Otlp(Bytes),
    /// A stream of so many segments.
    Segments(Arc<Template>, usize),
    /// A JSON array of segments.
    SegmentsJson(Arc<Template>),
    /// What a device of a fleet sends in a minute, each time another one.
    Device(Arc<Template>),
}

impl Content {
    pub(crate) fn is_otlp(&self) -> bool {
        matches!(self, Content::Otlp(_) | Content::Device(_))
    }
}

/// OTLP: gRPC spans, HTTP spans, gRPC points, and a mini program's single logs. SkyWalking: agents'
/// streams, long and short, and JSON as browsers and mini programs send it.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let otlp = |name, signal, grpc, items, requests, in_flight| Scenario {
        name,
        signal,
        grpc,
        items,
        requests,
        in_flight,
        content: Content::Otlp(sample::request(signal, items).into()),
    };
    let stream = |name, items, requests| Scenario {
        name,
        signal: Signal::Traces,
        grpc: true,
        items,
        requests,
        in_flight: 16,
        content: Content::Segments(Arc::new(Template::protobuf()), items),
    };
    let json = |name, items, requests| Scenario {
        name,
        signal: Signal::Traces,
        grpc: false,
        items,
        requests,
        in_flight: 16,
        content: Content::SegmentsJson(Arc::new(Template::json(items))),
    };
    let (traces, metrics, logs) = (Signal::Traces, Signal::Metrics, Signal::Logs);
    vec![
        otlp("gRPC, 1000 spans a request", traces, true, 1000, 4000, 16),
        otlp("HTTP, 100 spans a request", traces, false, 100, 20_000, 16),
        otlp(
            "gRPC, 100 metric points a request",
            metrics,
            true,
            100,
            20_000,
            16,
        ),
        otlp(
            "HTTP, 1 log over 64 connections",
            logs,
            false,
            1,
            100_000,
            64,
        ),
        stream("gRPC, 100 segments a stream", 100, 10_000),
        stream("gRPC, 1 segment a stream", 1, 60_000),
        json("HTTP JSON, 20 segments a request", 20, 20_000),
        json("HTTP JSON, 1 segment a request", 1, 60_000),
    ]
}

/// What passes through processors: the loads for which they look and find nothing to change, and a
/// fleet that is merged. Devices share ten thousand series.
pub(crate) fn processed() -> Vec<(Scenario, &'static [&'static str])> {
    let all = scenarios().into_iter().filter_map(|scenario| {
        let processors: &[&str] = match (scenario.signal, scenario.content.is_otlp()) {
            (Signal::Traces, true) => &["platform", "span_listeners"],
            (_, true) => &["platform"],
            _ => return None,
        };
        Some((scenario, processors))
    });
    let fleet = Scenario {
        name: "HTTP, a device's minute",
        signal: Signal::Metrics,
        grpc: false,
        items: DEVICE_POINTS,
        requests: 60_000,
        in_flight: 64,
        content: Content::Device(Arc::new(Template::device())),
    };
    all.chain([(fleet, &["delta_merge"][..])]).collect()
}

/// No request of a healthy run takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// A refused request is sent again at most this often.
const RESENDS_MAX: usize = 1000;

/// Sends so many requests and waits for their answers.
pub(crate) async fn run(scenario: &Scenario, port: u16, requests: usize) -> Result<()> {
    let protocol = if scenario.grpc {
        Protocol::Http2
    } else {
        Protocol::Http1
    };
    let url = format!("http://127.0.0.1:{port}");
    let settings = ClientSettings::default();
    let spawner = Arc::new(Handle::current());
    let client = Client::try_new(&url, protocol, None, &settings, spawner)?;
    let left = Arc::new(AtomicUsize::new(requests));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..scenario.in_flight {
        let sender = Sender {
            client: client.clone(),
            grpc: scenario.grpc,
            signal: scenario.signal,
            content: scenario.content.clone(),
        };
        let left = Arc::clone(&left);
        lanes.spawn(async move {
            let take = |left: usize| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
            {
                sender.send().await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    Ok(())
}

struct Sender {
    client: Client,
    grpc: bool,
    signal: Signal,
    content: Content,
}

impl Sender {
    async fn send(&self) -> Result<()> {
        for _ in 0..RESENDS_MAX {
            let refused = if self.grpc {
                self.call().await?
            } else {
                self.post().await?
            };
            match refused {
                None => return Ok(()),
                Some(after) => tokio::time::sleep(after).await,
            }
        }
        bail!("refused {RESENDS_MAX} times")
    }

    /// The delay, if the call was refused.
    async fn call(&self) -> Result<Option<Duration>> {
        let answer = match &self.content {
            Content::Segments(template, count) => self.stream(template, *count).await,
            Content::SegmentsJson(_) | Content::Device(_) => bail!("it goes over HTTP"),
            Content::Otlp(body) => {
                let call = Unary {
                    path: pdata::otlp::grpc_path(self.signal),
                    headers: HeaderMap::new(),
                    message: std::slice::from_ref(body),
                    encoding: Encoding::Identity,
                    timeout: PATIENCE,
                };
                self.client.call(call).await
            }
        };
        match answer {
            Ok(_) => Ok(None),
            Err(status) if status.retry_after.is_some() => Ok(status.retry_after),
            Err(status) => bail!("{status:?}"),
        }
    }

    async fn stream(&self, template: &Template, count: usize) -> Result<Bytes, Status> {
        let messages: Vec<Bytes> = (0..count).map(|_| template.next()).collect();
        let stream = Stream {
            path: Kind::Segment.path(),
            headers: HeaderMap::new(),
            messages: &messages,
            timeout: PATIENCE,
        };
        let answer = self.client.call_with_stream(stream).await;
        answer.map_err(|error| error.status)
    }

    async fn post(&self) -> Result<Option<Duration>> {
        let (path, media_type, body) = match &self.content {
            Content::Otlp(body) => {
                let path = pdata::otlp::http_path(self.signal);
                (path, "application/x-protobuf", body.clone())
            }
            Content::Device(template) => {
                let path = pdata::otlp::http_path(self.signal);
                (path, "application/x-protobuf", template.next())
            }
            Content::SegmentsJson(template) => {
                ("/v3/segments", "application/json", template.next())
            }
            Content::Segments(..) => bail!("a stream goes over gRPC"),
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.parse()?;
        let media_type = HeaderValue::from_static(media_type);
        request.headers_mut().insert(CONTENT_TYPE, media_type);
        let answer = self.client.send(request, PATIENCE).await?;
        if answer.status == http::StatusCode::SERVICE_UNAVAILABLE {
            return Ok(Some(Duration::from_secs(1)));
        }
        ensure!(answer.status.is_success(), "answered {}", answer.status);
        Ok(None)
    }
}
