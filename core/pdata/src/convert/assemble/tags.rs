//! Attributes as tags, under the names that OAP's analysis looks for, each key once.
//!
//! Some tags make OAP lose the whole segment: a key that comes twice on a cache's span, a logic
//! endpoint that is no JSON object, a latency of a message that is no integer. None of them leaves
//! here under its name.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::ScopedSpan;
use super::exchange::Exchange;
use crate::convert::any;
use crate::convert::ids::hex_text;
use crate::convert::keys::Keys;
use crate::skywalking::v3::KeyStringValuePair;

/// A tag's key and its value.
type Tag<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Commands of caches by what they do.
const READS: [&str; 20] = [
    "GET",
    "MGET",
    "HGET",
    "HMGET",
    "HGETALL",
    "HKEYS",
    "HVALS",
    "EXISTS",
    "STRLEN",
    "LRANGE",
    "LLEN",
    "LINDEX",
    "SMEMBERS",
    "SISMEMBER",
    "SCARD",
    "ZRANGE",
    "ZSCORE",
    "ZCARD",
    "TTL",
    "GETS",
];
const WRITES: [&str; 20] = [
    "SET", "SETEX", "SETNX", "MSET", "HSET", "HMSET", "HDEL", "DEL", "UNLINK", "INCR", "DECR",
    "INCRBY", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "SREM", "ZADD", "EXPIRE",
];

/// Systems whose destinations are queues; those of others are topics.
const QUEUES: [&str; 6] = [
    "rabbitmq",
    "activemq",
    "aws_sqs",
    "AmazonSQS",
    "servicebus",
    "jms",
];

/// All tags of a span. Where two would have one key, the first of them stays.
pub(super) fn tags(
    scoped: ScopedSpan<'_>,
    exchange: Exchange<'_>,
    broker: &str,
) -> Vec<KeyStringValuePair> {
    let ScopedSpan { scope, span } = scoped;
    let mut tags: Vec<Tag<'_>> = Vec::with_capacity(span.attributes.len() + 4);
    let mut others: Vec<Tag<'_>> = Vec::with_capacity(span.attributes.len());
    for attribute in &span.attributes {
        match known(attribute, exchange) {
            Some(tag) => tags.push(tag),
            None => others.push((harmless(attribute), any::text_of(attribute))),
        }
    }
    match exchange {
        Exchange::Cache(_) => tags.extend(operation(span)),
        Exchange::Messaging(_) if !broker.is_empty() => {
            tags.push(("mq.broker".into(), broker.into()));
        }
        _ => {}
    }
    tags.append(&mut others);
    if let Some(scope) = scope.filter(|scope| !scope.name.is_empty()) {
        tags.push(("otel.scope.name".into(), Cow::Borrowed(&scope.name)));
    }
    tags.extend(beside(span));
    once(tags)
}

/// The tag that OAP has for an attribute.
fn known<'a>(attribute: &'a KeyValue, exchange: Exchange<'_>) -> Option<Tag<'a>> {
    let text = || any::text_of(attribute);
    let key = match (&*attribute.key, exchange) {
        ("http.request.method" | "http.method", _) => "http.method",
        ("http.response.status_code" | "http.status_code", _) => {
            // OAP reads it as a number.
            text().parse::<u16>().ok()?;
            "http.status_code"
        }
        ("url.full" | "http.url", _) => "url",
        ("db.system.name" | "db.system", Exchange::Cache(_)) => "cache.type",
        ("db.system.name" | "db.system", _) => "db.type",
        ("db.namespace" | "db.name", _) => "db.instance",
        ("db.operation.name" | "db.operation", Exchange::Cache(_)) => "cache.cmd",
        ("db.query.text" | "db.statement", _) => "db.statement",
        ("messaging.destination.name" | "messaging.destination", Exchange::Messaging(system)) => {
            match QUEUES.contains(&system) {
                true => "mq.queue",
                false => "mq.topic",
            }
        }
        ("rpc.grpc.status_code" | "rpc.response.status_code", _) => "rpc.status_code",
        _ => return None,
    };
    Some((key.into(), text()))
}

/// Whether a cache was read or written.
fn operation<'a>(span: &Span) -> Option<Tag<'a>> {
    let names = [
        "db.operation.name",
        "db.operation",
        "db.query.text",
        "db.statement",
    ];
    let command = names
        .iter()
        .find_map(|key| any::find_str(&span.attributes, key))?;
    let command = command.split_whitespace().next()?;
    let is_in = |commands: &[&str]| commands.iter().any(|it| it.eq_ignore_ascii_case(command));
    let operation = match (is_in(&READS), is_in(&WRITES)) {
        (true, _) => "read",
        (_, true) => "write",
        _ => return None,
    };
    Some(("cache.op".into(), operation.into()))
}

/// A key under which a value may be anything.
fn harmless(attribute: &KeyValue) -> Cow<'_, str> {
    let is_poison = match &*attribute.key {
        "x-le" => true,
        "transmission.latency" => any::text_of(attribute).parse::<i32>().is_err(),
        _ => false,
    };
    match is_poison {
        true => Cow::Owned(format!("otel.{}", attribute.key)),
        false => Cow::Borrowed(&attribute.key),
    }
}

/// What OTLP has beside the attributes.
fn beside(span: &Span) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    if let Some(status) = span
        .status
        .as_ref()
        .filter(|status| !status.message.is_empty())
    {
        tags.push((
            "otel.status_description".into(),
            Cow::Borrowed(&*status.message),
        ));
    }
    for (key, count) in [
        (
            "otel.dropped_attributes_count",
            span.dropped_attributes_count,
        ),
        ("otel.dropped_events_count", span.dropped_events_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ] {
        if count > 0 {
            tags.push((key.into(), count.to_string().into()));
        }
    }
    for (index, link) in span.links.iter().enumerate() {
        let target = format!("{}.{}", hex_text(&link.trace_id), hex_text(&link.span_id));
        tags.push((format!("otlp.link.{index}").into(), target.into()));
    }
    tags
}

/// The first tag of each key.
fn once(tags: Vec<Tag<'_>>) -> Vec<KeyStringValuePair> {
    let mut seen = Keys::default();
    let is_first: Vec<bool> = tags.iter().map(|(key, _)| seen.insert(key)).collect();
    let firsts = tags
        .into_iter()
        .zip(is_first)
        .filter(|(_, is_first)| *is_first);
    firsts
        .map(|((key, value), _)| KeyStringValuePair {
            key: key.into_owned(),
            value: value.into_owned(),
        })
        .collect()
}
