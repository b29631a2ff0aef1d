//! Spans to show to listeners, and what they made of them in a form that tests can read.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::component::{Derivation, Deriver};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, ResourceMetrics};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Batch, Budget, Origin, Signal, json};
use prost::Message;
use serde_json::{Value, json};

use super::{Dispatch, SpanListener, Tally};

pub(super) const ARRIVED: u64 = 1_795_193_011_000_000_000;
/// The end of the recorded payloads' day.
pub(super) const DAY_END: u64 = 1_795_190_400_000_000_000;
pub(super) const DAY: u64 = 86_400_000_000_000;

/// The body of a line of `tests/recordings/metrickit`.
pub(super) fn recorded(name: &str, line: usize) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/../tests/recordings/metrickit/{name}.jsonl");
    let text = std::fs::read_to_string(path).expect("the recording is there");
    let line = text.lines().nth(line).expect("the recording has the line");
    let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
    let body = line["body_base64"].as_str().expect("it has a body");
    STANDARD.decode(body).expect("bodies are base64")
}

/// The batch that a receiver makes of an OTLP/JSON body.
pub(super) fn batch_of(signal: Signal, body: &[u8]) -> Batch {
    let wire = json::read(signal, body).expect("the body is OTLP").wire;
    let budget = Budget::new(1 << 30);
    let received = receive(signal, Bytes::from(wire), InvalidUtf8::Refuse, &budget);
    let chunks = received.expect("it is a request").chunks;
    let origin = Origin {
        arrived_unix_nano: ARRIVED,
        ..Origin::default()
    };
    Batch::new(signal, chunks, Arc::new(origin))
}

/// OTLP/JSON of one resource: attributes of the resource, then scopes of spans.
pub(super) fn traces(resource: &[(&str, Value)], scopes: &[(&str, Vec<Value>)]) -> Vec<u8> {
    let scopes = scopes
        .iter()
        .map(|(name, spans)| json!({"scope": {"name": name, "version": "1.0.0"}, "spans": spans}));
    let resource = json!({"attributes": attributes(resource)});
    let scopes: Vec<Value> = scopes.collect();
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]})
        .to_string()
        .into_bytes()
}

/// A span of the recorded payloads' day, of kind CLIENT.
pub(super) fn span(name: &str, of: &[(&str, Value)]) -> Value {
    json!({
        "traceId": "b3f0c8a1d25e4f7790ab1c2d3e4f5061", "spanId": "7a1b2c3d4e5f6071",
        "name": name, "kind": 3,
        "startTimeUnixNano": (DAY_END - DAY).to_string(), "endTimeUnixNano": DAY_END.to_string(),
        "attributes": attributes(of),
    })
}

fn attributes(pairs: &[(&str, Value)]) -> Vec<Value> {
    let value = |value: &Value| match value {
        Value::Bool(bool) => json!({"boolValue": bool}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number}),
        Value::String(text) => json!({"stringValue": text}),
        // What this function has no short form for is written out.
        other => other.clone(),
    };
    let pairs = pairs
        .iter()
        .map(|(key, it)| json!({"key": key, "value": value(it)}));
    pairs.collect()
}

/// A dispatch of one listener, and the metrics that it counts in.
pub(super) struct Stage {
    dispatch: Dispatch,
    metrics: telemetry::Metrics,
}

impl Stage {
    pub(super) fn of<L: SpanListener + 'static>(make: impl FnOnce(&Tally<'_>) -> L) -> Stage {
        let metrics = telemetry::Metrics::new();
        let tally = Tally {
            processor: "span_listeners",
            metrics: &metrics,
        };
        let listener = make(&tally);
        let dispatch = Dispatch::new(vec![Box::new(listener)], "span_listeners", &metrics);
        Stage { dispatch, metrics }
    }

    pub(super) fn derive(&self, body: &[u8]) -> Derivation {
        self.dispatch.derive(batch_of(Signal::Traces, body))
    }

    pub(super) fn points(&self, body: &[u8]) -> Vec<Point> {
        points(&self.derive(body))
    }

    /// What a counter is at; 0 if it never counted.
    pub(super) fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics.value(name, labels).unwrap_or_default()
    }
}

