//! One line for each item of a SkyWalking agent's message.

use std::time::Duration;

use pdata::NativeChunk;
use pdata::skywalking::Kind;
use pdata::skywalking::v3::{self, SegmentObject, SpanType, log_data_body};
use prost::{DecodeError, Message};

use super::text::Text;

/// Characters shown of a name or a body.
const NAME_MAX: usize = 200;

/// Adds the items of a message.
pub(super) fn items(chunk: &NativeChunk, text: &mut Text) -> Result<(), DecodeError> {
    match chunk.kind() {
        Kind::Segment => segment(&SegmentObject::decode(&**chunk.message())?, text),
        Kind::Log => log(&v3::LogData::decode(&**chunk.message())?, text),
        Kind::Meters => meters(&v3::MeterDataCollection::decode(&**chunk.message())?, text),
        kind => {
            let service = match kind {
                Kind::Jvm | Kind::Clr => chunk.text(2),
                Kind::SpanAttachedEvent | Kind::Event | Kind::ServiceMesh => "",
                Kind::BrowserErrorLog => chunk.text(2),
                _ => chunk.text(1),
            };
            start(chunk.arrived_unix_ms(), [service, chunk.instance()], text);
            text.push(format_args!(" {}", kind.name()));
        }
    }
    Ok(())
}

/// Begins an item's line.
fn start(unix_ms: u64, names: [&str; 2], text: &mut Text) {
    text.line(1);
    match unix_ms.saturating_mul(1_000_000) {
        0 => text.push("-"),
        time => text.push_time(time),
    }
    for name in names {
        text.push(" ");
        text.push_received(if name.is_empty() { "-" } else { name }, NAME_MAX);
    }
}

fn segment(segment: &SegmentObject, text: &mut Text) {
    for span in &segment.spans {
        if text.is_full() {
            return;
        }
        let from = [&*segment.service, &*segment.service_instance];
        start(span.start_time.try_into().unwrap_or_default(), from, text);
        let kind = match span.span_type() {
            SpanType::Entry => "entry",
            SpanType::Exit => "exit",
            SpanType::Local => "local",
        };
        text.push(format_args!(" {kind} "));
        text.push_received(&span.operation_name, NAME_MAX);
        let took = span.end_time.saturating_sub(span.start_time);
        let took = Duration::from_millis(took.try_into().unwrap_or_default());
        text.push(format_args!(" {took:?}"));
        if span.is_error {
            text.push(" error");
        }
        text.push(" trace=");
        text.push_received(&segment.trace_id, NAME_MAX);
        text.push(" segment=");
        text.push_received(&segment.trace_segment_id, NAME_MAX);
        text.push(format_args!(" span={}", span.span_id));
    }
}

fn log(log: &v3::LogData, text: &mut Text) {
    let from = [&*log.service, &*log.service_instance];
    start(log.timestamp.try_into().unwrap_or_default(), from, text);
    let content = log.body.as_ref().and_then(|body| body.content.as_ref());
    let body = match content {
        Some(log_data_body::Content::Text(body)) => &body.text,
        Some(log_data_body::Content::Json(body)) => &body.json,
        Some(log_data_body::Content::Yaml(body)) => &body.yaml,
        None => "",
    };
    text.push(" ");
    text.push_quoted_short(body, NAME_MAX);
}

fn meters(collection: &v3::MeterDataCollection, text: &mut Text) {
    for meter in &collection.meter_data {
        if text.is_full() {
            return;
        }
        let from = [&*meter.service, &*meter.service_instance];
        start(meter.timestamp.try_into().unwrap_or_default(), from, text);
        text.push(" ");
        match &meter.metric {
            Some(v3::meter_data::Metric::SingleValue(single)) => {
                text.push_received(&single.name, NAME_MAX);
                text.push(format_args!(" {}", single.value));
            }
            Some(v3::meter_data::Metric::Histogram(histogram)) => {
                text.push_received(&histogram.name, NAME_MAX);
                let count: i64 = histogram.values.iter().map(|bucket| bucket.count).sum();
                text.push(format_args!(" histogram of {count}"));
            }
            None => text.push("(no value)"),
        }
    }
}
