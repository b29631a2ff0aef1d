//! Logs as rules read them: one view over records of OTLP and over SkyWalking's own messages.
//!
//! A record is what OAP's receiver makes of it: service, instance and layer are attributes of its
//! resource, all of which are source attributes; its tags are its own attributes; its body is text.

use std::borrow::Cow;
use std::cell::OnceCell;

use lal::{Body, Log, Metadata, TraceContext};
use pdata::view::{AttributeValue, LogBody, LogDataView, LogFields, RawAttribute, RecordView};
use pdata::{NativeChunk, OtlpChunk};

use super::text::text;

pub(super) const SERVICE: &str = "service.name";
pub(super) const INSTANCE: &str = "service.instance.id";
/// Where OAP looks for the instance if there is none in [`INSTANCE`].
pub(super) const OLDER_INSTANCE: &str = "service.instance";
pub(super) const LAYER: &str = "service.layer";

/// The resource of a chunk, read once for all of its records.
pub(super) struct Resource<'a> {
    attributes: Vec<(&'a str, AttributeValue<'a>)>,
    service: Cow<'a, str>,
    instance: Cow<'a, str>,
    layer: Cow<'a, str>,
}

impl<'a> Resource<'a> {
    pub(super) fn of(chunk: &'a OtlpChunk) -> Self {
        let attributes = chunk.resource_attributes();
        let attributes: Vec<_> = attributes.map(|it| (it.key, it.value)).collect();
        let find = |key: &str| find(&attributes, key).unwrap_or_default();
        let instance = Some(find(INSTANCE)).filter(|instance| !instance.is_empty());
        Resource {
            service: find(SERVICE),
            instance: instance.unwrap_or_else(|| find(OLDER_INSTANCE)),
            layer: find(LAYER),
            attributes,
        }
    }

    /// The first value of this key.
    pub(super) fn attribute(&self, key: &str) -> Option<Cow<'a, str>> {
        find(&self.attributes, key)
    }
}

fn find<'a>(attributes: &[(&'a str, AttributeValue<'a>)], key: &str) -> Option<Cow<'a, str>> {
    let found = attributes.iter().find(|(found, _)| *found == key);
    found.map(|(_, value)| text(*value))
}

/// A record of OTLP under its resource.
pub(super) struct Record<'a> {
    pub(super) resource: &'a Resource<'a>,
    pub(super) record: RecordView<'a>,
    fields: LogFields<'a>,
    /// Its attributes, from the first time that one is asked for.
    attributes: OnceCell<Vec<RawAttribute<'a>>>,
}

impl<'a> Record<'a> {
    pub(super) fn of(resource: &'a Resource<'a>, record: RecordView<'a>) -> Self {
        Record {
            resource,
            record,
            fields: record.log_fields(),
            attributes: OnceCell::new(),
        }
    }
}

impl Log for Record<'_> {
    fn metadata(&self) -> Metadata<'_> {
        Metadata {
            service: &self.resource.service,
            instance: &self.resource.instance,
            layer: &self.resource.layer,
            ..metadata(&self.fields)
        }
    }

    fn body(&self) -> Body<'_> {
        body(self.fields.body)
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        let all = || self.record.raw_attributes().collect();
        let mut attributes = self.attributes.get_or_init(all).iter();
        let found = attributes.find(|attribute| attribute.has_key(key));
        found.map(|attribute| text(attribute.value()))
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        self.resource.attribute(key)
    }
}

/// A `LogData` as an agent sent it.
pub(super) struct Native<'a> {
    pub(super) chunk: &'a NativeChunk,
    log: LogDataView<'a>,
}

impl<'a> Native<'a> {
    /// `chunk` is a log.
    pub(super) fn of(chunk: &'a NativeChunk) -> Self {
        Native {
            chunk,
            log: LogDataView::of(chunk.message()),
        }
    }
}

impl Log for Native<'_> {
    fn metadata(&self) -> Metadata<'_> {
        Metadata {
            service: self.log.service,
            instance: self.log.instance,
            layer: self.log.layer,
            ..metadata(&self.log.fields)
        }
    }

    fn body(&self) -> Body<'_> {
        body(self.log.fields.body)
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        self.chunk.log_tag(key).map(Cow::Borrowed)
    }

    fn source_attribute(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// What does not depend on the sender.
fn metadata<'a>(fields: &LogFields<'a>) -> Metadata<'a> {
    Metadata {
        endpoint: fields.endpoint,
        timestamp_ms: fields.unix_ms,
        trace: TraceContext {
            trace_id: fields.trace.trace_id,
            segment_id: fields.trace.segment_id,
            span_id: fields.trace.span_id,
        },
        ..Metadata::default()
    }
}

fn body(body: LogBody<'_>) -> Body<'_> {
    match body {
        LogBody::None => Body::None,
        LogBody::Text(text) => Body::Text(Cow::Borrowed(text)),
        LogBody::Json(text) => Body::Json(Cow::Borrowed(text)),
        LogBody::Yaml(text) => Body::Yaml(Cow::Borrowed(text)),
    }
}

/// A log with the keys of its tags, for people to recognise it by.
pub(super) trait Shown: Log {
    fn tag_keys(&self) -> Vec<&str>;
}

impl Shown for Record<'_> {
    fn tag_keys(&self) -> Vec<&str> {
        self.record.attributes().map(|it| it.key).collect()
    }
}

impl Shown for Native<'_> {
    fn tag_keys(&self) -> Vec<&str> {
        self.chunk.log_tags().map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests;
