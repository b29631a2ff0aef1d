//! Looking into native messages: what processors ask, without decoding the rest.

use crate::NativeChunk;
use crate::skywalking::Kind;
use crate::wire::{Fields, Value};

/// One span of a segment. Fields that are not there have their defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpanView<'a> {
    message: &'a [u8],
    /// The number of the parent within the segment; -1 of the segment's first span.
    pub parent: i32,
    /// In milliseconds since the Unix epoch.
    pub start_unix_ms: i64,
    /// In milliseconds since the Unix epoch.
    pub end_unix_ms: i64,
    pub operation: &'a str,
    pub peer: &'a str,
    /// The number of a [`SpanType`](super::v3::SpanType).
    pub span_type: i32,
    /// A number of OAP's list of components; 0 is unknown.
    pub component: i32,
}

impl<'a> SpanView<'a> {
    /// Reads a `SpanObject`; of a field that comes twice the last counts.
    pub fn of(message: &'a [u8]) -> Self {
        let mut span = SpanView {
            message,
            ..SpanView::default()
        };
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (2, Value::Varint(value)) => span.parent = value as i32,
                (3, Value::Varint(value)) => span.start_unix_ms = value as i64,
                (4, Value::Varint(value)) => span.end_unix_ms = value as i64,
                (6, Value::Len(bytes)) => span.operation = text(bytes),
                (7, Value::Len(bytes)) => span.peer = text(bytes),
                (8, Value::Varint(value)) => span.span_type = value as i32,
                (10, Value::Varint(value)) => span.component = value as i32,
                _ => {}
            }
        }
        span
    }

    /// Keys and values in order; a key may come twice.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        pairs(self.message, 12)
    }

    /// The first tag with this key.
    pub fn tag(&self, key: &str) -> Option<&'a str> {
        find(self.tags(), key)
    }
}

/// What tells a segment from others, and whose it is, as bytes that have been checked. Of a field that
/// comes twice the last counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentHead<'a> {
    pub id: &'a [u8],
    pub service: &'a [u8],
    pub instance: &'a [u8],
    /// The first `SpanObject`.
    pub first_span: Option<&'a [u8]>,
}

impl<'a> SegmentHead<'a> {
    /// Reads a `SegmentObject` in one pass that looks into no span.
    pub fn of(message: &'a [u8]) -> Self {
        let mut head = SegmentHead::default();
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (2, Value::Len(bytes)) => head.id = bytes,
                (3, Value::Len(bytes)) => head.first_span = head.first_span.or(Some(bytes)),
                (4, Value::Len(bytes)) => head.service = bytes,
                (5, Value::Len(bytes)) => head.instance = bytes,
                _ => {}
            }
        }
        head
    }
}

impl NativeChunk {
    /// The spans of a segment in order; of any other message none.
    pub fn spans(&self) -> impl Iterator<Item = SpanView<'_>> {
        let message: &[u8] = match self.kind() {
            Kind::Segment => self.message(),
            _ => &[],
        };
        all(message, 3).map(SpanView::of)
    }

    /// The tags of a log in order; of any other message none.
    pub fn log_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let message: &[u8] = match self.kind() {
            Kind::Log => self.message(),
            _ => &[],
        };
        all(message, 7).flat_map(|tags| pairs(tags, 1))
    }

    /// The first tag of a log with this key. No text is read but that of its value.
    pub fn log_tag(&self, key: &str) -> Option<&str> {
        let message: &[u8] = match self.kind() {
            Kind::Log => self.message(),
            _ => &[],
        };
        let mut pairs = all(message, 7).flat_map(|tags| all(tags, 1)).map(parts);
        let (_, value) = pairs.find(|(found, _)| *found == key.as_bytes())?;
        Some(text(value))
    }
}

fn find<'a>(mut pairs: impl Iterator<Item = (&'a str, &'a str)>, key: &str) -> Option<&'a str> {
    pairs
        .find(|(found, _)| *found == key)
        .map(|(_, value)| value)
}

/// All `KeyStringValuePair`s in the field of this number.
fn pairs(message: &[u8], number: u32) -> impl Iterator<Item = (&str, &str)> {
    let pairs = all(message, number).map(parts);
    pairs.map(|(key, value)| (text(key), text(value)))
}

/// Key and value of a `KeyStringValuePair`.
fn parts(pair: &[u8]) -> (&[u8], &[u8]) {
    let (mut key, mut value) = (&[][..], &[][..]);
    for field in Fields::of(pair) {
        match (field.number, field.value) {
            (1, Value::Len(bytes)) => key = bytes,
            (2, Value::Len(bytes)) => value = bytes,
            _ => {}
        }
    }
    (key, value)
}

/// All length-delimited fields of this number.
fn all(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(bytes) if field.number == number => Some(bytes),
        _ => None,
    })
}

/// The text of a checked string field.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::skywalking::v3::{
        KeyStringValuePair, LogData, LogTags, SegmentObject, SpanObject, SpanType,
    };

    fn pair(key: &str, value: &str) -> KeyStringValuePair {
        KeyStringValuePair {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn finds_what_processors_ask_of_a_segment() {
        let span = SpanObject {
            parent_span_id: -1,
            start_time: 1_795_235_430_694,
            end_time: 1_795_235_430_808,
            operation_name: "pages/index/index".to_owned(),
            peer: "api.example.com".to_owned(),
            span_type: SpanType::Exit.into(),
            component_id: 10002,
            tags: vec![pair("url", "a"), pair("url", "b")],
            ..SpanObject::default()
        };
        let segment = SegmentObject {
            spans: vec![SpanObject::default(), span],
            ..SegmentObject::default()
        };
        let bytes = segment.encode_to_vec().into();
        let chunk = NativeChunk::from_checked(Kind::Segment, bytes, 0);
        let spans: Vec<_> = chunk.spans().collect();
        assert_eq!(spans.len(), 2);
        assert_eq!((spans[0].parent, spans[0].component), (0, 0));
        let span = spans[1];
        assert_eq!((span.parent, span.component), (-1, 10002));
        assert_eq!(span.end_unix_ms - span.start_unix_ms, 114);
        assert_eq!(span.span_type, SpanType::Exit as i32);
        assert_eq!(
            (span.operation, span.peer),
            ("pages/index/index", "api.example.com")
        );
        assert_eq!(span.tag("url"), Some("a"));
        assert_eq!(span.tag("nothing"), None);
        assert_eq!(chunk.log_tags().count(), 0);
    }

    #[test]
    fn finds_the_tags_of_a_log() {
        let log = LogData {
            tags: Some(LogTags {
                data: vec![pair("level", "ERROR")],
            }),
            ..LogData::default()
        };
        let chunk = NativeChunk::from_checked(Kind::Log, log.encode_to_vec().into(), 0);
        assert_eq!(chunk.log_tag("level"), Some("ERROR"));
        assert_eq!(chunk.spans().count(), 0);
    }
}
