//! Logs of both protocols in the same words: those of SkyWalking's `LogData`.

use super::resource::parts;
use super::{AttributeValue, text};
use crate::convert::{millis, sw8};
use crate::wire::{Fields, Value};
use crate::{Signal, view::RecordView};

/// What a log says beside its tags. Empty text and 0 stand for what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFields<'a> {
    /// In milliseconds since the Unix epoch.
    pub unix_ms: i64,
    pub endpoint: &'a str,
    pub trace: LogTrace<'a>,
    pub body: LogBody<'a>,
}

/// Where in a trace a log was written, in SkyWalking's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogTrace<'a> {
    pub trace_id: &'a str,
    pub segment_id: &'a str,
    pub span_id: i32,
}

/// The content of a log in the form that its sender says it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogBody<'a> {
    #[default]
    None,
    Text(&'a str),
    Json(&'a str),
    Yaml(&'a str),
}

/// Field numbers of a `LogRecord`.
const TIME: u32 = 1;
const BODY: u32 = 5;
const ATTRIBUTES: u32 = 6;
const OBSERVED_TIME: u32 = 11;

/// Attributes under which a `LogData` travels as a record, and with which a record says what only a
/// `LogData` has words for.
#[derive(Default)]
struct Own<'a> {
    content: Option<&'a str>,
    body_type: &'a str,
    endpoint: &'a str,
    unix_ms: Option<i64>,
    /// Of a record that was a `LogData`.
    trace: LogTrace<'a>,
    /// Of one that never was.
    named_trace: LogTrace<'a>,
}

impl<'a> Own<'a> {
    fn take(&mut self, pair: &'a [u8]) {
        let (key, value) = parts(pair);
        let value = value.map_or(AttributeValue::Empty, AttributeValue::of);
        let text = value.as_str().unwrap_or_default();
        match std::str::from_utf8(key).unwrap_or_default() {
            sw8::LOG_CONTENT => self.content = Some(text),
            sw8::LOG_BODY_TYPE => self.body_type = text,
            sw8::LOG_ENDPOINT => self.endpoint = text,
            sw8::LOG_TIMESTAMP => self.unix_ms = integer(value),
            sw8::LOG_TRACE_ID => self.trace.trace_id = text,
            sw8::LOG_SEGMENT_ID => self.trace.segment_id = text,
            sw8::LOG_SPAN_ID => self.trace.span_id = integer(value).unwrap_or_default() as i32,
            sw8::TRACE_ID => self.named_trace.trace_id = text,
            sw8::SEGMENT_ID => self.named_trace.segment_id = text,
            sw8::SPAN_ID => self.named_trace.span_id = integer(value).unwrap_or_default() as i32,
            _ => {}
        }
    }
}

fn integer(value: AttributeValue<'_>) -> Option<i64> {
    match value {
        AttributeValue::Int(value) => Some(value),
        // There are stores that keep nothing but text.
        AttributeValue::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether the key of a `KeyValue` begins as our own do. The key stands first wherever it was not
/// written by hand.
fn is_own(pair: &[u8]) -> bool {
    match pair {
        [0x0A, length @ 0..0x80, rest @ ..] if *length > 4 => {
            rest.starts_with(sw8::PREFIX.as_bytes())
        }
        [0x0A, 0..0x80, ..] => false,
        _ => parts(pair).0.starts_with(sw8::PREFIX.as_bytes()),
    }
}

impl<'a> RecordView<'a> {
    /// What a log record says, in one pass; of a span or metric nothing.
    ///
    /// Its time is that of the event, else that of its observation. Its body is text, as SkyWalking's
    /// own receiver has it: empty where it is anything but a string. Endpoint and trace are those of
    /// SkyWalking that a record can name beside what OTLP has words for; what was a `LogData` is read
    /// as the `LogData` it was.
    pub fn log_fields(&self) -> LogFields<'a> {
        if self.signal != Signal::Logs {
            return LogFields::default();
        }
        let (mut time, mut observed, mut body) = (0, 0, AttributeValue::Empty);
        let mut own = Own::default();
        for field in Fields::of(self.message) {
            match (field.number, field.value) {
                (TIME, Value::Fixed64(nanos)) => time = nanos,
                (OBSERVED_TIME, Value::Fixed64(nanos)) => observed = nanos,
                (BODY, Value::Len(any_value)) => body = AttributeValue::of(any_value),
                (ATTRIBUTES, Value::Len(pair)) if is_own(pair) => own.take(pair),
                _ => {}
            }
        }
        let text = body.as_str().unwrap_or_default();
        let named = millis(if time == 0 { observed } else { time });
        LogFields {
            unix_ms: own.unix_ms.unwrap_or(named),
            endpoint: own.endpoint,
            trace: match own.content {
                Some(_) => own.trace,
                None => own.named_trace,
            },
            body: match (own.content, own.body_type) {
                (Some("json"), _) | (None, "json") => LogBody::Json(text),
                (Some("yaml"), _) => LogBody::Yaml(text),
                (Some("none"), _) => LogBody::None,
                _ => LogBody::Text(text),
            },
        }
    }

    /// Whether a log record was a `LogData` before it was one of OTLP.
    pub fn was_log_data(&self) -> bool {
        self.attribute(sw8::LOG_CONTENT).is_some()
    }
}

/// A `LogData`: who sent it, and what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogDataView<'a> {
    pub service: &'a str,
    pub instance: &'a str,
    pub layer: &'a str,
    pub fields: LogFields<'a>,
}

impl<'a> LogDataView<'a> {
    /// Reads a `LogData`; of a field that comes twice the last counts, and messages are merged.
    pub fn of(message: &'a [u8]) -> Self {
        let mut log = LogDataView::default();
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (1, Value::Varint(value)) => log.fields.unix_ms = value as i64,
                (2, Value::Len(bytes)) => log.service = text(bytes),
                (3, Value::Len(bytes)) => log.instance = text(bytes),
                (4, Value::Len(bytes)) => log.fields.endpoint = text(bytes),
                (5, Value::Len(body)) => log.fields.body.take(body),
                (6, Value::Len(trace)) => log.fields.trace.take(trace),
                (8, Value::Len(bytes)) => log.layer = text(bytes),
                _ => {}
            }
        }
        log
    }
}

impl<'a> LogTrace<'a> {
    /// Reads a `TraceContext`.
    fn take(&mut self, message: &'a [u8]) {
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (1, Value::Len(bytes)) => self.trace_id = text(bytes),
                (2, Value::Len(bytes)) => self.segment_id = text(bytes),
                (3, Value::Varint(value)) => self.span_id = value as i32,
                _ => {}
            }
        }
    }
}

impl<'a> LogBody<'a> {
    /// Reads a `LogDataBody`, of whose members the last counts.
    fn take(&mut self, message: &'a [u8]) {
        for field in Fields::of(message) {
            let Value::Len(content) = field.value else {
                continue;
            };
            let known = *self;
            let or = |before: &'a str| super::last_len(content, 1).map_or(before, text);
            *self = match (field.number, known) {
                (2, LogBody::Text(before)) => LogBody::Text(or(before)),
                (2, _) => LogBody::Text(or("")),
                (3, LogBody::Json(before)) => LogBody::Json(or(before)),
                (3, _) => LogBody::Json(or("")),
                (4, LogBody::Yaml(before)) => LogBody::Yaml(or(before)),
                (4, _) => LogBody::Yaml(or("")),
                _ => known,
            };
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
