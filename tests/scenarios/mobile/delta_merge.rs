//! `delta_merge`: what a fleet sends arrives once, as one submission for each service and interval.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::Signal;
use prost::Message;
use tokio::task::JoinSet;

use crate::harness::{Backend, Collector, Export, Sender, Tally};

const BOUNDS: [f64; 4] = [50.0, 100.0, 250.0, 500.0];
/// Devices of the fleet, each of one of the services.
const DEVICES: usize = 10_000;
const SERVICES: usize = 3;
const SENDERS: usize = 16;
/// Kills of a program that merges, and requests answered between two of them.
const KILLS: usize = 8;
const BETWEEN_KILLS: usize = 40;
const MINUTE_NANOS: u64 = 60_000_000_000;

fn config(backend: &Backend, settings: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  delta_merge: {{{settings}}}
exporters:
  otlp_grpc: {{endpoint: '{}', tls: {{insecure: true}}}}
service:
  pipelines:
    metrics: {{receivers: [otlp], processors: [delta_merge], exporters: [otlp_grpc]}}
",
        backend.address()
    )
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn now_unix_nano() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("it is after 1970").as_nanos() as u64
}

/// The samples of a device: one to three, of all sizes.
fn samples(device: usize) -> Vec<f64> {
    let sample = |at: usize| ((device * 131 + at * 977) % 700) as f64;
    (0..=device % 3).map(sample).collect()
}

fn service(device: usize) -> String {
    format!("service-{}", device % SERVICES)
}

/// What a device sends in a minute.
fn request(device: usize) -> Bytes {
    let samples = samples(device);
    let mut bucket_counts = vec![0; BOUNDS.len() + 1];
    for sample in &samples {
        bucket_counts[BOUNDS.partition_point(|bound| bound < sample)] += 1;
    }
    let point = HistogramDataPoint {
        time_unix_nano: now_unix_nano(),
        count: samples.len() as u64,
        sum: Some(samples.iter().sum()),
        bucket_counts,
        explicit_bounds: BOUNDS.to_vec(),
        ..HistogramDataPoint::default()
    };
    let metric = Metric {
        name: "miniprogram.request.duration".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![point],
            aggregation_temporality: 1,
        })),
        ..Metric::default()
    };
    let attributes = vec![
        attribute("service.name", &service(device)),
        attribute("service.version", "v1.2.0"),
        attribute("device.id", &format!("device-{device}")),
    ];
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec().into()
}

/// Sends what the devices from `next` on have until one is not answered or `devices` are; gives how
/// many were taken, and how many nobody knows of.
async fn send(
    http: SocketAddr,
    next: &Arc<AtomicUsize>,
    devices: usize,
) -> (Vec<usize>, Vec<usize>) {
    let mut lanes = JoinSet::new();
    for _ in 0..SENDERS {
        let (sender, next) = (Sender::http(http), Arc::clone(next));
        lanes.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let device = next.fetch_add(1, Ordering::Relaxed);
                if device >= devices {
                    next.fetch_sub(1, Ordering::Relaxed);
                    return (taken, Vec::new());
                }
                let body = request(device);
                let is_taken = loop {
                    let answer = sender.post_protobuf(Signal::Metrics, body.clone()).await;
                    match answer.map(|answer| answer.status) {
                        // A journal that is being opened asks for patience.
                        Ok(StatusCode::SERVICE_UNAVAILABLE) => {}
                        answered => break matches!(answered, Ok(StatusCode::OK)),
                    }
                };
                if !is_taken {
                    return (taken, vec![device]);
                }
                taken.push(device);
            }
        });
    }
    let all = lanes.join_all().await;
    let (taken, unknown): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    (taken.concat(), unknown.concat())
}

/// What arrived for one service: the begin of each window, and everything added up.
#[derive(Debug, Default, PartialEq)]
struct Arrived {
    windows: BTreeSet<u64>,
    count: u64,
    sum: f64,
    buckets: Vec<u64>,
}

/// Everything that arrived. What an exporter was sending when its process was killed it sends again,
/// as it was: that is counted once.
fn arrived(backend: &Backend) -> BTreeMap<String, Arrived> {
    let requests = backend.taken().into_iter().map(|taken| match taken.export {
        Export::Metrics(request) => request.resource_metrics,
        other => panic!("not metrics: {other:?}"),
    });
    let mut known: BTreeMap<(String, u64), ResourceMetrics> = BTreeMap::new();
    for submission in requests.flatten() {
        let points = points(&submission);
        let mut starts: Vec<u64> = points.iter().map(|it| it.start_time_unix_nano).collect();
        starts.dedup();
        let [start] = starts[..] else {
            panic!("one window in one submission: {starts:?}");
        };
        let key = (service_of(&submission), start);
        let before = known
            .entry(key.clone())
            .or_insert_with(|| submission.clone());
        assert_eq!(*before, submission, "another submission for {key:?}");
    }
    let mut all: BTreeMap<String, Arrived> = BTreeMap::new();
    for ((service, start), submission) in known {
        let arrived = all.entry(service).or_default();
        arrived.windows.insert(start);
        arrived.buckets.resize(BOUNDS.len() + 1, 0);
        for point in points(&submission) {
            arrived.count += point.count;
            arrived.sum += point.sum.expect("every part has a sum");
            for (all, count) in arrived.buckets.iter_mut().zip(&point.bucket_counts) {
                *all += count;
            }
        }
    }
    all
}

