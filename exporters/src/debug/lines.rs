//! One line for each item: what one looks for first when data comes in.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use pdata::Signal;
use prost::{DecodeError, Message};

use super::text::Text;

/// Characters shown of a name or a body.
const NAME_MAX: usize = 200;
/// Characters shown of an attribute's value.
const ATTRIBUTE_MAX: usize = 60;
/// Attributes shown of an item.
const ATTRIBUTES_MAX: usize = 6;

/// Adds the items of a request.
pub(super) fn items(signal: Signal, request: &[u8], text: &mut Text) -> Result<(), DecodeError> {
    match signal {
        Signal::Traces => traces(&ExportTraceServiceRequest::decode(request)?, text),
        Signal::Metrics => metrics(&ExportMetricsServiceRequest::decode(request)?, text),
        Signal::Logs => logs(&ExportLogsServiceRequest::decode(request)?, text),
        Signal::Skywalking => unreachable!("reports are no OTLP"),
    }
    Ok(())
}

fn traces(request: &ExportTraceServiceRequest, text: &mut Text) {
    for resource in &request.resource_spans {
        for scope in &resource.scope_spans {
            let from = Source::of(resource.resource.as_ref(), scope.scope.as_ref());
            for item in &scope.spans {
                span(from, item, text);
            }
        }
    }
}

fn logs(request: &ExportLogsServiceRequest, text: &mut Text) {
    for resource in &request.resource_logs {
        for scope in &resource.scope_logs {
            let from = Source::of(resource.resource.as_ref(), scope.scope.as_ref());
            for item in &scope.log_records {
                log(from, item, text);
            }
        }
    }
}

fn metrics(request: &ExportMetricsServiceRequest, text: &mut Text) {
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            let from = Source::of(resource.resource.as_ref(), scope.scope.as_ref());
            for item in &scope.metrics {
                points(from, item, text);
            }
        }
    }
}

/// What the items of one scope have in common.
#[derive(Clone, Copy)]
struct Source<'a> {
    service: &'a str,
    scope: &'a str,
}

impl<'a> Source<'a> {
    fn of(resource: Option<&'a Resource>, scope: Option<&'a InstrumentationScope>) -> Self {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = attributes.iter().find(|pair| pair.key == "service.name");
        let service = match service.and_then(|pair| pair.value.as_ref()?.value.as_ref()) {
            Some(Value::StringValue(name)) => name,
            _ => "",
        };
        let scope = scope.map_or("", |scope| &scope.name);
        Source { service, scope }
    }

    /// Begins an item's line.
    fn start(self, unix_nano: u64, text: &mut Text) {
        text.line(1);
        match unix_nano {
            0 => text.push("-"),
            time => text.push_time(time),
        }
        for name in [self.service, self.scope] {
            text.push(" ");
            text.push_received(if name.is_empty() { "-" } else { name }, NAME_MAX);
        }
    }
}

fn span(from: Source<'_>, span: &Span, text: &mut Text) {
    if text.is_full() {
        return;
    }
    from.start(span.start_time_unix_nano, text);
    let kind = match span.kind() {
        SpanKind::Unspecified => "span",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    };
    text.push(format_args!(" {kind} "));
    text.push_received(&span.name, NAME_MAX);
    let nanoseconds = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    text.push(format_args!(" {:?}", Duration::from_nanos(nanoseconds)));
    let status = span.status.as_ref().map(|status| status.code());
    text.push(match status {
        Some(StatusCode::Ok) => " ok",
        Some(StatusCode::Error) => " error",
        Some(StatusCode::Unset) | None => "",
    });
    text.push(" trace=");
    text.push_hex(&span.trace_id);
    text.push(" span=");
    text.push_hex(&span.span_id);
    attributes(&span.attributes, text);
}

