//! A segment to the spans of one resource.

use super::model::{Log, Reference, Segment, Span};
use super::semantics::{Derived, derive};
use super::{Options, SPAN_LAYER_MQ, SPAN_TYPE_ENTRY, SPAN_TYPE_EXIT, SPAN_TYPE_LOCAL, Semconv};
use crate::convert::attributes::{are_attributes, put_all};
use crate::convert::encode::{
    Value, attribute, bytes, fixed64, integer, nested, text, text_attribute,
};
use crate::convert::ids::{self, SpanId, SpanIds, TraceId};
use crate::convert::{Malformed, SERVICE_INSTANCE_ID, SERVICE_NAME, decode, nanos, sw8};
use crate::schema::EnumValue;
use crate::schema::skywalking::{REF_TYPE, SPAN_LAYER};
use crate::wire::put_field;
use crate::{OtlpChunk, Signal};

/// The numbers of `SpanKind`.
mod kind {
    pub(super) const INTERNAL: i64 = 1;
    pub(super) const SERVER: i64 = 2;
    pub(super) const CLIENT: i64 = 3;
    pub(super) const PRODUCER: i64 = 4;
    pub(super) const CONSUMER: i64 = 5;
}

const STATUS_CODE_ERROR: i64 = 2;

/// The spans of a segment, `None` if it has none.
///
/// # Errors
///
/// `segment` is no `SegmentObject`, which the check at reception rules out.
pub fn to_otlp(segment: &[u8], options: Options) -> Result<Option<OtlpChunk>, Malformed> {
    let segment: Segment<'_> = decode::read(segment)?;
    if segment.spans.is_empty() {
        return Ok(None);
    }
    let items = segment.spans.len() as u32;
    let body = resource_spans(&segment, options);
    Ok(Some(OtlpChunk::frame(Signal::Traces, items, &body)))
}

fn resource_spans(segment: &Segment<'_>, options: Options) -> Vec<u8> {
    // What a span of an agent takes, so that most segments are written without growing.
    const SPAN_LEN: usize = 1024;
    let mut out = Vec::with_capacity(SPAN_LEN * (segment.spans.len() + 1));
    nested(&mut out, 1, |out| {
        text_attribute(out, 1, SERVICE_NAME, &segment.service);
        text_attribute(out, 1, SERVICE_INSTANCE_ID, &segment.instance);
    });
    let writer = Writer {
        segment,
        options,
        trace_id: ids::trace_id(&segment.trace_id, options.ids),
        span_ids: SpanIds::of(&segment.segment_id, options.ids),
    };
    nested(&mut out, 2, |out| {
        for (index, span) in segment.spans.iter().enumerate() {
            nested(out, 2, |out| writer.span(out, span, index));
        }
    });
    out
}

struct Writer<'s, 'a> {
    segment: &'s Segment<'a>,
    options: Options,
    trace_id: TraceId,
    span_ids: SpanIds,
}

impl Writer<'_, '_> {
    fn span(&self, out: &mut Vec<u8>, span: &Span<'_>, index: usize) {
        let parent = self.parent(span);
        bytes(out, 1, &self.trace_id);
        bytes(out, 2, &self.span_ids.id(span.id));
        if let Some(parent) = parent {
            bytes(out, 4, &parent.id);
        }
        text(out, 5, &span.operation);
        integer(out, 6, kind_of(span));
        fixed64(out, 7, nanos(span.start).unwrap_or_default());
        fixed64(out, 8, nanos(span.end).unwrap_or_default());
        self.tags(out, span);
        self.place(out, span, index);
        if let Some(reference) = parent.and_then(|parent| parent.reference) {
            attribute(out, 9, sw8::PARENT_REF, Value::Int(reference as i64));
        }
        for log in &span.logs {
            nested(out, 11, |out| event(out, log));
        }
        for reference in &span.refs {
            nested(out, 13, |out| self.link(out, reference));
        }
        if span.is_error {
            nested(out, 15, |out| {
                text(out, 2, message_of(span));
                integer(out, 3, STATUS_CODE_ERROR);
            });
        }
    }