/// One data point with what stands above it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) resource: BTreeMap<String, String>,
    pub(super) times: [u64; 2],
    pub(super) value: PointValue,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum PointValue {
    Gauge(f64),
    /// Of a monotonic delta.
    Sum(f64),
    /// Of a delta.
    Histogram {
        counts: Vec<u64>,
        bounds: Vec<f64>,
        sum: f64,
    },
}

impl PointValue {
    pub(super) fn number(&self) -> f64 {
        match self {
            PointValue::Gauge(number) | PointValue::Sum(number) => *number,
            PointValue::Histogram { sum, .. } => *sum,
        }
    }
}

/// The metrics of each `ResourceMetrics` that was derived.
pub(super) fn resources(derivation: &Derivation) -> Vec<ResourceMetrics> {
    let chunks = derivation.derived.iter().flat_map(|batch| {
        assert_eq!(batch.signal(), Signal::Metrics);
        assert_eq!(batch.origin().arrived_unix_nano, ARRIVED);
        batch.chunks().to_vec()
    });
    let bodies = chunks.map(|chunk| chunk.into_otlp().expect("metrics are OTLP"));
    bodies
        .map(|chunk| ResourceMetrics::decode(chunk.body()).expect("it was encoded"))
        .collect()
}

/// All points that were derived, in the order in which they are sent.
pub(super) fn points(derivation: &Derivation) -> Vec<Point> {
    resources(derivation).iter().flat_map(of_resource).collect()
}

fn of_resource(from: &ResourceMetrics) -> Vec<Point> {
    let resource = from.resource.clone().unwrap_or_default();
    let mut points = Vec::new();
    for metric in from.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
        let mut push = |attributes: &[KeyValue], times, value| {
            points.push(Point {
                metric: metric.name.clone(),
                unit: metric.unit.clone(),
                attributes: texts(attributes),
                resource: texts(&resource.attributes),
                times,
                value,
            });
        };
        let delta = AggregationTemporality::Delta as i32;
        match metric.data.as_ref().expect("a metric has data") {
            Data::Gauge(gauge) => {
                for it in &gauge.data_points {
                    let times = [it.start_time_unix_nano, it.time_unix_nano];
                    push(&it.attributes, times, PointValue::Gauge(double(it.value)));
                }
            }
            Data::Sum(sum) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == delta);
                for it in &sum.data_points {
                    let times = [it.start_time_unix_nano, it.time_unix_nano];
                    push(&it.attributes, times, PointValue::Sum(double(it.value)));
                }
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, delta);
                for it in &histogram.data_points {
                    assert_eq!(it.count, it.bucket_counts.iter().sum::<u64>());
                    let value = PointValue::Histogram {
                        counts: it.bucket_counts.clone(),
                        bounds: it.explicit_bounds.clone(),
                        sum: it.sum.expect("sums are known"),
                    };
                    let times = [it.start_time_unix_nano, it.time_unix_nano];
                    push(&it.attributes, times, value);
                }
            }
            other => panic!("listeners derive no {other:?}"),
        }
    }
    points
}

fn double(value: Option<Number>) -> f64 {
    match value {
        Some(Number::AsDouble(number)) => number,
        other => panic!("numbers are doubles: {other:?}"),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let pairs = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|any| any.value.as_ref());
        let Some(any_value::Value::StringValue(text)) = value else {
            panic!("attributes are texts: {attribute:?}");
        };
        (attribute.key.clone(), text.clone())
    });
    pairs.collect()
}

/// The only point of a metric.
#[track_caller]
pub(super) fn only<'p>(points: &'p [Point], metric: &str) -> &'p Point {
    let found: Vec<_> = points
        .iter()
        .filter(|point| point.metric == metric)
        .collect();
    match found[..] {
        [point] => point,
        _ => panic!("{} points of {metric} in {points:#?}", found.len()),
    }
}