fn log(from: Source<'_>, record: &LogRecord, text: &mut Text) {
    if text.is_full() {
        return;
    }
    let time = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        time => time,
    };
    from.start(time, text);
    text.push(" ");
    match &*record.severity_text {
        "" => text.push(format_args!("severity={}", record.severity_number)),
        severity => text.push_received(severity, NAME_MAX),
    }
    if !record.event_name.is_empty() {
        text.push(" event=");
        text.push_received(&record.event_name, NAME_MAX);
    }
    if let Some(body) = &record.body {
        text.push(" ");
        value(body, NAME_MAX, text);
    }
    attributes(&record.attributes, text);
}

fn points(from: Source<'_>, metric: &Metric, text: &mut Text) {
    let mut point = |time, attributes_of: &[KeyValue], content: String| {
        if text.is_full() {
            return;
        }
        from.start(time, text);
        text.push(" ");
        text.push_received(&metric.name, NAME_MAX);
        text.push(format_args!(" {content}"));
        if !metric.unit.is_empty() {
            text.push(" ");
            text.push_received(&metric.unit, NAME_MAX);
        }
        attributes(attributes_of, text);
    };
    match &metric.data {
        None => {}
        Some(Data::Gauge(gauge)) => {
            for data in &gauge.data_points {
                point(data.time_unix_nano, &data.attributes, number(data.value));
            }
        }
        Some(Data::Sum(sum)) => {
            for data in &sum.data_points {
                let content = format!("sum {}", number(data.value));
                point(data.time_unix_nano, &data.attributes, content);
            }
        }
        Some(Data::Histogram(histogram)) => {
            for data in &histogram.data_points {
                let content = distribution(data.count, data.sum, [data.min, data.max]);
                point(data.time_unix_nano, &data.attributes, content);
            }
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            for data in &histogram.data_points {
                let content = distribution(data.count, data.sum, [data.min, data.max]);
                point(data.time_unix_nano, &data.attributes, content);
            }
        }
        Some(Data::Summary(summary)) => {
            for data in &summary.data_points {
                let content = distribution(data.count, Some(data.sum), [None, None]);
                point(data.time_unix_nano, &data.attributes, content);
            }
        }
    }
}

fn number(value: Option<number_data_point::Value>) -> String {
    match value {
        Some(number_data_point::Value::AsDouble(value)) => value.to_string(),
        Some(number_data_point::Value::AsInt(value)) => value.to_string(),
        None => "-".to_owned(),
    }
}

fn distribution(count: u64, sum: Option<f64>, [min, max]: [Option<f64>; 2]) -> String {
    let mut text = format!("count={count}");
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}

fn attributes(attributes: &[KeyValue], text: &mut Text) {
    for pair in attributes.iter().take(ATTRIBUTES_MAX) {
        text.push(" ");
        text.push_received(&pair.key, ATTRIBUTE_MAX);
        text.push("=");
        if let Some(content) = &pair.value {
            value(content, ATTRIBUTE_MAX, text);
        }
    }
    if let Some(more) = attributes.len().checked_sub(ATTRIBUTES_MAX + 1) {
        text.push(format_args!(" (+{})", more + 1));
    }
}

fn value(content: &AnyValue, max: usize, text: &mut Text) {
    match &content.value {
        None => text.push("-"),
        Some(Value::StringValue(value)) => text.push_received(value, max),
        Some(Value::BoolValue(value)) => text.push(value),
        Some(Value::IntValue(value)) => text.push(value),
        Some(Value::DoubleValue(value)) => text.push(value),
        Some(Value::ArrayValue(list)) => {
            text.push(format_args!("[{} values]", list.values.len()));
        }
        Some(Value::KvlistValue(list)) => {
            text.push(format_args!("{{{} values}}", list.values.len()));
        }
        Some(Value::BytesValue(bytes)) => text.push(format_args!("[{} bytes]", bytes.len())),
        Some(Value::StringValueStrindex(index)) => text.push(format_args!("[string {index}]")),
    }
}
