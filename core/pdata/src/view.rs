//! Looking into wire bytes: what processors ask, without decoding the rest.
//!
//! A view borrows the chunk's bytes and finds a field by passing over those before it. Nothing is
//! cached, so whoever asks for many attributes of one item iterates over them once.

pub(crate) mod log;
mod resource;
mod time;

use crate::wire::{Fields, Value};
use crate::{OtlpChunk, Signal};

mod metric;

pub use log::{LogBody, LogDataView, LogFields, LogTrace};
pub use metric::{MetricKind, Temporality};

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute<'a> {
    pub key: &'a str,
    pub value: AttributeValue<'a>,
}

/// An attribute of which no more has been read than where its parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> RawAttribute<'a> {
    pub fn has_key(&self, key: &str) -> bool {
        self.key == key.as_bytes()
    }

    pub fn value(&self) -> AttributeValue<'a> {
        self.value.map_or(AttributeValue::Empty, AttributeValue::of)
    }
}

/// The value of an attribute, or the body of a log record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AttributeValue<'a> {
    /// No value at all, which is not the same as an empty string.
    Empty,
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// The bytes of an `ArrayValue`.
    Array(&'a [u8]),
    /// The bytes of a `KeyValueList`.
    KeyValues(&'a [u8]),
}

impl<'a> AttributeValue<'a> {
    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            AttributeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// Reads an `AnyValue`; the last member set counts.
    pub fn of(any_value: &'a [u8]) -> Self {
        let mut found = AttributeValue::Empty;
        for field in Fields::of(any_value) {
            found = match (field.number, field.value) {
                (1, Value::Len(bytes)) => AttributeValue::String(text(bytes)),
                (2, Value::Varint(value)) => AttributeValue::Bool(value != 0),
                (3, Value::Varint(value)) => AttributeValue::Int(value as i64),
                (4, Value::Fixed64(bits)) => AttributeValue::Double(f64::from_bits(bits)),
                (5, Value::Len(bytes)) => AttributeValue::Array(bytes),
                (6, Value::Len(bytes)) => AttributeValue::KeyValues(bytes),
                (7, Value::Len(bytes)) => AttributeValue::Bytes(bytes),
                _ => found,
            };
        }
        found
    }
}

/// The text of a checked string field.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The last length-delimited field of this number.
fn last_len(message: &[u8], number: u32) -> Option<&[u8]> {
    let fields = Fields::of(message).filter(|field| field.number == number);
    fields
        .filter_map(|field| match field.value {
            Value::Len(bytes) => Some(bytes),
            _ => None,
        })
        .last()
}

/// All length-delimited fields of this number.
fn all_len(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(bytes) if field.number == number => Some(bytes),
        _ => None,
    })
}

/// The attributes in the field of this number.
fn attributes(message: &[u8], number: u32) -> impl Iterator<Item = Attribute<'_>> {
    all_len(message, number).map(|pair| Attribute {
        key: last_len(pair, 1).map(text).unwrap_or_default(),
        value: last_len(pair, 2).map_or(AttributeValue::Empty, AttributeValue::of),
    })
}

impl OtlpChunk {
    /// The resource's attributes in order.
    pub fn resource_attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        all_len(self.body(), 1).flat_map(|resource| attributes(resource, 1))
    }

    /// The first resource attribute with this key.
    pub fn resource_attribute(&self, key: &str) -> Option<AttributeValue<'_>> {
        find(self.resource_attributes(), key)
    }

    /// The scopes with their items.
    pub fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        let signal = self.signal();
        all_len(self.body(), 2).map(move |message| Scope { signal, message })
    }
}

fn find<'a>(
    mut attributes: impl Iterator<Item = Attribute<'a>>,
    key: &str,
) -> Option<AttributeValue<'a>> {
    attributes
        .find(|attribute| attribute.key == key)
        .map(|attribute| attribute.value)
}

/// One instrumentation scope and what it recorded.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub(crate) signal: Signal,
    pub(crate) message: &'a [u8],
}

impl<'a> Scope<'a> {
    pub fn name(&self) -> &'a str {
        self.field(1)
    }

    pub fn version(&self) -> &'a str {
        self.field(2)
    }

    fn field(&self, number: u32) -> &'a str {
        let scope = last_len(self.message, 1);
        scope
            .and_then(|scope| last_len(scope, number))
            .map(text)
            .unwrap_or_default()
    }

    /// Spans, metrics (with all their points) or log records.
    pub fn records(&self) -> impl Iterator<Item = RecordView<'a>> + use<'a> {
        let signal = self.signal;
        all_len(self.message, 2).map(move |message| RecordView { signal, message })
    }
}

