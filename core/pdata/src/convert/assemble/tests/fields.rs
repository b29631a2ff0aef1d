//! What each kind of exchange becomes.

use super::*;
use SpanKind::{Client, Consumer, Internal, Producer, Server, Unspecified};
use SpanLayer::{Cache, Database, Faas, Http, Mq, RpcFramework, Unknown};
use SpanType::{Entry, Exit, Local};

type Pairs = &'static [(&'static str, &'static str)];

/// A span's kind and attributes; its type, layer, component and peer; tags among others.
type Case = (
    SpanKind,
    Pairs,
    (SpanType, SpanLayer, i32, &'static str),
    Pairs,
);

const ADDRESS: (&str, &str) = ("server.address", "h");
const PORT: (&str, &str) = ("server.port", "1");

const CASES: [Case; 18] = [
    (
        Client,
        &[
            ("db.system.name", "mysql"),
            ("db.namespace", "d"),
            ("db.query.text", "q"),
            ADDRESS,
            PORT,
        ],
        (Exit, Database, 5, "h:1"),
        &[
            ("db.type", "mysql"),
            ("db.instance", "d"),
            ("db.statement", "q"),
        ],
    ),
    (
        Client,
        &[
            ("db.system", "redis"),
            ("db.statement", "get k"),
            ("net.peer.name", "r"),
            ("net.peer.port", "6379"),
        ],
        (Exit, Cache, 7, "r:6379"),
        &[
            ("cache.type", "redis"),
            ("cache.op", "read"),
            ("db.statement", "get k"),
        ],
    ),
    (
        Client,
        &[
            ("db.system.name", "redis"),
            ("db.operation.name", "SET"),
            ADDRESS,
        ],
        (Exit, Cache, 7, "h"),
        &[("cache.cmd", "SET"), ("cache.op", "write")],
    ),
    // A database in the process: nobody was called.
    (
        Client,
        &[("db.system.name", "sqlite")],
        (Local, Unknown, 31, ""),
        &[("db.type", "sqlite")],
    ),
    (
        Internal,
        &[("db.system.name", "mysql"), ADDRESS],
        (Local, Unknown, 5, ""),
        &[],
    ),
    (
        Producer,
        &[
            ("messaging.system", "kafka"),
            ("messaging.destination.name", "orders"),
        ],
        (Exit, Mq, 27, "kafka"),
        &[("mq.topic", "orders"), ("mq.broker", "kafka")],
    ),
    (
        Consumer,
        &[
            ("messaging.system", "rabbitmq"),
            ("messaging.destination.name", "q"),
            ADDRESS,
            PORT,
        ],
        (Entry, Mq, 51, "h:1"),
        &[("mq.queue", "q"), ("mq.broker", "h:1")],
    ),
    (
        Client,
        &[
            ("rpc.system", "grpc"),
            ("rpc.grpc.status_code", "14"),
            ("rpc.service", "s"),
        ],
        (Exit, RpcFramework, 23, "s"),
        &[("rpc.status_code", "14"), ("rpc.service", "s")],
    ),
    (
        Server,
        &[("rpc.system", "new")],
        (Entry, RpcFramework, 50, ""),
        &[],
    ),
    (
        Client,
        &[
            ("http.request.method", "GET"),
            ("http.response.status_code", "200"),
            ("url.full", "http://u@x.y:8/p?q"),
        ],
        (Exit, Http, 49, "x.y:8"),
        &[
            ("http.method", "GET"),
            ("http.status_code", "200"),
            ("url", "http://u@x.y:8/p?q"),
        ],
    ),
    (
        Client,
        &[
            ("http.method", "GET"),
            ("http.status_code", "none"),
            ("peer.service", "pay"),
        ],
        (Exit, Http, 49, "pay"),
        &[("http.status_code", "none")],
    ),
    (
        Server,
        &[
            ("url.path", "/"),
            ("client.address", "::1"),
            ("client.port", "5"),
            ADDRESS,
        ],
        (Entry, Http, 49, "[::1]:5"),
        &[("url.path", "/")],
    ),
    (
        Server,
        &[("faas.trigger", "http"), ("http.request.method", "GET")],
        (Entry, Faas, 0, ""),
        &[],
    ),
    (Server, &[], (Entry, Unknown, 0, ""), &[]),
    (Client, &[ADDRESS], (Exit, Unknown, 0, "h"), &[]),
    (
        Client,
        &[("url.full", "no url")],
        (Local, Unknown, 49, ""),
        &[],
    ),
    (Unspecified, &[ADDRESS], (Local, Unknown, 0, ""), &[]),
    (
        Internal,
        &[("code.function", "f")],
        (Local, Unknown, 0, ""),
        &[("code.function", "f")],
    ),
];

/// The only span of the only segment.
fn converted(span: Span) -> SpanObject {
    let found = alone(&[span]);
    assert_eq!(found.len(), 1);
    found[0].segment.spans[0].clone()
}

#[test]
fn every_kind_of_exchange_has_its_layer_component_and_peer() {
    for (kind, attributes, (span_type, layer, component, peer), tags) in CASES {
        let found = converted(with(span(1, 0, kind), attributes));
        let case = format!("{kind:?} {attributes:?}: {found:?}");
        assert_eq!(
            (found.span_type(), found.span_layer()),
            (span_type, layer),
            "{case}"
        );
        assert_eq!(
            (found.component_id, &*found.peer),
            (component, peer),
            "{case}"
        );
        for (key, expected) in tags {
            assert_eq!(value(&found, key), Some(*expected), "{case}");
        }
    }
}

#[test]
fn a_scope_tells_the_component() {
    let scopes = [
        ("io.opentelemetry.tomcat-10.0", 1),
        ("@opentelemetry/instrumentation-express", 4002),
        ("opentelemetry.instrumentation.fastapi", 7014),
        (
            "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
            5004,
        ),
        ("my own", 49),
    ];
    let resource = service("shop");
    let span = with(span(1, 0, Server), &[("http.request.method", "GET")]);
    for (name, component) in scopes {
        let scope = InstrumentationScope {
            name: name.to_owned(),
            ..InstrumentationScope::default()
        };
        let part = Part {
            resource: Some(&resource),
            spans: vec![ScopedSpan {
                scope: Some(&scope),
                span: &span,
            }],
        };
        let found = assemble(&[part], &mut Memory::default(), &Options::default());
        let entry = &found[0].segment.spans[0];
        assert_eq!(entry.component_id, component, "{name}");
        assert_eq!(value(entry, "otel.scope.name"), Some(name));
    }
}

#[test]
fn no_tag_poisons_a_segment() {
    let mut poison = with(
        span(1, 0, Client),
        &[
            ("db.system.name", "redis"),
            ("db.system", "other"),
            ("server.address", "h"),
            ("a", "1"),
            ("a", "2"),
            ("cache.type", "mine"),
            ("x-le", "no object"),
            ("transmission.latency", "soon"),
        ],
    );
    poison
        .attributes
        .push(attribute("count", Value::IntValue(3)));
    let found = converted(poison);
    assert_eq!(value(&found, "a"), Some("1"));
    assert_eq!(value(&found, "cache.type"), Some("redis"));
    assert_eq!(value(&found, "count"), Some("3"));
    assert_eq!(
        (value(&found, "x-le"), value(&found, "transmission.latency")),
        (None, None)
    );
    assert_eq!(value(&found, "otel.x-le"), Some("no object"));
    assert_eq!(value(&found, "otel.transmission.latency"), Some("soon"));
}

#[test]
fn an_error_its_events_and_what_was_dropped_are_told() {
    let mut failed = span(1, 0, Internal);
    failed.status = Some(Status {
        code: 2,
        message: "no room".to_owned(),
    });
    failed.dropped_events_count = 4;
    failed.end_time_unix_nano = 0;
    let event = |name: &str, attributes| Event {
        name: name.to_owned(),
        time_unix_nano: 7_999_999,
        attributes,
        ..Event::default()
    };
    failed.events = vec![
        event(
            "exception",
            vec![
                text("exception.type", "E"),
                text("exception.stacktrace", "at"),
            ],
        ),
        event("retry", vec![text("exception.type", "E")]),
    ];
    let found = converted(failed);
    assert!(found.is_error);
    assert_eq!((found.start_time, found.end_time), (1, 1));
    assert_eq!(value(&found, "otel.status_description"), Some("no room"));
    assert_eq!(value(&found, "otel.dropped_events_count"), Some("4"));
    let data = |log: usize| {
        let data = found.logs[log].data.iter();
        data.map(|pair| (&*pair.key, &*pair.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(found.logs[0].time, 7);
    assert_eq!(
        data(0),
        [("event", "error"), ("error.kind", "E"), ("stack", "at")]
    );
    assert_eq!(data(1), [("event", "retry"), ("exception.type", "E")]);
}

#[test]
fn names_are_as_long_as_oap_keeps_them_and_never_empty() {
    let mut long = span(1, 0, Server);
    long.name = "页".repeat(200);
    assert_eq!(converted(long).operation_name.chars().count(), 150);
    let mut nameless = span(1, 0, Server);
    nameless.name.clear();
    assert_eq!(converted(nameless).operation_name, "-");
}

#[test]
fn whoever_receives_a_message_never_names_a_caller_without_an_address() {
    let resource = service("shop");
    let mut memory = Memory::default();
    // The sender says nothing of messaging, so its span is no exit.
    let sent = [span(5, 0, Producer)];
    assemble(&[part(&resource, &sent)], &mut memory, &Options::default());
    let received = [with(span(9, 5, Consumer), &[("messaging.system", "nats")])];
    let found = assemble(
        &[part(&resource, &received)],
        &mut memory,
        &Options::default(),
    );
    let reference = &found[0].segment.spans[0].refs[0];
    assert_eq!(reference.network_address_used_at_peer, "nats");
}
