//! OpenTelemetry's names for what SkyWalking has in tags and peers.
//!
//! Source: the semantic conventions 1.38 for HTTP, databases and messaging; only stable names, and
//! messaging's destination.

use std::borrow::Cow;

use super::model::Span;
use super::{SPAN_LAYER_MQ, SPAN_TYPE_ENTRY};
use crate::convert::attributes::Pair;
use crate::convert::encode::Value;

/// Attributes that are made from one span: those that tags stand for, and two from the peer.
pub(super) const DERIVED_MAX: usize = 9;

/// How a tag's value becomes an attribute's.
enum Form {
    Text,
    /// An integer, if the text is one.
    Number,
    /// In lower case.
    System,
}

/// The attribute that says the same as a tag. Where several tags say it, the first counts.
fn rule(tag: &str) -> Option<(&'static str, Form)> {
    Some(match tag {
        "http.method" => ("http.request.method", Form::Text),
        "http.status_code" | "status_code" => ("http.response.status_code", Form::Number),
        "url" => ("url.full", Form::Text),
        "db.type" | "cache.type" => ("db.system.name", Form::System),
        "db.instance" => ("db.namespace", Form::Text),
        "db.statement" => ("db.query.text", Form::Text),
        "mq.topic" | "mq.queue" => ("messaging.destination.name", Form::Text),
        _ => return None,
    })
}

/// An attribute that was made from a tag or from the peer.
#[derive(Debug)]
pub(super) struct Derived<'a> {
    pub(super) attribute: &'static str,
    value: Made<'a>,
    /// The tag's key; empty for the peer.
    pub(super) tag: &'a str,
    /// Whether the tag can be made from it again.
    pub(super) is_equal: bool,
}

#[derive(Debug)]
enum Made<'a> {
    Text(Cow<'a, str>),
    Int(i64),
}

impl Derived<'_> {
    pub(super) fn value(&self) -> Value<'_> {
        match &self.value {
            Made::Text(text) => Value::Text(text),
            Made::Int(value) => Value::Int(*value),
        }
    }
}

/// What can be made from a span. A name that is a tag's already is not taken from it.
pub(super) fn derive<'a>(span: &'a Span<'_>) -> Vec<Derived<'a>> {
    let mut all: Vec<Derived<'a>> = Vec::with_capacity(DERIVED_MAX);
    let mut add = |derived: Derived<'a>| {
        let is_taken = span.tags.iter().any(|tag| tag.key == derived.attribute)
            || all.iter().any(|other| other.attribute == derived.attribute);
        if !is_taken {
            all.push(derived);
        }
    };
    for tag in &span.tags {
        if let Some(derived) = rule(&tag.key).and_then(|rule| apply(rule, tag)) {
            add(derived);
        }
    }
    if let Some((host, port)) = host_and_port(&span.peer) {
        let is_client = span.span_type == SPAN_TYPE_ENTRY && span.layer != SPAN_LAYER_MQ;
        let [address_name, port_name] = match is_client {
            true => ["client.address", "client.port"],
            false => ["server.address", "server.port"],
        };
        add(Derived::of_peer(address_name, Made::Text(host.into())));
        add(Derived::of_peer(port_name, Made::Int(port.into())));
    }
    all
}

impl<'a> Derived<'a> {
    fn of_peer(attribute: &'static str, value: Made<'a>) -> Self {
        Derived {
            attribute,
            value,
            tag: "",
            is_equal: false,
        }
    }
}

fn apply<'a>((attribute, form): (&'static str, Form), tag: &'a Pair<'_>) -> Option<Derived<'a>> {
    let text = &*tag.value;
    let (value, is_equal) = match form {
        Form::Text => (Made::Text(text.into()), true),
        Form::Number => {
            let number: i64 = text.parse().ok()?;
            (Made::Int(number), number.to_string() == text)
        }
        Form::System if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            (Made::Text(text.to_ascii_lowercase().into()), false)
        }
        Form::System => (Made::Text(text.into()), true),
    };
    Some(Derived {
        attribute,
        value,
        tag: &tag.key,
        is_equal,
    })
}

/// The parts of `host:port`, where the peer is one and no list of them.
fn host_and_port(peer: &str) -> Option<(&str, u16)> {
    let (host, port) = peer.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']')?,
        None if host.contains([',', ';', '/', ':', ' ']) => return None,
        None => host,
    };
    (!host.is_empty()).then_some((host, port))
}