/// A span, a metric or a log record.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub(crate) signal: Signal,
    pub(crate) message: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// The name of a span or metric, or the event name of a log record.
    pub fn name(&self) -> &'a str {
        let number = match self.signal {
            Signal::Traces => 5,
            Signal::Metrics => 1,
            Signal::Logs => 12,
            Signal::Skywalking => Signal::has_no_otlp(),
        };
        last_len(self.message, number).map(text).unwrap_or_default()
    }

    /// `SpanKind` of a span, `SeverityNumber` of a log record, 0 of a metric.
    pub fn kind(&self) -> i32 {
        let number = match self.signal {
            Signal::Traces => 6,
            Signal::Logs => 2,
            Signal::Metrics => return 0,
            Signal::Skywalking => Signal::has_no_otlp(),
        };
        let kinds = Fields::of(self.message).filter(|field| field.number == number);
        let kind = kinds.filter_map(|field| match field.value {
            Value::Varint(kind) => Some(kind as i32),
            _ => None,
        });
        kind.last().unwrap_or_default()
    }

    /// The body of a log record.
    pub fn body(&self) -> AttributeValue<'a> {
        match self.signal {
            Signal::Logs => {
                last_len(self.message, 5).map_or(AttributeValue::Empty, AttributeValue::of)
            }
            Signal::Traces | Signal::Metrics => AttributeValue::Empty,
            Signal::Skywalking => Signal::has_no_otlp(),
        }
    }

    /// The attributes of a span or log record; those of a metric belong to its points.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> {
        attributes(self.message, self.attributes_field())
    }

    /// The first attribute with this key. No value is read but its own.
    pub fn attribute(&self, key: &str) -> Option<AttributeValue<'a>> {
        let found = self.raw_attributes().find(|it| it.has_key(key));
        found.map(|attribute| attribute.value())
    }

    /// The attributes of a span or log record, for whoever looks for several keys.
    pub fn raw_attributes(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        let pairs = all_len(self.message, self.attributes_field()).map(resource::parts);
        pairs.map(|(key, value)| RawAttribute { key, value })
    }

    fn attributes_field(&self) -> u32 {
        match self.signal {
            Signal::Traces => 9,
            Signal::Logs => 6,
            // No field has this number.
            Signal::Metrics => 0,
            Signal::Skywalking => Signal::has_no_otlp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::otlp::{InvalidUtf8, receive};
    use crate::{Budget, sample};

    fn chunk(signal: Signal, request: Vec<u8>) -> OtlpChunk {
        let budget = Budget::new(1 << 30);
        let received = receive(signal, Bytes::from(request), InvalidUtf8::Repair, &budget);
        let chunk = received.expect("samples are valid").chunks.remove(0);
        chunk.into_otlp().expect("it is OTLP")
    }

    #[test]
    fn finds_what_processors_ask_of_spans() {
        let chunk = chunk(Signal::Traces, sample::spans(3));
        let version = chunk.resource_attribute("service.version");
        assert_eq!(version, Some(AttributeValue::String("1.2.0")));
        assert_eq!(chunk.resource_attribute("nothing"), None);
        let scope = chunk.scopes().next().expect("one scope");
        assert_eq!(
            (scope.name(), scope.version()),
            ("io.opentelemetry.http", "2.33.1")
        );
        let span = scope.records().nth(2).expect("three spans");
        assert_eq!((span.name(), span.kind()), ("GET /api/products/{id}", 2));
        assert_eq!(
            span.attribute("server.port"),
            Some(AttributeValue::Int(443))
        );
        assert_eq!(
            span.attribute("url.path").and_then(|path| path.as_str()),
            Some("/api/products/2")
        );
    }

    #[test]
    fn finds_the_body_and_severity_of_logs() {
        let chunk = chunk(Signal::Logs, sample::logs(1));
        let scope = chunk.scopes().next().expect("one scope");
        let log = scope.records().next().expect("one log");
        assert_eq!(log.kind(), 17);
        assert!(
            log.body()
                .as_str()
                .is_some_and(|body| body.starts_with("TypeError"))
        );
        assert_eq!(log.attributes().count(), 3);
    }
}