    fn id_of(&self, reference: &Reference<'_>) -> SpanId {
        ids::span_id(&reference.segment_id, reference.span, self.options.ids)
    }

    /// The parent in the same segment, or the first reference within the trace: OTLP's parent
    /// cannot be in another one.
    fn parent(&self, span: &Span<'_>) -> Option<Parent> {
        if span.parent >= 0 {
            return Some(Parent {
                id: self.span_ids.id(span.parent),
                reference: None,
            });
        }
        let is_here = |reference: &Reference<'_>| reference.trace_id == self.segment.trace_id;
        let index = span.refs.iter().position(is_here)?;
        let reference = &span.refs[index];
        Some(Parent {
            id: self.id_of(reference),
            reference: Some(index),
        })
    }

    fn tags(&self, out: &mut Vec<u8>, span: &Span<'_>) {
        let derived = match self.options.semconv {
            Semconv::None => Vec::new(),
            Semconv::Add | Semconv::Replace => derive(span),
        };
        let plain = are_attributes(&span.tags);
        let replaces = |derived: &&Derived<'_>| {
            plain && derived.is_equal && self.options.semconv == Semconv::Replace
        };
        if plain {
            for tag in &span.tags {
                let mut instead = derived.iter().filter(replaces);
                match instead.find(|derived| derived.tag == tag.key) {
                    Some(derived) => attribute(out, 9, derived.attribute, derived.value()),
                    None => attribute(out, 9, &tag.key, Value::Text(&tag.value)),
                }
            }
        } else {
            put_all(out, 9, sw8::TAGS, &span.tags);
        }
        if derived.is_empty() {
            return;
        }
        for it in derived.iter().filter(|it| !replaces(it)) {
            attribute(out, 9, it.attribute, it.value());
        }
        nested(out, 9, |out| {
            put_field(out, 1, sw8::DERIVED.as_bytes());
            nested(out, 2, |out| {
                nested(out, 6, |out| {
                    for it in &derived {
                        attribute(out, 1, it.attribute, Value::Text(it.tag));
                    }
                });
            });
        });
    }

    /// What OTLP has no place for.
    fn place(&self, out: &mut Vec<u8>, span: &Span<'_>, index: usize) {
        let segment = self.segment;
        let mut int = |name, value: i64| attribute(out, 9, name, Value::Int(value));
        int(sw8::SPAN_ID, span.id.into());
        int(sw8::PARENT_SPAN_ID, span.parent.into());
        int(sw8::SPAN_INDEX, index as i64);
        if span.component != 0 {
            int(sw8::COMPONENT_ID, span.component.into());
        }
        if !(SPAN_TYPE_ENTRY..=SPAN_TYPE_LOCAL).contains(&span.span_type) {
            int(sw8::SPAN_TYPE, span.span_type.into());
        }
        for (name, time) in [(sw8::START_TIME, span.start), (sw8::END_TIME, span.end)] {
            if nanos(time).is_none() {
                int(name, time);
            }
        }
        attribute(out, 9, sw8::TRACE_ID, Value::Text(&segment.trace_id));
        attribute(out, 9, sw8::SEGMENT_ID, Value::Text(&segment.segment_id));
        if span.layer != 0 {
            named(out, sw8::SPAN_LAYER, SPAN_LAYER, span.layer);
        }
        text_attribute(out, 9, sw8::PEER, &span.peer);
        for (name, value) in [
            (sw8::SKIP_ANALYSIS, span.skip_analysis),
            (sw8::IS_SIZE_LIMITED, segment.is_size_limited),
        ] {
            if value {
                attribute(out, 9, name, Value::Bool(true));
            }
        }
        unknown(out, 9, sw8::UNKNOWN_FIELDS, &span.unknown);
        if index == 0 {
            unknown(out, 9, sw8::SEGMENT_UNKNOWN_FIELDS, &segment.unknown);
        }
    }

    fn link(&self, out: &mut Vec<u8>, reference: &Reference<'_>) {
        let trace_id = match reference.trace_id == self.segment.trace_id {
            true => self.trace_id,
            false => ids::trace_id(&reference.trace_id, self.options.ids),
        };
        bytes(out, 1, &trace_id);
        bytes(out, 2, &self.id_of(reference));
        let segment_id = Value::Text(&reference.segment_id);
        attribute(out, 4, sw8::PARENT_SEGMENT_ID, segment_id);
        attribute(
            out,
            4,
            sw8::PARENT_SPAN_ID,
            Value::Int(reference.span.into()),
        );
        text_attribute(out, 4, sw8::TRACE_ID, &reference.trace_id);
        text_attribute(out, 4, sw8::PARENT_SERVICE, &reference.service);
        text_attribute(out, 4, sw8::PARENT_INSTANCE, &reference.instance);
        text_attribute(out, 4, sw8::PARENT_ENDPOINT, &reference.endpoint);
        text_attribute(out, 4, sw8::ADDRESS_USED, &reference.address_used);
        named_in(out, 4, sw8::REF_TYPE, REF_TYPE, reference.ref_type);
        unknown(out, 4, sw8::UNKNOWN_FIELDS, &reference.unknown);
    }
}

