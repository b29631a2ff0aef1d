//! The four loads, as clients send them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request};
use net::client::{ClientSettings, Protocol, Unary};
use net::compress::Encoding;
use net::{Body, Client};
use pdata::{Signal, sample};
use tokio::runtime::Handle;

/// One shape of load.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) signal: Signal,
    pub(crate) grpc: bool,
    /// Items in each request.
    pub(crate) items: usize,
    /// Requests of the measured part.
    pub(crate) requests: usize,
    /// Requests in flight at once; over HTTP/1.1 each has a connection of its own.
    pub(crate) in_flight: usize,
    body: Bytes,
}

/// gRPC spans, HTTP spans, gRPC points, and a mini program's single logs.
pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "gRPC, 1000 spans a request",
            signal: Signal::Traces,
            grpc: true,
            items: 1000,
            requests: 4000,
            in_flight: 16,
            body: sample::spans(1000).into(),
        },
        Scenario {
            name: "HTTP, 100 spans a request",
            signal: Signal::Traces,
            grpc: false,
            items: 100,
            requests: 20_000,
            in_flight: 16,
            body: sample::spans(100).into(),
        },
        Scenario {
            name: "gRPC, 100 metric points a request",
            signal: Signal::Metrics,
            grpc: true,
            items: 100,
            requests: 20_000,
            in_flight: 16,
            body: sample::points(100).into(),
        },
        Scenario {
            name: "HTTP, 1 log over 64 connections",
            signal: Signal::Logs,
            grpc: false,
            items: 1,
            requests: 100_000,
            in_flight: 64,
            body: sample::logs(1).into(),
        },
    ]
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
            body: scenario.body.clone(),
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
    body: Bytes,
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
        let path = match self.signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        let call = Unary {
            path,
            headers: HeaderMap::new(),
            message: std::slice::from_ref(&self.body),
            encoding: Encoding::Identity,
            timeout: PATIENCE,
        };
        match self.client.call(call).await {
            Ok(_) => Ok(None),
            Err(status) if status.retry_after.is_some() => Ok(status.retry_after),
            Err(status) => bail!("{status:?}"),
        }
    }

    async fn post(&self) -> Result<Option<Duration>> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("/v1/{}", self.signal).parse()?;
        let media_type = HeaderValue::from_static("application/x-protobuf");
        request.headers_mut().insert(CONTENT_TYPE, media_type);
        let answer = self.client.send(request, PATIENCE).await?;
        if answer.status == http::StatusCode::SERVICE_UNAVAILABLE {
            return Ok(Some(Duration::from_secs(1)));
        }
        ensure!(answer.status.is_success(), "answered {}", answer.status);
        Ok(None)
    }
}
