//! Spans that were segments once, to segments.

use std::borrow::Cow;
use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::model::{Log, Reference, Segment, Span};
use super::semantics::DERIVED_MAX;
use super::{SPAN_TYPE_ENTRY, SPAN_TYPE_EXIT, SPAN_TYPE_LOCAL, write};
use crate::convert::attributes::{Pair, listed, restore as restore_pairs};
use crate::convert::{SERVICE_INSTANCE_ID, SERVICE_NAME, any, millis, sw8};
use crate::schema::EnumValue;
use crate::schema::skywalking::{REF_TYPE, SPAN_LAYER};

/// What becomes of a segment whose first span is missing. OAP needs one with the number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFirst {
    /// It stays as it is: the span may still come.
    Keep,
    /// Its spans are numbered anew, and the first says so by the tag `sidecar.partial`.
    Renumber,
}

/// A segment made from spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// A `SegmentObject`.
    pub segment: Vec<u8>,
    pub spans: usize,
    /// Whether it has the span with the number 0.
    pub has_first: bool,
}

/// Whether a span was part of a segment.
pub fn is_restorable(span: &OtlpSpan) -> bool {
    let find = |key: &str| any::find(&span.attributes, key);
    let has_segment = find(sw8::SEGMENT_ID).and_then(any::as_str).is_some();
    has_segment && find(sw8::SPAN_ID).and_then(any::as_int).is_some()
}

/// The segments that the spans of one resource were, in the order of their first spans. Spans that
/// are not [restorable](is_restorable) are passed over. A span that comes twice counts once.
///
/// Attributes that were added since become tags, but for those that say what tags said.
pub fn restore<'a>(
    resource: Option<&'a Resource>,
    spans: impl IntoIterator<Item = &'a OtlpSpan>,
    missing_first: MissingFirst,
) -> Vec<Restored> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut segments: Vec<Collected<'a>> = Vec::new();
    for span in spans.into_iter().filter(|span| is_restorable(span)) {
        let text = |key| any::find(&span.attributes, key).and_then(any::as_str);
        let trace_id = text(sw8::TRACE_ID).unwrap_or_default();
        let segment_id = text(sw8::SEGMENT_ID).unwrap_or_default();
        let place = *places.entry((trace_id, segment_id)).or_insert_with(|| {
            segments.push(Collected::new(resource, trace_id, segment_id));
            segments.len() - 1
        });
        segments[place].add(span);
    }
    let finish = |segment: Collected<'_>| segment.finish(missing_first);
    segments.into_iter().map(finish).collect()
}

/// A segment while its spans come.
struct Collected<'a> {
    segment: Segment<'a>,
    /// Each with its place in the segment.
    spans: Vec<(i64, Span<'a>)>,
}

impl<'a> Collected<'a> {
    fn new(resource: Option<&'a Resource>, trace_id: &'a str, segment_id: &'a str) -> Self {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let text = |key| Cow::Borrowed(any::find_str(attributes, key).unwrap_or_default());
        let segment = Segment {
            trace_id: trace_id.into(),
            segment_id: segment_id.into(),
            service: text(SERVICE_NAME),
            instance: text(SERVICE_INSTANCE_ID),
            ..Segment::default()
        };
        Collected {
            segment,
            spans: Vec::new(),
        }
    }

    fn add(&mut self, span: &'a OtlpSpan) {
        let mut read = Read::default();
        for attribute in &span.attributes {
            read.attribute(attribute);
        }
        self.segment.is_size_limited |= read.is_size_limited;
        if self.segment.unknown.is_empty() {
            self.segment.unknown = read.segment_unknown.to_vec();
        }
        let index = read.index.unwrap_or(read.span.id.into());
        self.spans.push((index, read.finish(span)));
    }

    fn finish(mut self, missing_first: MissingFirst) -> Restored {
        self.spans.sort_by_key(|(index, span)| (*index, span.id));
        self.spans.dedup_by_key(|(index, span)| (*index, span.id));
        let spans = self.spans.into_iter().map(|(_, span)| span);
        self.segment.spans = spans.collect();
        let mut has_first = self.segment.spans.iter().any(|span| span.id == 0);
        if !has_first && missing_first == MissingFirst::Renumber {
            renumber(&mut self.segment.spans);
            has_first = true;
        }
        Restored {
            spans: self.segment.spans.len(),
            segment: write::segment(&self.segment),
            has_first,
        }
    }
}

/// Numbers the spans from 0 in the order of their old numbers, in which parents come before their
/// children. A span whose parent is missing becomes a child of the first.
fn renumber(spans: &mut [Span<'_>]) {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|place| spans[*place].id);
    let old: Vec<i32> = order.iter().map(|place| spans[*place].id).collect();
    for (id, place) in order.into_iter().enumerate() {
        let span = &mut spans[place];
        let parent = old[..id].partition_point(|old| *old < span.parent);
        let is_known = old[..id].get(parent) == Some(&span.parent);
        span.parent = match (id, is_known) {
            (0, _) => -1,
            (_, true) => parent as i32,
            (_, false) => 0,
        };
        span.id = id as i32;
        if id == 0 {
            span.tags.push(Pair::new("sidecar.partial", "true"));
        }
    }
}

/// What a span's attributes say.
#[derive(Default)]
struct Read<'a> {
    span: Span<'a>,
    index: Option<i64>,
    span_type: Option<i32>,
    start: Option<i64>,
    end: Option<i64>,
    is_size_limited: bool,
    segment_unknown: &'a [u8],
    attributes: Vec<(&'a str, Cow<'a, str>)>,
    listed: Option<Vec<Pair<'a>>>,
    derived: &'a [KeyValue],
}

