//! What reading and writing promise, against prost and the serde of `opentelemetry-proto`.

use std::fmt::Debug;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Logs;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Metrics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;
use prost::Message;
use serde::de::DeserializeOwned;

use super::*;

mod arbitrary;
mod properties;
mod reading;
mod skywalking;
mod writing;

/// The generated type of a signal's request.
trait Request: Message + Default + DeserializeOwned + PartialEq + Clone + Debug {
    const SIGNAL: Signal;
}

impl Request for Logs {
    const SIGNAL: Signal = Signal::Logs;
}

impl Request for Metrics {
    const SIGNAL: Signal = Signal::Metrics;
}

impl Request for Traces {
    const SIGNAL: Signal = Signal::Traces;
}

fn written(signal: Signal, wire: &[u8]) -> String {
    let mut out = Vec::new();
    write(signal, wire, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The body of a request with one log record.
fn with_record(record: &str) -> String {
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
}

/// The body of a request with one metric.
fn with_metric(metric: &str) -> String {
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#)
}
