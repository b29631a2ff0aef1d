//! A `LogData` to a log record under its resource.

use std::borrow::Cow;

use super::model::{Body, Form, Log, Tags, Trace, write};
use super::{LEVELS, TAG_LEVEL};
use crate::convert::attributes::{are_attributes, put_all};
use crate::convert::encode::{
    Value, attribute, bytes, fixed64, integer, nested, text, text_attribute,
};
use crate::convert::ids::{self, Scheme};
use crate::convert::{
    Malformed, SERVICE_INSTANCE_ID, SERVICE_LAYER, SERVICE_NAME, decode, nanos, sw8,
};
use crate::{OtlpChunk, Signal};

/// The log record of a `LogData`.
///
/// # Errors
///
/// `log` is no `LogData`, which the check at reception rules out.
pub fn to_otlp(log: &[u8], ids: Scheme) -> Result<OtlpChunk, Malformed> {
    let log: Log<'_> = decode::read(log)?;
    let mut body = Vec::with_capacity(1024);
    nested(&mut body, 1, |out| {
        text_attribute(out, 1, SERVICE_NAME, &log.service);
        text_attribute(out, 1, SERVICE_INSTANCE_ID, &log.instance);
        text_attribute(out, 1, SERVICE_LAYER, &log.layer);
    });
    nested(&mut body, 2, |out| {
        nested(out, 2, |out| record(out, &log, ids));
    });
    Ok(OtlpChunk::frame(Signal::Logs, 1, &body))
}

fn record(out: &mut Vec<u8>, log: &Log<'_>, ids: Scheme) {
    let tags = log.tags.as_ref().map_or(&[][..], |tags| &tags.data);
    fixed64(out, 1, nanos(log.timestamp).unwrap_or_default());
    if let Some(level) = tags.iter().find(|tag| tag.key == TAG_LEVEL) {
        integer(out, 2, severity(&level.value));
        text(out, 3, &level.value);
    }
    let content = log.body.as_ref().and_then(|body| body.content.as_ref());
    if let Some((_, content)) = content {
        nested(out, 5, |out| Value::Text(&content.text).put(out));
    }
    if are_attributes(tags) {
        for tag in tags {
            attribute(out, 6, &tag.key, Value::Text(&tag.value));
        }
    } else {
        put_all(out, 6, sw8::TAGS, tags);
    }
    let form = match content {
        Some((Form::Text, _)) => "text",
        Some((Form::Json, _)) => "json",
        Some((Form::Yaml, _)) => "yaml",
        None => "none",
    };
    attribute(out, 6, sw8::LOG_CONTENT, Value::Text(form));
    text_attribute(out, 6, sw8::LOG_ENDPOINT, &log.endpoint);
    if let Some(body) = &log.body {
        text_attribute(out, 6, sw8::LOG_BODY_TYPE, &body.kind);
    }
    if nanos(log.timestamp).is_none() {
        attribute(out, 6, sw8::LOG_TIMESTAMP, Value::Int(log.timestamp));
    }
    let rest = rest(log);
    if !rest.is_empty() {
        attribute(out, 6, sw8::LOG_REST, Value::Bytes(&rest));
    }
    if let Some(trace) = &log.trace {
        context(out, trace, ids);
    }
}

fn context(out: &mut Vec<u8>, trace: &Trace<'_>, ids: Scheme) {
    text_attribute(out, 6, sw8::LOG_TRACE_ID, &trace.trace_id);
    text_attribute(out, 6, sw8::LOG_SEGMENT_ID, &trace.segment_id);
    if trace.span_id != 0 {
        attribute(out, 6, sw8::LOG_SPAN_ID, Value::Int(trace.span_id.into()));
    }
    if !trace.trace_id.is_empty() {
        bytes(out, 9, &ids::trace_id(&trace.trace_id, ids));
    }
    if !trace.segment_id.is_empty() {
        bytes(
            out,
            10,
            &ids::span_id(&trace.segment_id, trace.span_id, ids),
        );
    }
}

/// The first of the four numbers of a level; 0 for what is none.
fn severity(level: &str) -> i64 {
    let is_it = |name: &&str| name.eq_ignore_ascii_case(level);
    let known = LEVELS.iter().position(is_it);
    known.map_or(0, |place| 1 + 4 * place as i64)
}

/// What the attributes say nothing of, as a `LogData`: unknown fields, and messages that are there
/// with nothing in them. Merged with the rest it gives the whole, as protobuf merges.
fn rest(log: &Log<'_>) -> Vec<u8> {
    let body = log.body.as_ref().filter(|body| {
        let content = body.content.as_ref();
        let is_unseen = body.kind.is_empty() && content.is_none();
        is_unseen
            || !body.unknown.is_empty()
            || content.is_some_and(|(_, content)| !content.unknown.is_empty())
    });
    let trace = log.trace.as_ref().filter(|trace| {
        let is_unseen =
            trace.trace_id.is_empty() && trace.segment_id.is_empty() && trace.span_id == 0;
        is_unseen || !trace.unknown.is_empty()
    });
    let tags = log.tags.as_ref();
    let tags = tags.filter(|tags| tags.data.is_empty() || !tags.unknown.is_empty());
    write(&Log {
        body: body.map(|body| Body {
            kind: Cow::Borrowed(""),
            content: body.content.clone().map(|(form, mut content)| {
                content.text = Cow::Borrowed("");
                (form, content)
            }),
            unknown: body.unknown.clone(),
        }),
        trace: trace.map(|trace| Trace {
            unknown: trace.unknown.clone(),
            ..Trace::default()
        }),
        tags: tags.map(|tags| Tags {
            data: Vec::new(),
            unknown: tags.unknown.clone(),
        }),
        unknown: log.unknown.clone(),
        ..Log::default()
    })
}
