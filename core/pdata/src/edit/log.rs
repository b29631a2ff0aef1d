//! Changing logs in their bytes, those of both protocols in the same words.
//!
//! A `LogData` has a field for everything. A record of OTLP says what OTLP has no words for in the
//! attributes that [`crate::convert::log`] reads. What is not named here is copied as it stands,
//! unknown fields included.

use super::{key_of, sized};
use crate::NativeChunk;
use crate::convert::{nanos, sw8};
use crate::schema::WireType;
use crate::skywalking::Kind;
use crate::view::{LogTrace, RecordView};
use crate::wire::{Field, Fields, Value, key, put_field, put_varint};

/// What to change of a log; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogEdit<'e> {
    /// In milliseconds since the Unix epoch.
    pub unix_ms: Option<i64>,
    pub endpoint: Option<&'e str>,
    pub trace: Option<LogTrace<'e>>,
    pub body: BodyEdit<'e>,
    /// Keys and values to add. A `LogData` gets them behind those that it has; of a record's attributes
    /// each key has one value, which is the last one given.
    pub tags: &'e [(&'e str, &'e str)],
}

/// What becomes of a log's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyEdit<'e> {
    #[default]
    Keep,
    /// The same text, as JSON from now on.
    TextIsJson,
    /// This JSON text in its place.
    Json(&'e str),
}

/// Who sent a `LogData` from now on; what is `None` stays. OTLP has this on the resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderEdit<'e> {
    pub service: Option<&'e str>,
    pub instance: Option<&'e str>,
    pub layer: Option<&'e str>,
}

/// Field numbers of a `LogData`.
mod data {
    pub(super) const TIMESTAMP: u32 = 1;
    pub(super) const SERVICE: u32 = 2;
    pub(super) const INSTANCE: u32 = 3;
    pub(super) const ENDPOINT: u32 = 4;
    pub(super) const BODY: u32 = 5;
    pub(super) const TRACE: u32 = 6;
    pub(super) const TAGS: u32 = 7;
    pub(super) const LAYER: u32 = 8;
    /// Of its body.
    pub(super) const TYPE: u32 = 1;
    pub(super) const TEXT: u32 = 2;
    pub(super) const JSON: u32 = 3;
    pub(super) const YAML: u32 = 4;
}

/// Field numbers of a `LogRecord`.
mod record {
    pub(super) const TIME: u32 = 1;
    pub(super) const BODY: u32 = 5;
    pub(super) const ATTRIBUTES: u32 = 6;
}

/// Bytes of keys and lengths around what is added.
const HEADS: usize = 32;

impl NativeChunk {
    /// The log with these changes. Any other message stays as it is.
    #[must_use]
    pub fn edit_log(&self, sender: &SenderEdit<'_>, edit: &LogEdit<'_>) -> NativeChunk {
        if self.kind() != Kind::Log {
            return self.clone();
        }
        let added = edit.tags.iter();
        let added: usize = added.map(|(key, value)| key.len() + value.len() + 8).sum();
        let mut out = Vec::with_capacity(self.message().len() + added + HEADS);
        copy(self.message(), &mut out, |field, out| {
            keep_of_log_data(field, sender, edit, out)
        });
        if let Some(unix_ms) = edit.unix_ms {
            put_integer(&mut out, data::TIMESTAMP, unix_ms);
        }
        for (number, text) in [
            (data::SERVICE, sender.service),
            (data::INSTANCE, sender.instance),
            (data::ENDPOINT, edit.endpoint),
            (data::LAYER, sender.layer),
        ] {
            put_text(&mut out, number, text.unwrap_or_default());
        }
        if let BodyEdit::Json(json) = edit.body {
            nested(&mut out, data::BODY, json.len(), |out| {
                put_text(out, data::TYPE, "json");
                nested(out, data::JSON, json.len(), |out| put_text(out, 1, json));
            });
        }
        if let Some(trace) = edit.trace.filter(|trace| *trace != LogTrace::default()) {
            nested(&mut out, data::TRACE, HEADS, |out| {
                put_text(out, 1, trace.trace_id);
                put_text(out, 2, trace.segment_id);
                put_integer(out, 3, trace.span_id.into());
            });
        }
        if !edit.tags.is_empty() {
            // Protobuf joins the lists of a message that comes in parts.
            nested(&mut out, data::TAGS, added, |out| {
                for (key, value) in edit.tags {
                    nested(out, 1, key.len() + value.len(), |out| {
                        put_text(out, 1, key);
                        put_text(out, 2, value);
                    });
                }
            });
        }
        self.with_message(out)
    }
}