#[derive(Clone, Copy)]
struct Parent {
    id: SpanId,
    /// The place of the reference that it was taken from.
    reference: Option<usize>,
}

fn kind_of(span: &Span<'_>) -> i64 {
    match (span.span_type, span.layer) {
        (SPAN_TYPE_ENTRY, SPAN_LAYER_MQ) => kind::CONSUMER,
        (SPAN_TYPE_ENTRY, _) => kind::SERVER,
        (SPAN_TYPE_EXIT, SPAN_LAYER_MQ) => kind::PRODUCER,
        (SPAN_TYPE_EXIT, _) => kind::CLIENT,
        _ => kind::INTERNAL,
    }
}

/// What the span's logs say of its error.
fn message_of<'s>(span: &'s Span<'_>) -> &'s str {
    let data = span.logs.iter().flat_map(|log| &log.data);
    let message = data.into_iter().find(|pair| pair.key == "message");
    message.map_or("", |pair| &pair.value)
}

fn event(out: &mut Vec<u8>, log: &Log<'_>) {
    fixed64(out, 1, nanos(log.time).unwrap_or_default());
    let name = log.data.iter().find(|pair| pair.key == "event");
    let name = name.map_or("log", |pair| &pair.value);
    text(out, 2, name);
    if are_attributes(&log.data) {
        for pair in &log.data {
            attribute(out, 3, &pair.key, Value::Text(&pair.value));
        }
    } else {
        put_all(out, 3, sw8::DATA, &log.data);
    }
    if nanos(log.time).is_none() {
        attribute(out, 3, sw8::TIME, Value::Int(log.time));
    }
    unknown(out, 3, sw8::UNKNOWN_FIELDS, &log.unknown);
}

fn unknown(out: &mut Vec<u8>, number: u32, name: &str, fields: &[u8]) {
    if !fields.is_empty() {
        attribute(out, number, name, Value::Bytes(fields));
    }
}

fn named(out: &mut Vec<u8>, name: &str, values: &[EnumValue], number: i32) {
    named_in(out, 9, name, values, number);
}

/// Appends an enumeration's value by its name, or by its number if it has none.
fn named_in(out: &mut Vec<u8>, field: u32, name: &str, values: &[EnumValue], number: i32) {
    match values.iter().find(|(_, known)| *known == number) {
        Some((value, _)) => attribute(out, field, name, Value::Text(value)),
        None => attribute(out, field, name, Value::Text(&number.to_string())),
    }
}
