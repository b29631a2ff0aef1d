//! MetricKit's payloads of several devices, merged: one submission for the minute in which their day
//! ended, with the values that SWIP-11 computes for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric};
use serde_json::Value;

use crate::harness::{Backend, Collector, Export, Sender};

const THREE_DEVICES: &str = include_str!("../../recordings/metrickit/three-devices.jsonl");
/// Begin and end of the day that they report.
const RECORDED: [&str; 2] = ["1795104000000000000", "1795190400000000000"];
const DAY_SECONDS: i64 = 24 * 60 * 60;
const MINUTE_NANOS: u64 = 60_000_000_000;

fn config(backend: &Backend) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  span_listeners:
  delta_merge: {{late: own_minute}}
exporters:
  otlp_http: {{endpoint: 'http://{}'}}
  debug: {{verbosity: basic}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [span_listeners], exporters: [debug]}}
    metrics: {{receivers: [span_listeners], processors: [delta_merge], exporters: [otlp_http]}}
",
        backend.address()
    )
}

/// What the devices send, of the day before today.
fn requests([begin, end]: [i64; 2]) -> Vec<String> {
    let bodies = THREE_DEVICES.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
        let body = line["body_base64"].as_str().expect("a text");
        let body = STANDARD.decode(body).expect("bodies are base64");
        let body = String::from_utf8(body).expect("it is JSON");
        let nanos = |seconds: i64| (seconds * 1_000_000_000).to_string();
        let body = body.replace(RECORDED[0], &nanos(begin));
        body.replace(RECORDED[1], &nanos(end))
    });
    bodies.collect()
}

fn metric<'a>(metrics: &'a [Metric], name: &str) -> &'a Data {
    let found = metrics.iter().find(|metric| metric.name == name);
    let found = found.unwrap_or_else(|| panic!("no `{name}`"));
    found.data.as_ref().expect("it has data")
}

fn numbers(data: &Data) -> Vec<f64> {
    let points = match data {
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("no numbers: {other:?}"),
    };
    let values = points.iter().map(|point| match point.value {
        Some(Number::AsDouble(value)) => value,
        Some(Number::AsInt(value)) => value as f64,
        None => panic!("a point without a value"),
    });
    values.collect()
}

fn histograms(data: &Data) -> &[HistogramDataPoint] {
    match data {
        Data::Histogram(histogram) => &histogram.data_points,
        other => panic!("no histogram: {other:?}"),
    }
}

/// The bound of the bucket that a part of all samples lies in.
fn percentile(points: &[HistogramDataPoint], part: f64) -> f64 {
    let bounds = &points[0].explicit_bounds;
    let counts = |bucket: usize| -> u64 { points.iter().map(|it| it.bucket_counts[bucket]).sum() };
    let all: u64 = points.iter().map(|point| point.count).sum();
    let mut seen = 0;
    let bucket = (0..bounds.len()).find(|bucket| {
        seen += counts(*bucket);
        seen as f64 >= all as f64 * part
    });
    bounds[bucket.expect("the last bucket with a bound holds the rest")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_three_devices_of_the_proposal_are_one_submission_of_the_minute_their_day_ended() {
    let backend = Backend::start();
    let collector = Collector::start(&config(&backend));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let today = Timestamp::now().as_second() / DAY_SECONDS * DAY_SECONDS;
    let end = today - DAY_SECONDS;
    for body in requests([end - DAY_SECONDS, end]) {
        let headers = [("content-type", "application/json")];
        let answer = sender.post("/v1/traces", &headers, body).await;
        assert_eq!(answer.expect("it answers").status, 200);
    }
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);

    let taken = backend.taken().into_iter().map(|taken| match taken.export {
        Export::Metrics(request) => request.resource_metrics,
        other => panic!("not metrics: {other:?}"),
    });
    let submissions: Vec<_> = taken.flatten().collect();
    let [submission] = &submissions[..] else {
        panic!("one service, one minute: {submissions:#?}");
    };
    let scopes = submission.scope_metrics.iter();
    let metrics: Vec<Metric> = scopes.flat_map(|scope| scope.metrics.clone()).collect();
    let launches = histograms(metric(&metrics, "metrickit_app_launch_time_histogram"));
    let end_nanos = end as u64 * 1_000_000_000;
    for point in launches {
        assert_eq!(
            point.time_unix_nano / MINUTE_NANOS,
            end_nanos / MINUTE_NANOS
        );
    }
    let shown = [0.5, 0.9].map(|part| percentile(launches, part));
    assert_eq!(shown, [1.0, 1.5], "in seconds, as OAP reads OTLP's bounds");
    let sum: f64 = launches.iter().filter_map(|point| point.sum).sum();
    assert_eq!((sum / 3.0 * 1000.0).round(), 983.0);
    let peaks = numbers(metric(&metrics, "metrickit_peak_memory"));
    assert_eq!(peaks.into_iter().fold(0.0, f64::max), 200e6);
    let exits = numbers(metric(&metrics, "metrickit_foreground_abnormal_exit_count"));
    assert_eq!(exits.iter().sum::<f64>(), 3.0);
    let downloads = numbers(metric(&metrics, "metrickit_wifi_download"));
    assert_eq!(downloads.iter().sum::<f64>(), 160e6);
}