fn service_of(submission: &ResourceMetrics) -> String {
    let attributes = &submission.resource.as_ref().expect("it has one").attributes;
    let [name] = &attributes[..] else {
        panic!("only the service's name is left: {attributes:?}");
    };
    match name.value.as_ref().and_then(|value| value.value.clone()) {
        Some(any_value::Value::StringValue(name)) => name,
        other => panic!("a name is text: {other:?}"),
    }
}

fn points(submission: &ResourceMetrics) -> Vec<HistogramDataPoint> {
    let scopes = submission.scope_metrics.iter();
    let data = scopes
        .flat_map(|scope| &scope.metrics)
        .map(|metric| &metric.data);
    data.flat_map(|data| match data {
        Some(Data::Histogram(histogram)) => histogram.data_points.clone(),
        other => panic!("not a histogram: {other:?}"),
    })
    .collect()
}

/// What the samples of these devices of a service come to: count, sum, buckets.
fn expected(service_name: &str, devices: &[usize]) -> (u64, f64, Vec<u64>) {
    let mut buckets = vec![0; BOUNDS.len() + 1];
    let (mut count, mut sum) = (0, 0.0);
    let of_service = devices
        .iter()
        .filter(|device| service(**device) == service_name);
    for sample in of_service.flat_map(|device| samples(*device)) {
        buckets[BOUNDS.partition_point(|bound| *bound < sample)] += 1;
        count += 1;
        sum += sample;
    }
    (count, sum, buckets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_devices_are_one_exact_submission_for_each_service_and_minute() {
    let backend = Backend::start();
    let collector = Collector::start(&config(&backend, "flush_interval: 60s"));
    let http = collector.address("receivers/otlp", "http");
    let next = Arc::new(AtomicUsize::new(0));
    let (taken, unknown) = send(http, &next, DEVICES).await;
    assert_eq!((taken.len(), unknown.len()), (DEVICES, 0));
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let arrived = arrived(&backend);
    assert_eq!(arrived.len(), SERVICES);
    for (name, arrived) in arrived {
        let windows = &arrived.windows;
        assert!(windows.iter().all(|start| start % MINUTE_NANOS == 0));
        let (count, sum, buckets) = expected(&name, &taken);
        assert_eq!(
            (arrived.count, arrived.sum, arrived.buckets),
            (count, sum, buckets)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_that_is_being_merged_and_count_nothing_twice() {
    let backend = Backend::start();
    let config = config(&backend, "flush_interval: 1s");
    let next = Arc::new(AtomicUsize::new(0));
    let (mut taken, mut unknown) = (Vec::new(), Vec::new());
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut dir = Some(Arc::new(folder));
    for kill in 0..KILLS {
        let at = dir.take().expect("the process before left it");
        let mut collector = Some(Collector::start_in(at, &config));
        let http = collector
            .as_ref()
            .map(|it| it.address("receivers/otlp", "http"));
        let http = http.expect("it has just been started");
        // Every other time right after the answers, else in the middle of requests once a window
        // has been handed over.
        let until = match kill % 2 {
            0 => next.load(Ordering::Relaxed) + BETWEEN_KILLS,
            _ => usize::MAX,
        };
        let seen = backend.tally().requests;
        let kill = async {
            if until == usize::MAX {
                let more = |tally: &Tally| tally.requests > seen;
                backend.until("a window", more).await;
                dir = collector.take().map(Collector::kill);
            }
        };
        let ((now, of_now), ()) = tokio::join!(send(http, &next, until), kill);
        dir = collector.map(Collector::kill).or(dir);
        taken.extend(now);
        unknown.extend(of_now);
    }
    let dir = dir.expect("the last process left it");
    let collector = Collector::start_in(dir, &config);
    collector.address("receivers/otlp", "http");
    let counted = || -> u64 {
        arrived(&backend)
            .values()
            .map(|arrived| arrived.count)
            .sum()
    };
    let of = |devices: &[usize]| -> u64 {
        let samples = devices.iter().map(|device| samples(*device).len() as u64);
        samples.sum()
    };
    let (acknowledged, perhaps) = (of(&taken), of(&unknown));
    backend
        .until("everything", |_| counted() >= acknowledged)
        .await;
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let count = counted();
    assert!(
        count <= acknowledged + perhaps,
        "{count} arrived, {acknowledged} were taken, {perhaps} perhaps\n{}",
        ended.log
    );
}
