//! Splicing records out equals decoding, removing and encoding, and keeps what OTLP does not know.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::edit::Pair;
use crate::otlp::{InvalidUtf8, receive};
use crate::{Budget, Signal, sample};

fn chunk(signal: Signal, body: &[u8]) -> OtlpChunk {
    let mut request = Vec::new();
    put_field(&mut request, 1, body);
    let budget = Budget::new(1 << 30);
    let received = receive(signal, Bytes::from(request), InvalidUtf8::Refuse, &budget);
    let chunk = received.expect("it is valid").chunks.remove(0);
    chunk.into_otlp().expect("it is OTLP")
}

/// Scopes of so many spans each, named by their number; spans count through all of them.
fn resource(spans: &[usize]) -> ResourceSpans {
    let mut number = 0;
    let scope_spans = spans.iter().enumerate().map(|(index, count)| {
        let spans = (0..*count).map(|_| {
            number += 1;
            Span {
                name: number.to_string(),
                ..Span::default()
            }
        });
        ScopeSpans {
            spans: spans.collect(),
            scope: Some(InstrumentationScope {
                name: index.to_string(),
                ..InstrumentationScope::default()
            }),
            schema_url: "s".repeat(index * 60),
        }
    });
    ResourceSpans {
        scope_spans: scope_spans.collect(),
        schema_url: "resource".to_owned(),
        ..ResourceSpans::default()
    }
}

fn tag() -> Vec<Edit> {
    vec![Edit::Upsert(Pair::string("tag", &"x".repeat(100)))]
}

/// By the number that is a span's name: every third is removed, every fifth of the others edited.
fn fate(name: &str) -> Fate {
    let number: u32 = name.parse().expect("names are numbers");
    match (number.is_multiple_of(3), number.is_multiple_of(5)) {
        (true, _) => Fate::Remove,
        (_, true) => Fate::Edit(tag()),
        _ => Fate::Keep,
    }
}

/// The same on decoded spans, in scopes of even number.
fn expected(mut resource: ResourceSpans) -> ResourceSpans {
    for scope in resource.scope_spans.iter_mut().step_by(2) {
        scope.spans.retain(|span| fate(&span.name) != Fate::Remove);
        for span in &mut scope.spans {
            if let Fate::Edit(_) = fate(&span.name) {
                let key_value = Pair::string("tag", &"x".repeat(100)).encoded;
                let tag = KeyValue::decode(&key_value[..]).expect("a pair is valid");
                span.attributes.push(tag);
            }
        }
    }
    resource
}

fn alter(chunk: &OtlpChunk) -> Altered {
    chunk.alter_records(
        |scope| {
            let number: u32 = scope.name().parse().expect("names are numbers");
            number.is_multiple_of(2).then_some(())
        },
        |(), span| fate(span.name()),
    )
}

proptest! {
    #[test]
    fn splicing_equals_decode_alter_encode(spans in prop::collection::vec(0usize..12, 1..6)) {
        let before = resource(&spans);
        prop_assume!(spans.iter().sum::<usize>() > 0);
        let whole = chunk(Signal::Traces, &before.encode_to_vec());
        let mut after = expected(before.clone());
        // A scope that was empty before stays.
        let mut counts = spans.iter();
        after.scope_spans.retain(|scope| {
            let before = counts.next().copied().unwrap_or_default();
            before == 0 || !scope.spans.is_empty()
        });
        let left: usize = after.scope_spans.iter().map(|scope| scope.spans.len()).sum();
        match alter(&whole) {
            Altered::Same => prop_assert_eq!(after, before),
            Altered::Emptied => prop_assert_eq!(left, 0),
            Altered::Changed(altered) => {
                prop_assert_eq!(altered.items(), left);
                let decoded = ResourceSpans::decode(altered.body()).expect("it is valid");
                prop_assert_eq!(decoded, after);
                prop_assert_eq!(chunk(Signal::Traces, altered.body()).items(), left);
            }
        }
    }

    #[test]
    fn unknown_fields_survive_beside_what_is_removed(unknown in "[a-z]{1,200}") {
        let field = |content: &[u8]| {
            let mut out = Vec::new();
            put_field(&mut out, 100, content);
            out
        };
        let span = |name: &str| {
            let span = Span { name: name.to_owned(), ..Span::default() };
            let mut content = span.encode_to_vec();
            content.extend(field(unknown.as_bytes()));
            let mut out = Vec::new();
            put_field(&mut out, RECORDS, &content);
            out
        };
        let scope = |spans: &[&str]| {
            let mut content = field(b"first");
            spans.iter().for_each(|name| content.extend(span(name)));
            content.extend(field(unknown.as_bytes()));
            let mut out = Vec::new();
            put_field(&mut out, SCOPES, &content);
            out
        };
        let around = field(b"around");
        let body = [&around[..], &scope(&["1", "3", "2"]), &around, &scope(&["3"])].concat();
        let expected = [&around[..], &scope(&["1", "2"]), &around].concat();
        let whole = chunk(Signal::Traces, &body);
        let altered = whole.alter_records(|_| Some(()), |(), span| fate(span.name()));
        let Altered::Changed(altered) = altered else {
            panic!("a span was removed: {altered:?}");
        };
        prop_assert_eq!(altered.body(), &expected[..]);
    }
}

#[test]
fn scopes_that_are_not_chosen_are_not_asked_about() {
    let whole = chunk(Signal::Traces, &resource(&[3, 4]).encode_to_vec());
    let altered = whole.alter_records(
        |_| None::<()>,
        |(), _| panic!("no scope was chosen, so no span is looked at"),
    );
    assert!(matches!(altered, Altered::Same));
}

#[test]
fn a_chunk_without_items_left_is_emptied() {
    let whole = chunk(Signal::Traces, &resource(&[3, 0, 2]).encode_to_vec());
    let altered = whole.alter_records(|_| Some(()), |(), _| Fate::Remove);
    assert!(matches!(altered, Altered::Emptied));
}

#[test]
fn a_metric_goes_with_all_its_points() {
    let mut request = sample::points(25);
    let whole = chunk(Signal::Metrics, {
        request.drain(..request.len() - body_len(&request));
        &request
    });
    let mut seen = 0;
    let altered = whole.alter_records(
        |_| Some(()),
        |(), _| {
            seen += 1;
            match seen {
                1 => Fate::Remove,
                2 => Fate::Edit(tag()),
                _ => Fate::Keep,
            }
        },
    );
    let Altered::Changed(altered) = altered else {
        panic!("a metric was removed: {altered:?}");
    };
    assert_eq!(altered.items(), 15);
    let decoded = ResourceMetrics::decode(altered.body()).expect("it is valid");
    assert_eq!(decoded.scope_metrics[0].metrics.len(), 2);
    let tagged = format!("{decoded:?}").matches("\"tag\"").count();
    assert_eq!(tagged, 10, "each point of the second metric");
}

/// Bytes of the only resource in a request.
fn body_len(request: &[u8]) -> usize {
    let field = Fields::of(request).next().expect("one resource");
    match field.value {
        Value::Len(body) => body.len(),
        other => panic!("a resource is a message: {other:?}"),
    }
}
