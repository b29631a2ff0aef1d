//! One row of the table for each item of a batch.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use pdata::skywalking::Kind;
use pdata::skywalking::v3::SegmentObject;
use pdata::{Batch, Chunk, NativeChunk, Signal};
use prost::{DecodeError, Message};

/// `SEVERITY_NUMBER_ERROR`: this and above is an error.
const SEVERITY_ERROR: i32 = 17;

/// What every metric of the mini program SDK begins with; the platform's column says it already.
const METRIC_PREFIX: &str = "miniprogram.";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) platform: String,
    pub(crate) service: String,
    pub(crate) page: String,
    /// An error's message, a metric's name, a span's name.
    pub(crate) what: String,
    /// With its unit; empty where there is none.
    pub(crate) latency: String,
    pub(crate) is_error: bool,
}

/// The items of `batch` in its order. What passed a receiver decodes.
pub(crate) fn of(batch: &Batch) -> Result<Vec<Row>, DecodeError> {
    let mut rows = Vec::with_capacity(batch.items());
    for chunk in batch.chunks() {
        match chunk {
            Chunk::Otlp(chunk) => chunk_rows(batch.signal(), chunk.framed(), &mut rows)?,
            Chunk::Native(chunk) => native_rows(chunk, &mut rows)?,
        }
    }
    Ok(rows)
}

fn native_rows(chunk: &NativeChunk, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
    if chunk.kind() != Kind::Segment {
        rows.push(Row {
            what: chunk.kind().name().to_owned(),
            ..Row::default()
        });
        return Ok(());
    }
    let segment = SegmentObject::decode(&**chunk.message())?;
    for span in &segment.spans {
        let tag = |key: &str| {
            let found = span.tags.iter().find(|tag| tag.key == key);
            found.map_or(String::new(), |tag| tag.value.clone())
        };
        let what = [&tag("http.method"), &span.peer, &tag("http.status_code")];
        rows.push(Row {
            platform: tag("miniprogram.platform"),
            service: segment.service.clone(),
            page: span.operation_name.clone(),
            what: what.map(String::as_str).join(" ").trim().to_owned(),
            latency: quantity(span.end_time.saturating_sub(span.start_time) as f64, "ms"),
            is_error: span.is_error,
        });
    }
    Ok(())
}

fn chunk_rows(signal: Signal, request: &Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
    match signal {
        Signal::Logs => {
            for resource in ExportLogsServiceRequest::decode(&**request)?.resource_logs {
                let base = base(resource.resource.as_ref());
                let records = resource
                    .scope_logs
                    .iter()
                    .flat_map(|scope| &scope.log_records);
                rows.extend(records.map(|record| log(&base, record)));
            }
        }
        Signal::Metrics => {
            for resource in ExportMetricsServiceRequest::decode(&**request)?.resource_metrics {
                let base = base(resource.resource.as_ref());
                let metrics = resource
                    .scope_metrics
                    .iter()
                    .flat_map(|scope| &scope.metrics);
                metrics.for_each(|metric| metric_rows(&base, metric, rows));
            }
        }
        Signal::Traces => {
            for resource in ExportTraceServiceRequest::decode(&**request)?.resource_spans {
                let base = base(resource.resource.as_ref());
                let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
                rows.extend(spans.map(|span| trace(&base, span)));
            }
        }
        Signal::Skywalking => unreachable!("reports are no OTLP"),
    }
    Ok(())
}

/// What a resource says about all of its items.
fn base(resource: Option<&Resource>) -> Row {
    let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
    Row {
        platform: text(attributes, "miniprogram.platform"),
        service: text(attributes, "service.name"),
        ..Row::default()
    }
}

fn log(base: &Row, record: &LogRecord) -> Row {
    let body = record.body.as_ref().map(shown).unwrap_or_default();
    let kind = text(&record.attributes, "exception.type");
    let what = match (kind.is_empty(), record.severity_text.is_empty()) {
        (false, _) => format!("{kind}: {body}"),
        (true, false) => format!("{} {body}", record.severity_text),
        (true, true) => body,
    };
    Row {
        page: page(&record.attributes),
        what,
        is_error: record.severity_number >= SEVERITY_ERROR,
        ..base.clone()
    }
}

fn trace(base: &Row, span: &Span) -> Row {
    let nanoseconds = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    let failed = span
        .status
        .as_ref()
        .is_some_and(|status| status.code() == StatusCode::Error);
    Row {
        page: page(&span.attributes),
        what: span.name.clone(),
        latency: quantity(nanoseconds as f64 / 1e6, "ms"),
        is_error: failed,
        ..base.clone()
    }
}

fn metric_rows(base: &Row, metric: &Metric, rows: &mut Vec<Row>) {
    let row = |attributes: &[KeyValue], latency: String| {
        let status = text(attributes, "http.response.status_code");
        let name = metric
            .name
            .strip_prefix(METRIC_PREFIX)
            .unwrap_or(&metric.name);
        let method = text(attributes, "http.request.method");
        let what = [name, &method, &status].join(" ");
        Row {
            page: page(attributes),
            what: what.trim_end().to_owned(),
            latency,
            is_error: status.starts_with(['4', '5']),
            ..base.clone()
        }
    };
    let unit = &*metric.unit;
    let number = |point: &NumberDataPoint| row(&point.attributes, number(point, unit));
    match &metric.data {
        Some(Data::Gauge(gauge)) => rows.extend(gauge.data_points.iter().map(number)),
        Some(Data::Sum(sum)) => rows.extend(sum.data_points.iter().map(number)),
        Some(Data::Histogram(histogram)) => {
            rows.extend(histogram.data_points.iter().map(|point| {
                row(
                    &point.attributes,
                    mean(point.sum.unwrap_or(0.0), point.count, unit),
                )
            }))
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            rows.extend(histogram.data_points.iter().map(|point| {
                row(
                    &point.attributes,
                    mean(point.sum.unwrap_or(0.0), point.count, unit),
                )
            }));
        }
        Some(Data::Summary(summary)) => rows.extend(
            summary
                .data_points
                .iter()
                .map(|point| row(&point.attributes, mean(point.sum, point.count, unit))),
        ),
        None => {}
    }
}

fn number(point: &NumberDataPoint, unit: &str) -> String {
    match point.value {
        Some(number_data_point::Value::AsInt(value)) => {
            format!("{value} {unit}").trim_end().to_owned()
        }
        Some(number_data_point::Value::AsDouble(value)) => quantity(value, unit),
        None => String::new(),
    }
}

/// The mean of several measurements and how many they are.
fn mean(sum: f64, count: u64, unit: &str) -> String {
    match count {
        0 => String::new(),
        1 => quantity(sum, unit),
        _ => format!("{} ×{count}", quantity(sum / count as f64, unit)),
    }
}

fn quantity(value: f64, unit: &str) -> String {
    let digits = usize::from(value.fract() != 0.0 && value.abs() < 10.0);
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}

fn page(attributes: &[KeyValue]) -> String {
    text(attributes, "miniprogram.page.path")
}

/// An attribute as text, empty where it is not there.
fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found
        .and_then(|attribute| attribute.value.as_ref())
        .map(shown)
        .unwrap_or_default()
}

fn shown(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::ArrayValue(_) | Value::KvlistValue(_) | Value::BytesValue(_)) => "…".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
