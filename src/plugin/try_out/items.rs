//! Messages taken apart into items with fields of text, so that they can be compared and shown.

use bytes::Bytes;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs as DecodedLogs;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics as DecodedMetrics;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans as DecodedSpans;
use pdata::otlp::InvalidUtf8;
use pdata::skywalking::{self, Kind as Native};
use pdata::{Budget, convert};
use plugin::Kind;
use prost::Message;
use serde_json::{Value as Json, json};
use skyferry_plugin_sdk::otlp::{
    AnyValue, DataPoint, HistogramDataPoint, KeyValue, LogRecord, Metric, NumberValue, Resource,
    ResourceLogs, ResourceMetrics, ResourceSpans, Span,
};

/// A resource, a span, a data point or a log record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) noun: &'static str,
    pub(super) name: String,
    /// What an edit leaves alone: items before and after with the same are the same item.
    pub(super) identity: String,
    /// In the order of the message; keys may occur more than once.
    pub(super) fields: Vec<(String, String)>,
}

/// The resource, and everything under it. An error says what the bytes are not.
pub(super) fn read(kind: Kind, message: &Bytes) -> Result<Vec<Item>, String> {
    match kind {
        Kind::Traces => {
            valid::<DecodedSpans>("ResourceSpans", message)?;
            let view = ResourceSpans::of(message);
            Ok(with_resource(
                view.resource(),
                view.spans().map(|it| span(&it)),
            ))
        }
        Kind::Logs => {
            valid::<DecodedLogs>("ResourceLogs", message)?;
            let view = ResourceLogs::of(message);
            Ok(with_resource(
                view.resource(),
                view.log_records().map(|it| log(&it)),
            ))
        }
        Kind::Metrics => {
            valid::<DecodedMetrics>("ResourceMetrics", message)?;
            let view = ResourceMetrics::of(message);
            let metrics: Vec<_> = view.metrics().collect();
            let points = metrics
                .iter()
                .flat_map(|metric| metric.data_points().map(move |it| point(metric, &it)));
            Ok(with_resource(view.resource(), points))
        }
        Kind::Segment => {
            let budget = Budget::new(message.len());
            let repair = InvalidUtf8::Repair;
            let received =
                skywalking::receive(Native::Segment, message.clone(), 0, repair, &budget).map_err(
                    |error| format!("what it gives back is no `SegmentObject`: {error}"),
                )?;
            let mut items = Vec::new();
            for chunk in convert::to_otlp(&received.chunk) {
                let body = Bytes::copy_from_slice(chunk.body());
                items.extend(read(Kind::Traces, &body)?);
            }
            Ok(items)
        }
    }
}

/// A view shows what it can of any bytes; this tells whether others could read them.
fn valid<M: Message + Default>(name: &str, message: &Bytes) -> Result<(), String> {
    match M::decode(&message[..]) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("what it gives back is no `{name}`: {error}")),
    }
}

fn with_resource(resource: Resource<'_>, items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut fields = Vec::new();
    attributes(&mut fields, "attributes", resource.attributes());
    let resource = Item {
        noun: "resource",
        name: resource.service_name().to_owned(),
        identity: String::new(),
        fields,
    };
    [resource].into_iter().chain(items).collect()
}

type Fields = Vec<(String, String)>;

/// What is not set is not shown.
fn put(fields: &mut Fields, key: &str, value: impl Into<Json>) {
    let value = value.into();
    let is_default = match &value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    };
    if !is_default {
        fields.push((key.to_owned(), value.to_string()));
    }
}

fn attributes<'a>(fields: &mut Fields, key: &str, pairs: impl Iterator<Item = KeyValue<'a>>) {
    for pair in pairs {
        let value = json(pair.value()).to_string();
        fields.push((format!("{key}.{}", pair.key()), value));
    }
}

