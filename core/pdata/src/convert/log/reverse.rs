//! Log records to `LogData`.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};

use super::model::{Body, Content, Form, Log, Tags, Trace, write};
use super::{LEVELS, TAG_LEVEL};
use crate::convert::attributes::{Pair, listed, restore};
use crate::convert::identity::{Defaults, ENDPOINT_MAX, Identity, cut};
use crate::convert::ids::hex_text;
use crate::convert::places::Places;
use crate::convert::{SERVICE_INSTANCE_ID, SERVICE_LAYER, SERVICE_NAME, any, decode, millis, sw8};

/// How records that were never a `LogData` become one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub defaults: Defaults,
    /// Attributes of the resource that become tags.
    pub resource_tags: Vec<String>,
}

/// A `LogData` for each record, in order. A record is told its segment if `places` knows its span.
pub fn from_otlp(logs: &ResourceLogs, options: &Options, places: &dyn Places) -> Vec<Vec<u8>> {
    let resource = logs.resource.as_ref();
    let of_resource = resource.map_or(&[][..], |resource| &resource.attributes);
    let identity = Identity::of(resource, &options.defaults);
    let mut all = Vec::new();
    for scope in &logs.scope_logs {
        for record in &scope.log_records {
            if any::find(&record.attributes, sw8::LOG_CONTENT).is_some() {
                all.push(restored(record, of_resource));
                continue;
            }
            let mut log = native(record, scope.scope.as_ref(), places);
            log.service = Cow::Borrowed(&identity.service);
            log.instance = Cow::Borrowed(&identity.instance);
            log.layer = text(of_resource, SERVICE_LAYER);
            let listed = options.resource_tags.iter().filter_map(|key| {
                let value = any::find(of_resource, key)?;
                Some(Pair::new(&**key, any::text(value)))
            });
            log.tags.get_or_insert_default().data.extend(listed);
            log.tags = log.tags.filter(|tags| !tags.data.is_empty());
            all.push(write(&log));
        }
    }
    all
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Cow<'a, str> {
    Cow::Borrowed(any::find_str(attributes, key).unwrap_or_default())
}

fn own(attributes: &[KeyValue]) -> Vec<(&str, Cow<'_, str>)> {
    let own = attributes.iter();
    let own = own.filter(|attribute| !attribute.key.starts_with(sw8::PREFIX));
    own.map(|attribute| (&*attribute.key, any::text_of(attribute)))
        .collect()
}

/// A record that was a `LogData`.
fn restored(record: &LogRecord, of_resource: &[KeyValue]) -> Vec<u8> {
    let attributes = &record.attributes;
    let find = |key| any::find(attributes, key);
    let int = |key| find(key).and_then(any::as_int);
    let trace = Trace {
        trace_id: text(attributes, sw8::LOG_TRACE_ID),
        segment_id: text(attributes, sw8::LOG_SEGMENT_ID),
        span_id: int(sw8::LOG_SPAN_ID).unwrap_or_default() as i32,
        ..Trace::default()
    };
    let form = match any::find_str(attributes, sw8::LOG_CONTENT) {
        Some("text") => Some(Form::Text),
        Some("json") => Some(Form::Json),
        Some("yaml") => Some(Form::Yaml),
        _ => None,
    };
    let content = form.map(|form| {
        let text = record.body.as_ref().map(any::text).unwrap_or_default();
        let content = Content {
            text,
            ..Content::default()
        };
        (form, content)
    });
    let body = Body {
        kind: text(attributes, sw8::LOG_BODY_TYPE),
        content,
        ..Body::default()
    };
    let tags = Tags {
        data: restore(own(attributes), find(sw8::TAGS).and_then(listed)),
        ..Tags::default()
    };
    let mut log = Log {
        timestamp: int(sw8::LOG_TIMESTAMP).unwrap_or(millis(record.time_unix_nano)),
        service: text(of_resource, SERVICE_NAME),
        instance: text(of_resource, SERVICE_INSTANCE_ID),
        endpoint: text(attributes, sw8::LOG_ENDPOINT),
        body: Some(body).filter(|body| *body != Body::default()),
        trace: Some(trace).filter(|trace| *trace != Trace::default()),
        tags: Some(tags).filter(|tags| *tags != Tags::default()),
        layer: text(of_resource, SERVICE_LAYER),
        unknown: Vec::new(),
    };
    let rest = find(sw8::LOG_REST).and_then(any::as_bytes);
    if let Some(rest) = rest.and_then(|rest| decode::read::<Log<'_>>(rest).ok()) {
        add_rest(&mut log, rest);
    }
    write(&log)
}

