//! MetricKit's payloads and an app's own exports reach no store of traces; what they measure does
//! reach one of metrics, and nothing else is touched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use pdata::{Signal, sample};
use prost::Message;
use serde_json::{Value, json};

use crate::harness::{Backend, Collector, Export, Records, Reply, Sender};

const EXAMPLE: &str = include_str!("../../recordings/metrickit/example.jsonl");
const THREE_DEVICES: &str = include_str!("../../recordings/metrickit/three-devices.jsonl");

/// Metrics that OAP has rules for, of a whole payload.
const OAP_METRICS: usize = 15;

/// The program with this processor between clients and three backends.
struct Route {
    collector: Collector,
    sender: Sender,
    traces: Backend,
    metrics: Backend,
    logs: Backend,
}

impl Route {
    fn start(listeners: &str) -> Route {
        let backends = [(); 3].map(|()| Backend::start());
        let collector = Collector::start(&config(&backends, listeners));
        let sender = Sender::http(collector.address("receivers/otlp", "http"));
        let [traces, metrics, logs] = backends;
        Route {
            collector,
            sender,
            traces,
            metrics,
            logs,
        }
    }

    async fn post_json(&self, path: &str, body: Vec<u8>) {
        let headers = [("content-type", "application/json")];
        let answer = self.sender.post(path, &headers, body).await;
        let answer = answer.expect("it answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{text}");
    }

    async fn post(&self, request: &ExportTraceServiceRequest) {
        let body = request.encode_to_vec().into();
        let answer = self.sender.post_protobuf(Signal::Traces, body).await;
        assert_eq!(answer.expect("it answers").status, 200);
    }

    /// Waits for so many points, and gives them.
    async fn points(&self, count: usize) -> Vec<Point> {
        let what = format!("{count} points");
        self.metrics
            .until(&what, |tally| tally.items >= count)
            .await;
        let taken = self.metrics.taken();
        let points: Vec<_> = taken
            .iter()
            .flat_map(|taken| points(&taken.export))
            .collect();
        assert_eq!(points.len(), count, "{points:#?}");
        points
    }

    /// The value of a series of the program's own metrics.
    async fn count(&self, series: &str) -> f64 {
        let sender = Sender::http(self.collector.endpoint("metrics"));
        let text = sender.get("/metrics").await;
        let value = text.lines().find_map(|line| line.strip_prefix(series));
        let value = value.unwrap_or_else(|| panic!("no `{series}` in\n{text}"));
        value.trim().parse().expect("a series has a number")
    }
}

fn config([traces, metrics, logs]: &[Backend; 3], listeners: &str) -> String {
    let exporter = |backend: &Backend| {
        format!(
            "{{endpoint: 'http://{}', retry_on_failure: {{initial_interval: 20ms}}}}",
            backend.address()
        )
    };
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  span_listeners: {listeners}
exporters:
  otlp_http/traces: {}
  otlp_http/metrics: {}
  otlp_http/logs: {}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [span_listeners], exporters: [otlp_http/traces]}}
    metrics: {{receivers: [span_listeners], exporters: [otlp_http/metrics]}}
    logs: {{receivers: [otlp], exporters: [otlp_http/logs]}}
",
        exporter(traces),
        exporter(metrics),
        exporter(logs)
    )
}

/// Path and body of each recorded request.
fn requests(recording: &str) -> Vec<(String, Vec<u8>)> {
    let lines = recording.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        let body = STANDARD.decode(text("body_base64"));
        (text("path"), body.expect("bodies are base64"))
    });
    lines.collect()
}

/// The recorded payload of a day.
fn payload() -> ExportTraceServiceRequest {
    let (_, body) = requests(EXAMPLE).remove(0);
    serde_json::from_slice(&body).expect("it is OTLP")
}

fn samples(count: usize) -> ExportTraceServiceRequest {
    Message::decode(&sample::spans(count)[..]).expect("samples are OTLP")
}

fn records(request: &ExportTraceServiceRequest) -> Records {
    Records::of([&Export::Traces(request.clone())])
}

/// A data point: its metric, and its value or sum.
#[derive(Debug, PartialEq)]
struct Point {
    metric: String,
    number: f64,
    time_unix_nano: u64,
}