impl<'a> Read<'a> {
    fn attribute(&mut self, attribute: &'a KeyValue) {
        let key = &*attribute.key;
        if !key.starts_with(sw8::PREFIX) {
            self.attributes.push((key, any::text_of(attribute)));
            return;
        }
        let Some(value) = &attribute.value else {
            return;
        };
        let int = any::as_int(value);
        let int32 = int.and_then(|int| i32::try_from(int).ok());
        let text = any::as_str(value);
        let bytes = any::as_bytes(value);
        match key {
            sw8::SPAN_ID => self.span.id = int32.unwrap_or_default(),
            sw8::PARENT_SPAN_ID => self.span.parent = int32.unwrap_or_default(),
            sw8::SPAN_INDEX => self.index = int,
            sw8::SPAN_TYPE => self.span_type = int32,
            sw8::SPAN_LAYER => self.span.layer = numbered(text, SPAN_LAYER),
            sw8::COMPONENT_ID => self.span.component = int32.unwrap_or_default(),
            sw8::PEER => self.span.peer = text.unwrap_or_default().into(),
            sw8::SKIP_ANALYSIS => self.span.skip_analysis = any::is_true(value),
            sw8::IS_SIZE_LIMITED => self.is_size_limited = any::is_true(value),
            sw8::TAGS => self.listed = listed(value),
            sw8::START_TIME => self.start = int,
            sw8::END_TIME => self.end = int,
            sw8::DERIVED => self.derived = key_values(value),
            sw8::UNKNOWN_FIELDS => self.span.unknown = bytes.unwrap_or_default().to_vec(),
            sw8::SEGMENT_UNKNOWN_FIELDS => self.segment_unknown = bytes.unwrap_or_default(),
            _ => {}
        }
    }

    fn finish(self, span: &'a OtlpSpan) -> Span<'a> {
        let is_error = span
            .status
            .as_ref()
            .is_some_and(|status| status.code() == StatusCode::Error);
        let attributes = without_derived(self.attributes, self.derived);
        Span {
            start: self.start.unwrap_or(millis(span.start_time_unix_nano)),
            end: self.end.unwrap_or(millis(span.end_time_unix_nano)),
            refs: span.links.iter().filter_map(reference).collect(),
            operation: Cow::Borrowed(&span.name),
            span_type: self.span_type.unwrap_or(match span.kind() {
                SpanKind::Server | SpanKind::Consumer => SPAN_TYPE_ENTRY,
                SpanKind::Client | SpanKind::Producer => SPAN_TYPE_EXIT,
                SpanKind::Internal | SpanKind::Unspecified => SPAN_TYPE_LOCAL,
            }),
            is_error,
            tags: restore_pairs(attributes, self.listed),
            logs: span.events.iter().map(log).collect(),
            ..self.span
        }
    }
}

/// Takes out the attributes that were made from others, or gives them the names of the tags that
/// they stand for.
fn without_derived<'a>(
    mut attributes: Vec<(&'a str, Cow<'a, str>)>,
    derived: &'a [KeyValue],
) -> Vec<(&'a str, Cow<'a, str>)> {
    for made in derived.iter().take(DERIVED_MAX) {
        let tag = made
            .value
            .as_ref()
            .and_then(any::as_str)
            .unwrap_or_default();
        let has_tag = tag.is_empty() || attributes.iter().any(|(key, _)| *key == tag);
        if has_tag {
            attributes.retain(|(key, _)| *key != made.key);
        } else if let Some(found) = attributes.iter_mut().find(|(key, _)| *key == made.key) {
            found.0 = tag;
        }
    }
    attributes
}

fn key_values(value: &AnyValue) -> &[KeyValue] {
    match &value.value {
        Some(Value::KvlistValue(list)) => &list.values,
        _ => &[],
    }
}

/// The number of a name, or of a decimal.
fn numbered(text: Option<&str>, values: &[EnumValue]) -> i32 {
    let text = text.unwrap_or_default();
    match values.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => *number,
        None => text.parse().unwrap_or_default(),
    }
}

fn reference(link: &Link) -> Option<Reference<'_>> {
    let find = |key| any::find(&link.attributes, key);
    let text = |key| Cow::Borrowed(find(key).and_then(any::as_str).unwrap_or_default());
    let span = find(sw8::PARENT_SPAN_ID).and_then(any::as_int);
    Some(Reference {
        // Links that have none were made by others.
        segment_id: find(sw8::PARENT_SEGMENT_ID).and_then(any::as_str)?.into(),
        span: i32::try_from(span.unwrap_or_default()).unwrap_or_default(),
        trace_id: text(sw8::TRACE_ID),
        service: text(sw8::PARENT_SERVICE),
        instance: text(sw8::PARENT_INSTANCE),
        endpoint: text(sw8::PARENT_ENDPOINT),
        address_used: text(sw8::ADDRESS_USED),
        ref_type: numbered(find(sw8::REF_TYPE).and_then(any::as_str), REF_TYPE),
        unknown: bytes(find(sw8::UNKNOWN_FIELDS)),
    })
}

fn log(event: &Event) -> Log<'_> {
    let find = |key| any::find(&event.attributes, key);
    let plain = event.attributes.iter();
    let plain = plain.filter(|attribute| !attribute.key.starts_with(sw8::PREFIX));
    let plain = plain.map(|attribute| (&*attribute.key, any::text_of(attribute)));
    Log {
        time: find(sw8::TIME)
            .and_then(any::as_int)
            .unwrap_or(millis(event.time_unix_nano)),
        data: restore_pairs(plain.collect(), find(sw8::DATA).and_then(listed)),
        unknown: bytes(find(sw8::UNKNOWN_FIELDS)),
    }
}

fn bytes(value: Option<&AnyValue>) -> Vec<u8> {
    value.and_then(any::as_bytes).unwrap_or_default().to_vec()
}
