//! Segments of every kind of agent, and of none.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn cow(text: impl Strategy<Value = String>) -> impl Strategy<Value = Cow<'static, str>> {
    text.prop_map(Cow::Owned)
}

/// As Java, Python and Node, browsers and mini programs, Go and nobody write them.
fn id() -> impl Strategy<Value = Cow<'static, str>> {
    cow(prop_oneof![
        "[0-9a-f]{32}\\.[0-9]{1,3}\\.1[0-9]{16}",
        "[0-9a-f]{32}",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "[0-9A-F]{32}",
        Just("00000000000000000000000000000000".to_owned()),
        Just(String::new()),
        "\\PC{0,40}",
    ])
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    cow(prop_oneof![
        Just(String::new()),
        "[a-zA-Z/:{}.]{1,20}",
        "\\PC{1,8}",
        "[a-z]{120,140}",
    ])
}

/// Fields with numbers that no message has.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => Just(Vec::new()),
        1 => Just(vec![0xF8, 0x01, 0x07]),
        1 => Just(b"\xFA\x01\x03abc\xF8\x01\x00".to_vec()),
        1 => Just(b"\xA3\x06\x08\x01\xA4\x06".to_vec()),
    ]
}

fn millis() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_600_000_000_000..1_900_000_000_000i64,
        1 => any::<i64>(),
        1 => Just(0),
        1 => Just(-1),
        1 => Just(18_446_744_073_709),
        1 => Just(18_446_744_073_710),
    ]
}

fn number(known: std::ops::Range<i32>) -> impl Strategy<Value = i32> {
    prop_oneof![5 => known, 1 => any::<i32>()]
}

fn key() -> impl Strategy<Value = Cow<'static, str>> {
    const KNOWN: [&str; 20] = [
        "url",
        "http.method",
        "http.status_code",
        "status_code",
        "db.type",
        "cache.type",
        "db.instance",
        "db.statement",
        "mq.topic",
        "mq.queue",
        "event",
        "message",
        "sw8.peer",
        "sw8.tags",
        "sw8.derived",
        "http.request.method",
        "server.address",
        "db.system.name",
        "x-le",
        "",
    ];
    prop_oneof![
        3 => prop::sample::select(&KNOWN[..]).prop_map(Cow::Borrowed),
        1 => text(),
    ]
}

fn pair() -> impl Strategy<Value = Pair<'static>> {
    let value = prop_oneof![
        text(),
        cow("[0-9]{1,3}|-5|007|\\+3|Mysql|redis".prop_map(|text| text)),
    ];
    (key(), value, unknown()).prop_map(|(key, value, unknown)| Pair {
        key,
        value,
        unknown,
    })
}

fn pairs() -> impl Strategy<Value = Vec<Pair<'static>>> {
    prop_oneof![
        9 => vec(pair(), 0..6),
        1 => vec(pair(), 17..24),
    ]
}

fn log() -> impl Strategy<Value = Log<'static>> {
    (millis(), pairs(), unknown()).prop_map(|(time, data, unknown)| Log {
        time,
        data,
        unknown,
    })
}

fn reference() -> impl Strategy<Value = Reference<'static>> {
    let names = (text(), text(), text(), text());
    let ids = (number(0..2), id(), id(), any::<i32>());
    (ids, names, unknown()).prop_map(|(ids, names, unknown)| {
        let (ref_type, trace_id, segment_id, span) = ids;
        let (service, instance, endpoint, address_used) = names;
        Reference {
            ref_type,
            trace_id,
            segment_id,
            span,
            service,
            instance,
            endpoint,
            address_used,
            unknown,
        }
    })
}

fn span() -> impl Strategy<Value = Span<'static>> {
    let peer = prop_oneof![
        text(),
        cow("[a-z.]{1,9}:[0-9]{1,5}|\\[::1\\]:80|a:1,b:2|:80|h:99999"),
    ];
    let place = (prop_oneof![-1..4i32, any::<i32>()], millis(), millis());
    let kind = (number(0..3), number(0..7), number(0..200));
    let lists = (vec(reference(), 0..3), pairs(), vec(log(), 0..3));
    let rest = (any::<bool>(), any::<bool>(), unknown());
    (place, text(), peer, kind, lists, rest).prop_map(|it| {
        let ((parent, start, end), operation, peer, (span_type, layer, component), lists, rest) =
            it;
        let (refs, tags, logs) = lists;
        let (is_error, skip_analysis, unknown) = rest;
        Span {
            // Numbered by the segment.
            id: 0,
            parent,
            start,
            end,
            refs,
            operation,
            peer,
            span_type,
            layer,
            component,
            is_error,
            tags,
            logs,
            skip_analysis,
            unknown,
        }
    })
}

/// A segment with so many spans, the children first as agents write them.
pub(super) fn segment(spans: std::ops::Range<usize>) -> impl Strategy<Value = Segment<'static>> {
    let names = (id(), id(), text(), text());
    (names, vec(span(), spans), any::<bool>(), unknown()).prop_map(
        |((trace_id, segment_id, service, instance), mut spans, is_size_limited, unknown)| {
            let last = spans.len() as i32 - 1;
            for (span, index) in spans.iter_mut().zip(0..) {
                span.id = last - index;
            }
            Segment {
                trace_id,
                segment_id,
                spans,
                service,
                instance,
                is_size_limited,
                unknown,
            }
        },
    )
}