fn points(export: &Export) -> Vec<Point> {
    let Export::Metrics(ExportMetricsServiceRequest { resource_metrics }) = export else {
        panic!("this backend takes metrics: {export:?}");
    };
    let scopes = resource_metrics.iter().flat_map(|it| &it.scope_metrics);
    let mut points = Vec::new();
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let mut push = |number: f64, time_unix_nano| {
            points.push(Point {
                metric: metric.name.clone(),
                number,
                time_unix_nano,
            });
        };
        let numbers = match metric.data.as_ref().expect("a metric has data") {
            Data::Gauge(gauge) => &gauge.data_points,
            Data::Sum(sum) => &sum.data_points,
            Data::Histogram(histogram) => {
                let all = &histogram.data_points;
                all.iter()
                    .for_each(|it| push(it.sum.expect("it has a sum"), it.time_unix_nano));
                continue;
            }
            other => panic!("listeners derive no {other:?}"),
        };
        for point in numbers {
            let Some(Number::AsDouble(number)) = point.value else {
                panic!("numbers are doubles: {point:?}");
            };
            push(number, point.time_unix_nano);
        }
    }
    points
}

fn all_of<'p>(points: &'p [Point], metric: &str) -> impl Iterator<Item = f64> + use<'p> {
    let metric = metric.to_owned();
    let of = points.iter().filter(move |point| point.metric == metric);
    of.map(|point| point.number)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_becomes_metrics_and_other_spans_of_the_request_stay_as_they_are() {
    let route = Route::start("");
    let mut request = samples(3);
    let mut expected = request.clone();
    request.resource_spans.extend(payload().resource_spans);
    // One resource with spans of both kinds.
    let mut shared = payload().resource_spans.remove(0);
    let mut kept = shared.clone();
    let scope = samples(2).resource_spans.remove(0).scope_spans;
    shared.scope_spans.extend(scope.clone());
    kept.scope_spans = scope;
    request.resource_spans.push(shared);
    expected.resource_spans.push(kept);
    route.post(&request).await;
    route
        .traces
        .assert_takes(&records(&expected), "the trace backend")
        .await;
    let points = route.points(2 * OAP_METRICS).await;
    let day_end = 1_795_190_400_000_000_000;
    assert!(points.iter().all(|point| point.time_unix_nano == day_end));
    let hangs: Vec<_> = all_of(&points, "metrickit_hang_time").collect();
    assert_eq!(hangs, [335.0, 335.0]);
    let labels = "{pipeline=\"traces\",processor=\"span_listeners\"}";
    let filtered = format!("skyferry_pipeline_filtered_items_total{labels}");
    assert_eq!(route.count(&filtered).await, 2.0);
    assert_eq!(route.collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_mean_the_same_in_json_and_protobuf() {
    let route = Route::start("{listeners: {metrickit: {names: otlp}}}");
    for (path, body) in requests(EXAMPLE) {
        route.post_json(&path, body).await;
    }
    let from_json = route.points(44).await;
    let logs = route.logs.until("five logs", |tally| tally.items >= 5);
    logs.await;
    let protobuf = Route::start("{listeners: {metrickit: {names: otlp}}}");
    protobuf.post(&payload()).await;
    assert_eq!(protobuf.points(44).await, from_json);
    assert_eq!(route.traces.tally().requests, 0);
    assert_eq!(protobuf.traces.tally().requests, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_devices_add_up() {
    let route = Route::start("{listeners: {metrickit: }}");
    for (path, body) in requests(THREE_DEVICES) {
        route.post_json(&path, body).await;
    }
    let points = route.points(3 * 4).await;
    let sum = |metric: &str| all_of(&points, metric).sum::<f64>();
    let launches = sum("metrickit_app_launch_time_histogram");
    assert_eq!((launches / 3.0 * 1000.0).round(), 983.0);
    assert_eq!(
        all_of(&points, "metrickit_peak_memory").fold(0.0, f64::max),
        200e6
    );
    assert_eq!(sum("metrickit_foreground_abnormal_exit_count"), 3.0);
    assert_eq!(sum("metrickit_wifi_download"), 160e6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_values_cost_themselves_alone() {
    let route = Route::start("{listeners: {metrickit: }}");
    let double = |key: &str, value: Value| json!({"key": key, "value": {"doubleValue": value}});
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "HarborPay"}},
            {"key": "os.name", "value": {"stringValue": "iOS"}},
        ]},
        "scopeSpans": [{"scope": {"name": "MetricKit"}, "spans": [{
            "name": "MXMetricPayload",
            "attributes": [
                double("metrickit.app_launch.time_to_first_draw_average", json!("NaN")),
                double("metrickit.memory.peak_memory_usage", json!("Infinity")),
                double("metrickit.cpu.cpu_time", json!(-1.0)),
                double("metrickit.gpu.time", json!(61.9)),
                {"key": "metrickit.diskio.logical_write_count", "value": {"stringValue": "many"}},
            ],
        }]}],
    }]});
    route
        .post_json("/v1/traces", body.to_string().into_bytes())
        .await;
    let points = route.points(1).await;
    assert_eq!(
        (&*points[0].metric, points[0].number),
        ("metrickit_gpu_time", 61.9)
    );
    for reason in ["nan", "infinite", "negative", "not_numeric"] {
        let series = format!(
            "skyferry_span_listener_invalid_values_total\
             {{processor=\"span_listeners\",listener=\"metrickit\",reason=\"{reason}\"}}"
        );
        assert_eq!(route.count(&series).await, 1.0, "{reason}");
    }
    assert_eq!(route.traces.tally().requests, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_of_the_app_itself_are_dropped_and_counted() {
    let route = Route::start("{listeners: {ios_http: {own_hosts: [telemetry.example.com]}}}");
    let mut request = samples(41);
    let resource = &mut request.resource_spans[0];
    let scope = &mut resource.scope_spans[0];
    scope.scope.get_or_insert_default().name = "NSURLSession".to_owned();
    for span in &mut scope.spans {
        span.kind = 3;
    }
    let mut kept = request.clone();
    // All but one go to the collector.
    let scope = &mut request.resource_spans[0].scope_spans[0];
    for span in &mut scope.spans[1..] {
        let host = span
            .attributes
            .iter_mut()
            .find(|it| it.key == "server.address");
        let host = host.expect("samples have one");
        let value = host.value.as_mut().expect("it has a value");
        value.value = Some(
            opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(
                "telemetry.example.com".to_owned(),
            ),
        );
    }
    kept.resource_spans[0].scope_spans[0].spans.truncate(1);
    route.post(&request).await;
    route
        .traces
        .assert_takes(&records(&kept), "the trace backend")
        .await;
    let points = route.points(3).await;
    let counts: Vec<_> = all_of(&points, "ios.http.request.count").collect();
    assert_eq!(counts, [1.0]);
    let series = "skyferry_span_listener_vetoed_spans_total\
                  {processor=\"span_listeners\",listener=\"ios_http\"}";
    assert_eq!(route.count(series).await, 40.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_refused_and_sent_again_is_measured_once() {
    let backends = [(); 3].map(|()| Backend::start());
    let mut text = config(&backends, "");
    // Without queues, the backend's answer is the client's.
    text = text.replace(
        "retry_on_failure: {",
        "sending_queue: {enabled: false}, retry_on_failure: {enabled: false, ",
    );
    let [traces, metrics, _] = backends;
    traces.reply_next([Reply::Unavailable(None)]);
    let collector = Collector::start(&text);
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let mut request = samples(1);
    request.resource_spans.extend(payload().resource_spans);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let body = request.encode_to_vec().into();
        let answer = sender.post_protobuf(Signal::Traces, body).await;
        statuses.push(answer.expect("it answers").status.as_u16());
    }
    assert_eq!(statuses, [503, 200]);
    let tally = metrics.tally();
    assert_eq!((tally.requests, tally.items), (1, OAP_METRICS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_told_with_line_and_column() {
    let backends = [(); 3].map(|()| Backend::start());
    for (listeners, expected) in [
        (
            "{listeners: {metrickit: {names: swift}}}",
            "config.yaml:5:51",
        ),
        (
            "{listeners: {ios_http: {own_hosts: ['https://a']}}}",
            "config.yaml:5:55",
        ),
        ("{listeners: {metrikit: }}", "config.yaml:5:32"),
    ] {
        let ended = Collector::start(&config(&backends, listeners)).ended();
        assert_ne!(ended.code, Some(0));
        assert!(ended.log.contains(expected), "{listeners}: {}", ended.log);
    }
    let nowhere = config(&backends, "").replace("receivers: [span_listeners]", "receivers: [otlp]");
    let ended = Collector::start(&nowhere).ended();
    assert_ne!(ended.code, Some(0));
    assert!(ended.log.contains("goes nowhere"), "{}", ended.log);
}
