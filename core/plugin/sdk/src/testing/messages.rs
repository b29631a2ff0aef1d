//! Small messages, as senders would write them.

use crate::otlp::{AnyValue, Interval, KeyValue, MetricsMessage, Sum};
use crate::wire::{put_fixed64, put_len, put_message, put_number};

/// 2025-01-01 in nanoseconds; one span a millisecond from there on.
const START: u64 = 1_735_689_600_000_000_000;
const STEP: u64 = 1_000_000;

/// Starts a span of kind server.
pub fn span(name: &str) -> Span {
    let mut fields = Vec::new();
    put_len(&mut fields, 5, name.as_bytes());
    put_number(&mut fields, 6, 2);
    Span { fields }
}

/// A span in the making.
#[derive(Clone, Debug)]
pub struct Span {
    fields: Vec<u8>,
}

impl Span {
    #[must_use]
    pub fn attribute<'v>(mut self, key: &str, value: impl Into<AnyValue<'v>>) -> Self {
        KeyValue::put(&mut self.fields, 9, key, value.into());
        self
    }

    /// With status code error.
    #[must_use]
    pub fn error(mut self, message: &str) -> Self {
        put_message(&mut self.fields, 15, |out| {
            put_len(out, 2, message.as_bytes());
            put_number(out, 3, 2);
        });
        self
    }
}

/// A `ResourceSpans` of the service `test`.
pub fn spans(spans: impl IntoIterator<Item = Span>) -> Vec<u8> {
    spans_of("test", spans)
}

/// A `ResourceSpans` of this service.
pub fn spans_of(service: &str, spans: impl IntoIterator<Item = Span>) -> Vec<u8> {
    let records = spans.into_iter().enumerate().map(|(index, span)| {
        let index = index as u64;
        let mut record = Vec::with_capacity(span.fields.len() + 48);
        put_len(&mut record, 1, &[7; 16]);
        put_len(&mut record, 2, &(index + 1).to_be_bytes());
        put_fixed64(&mut record, 7, START + index * STEP);
        put_fixed64(&mut record, 8, START + (index + 1) * STEP);
        record.extend_from_slice(&span.fields);
        record
    });
    message(service, records)
}

/// Starts a log record of severity info.
pub fn log<'v>(body: impl Into<AnyValue<'v>>) -> Log {
    let body = body.into();
    let mut fields = Vec::new();
    put_message(&mut fields, 5, |out| body.put(out));
    Log { fields }
}

/// A log record in the making.
#[derive(Clone, Debug)]
pub struct Log {
    fields: Vec<u8>,
}

impl Log {
    #[must_use]
    pub fn attribute<'v>(mut self, key: &str, value: impl Into<AnyValue<'v>>) -> Self {
        KeyValue::put(&mut self.fields, 6, key, value.into());
        self
    }
}

/// A `ResourceLogs` of the service `test`.
pub fn logs(logs: impl IntoIterator<Item = Log>) -> Vec<u8> {
    logs_of("test", logs)
}

/// A `ResourceLogs` of this service.
pub fn logs_of(service: &str, logs: impl IntoIterator<Item = Log>) -> Vec<u8> {
    let records = logs.into_iter().enumerate().map(|(index, log)| {
        let mut record = Vec::with_capacity(log.fields.len() + 16);
        put_fixed64(&mut record, 1, START + index as u64 * STEP);
        put_number(&mut record, 2, 9);
        record.extend_from_slice(&log.fields);
        record
    });
    message(service, records)
}

/// Starts a point.
pub fn point(value: i64) -> Point {
    Point {
        value,
        attributes: Vec::new(),
    }
}

/// A point in the making.
#[derive(Clone, Debug)]
pub struct Point {
    value: i64,
    attributes: Vec<(String, String)>,
}

impl Point {
    #[must_use]
    pub fn attribute(mut self, key: &str, value: &str) -> Self {
        self.attributes.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// A `ResourceMetrics` of the service `test` with one delta sum of these points.
pub fn metrics(name: &str, points: impl IntoIterator<Item = Point>) -> Vec<u8> {
    metrics_of("test", name, points)
}

/// As [`metrics`], of this service.
pub fn metrics_of(service: &str, name: &str, points: impl IntoIterator<Item = Point>) -> Vec<u8> {
    let mut sum = Sum::new(name, "1");
    for (index, point) in points.into_iter().enumerate() {
        let index = index as u64;
        let interval = Interval {
            start_time_unix_nano: START + index * STEP,
            time_unix_nano: START + (index + 1) * STEP,
        };
        let attributes = point.attributes.iter();
        let attributes = attributes.map(|(key, value)| (&**key, value.into()));
        sum = sum.point(interval, &attributes.collect::<Vec<_>>(), point.value);
    }
    MetricsMessage::new(&[("service.name", service.into())])
        .sum(sum)
        .finish("test")
}

/// Records of one scope, under the resource of a service.
fn message(service: &str, records: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    put_message(&mut out, 1, |out| {
        KeyValue::put(out, 1, "service.name", service.into());
    });
    put_message(&mut out, 2, |out| {
        put_message(out, 1, |out| put_len(out, 1, b"test"));
        for record in records {
            put_len(out, 2, &record);
        }
    });
    out
}