/// Adds what no attribute stands for, as [`super::forward`] took it out.
fn add_rest<'a>(log: &mut Log<'a>, rest: Log<'a>) {
    if let Some(body) = rest.body {
        let known = log.body.get_or_insert_default();
        known.unknown = body.unknown;
        if let (Some((_, known)), Some((_, content))) = (&mut known.content, body.content) {
            known.unknown = content.unknown;
        }
    }
    if let Some(trace) = rest.trace {
        log.trace.get_or_insert_default().unknown = trace.unknown;
    }
    if let Some(tags) = rest.tags {
        log.tags.get_or_insert_default().unknown = tags.unknown;
    }
    log.unknown = rest.unknown;
}

/// A record that was never anything else.
fn native<'a>(
    record: &'a LogRecord,
    scope: Option<&'a InstrumentationScope>,
    places: &dyn Places,
) -> Log<'a> {
    let attributes = &record.attributes;
    let time = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        time => time,
    };
    let endpoints = [
        sw8::LOG_ENDPOINT,
        "http.route",
        "code.function.name",
        "code.function",
    ];
    let endpoint = endpoints
        .iter()
        .find_map(|key| any::find_str(attributes, key));
    Log {
        timestamp: millis(time),
        endpoint: Cow::Borrowed(cut(endpoint.unwrap_or_default(), ENDPOINT_MAX)),
        body: record.body.as_ref().map(|value| body(value, attributes)),
        trace: trace(record, places),
        tags: Some(Tags {
            data: tags(record, scope),
            ..Tags::default()
        }),
        ..Log::default()
    }
}

fn body<'a>(value: &'a AnyValue, attributes: &[KeyValue]) -> Body<'a> {
    let named = any::find_str(attributes, sw8::LOG_BODY_TYPE);
    let (kind, form) = match value.value {
        Some(Value::ArrayValue(_) | Value::KvlistValue(_)) => ("json", Form::Json),
        _ if named == Some("json") => ("json", Form::Json),
        _ => ("text", Form::Text),
    };
    let content = Content {
        text: any::text(value),
        ..Content::default()
    };
    Body {
        kind: Cow::Borrowed(kind),
        content: Some((form, content)),
        ..Body::default()
    }
}

/// The segment that the record names itself, or the place of its span.
fn trace<'a>(record: &'a LogRecord, places: &dyn Places) -> Option<Trace<'a>> {
    let attributes = &record.attributes;
    let trace_id = text(attributes, sw8::TRACE_ID);
    if !trace_id.is_empty() {
        let span_id = any::find(attributes, sw8::SPAN_ID).and_then(any::as_int);
        return Some(Trace {
            trace_id,
            segment_id: text(attributes, sw8::SEGMENT_ID),
            span_id: span_id.unwrap_or_default() as i32,
            ..Trace::default()
        });
    }
    if record.trace_id.iter().all(|byte| *byte == 0) {
        return None;
    }
    let place = places.find(&record.trace_id, &record.span_id);
    let place = place.map(|place| (place.segment_id.to_string(), place.span_id));
    let (segment_id, span_id) = place.unwrap_or_default();
    Some(Trace {
        trace_id: Cow::Owned(hex_text(&record.trace_id)),
        segment_id: Cow::Owned(segment_id),
        span_id,
        ..Trace::default()
    })
}

fn tags<'a>(record: &'a LogRecord, scope: Option<&'a InstrumentationScope>) -> Vec<Pair<'a>> {
    let own = own(&record.attributes);
    let mut tags: Vec<Pair<'a>> = own
        .into_iter()
        .map(|(key, value)| Pair::new(key, value))
        .collect();
    let mut add = |key: &'static str, value: Option<Cow<'a, str>>| {
        let is_there = tags.iter().any(|tag| tag.key == key);
        if let Some(value) = value.filter(|value| !is_there && !value.is_empty()) {
            tags.push(Pair::new(key, value));
        }
    };
    add(TAG_LEVEL, Some(Cow::Borrowed(level(record))));
    // The name under which OAP's logs can be searched.
    let status = any::find(&record.attributes, "http.response.status_code");
    add("http.status_code", status.map(any::text));
    add("event.name", Some(Cow::Borrowed(&record.event_name)));
    let scope = scope.map(|scope| Cow::Borrowed(&*scope.name));
    add("otel.scope.name", scope);
    tags
}

/// The record's own text, or the name of its number's range.
pub(super) fn level(record: &LogRecord) -> &str {
    if !record.severity_text.is_empty() {
        return &record.severity_text;
    }
    let range = usize::try_from(record.severity_number - 1).map(|number| number / 4);
    let name = range.ok().and_then(|range| LEVELS.get(range));
    name.copied().unwrap_or_default()
}