/// Whether a field of a `LogData` is copied; if not, `out` has what is left of it.
fn keep_of_log_data(
    field: &Field<'_>,
    sender: &SenderEdit<'_>,
    edit: &LogEdit<'_>,
    out: &mut Vec<u8>,
) -> bool {
    match (field.number, field.value) {
        (data::TIMESTAMP, _) => edit.unix_ms.is_none(),
        (data::SERVICE, _) => sender.service.is_none(),
        (data::INSTANCE, _) => sender.instance.is_none(),
        (data::ENDPOINT, _) => edit.endpoint.is_none(),
        (data::LAYER, _) => sender.layer.is_none(),
        (data::BODY, Value::Len(body)) => match edit.body {
            BodyEdit::Keep => true,
            BodyEdit::TextIsJson => {
                nested(out, data::BODY, body.len(), |out| text_as_json(body, out));
                false
            }
            BodyEdit::Json(_) => {
                let known = [data::TYPE, data::TEXT, data::JSON, data::YAML];
                put_rest(out, data::BODY, body, &known);
                false
            }
        },
        (data::TRACE, Value::Len(trace)) if edit.trace.is_some() => {
            put_rest(out, data::TRACE, trace, &[1, 2, 3]);
            false
        }
        _ => true,
    }
}

/// The messages of text and of JSON have the same shape: one takes the other's number.
fn text_as_json(body: &[u8], out: &mut Vec<u8>) {
    copy(body, out, |field, out| match (field.number, field.value) {
        (data::TEXT, Value::Len(text)) => {
            put_field(out, data::JSON, text);
            false
        }
        _ => true,
    });
}

/// What of a message is not among the fields of these numbers, if that is anything.
fn put_rest(out: &mut Vec<u8>, number: u32, message: &[u8], known: &[u32]) {
    let mut rest = Vec::new();
    copy(message, &mut rest, |field, _| {
        !known.contains(&field.number)
    });
    if !rest.is_empty() {
        put_field(out, number, &rest);
    }
}

impl RecordView<'_> {
    /// The message of a log record with these changes.
    pub fn edited_log(&self, edit: &LogEdit<'_>) -> Vec<u8> {
        let attributes = Attributes::of(edit, self.was_log_data());
        let time = edit.unix_ms.and_then(nanos);
        let json = match edit.body {
            BodyEdit::Json(json) => Some(json),
            _ => None,
        };
        let mut out = Vec::with_capacity(self.message.len() + attributes.bytes() + HEADS);
        copy(self.message, &mut out, |field, _| {
            match (field.number, field.value) {
                (record::TIME, _) => time.is_none(),
                (record::BODY, _) => json.is_none(),
                (record::ATTRIBUTES, Value::Len(pair)) => !attributes.are_for(key_of(pair)),
                _ => true,
            }
        });
        if let Some(time) = time {
            put_varint(&mut out, key(record::TIME, WireType::Fixed64));
            out.extend_from_slice(&time.to_le_bytes());
        }
        if let Some(json) = json {
            nested(&mut out, record::BODY, json.len(), |out| {
                put_field(out, 1, json.as_bytes());
            });
        }
        attributes.put(&mut out);
        out
    }
}

/// What a record's attributes are to say; `None` removes one.
struct Attributes<'e> {
    tags: &'e [(&'e str, &'e str)],
    own: Vec<(&'static str, Option<Said<'e>>)>,
}

#[derive(Clone, Copy)]
enum Said<'e> {
    Text(&'e str),
    Integer(i64),
}