/// Nesting is bounded: the message has been decoded.
fn json(value: AnyValue<'_>) -> Json {
    match value {
        AnyValue::Empty => Json::Null,
        AnyValue::String(text) => json!(text),
        AnyValue::Bool(value) => json!(value),
        AnyValue::Int(value) => json!(value),
        AnyValue::Double(value) => json!(value),
        AnyValue::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
        AnyValue::Array(array) => array.values().map(json).collect(),
        AnyValue::KeyValues(list) => {
            let members = list
                .values()
                .map(|pair| (pair.key().to_owned(), json(pair.value())));
            Json::Object(members.collect())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn span(span: &Span<'_>) -> Item {
    let mut fields = Vec::new();
    put(&mut fields, "name", span.name());
    put(&mut fields, "kind", span.kind());
    put(&mut fields, "parent_span_id", hex(span.parent_span_id()));
    put(&mut fields, "trace_state", span.trace_state());
    put(
        &mut fields,
        "start_time_unix_nano",
        span.start_time_unix_nano(),
    );
    put(&mut fields, "end_time_unix_nano", span.end_time_unix_nano());
    put(&mut fields, "status.code", span.status().code());
    put(&mut fields, "status.message", span.status().message());
    attributes(&mut fields, "attributes", span.attributes());
    for (index, event) in span.events().enumerate() {
        put(&mut fields, &format!("events[{index}].name"), event.name());
        attributes(
            &mut fields,
            &format!("events[{index}].attributes"),
            event.attributes(),
        );
    }
    for (index, link) in span.links().enumerate() {
        put(
            &mut fields,
            &format!("links[{index}].span_id"),
            hex(link.span_id()),
        );
        attributes(
            &mut fields,
            &format!("links[{index}].attributes"),
            link.attributes(),
        );
    }
    Item {
        noun: "span",
        name: span.name().to_owned(),
        identity: format!("{} {}", hex(span.trace_id()), hex(span.span_id())),
        fields,
    }
}

fn log(record: &LogRecord<'_>) -> Item {
    let mut fields = Vec::new();
    put(&mut fields, "body", json(record.body()));
    put(&mut fields, "severity_number", record.severity_number());
    put(&mut fields, "severity_text", record.severity_text());
    put(&mut fields, "event_name", record.event_name());
    put(&mut fields, "trace_id", hex(record.trace_id()));
    put(&mut fields, "span_id", hex(record.span_id()));
    attributes(&mut fields, "attributes", record.attributes());
    let name = match record.body() {
        AnyValue::String(text) => text.to_owned(),
        AnyValue::Empty => record.event_name().to_owned(),
        body => json(body).to_string(),
    };
    Item {
        noun: "log record",
        name,
        identity: format!(
            "{} {}",
            record.time_unix_nano(),
            record.observed_time_unix_nano()
        ),
        fields,
    }
}

fn point(metric: &Metric<'_>, point: &DataPoint<'_>) -> Item {
    let mut fields = Vec::new();
    put(&mut fields, "metric", metric.name());
    put(&mut fields, "unit", metric.unit());
    match point {
        DataPoint::Number(number) => match number.value() {
            Some(NumberValue::Int(value)) => fields.push(("value".to_owned(), value.to_string())),
            Some(NumberValue::Double(value)) => {
                fields.push(("value".to_owned(), value.to_string()))
            }
            None => {}
        },
        DataPoint::Histogram(histogram) => self::histogram(&mut fields, histogram),
        DataPoint::ExponentialHistogram(histogram) => {
            put(&mut fields, "count", histogram.count());
            put(&mut fields, "sum", histogram.sum());
            put(&mut fields, "scale", histogram.scale());
            put(&mut fields, "zero_count", histogram.zero_count());
            for (key, buckets) in [
                ("positive", histogram.positive()),
                ("negative", histogram.negative()),
            ] {
                put(&mut fields, &format!("{key}.offset"), buckets.offset());
                let counts: Vec<_> = buckets.bucket_counts().collect();
                put(&mut fields, &format!("{key}.bucket_counts"), json!(counts));
            }
        }
        DataPoint::Summary(summary) => {
            put(&mut fields, "count", summary.count());
            put(&mut fields, "sum", summary.sum());
            let values: Vec<_> = summary.quantile_values().collect();
            put(&mut fields, "quantile_values", json!(values));
        }
    }
    attributes(&mut fields, "attributes", point.attributes());
    let times = (point.start_time_unix_nano(), point.time_unix_nano());
    Item {
        noun: "point",
        name: metric.name().to_owned(),
        identity: format!("{:?} {} {}", metric.kind(), times.0, times.1),
        fields,
    }
}

fn histogram(fields: &mut Fields, histogram: &HistogramDataPoint<'_>) {
    put(fields, "count", histogram.count());
    put(fields, "sum", histogram.sum());
    put(fields, "min", histogram.min());
    put(fields, "max", histogram.max());
    let counts: Vec<_> = histogram.bucket_counts().collect();
    put(fields, "bucket_counts", json!(counts));
    let bounds: Vec<_> = histogram.explicit_bounds().collect();
    put(fields, "explicit_bounds", json!(bounds));
}
