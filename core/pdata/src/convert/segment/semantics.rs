//! OpenTelemetry's names for what SkyWalking has in tags and peers.
//!
//! Source: the semantic conventions 1.38 for HTTP, databases and messaging; only stable names, and
//! messaging's destination.

use std::borrow::Cow;

use super::model::Span;
use super::{SPAN_LAYER_MQ, SPAN_TYPE_ENTRY};
use crate::convert::encode::Value;

/// Tags and the attributes that say the same. Where several tags become one attribute, the first
/// that a span has counts.
const RULES: [Rule; 10] = [
    Rule::text("http.method", "http.request.method"),
    Rule::number("http.status_code", "http.response.status_code"),
    Rule::number("status_code", "http.response.status_code"),
    Rule::text("url", "url.full"),
    Rule::system("db.type", "db.system.name"),
    Rule::system("cache.type", "db.system.name"),
    Rule::text("db.instance", "db.namespace"),
    Rule::text("db.statement", "db.query.text"),
    Rule::text("mq.topic", "messaging.destination.name"),
    Rule::text("mq.queue", "messaging.destination.name"),
];

/// Attributes that are made from one span: one for each rule, and two from the peer.
pub(super) const DERIVED_MAX: usize = RULES.len() + 2;

struct Rule {
    tag: &'static str,
    attribute: &'static str,
    form: Form,
}

enum Form {
    Text,
    /// An integer, if the text is one.
    Number,
    /// In lower case.
    System,
}

impl Rule {
    const fn text(tag: &'static str, attribute: &'static str) -> Self {
        Rule {
            tag,
            attribute,
            form: Form::Text,
        }
    }

    const fn number(tag: &'static str, attribute: &'static str) -> Self {
        Rule {
            tag,
            attribute,
            form: Form::Number,
        }
    }

    const fn system(tag: &'static str, attribute: &'static str) -> Self {
        Rule {
            tag,
            attribute,
            form: Form::System,
        }
    }
}

/// An attribute that was made from a tag or from the peer.
#[derive(Debug)]
pub(super) struct Derived<'a> {
    pub(super) attribute: &'static str,
    value: Made<'a>,
    /// The tag's key; empty for the peer.
    pub(super) tag: &'static str,
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
    let mut all: Vec<Derived<'a>> = Vec::new();
    let mut add = |derived: Derived<'a>| {
        let is_taken = span.tags.iter().any(|tag| tag.key == derived.attribute)
            || all.iter().any(|other| other.attribute == derived.attribute);
        if !is_taken {
            all.push(derived);
        }
    };
    for rule in &RULES {
        let tag = span.tags.iter().find(|tag| tag.key == rule.tag);
        if let Some(derived) = tag.and_then(|tag| rule.apply(&tag.value)) {
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

impl Rule {
    fn apply<'a>(&self, text: &'a str) -> Option<Derived<'a>> {
        let (value, is_equal) = match self.form {
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
            attribute: self.attribute,
            value,
            tag: self.tag,
            is_equal,
        })
    }
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
