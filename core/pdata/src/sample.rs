//! Made-up requests of a realistic shape, for benchmarks and load generators.
//!
//! The shapes follow what instrumented servers send: HTTP semantic conventions, spans of about
//! 460 bytes, data points of about 200, and one-log requests like a mini program's.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use crate::Signal;

/// 2026-11-21T00:00:00Z; sample items count up from here.
const START_UNIX_NANO: u64 = 1_795_219_200_000_000_000;

/// One request of `signal` with this many items.
pub fn request(signal: Signal, count: usize) -> Vec<u8> {
    match signal {
        Signal::Traces => spans(count),
        Signal::Metrics => points(count),
        Signal::Logs => logs(count),
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// One request with this many spans of one resource.
pub fn spans(count: usize) -> Vec<u8> {
    let spans = (0..count as u64).map(span).collect();
    let scope_spans = ScopeSpans {
        scope: Some(scope()),
        spans,
        ..Default::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(resource()),
        scope_spans: vec![scope_spans],
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource_spans],
    }
    .encode_to_vec()
}

/// One request with this many log records of one resource.
pub fn logs(count: usize) -> Vec<u8> {
    let log_records = (0..count as u64).map(log).collect();
    let scope_logs = ScopeLogs {
        scope: Some(scope()),
        log_records,
        ..Default::default()
    };
    let resource_logs = ResourceLogs {
        resource: Some(resource()),
        scope_logs: vec![scope_logs],
        ..Default::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![resource_logs],
    }
    .encode_to_vec()
}

/// One request with this many data points of one resource, ten to a metric.
pub fn points(count: usize) -> Vec<u8> {
    const POINTS_PER_METRIC: usize = 10;
    let numbers: Vec<u64> = (0..count as u64).collect();
    let metrics = numbers.chunks(POINTS_PER_METRIC).map(sum).collect();
    let scope_metrics = ScopeMetrics {
        scope: Some(scope()),
        metrics,
        ..Default::default()
    };
    let resource_metrics = ResourceMetrics {
        resource: Some(resource()),
        scope_metrics: vec![scope_metrics],
        ..Default::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource_metrics],
    }
    .encode_to_vec()
}

fn span(n: u64) -> Span {
    let start_time_unix_nano = START_UNIX_NANO + n * 1_000_000;
    Span {
        trace_id: u128::from(n)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C2F)
            .to_be_bytes()
            .into(),
        span_id: n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().into(),
        parent_span_id: n.wrapping_mul(0xC2B2_AE3D_27D4_EB4F).to_be_bytes().into(),
        name: "GET /api/products/{id}".to_owned(),
        kind: 2,
        start_time_unix_nano,
        end_time_unix_nano: start_time_unix_nano + 12_345_678,
        attributes: vec![
            text("http.request.method", "GET"),
            text("url.path", &format!("/api/products/{}", n % 10_000)),
            text("url.scheme", "https"),
            text("server.address", "shop.example.com"),
            number("server.port", 443),
            number("http.response.status_code", 200),
            text(
                "user_agent.original",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)",
            ),
            text("network.protocol.version", "1.1"),
            text("client.address", "203.0.113.7"),
            text("http.route", "/api/products/{id}"),
        ],
        status: Some(Status::default()),
        flags: 0x101,
        ..Default::default()
    }
}

fn log(n: u64) -> LogRecord {
    LogRecord {
        time_unix_nano: START_UNIX_NANO + n * 1_000_000,
        observed_time_unix_nano: START_UNIX_NANO + n * 1_000_000 + 250_000,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(value(any_value::Value::StringValue(
            "TypeError: Cannot read properties of undefined (reading 'id')".to_owned(),
        ))),
        attributes: vec![
            text("exception.type", "js"),
            text("exception.stacktrace", "    at pages/detail/index.js:42:18"),
            text("miniprogram.page.path", "pages/index/index"),
        ],
        ..Default::default()
    }
}

fn sum(numbers: &[u64]) -> Metric {
    Metric {
        name: "http.server.request.count".to_owned(),
        unit: "{request}".to_owned(),
        data: Some(metric::Data::Sum(Sum {
            data_points: numbers.iter().copied().map(point).collect(),
            aggregation_temporality: AggregationTemporality::Delta.into(),
            is_monotonic: true,
        })),
        ..Default::default()
    }
}

fn point(n: u64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", &format!("/api/products/{}", n % 100)),
            number("http.response.status_code", 200),
            text("server.address", "shop.example.com"),
        ],
        start_time_unix_nano: START_UNIX_NANO,
        time_unix_nano: START_UNIX_NANO + n * 1_000_000,
        value: Some(number_data_point::Value::AsInt(n as i64)),
        ..Default::default()
    }
}

fn resource() -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "shop"),
            text("service.version", "1.2.0"),
            text("service.instance.id", "shop-7d9f8b6c5-x2x4z"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.language", "java"),
            text("deployment.environment.name", "production"),
        ],
        ..Default::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "io.opentelemetry.http".to_owned(),
        version: "2.33.1".to_owned(),
        ..Default::default()
    }
}

fn text(key: &str, content: &str) -> KeyValue {
    pair(key, any_value::Value::StringValue(content.to_owned()))
}

fn number(key: &str, content: i64) -> KeyValue {
    pair(key, any_value::Value::IntValue(content))
}

fn pair(key: &str, content: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value(content)),
        ..Default::default()
    }
}

fn value(content: any_value::Value) -> AnyValue {
    AnyValue {
        value: Some(content),
    }
}