impl<'e> Attributes<'e> {
    fn of(edit: &LogEdit<'e>, was_log_data: bool) -> Self {
        let text = |text: &'e str| Some(Said::Text(text)).filter(|_| !text.is_empty());
        let mut own = Vec::new();
        if let Some(unix_ms) = edit.unix_ms {
            let beyond = Some(Said::Integer(unix_ms)).filter(|_| nanos(unix_ms).is_none());
            own.push((sw8::LOG_TIMESTAMP, beyond));
        }
        if let Some(endpoint) = edit.endpoint {
            own.push((sw8::LOG_ENDPOINT, text(endpoint)));
        }
        if let Some(trace) = edit.trace {
            let [trace_id, segment_id, span_id] = match was_log_data {
                true => [sw8::LOG_TRACE_ID, sw8::LOG_SEGMENT_ID, sw8::LOG_SPAN_ID],
                false => [sw8::TRACE_ID, sw8::SEGMENT_ID, sw8::SPAN_ID],
            };
            let span = Some(Said::Integer(trace.span_id.into()));
            own.push((trace_id, text(trace.trace_id)));
            own.push((segment_id, text(trace.segment_id)));
            own.push((span_id, span.filter(|_| trace.span_id != 0)));
        }
        if edit.body != BodyEdit::Keep {
            let form = match was_log_data {
                true => sw8::LOG_CONTENT,
                false => sw8::LOG_BODY_TYPE,
            };
            own.push((form, Some(Said::Text("json"))));
        }
        Attributes {
            tags: edit.tags,
            own,
        }
    }

    fn bytes(&self) -> usize {
        let tags = self.tags.iter();
        let tags: usize = tags.map(|(key, value)| key.len() + value.len() + 12).sum();
        tags + self.own.len() * 2 * HEADS
    }

    /// Whether they say something of this key.
    fn are_for(&self, key: &[u8]) -> bool {
        let of_tag = self.tags.iter().any(|(tag, _)| tag.as_bytes() == key);
        of_tag || self.own.iter().any(|(own, _)| own.as_bytes() == key)
    }

    fn put(&self, out: &mut Vec<u8>) {
        for (index, (key, value)) in self.tags.iter().enumerate() {
            let mut later = self.tags[index + 1..].iter();
            if later.all(|(other, _)| other != key) {
                put_attribute(out, key, Said::Text(value));
            }
        }
        for (key, said) in &self.own {
            if let Some(said) = said {
                put_attribute(out, key, *said);
            }
        }
    }
}

fn put_attribute(out: &mut Vec<u8>, key: &str, said: Said<'_>) {
    let length = match said {
        Said::Text(text) => text.len(),
        Said::Integer(_) => 8,
    };
    nested(out, record::ATTRIBUTES, key.len() + length, |out| {
        put_field(out, 1, key.as_bytes());
        nested(out, 2, length, |out| match said {
            Said::Text(text) => put_field(out, 1, text.as_bytes()),
            Said::Integer(value) => {
                put_varint(out, self::key(3, WireType::Varint));
                put_varint(out, value as u64);
            }
        });
    });
}

/// Copies the fields for which `keep` says yes. It may append others in the place of one that it does
/// not keep. Neighbours that are kept are copied at once.
fn copy(message: &[u8], out: &mut Vec<u8>, mut keep: impl FnMut(&Field<'_>, &mut Vec<u8>) -> bool) {
    let mut run = 0;
    let mut at = 0;
    let mut instead = Vec::new();
    for field in Fields::of(message) {
        let end = at + field.raw.len();
        if !keep(&field, &mut instead) {
            out.extend_from_slice(&message[run..at]);
            out.append(&mut instead);
            run = end;
        }
        at = end;
    }
    out.extend_from_slice(&message[run..]);
}

/// Appends a message whose length is guessed.
fn nested(out: &mut Vec<u8>, number: u32, guess: usize, write: impl FnOnce(&mut Vec<u8>)) {
    put_varint(out, key(number, WireType::Len));
    sized(out, guess, write);
}

fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_field(out, number, text.as_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        put_varint(out, key(number, WireType::Varint));
        // Negative numbers take all 64 bits on the wire.
        put_varint(out, value as u64);
    }
}

#[cfg(test)]
mod tests;
