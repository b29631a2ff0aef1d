//! One OTLP span as one of SkyWalking's, without its references.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::exchange::Exchange;
use super::{ScopedSpan, component, peer, tags};
use crate::convert::identity::{ENDPOINT_MAX, cut};
use crate::convert::{any, millis};
use crate::skywalking::v3::{KeyStringValuePair, Log, SpanLayer, SpanObject, SpanType};

/// A span's operation. OAP takes an empty one for a user.
pub(super) fn operation(span: &Span) -> &str {
    match cut(&span.name, ENDPOINT_MAX) {
        "" => "-",
        name => name,
    }
}

pub(super) fn convert(scoped: ScopedSpan<'_>, number: i32, parent: Option<i32>) -> SpanObject {
    let span = scoped.span;
    let kind = span.kind();
    let exchange = Exchange::of(&span.attributes);
    let mut peer = peer::peer(kind, exchange, &span.attributes);
    let span_type = match kind {
        SpanKind::Server | SpanKind::Consumer => SpanType::Entry,
        // OAP passes over an exit to nowhere.
        SpanKind::Client | SpanKind::Producer if !peer.is_empty() => SpanType::Exit,
        _ => SpanType::Local,
    };
    let layer = match span_type {
        // A local span of a database would be a service without a name.
        SpanType::Local => SpanLayer::Unknown,
        _ => exchange.layer(),
    };
    let tags = tags::tags(scoped, exchange, &peer);
    if span_type == SpanType::Local {
        peer.clear();
    }
    let start_time = millis(span.start_time_unix_nano);
    let status = span.status.as_ref().map(|status| status.code());
    SpanObject {
        span_id: number,
        parent_span_id: parent.unwrap_or(-1),
        start_time,
        end_time: millis(span.end_time_unix_nano).max(start_time),
        refs: Vec::new(),
        operation_name: operation(span).to_owned(),
        peer,
        span_type: span_type.into(),
        span_layer: layer.into(),
        component_id: component::component(
            exchange,
            kind,
            scoped.scope.map_or("", |scope| &scope.name),
        ),
        is_error: status == Some(StatusCode::Error),
        tags,
        logs: span.events.iter().map(log).collect(),
        skip_analysis: false,
    }
}

/// An event, and an exception as SkyWalking's agents write it.
fn log(event: &Event) -> Log {
    let is_exception = event.name == "exception";
    let name = match is_exception {
        true => "error",
        false => &event.name,
    };
    let pair = |key: &str, value: &str| KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let mut data = vec![pair("event", name)];
    data.extend(event.attributes.iter().map(|attribute| {
        let key = match (&*attribute.key, is_exception) {
            ("exception.type", true) => "error.kind",
            ("exception.message", true) => "message",
            ("exception.stacktrace", true) => "stack",
            (key, _) => key,
        };
        pair(key, &any::text_of(attribute))
    }));
    Log {
        time: millis(event.time_unix_nano),
        data,
    }
}
