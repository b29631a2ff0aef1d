//! That a segment survives OTLP, whatever is in it, and that its spans say what OTLP's should.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as OtlpSpan};
use proptest::prelude::*;
use prost::Message as _;

use super::model::{Log, Reference, Segment, Span};
use super::*;
use crate::Signal;
use crate::convert::attributes::Pair;
use crate::skywalking::v3;

mod arbitrary;

/// The resource that a segment becomes.
fn forward(segment: &[u8], options: Options) -> ResourceSpans {
    let chunk = to_otlp(segment, options).unwrap().unwrap();
    let resource = ResourceSpans::decode(chunk.body()).unwrap();
    assert_eq!(spans(&resource).count(), chunk.items());
    resource
}

fn spans(resource: &ResourceSpans) -> impl Iterator<Item = &OtlpSpan> {
    resource.scope_spans.iter().flat_map(|scope| &scope.spans)
}

fn back(resource: &ResourceSpans) -> Vec<Restored> {
    restore(
        resource.resource.as_ref(),
        spans(resource),
        MissingFirst::Keep,
    )
}

const OPTIONS: [Options; 4] = [
    options(Semconv::None, Scheme::Hash),
    options(Semconv::Add, Scheme::Hash),
    options(Semconv::Replace, Scheme::Contrib),
    options(Semconv::Add, Scheme::Contrib),
];

const fn options(semconv: Semconv, ids: Scheme) -> Options {
    Options { semconv, ids }
}

fn survives(segment: &Segment<'_>) -> Result<(), TestCaseError> {
    let bytes = write::segment(segment);
    prop_assert_eq!(&canonical(&bytes).unwrap(), &bytes);
    for options in OPTIONS {
        let restored = back(&forward(&bytes, options));
        prop_assert_eq!(restored.len(), 1);
        prop_assert_eq!(restored[0].spans, segment.spans.len());
        let again = super::super::decode::read::<Segment<'_>>(&restored[0].segment);
        prop_assert_eq!(&again.unwrap(), segment, "{:?}", options);
        prop_assert_eq!(&restored[0].segment, &bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_segment_comes_back_as_it_was(segment in arbitrary::segment(1..6)) {
        survives(&segment)?;
    }

    #[test]
    fn canonical_bytes_are_those_of_the_generated_types(segment in arbitrary::segment(0..4)) {
        let bytes = write::segment(&segment);
        let known = v3::SegmentObject::decode(&bytes[..]).unwrap().encode_to_vec();
        prop_assert_eq!(canonical(&known).unwrap(), known);
    }

    #[test]
    fn spans_of_several_segments_find_their_own(
        segments in prop::collection::vec(arbitrary::segment(1..4), 1..4),
        // By turns, as a batch of a processor could have them.
        order in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let mut expected = Vec::new();
        let mut all = Vec::new();
        for (number, mut segment) in segments.into_iter().enumerate() {
            segment.segment_id = format!("{number}").into();
            segment.service = "shop".into();
            segment.instance = "one".into();
            let bytes = write::segment(&segment);
            all.push(forward(&bytes, Options::default()));
            expected.push(bytes);
        }
        let mut mixed: Vec<&OtlpSpan> = all.iter().flat_map(spans).collect();
        for index in order {
            let place = index.index(mixed.len());
            mixed.swap(0, place);
        }
        let restored = restore(all[0].resource.as_ref(), mixed, MissingFirst::Keep);
        let mut found: Vec<_> = restored.into_iter().map(|it| it.segment).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn damaged_bytes_are_refused_or_converted(
        segment in arbitrary::segment(1..3),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = write::segment(&segment);
        *at.get_mut(&mut bytes) = byte;
        let ours = to_otlp(&bytes, Options::default());
        if v3::SegmentObject::decode(&bytes[..]).is_ok() {
            prop_assert!(ours.is_ok());
        }
        if let Ok(Some(chunk)) = ours {
            prop_assert!(ResourceSpans::decode(chunk.body()).is_ok());
        }
    }
}

#[test]
fn three_hundred_spans_come_back() {
    let one = Span {
        operation: "GET:/orders".into(),
        start: 1_700_000_000_000,
        tags: vec![Pair::new("a", "1"), Pair::new("a", "2")],
        ..Span::default()
    };
    let spans = (0..300).map(|id| Span {
        id,
        parent: id - 1,
        ..one.clone()
    });
    let segment = Segment {
        trace_id: "t".into(),
        segment_id: "s".into(),
        spans: spans.rev().collect(),
        is_size_limited: true,
        ..Segment::default()
    };
    survives(&segment).unwrap();
}

/// One span of everything that OTLP has a place for.
fn order() -> v3::SegmentObject {
    let pair = |key: &str, value: &str| v3::KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    v3::SegmentObject {
        trace_id: "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001".to_owned(),
        trace_segment_id: "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002".to_owned(),
        service: "orders".to_owned(),
        service_instance: "orders-1".to_owned(),
        is_size_limited: false,
        spans: vec![v3::SpanObject {
            span_id: 0,
            parent_span_id: -1,
            start_time: 1_700_000_000_000,
            end_time: 1_700_000_000_025,
            refs: vec![v3::SegmentReference {
                ref_type: 1,
                trace_id: "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001".to_owned(),
                parent_trace_segment_id: "0f".to_owned(),
                parent_span_id: 2,
                parent_service: "shop".to_owned(),
                ..v3::SegmentReference::default()
            }],
            operation_name: "GET:/orders".to_owned(),
            peer: "10.0.0.7:8080".to_owned(),
            span_type: v3::SpanType::Exit.into(),
            span_layer: v3::SpanLayer::Http.into(),
            component_id: 2,
            is_error: true,
            tags: vec![pair("http.method", "GET"), pair("http.status_code", "500")],
            logs: vec![v3::Log {
                time: 1_700_000_000_020,
                data: vec![pair("event", "error"), pair("message", "no room")],
            }],
            skip_analysis: false,
        }],
    }
}

fn as_json(resource: ResourceSpans) -> String {
    let mut request = Vec::new();
    crate::wire::put_field(&mut request, 1, &resource.encode_to_vec());
    let mut text = Vec::new();
    crate::json::write(Signal::Traces, &request, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_segment_reads_as_otlp() {
    let text = as_json(forward(&order().encode_to_vec(), Options::default()));
    for part in [
        r#"{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}},{"key":"service.instance.id","value":{"stringValue":"orders-1"}}]}"#,
        r#""name":"GET:/orders","kind":3,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000025000000""#,
        r#"{"key":"http.method","value":{"stringValue":"GET"}},{"key":"http.status_code","value":{"stringValue":"500"}},{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.response.status_code","value":{"intValue":"500"}},{"key":"server.address","value":{"stringValue":"10.0.0.7"}},{"key":"server.port","value":{"intValue":"8080"}}"#,
        r#"{"key":"sw8.component_id","value":{"intValue":"2"}}"#,
        r#"{"key":"sw8.span_layer","value":{"stringValue":"Http"}},{"key":"sw8.peer","value":{"stringValue":"10.0.0.7:8080"}},{"key":"sw8.parent_ref","value":{"intValue":"0"}}"#,
        r#""events":[{"timeUnixNano":"1700000000020000000","name":"error","attributes":[{"key":"event","value":{"stringValue":"error"}},{"key":"message","value":{"stringValue":"no room"}}]}]"#,
        r#"{"key":"parent.service","value":{"stringValue":"shop"}},{"key":"refType","value":{"stringValue":"CrossThread"}}"#,
        r#""status":{"message":"no room","code":2}"#,
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
}

#[test]
fn a_child_in_another_segment_finds_its_parent_by_id_alone() {
    let parent = Segment {
        trace_id: "t".into(),
        segment_id: "0f".into(),
        spans: vec![Span {
            id: 2,
            ..Span::default()
        }],
        ..Segment::default()
    };
    let parent = forward(&write::segment(&parent), Options::default());
    let child = forward(&order().encode_to_vec(), Options::default());
    let id = &spans(&parent).next().unwrap().span_id;
    let child = spans(&child).next().unwrap();
    assert_eq!(&child.parent_span_id, id);
    assert_eq!(&child.links[0].span_id, id);
}

#[test]
fn semantic_names_can_take_the_place_of_tags() {
    let replaced = forward(
        &order().encode_to_vec(),
        options(Semconv::Replace, Scheme::Hash),
    );
    let attributes = spans(&replaced).flat_map(|span| &span.attributes);
    let keys: Vec<_> = attributes.map(|attribute| &*attribute.key).collect();
    assert!(keys.starts_with(&["http.request.method", "http.response.status_code"]));
    assert!(!keys.contains(&"http.method"));
}

#[test]
fn a_segment_without_spans_has_no_form_in_otlp() {
    let empty = v3::SegmentObject::default().encode_to_vec();
    assert!(to_otlp(&empty, Options::default()).unwrap().is_none());
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// The tags of the only span, after `change` was made to its attributes.
fn changed(
    tags: &[(&str, &str)],
    change: impl FnOnce(&mut Vec<KeyValue>),
) -> Vec<(String, String)> {
    let mut segment = order();
    segment.spans[0].tags = tags
        .iter()
        .map(|(key, value)| v3::KeyStringValuePair {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    let mut resource = forward(&segment.encode_to_vec(), Options::default());
    change(&mut resource.scope_spans[0].spans[0].attributes);
    let restored = back(&resource);
    let segment = v3::SegmentObject::decode(&restored[0].segment[..]).unwrap();
    let tags = segment.spans[0].tags.iter();
    tags.map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect()
}

#[test]
fn what_was_changed_in_between_is_changed_in_the_segment() {
    let twice = [("a", "1"), ("card", "4711"), ("a", "2"), ("", "nameless")];
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(changed(&twice, |_| {}), pairs(&twice));
    let removed = changed(&twice, |all| all.retain(|it| it.key != "card"));
    assert_eq!(removed, pairs(&[("a", "1"), ("a", "2"), ("", "nameless")]));
    let replaced = changed(&twice, |all| {
        all.retain(|it| it.key != "card");
        all.push(text("card", "***"));
    });
    assert_eq!(
        replaced,
        pairs(&[("a", "1"), ("card", "***"), ("a", "2"), ("", "nameless")])
    );
    let added = changed(&[("url", "/x")], |all| all.push(text("zone", "b")));
    assert_eq!(added, pairs(&[("url", "/x"), ("zone", "b")]));
}

#[test]
fn values_that_are_no_text_become_text() {
    let list = Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
        values: vec![text("", "a\"b").value.unwrap(), AnyValue { value: None }],
    });
    let values = [
        (Value::IntValue(-7), "-7"),
        (Value::BoolValue(true), "true"),
        (Value::DoubleValue(0.5), "0.5"),
        (Value::DoubleValue(f64::NAN), "NaN"),
        (Value::BytesValue(vec![1, 2, 3]), "AQID"),
        (list, r#"["a\"b",null]"#),
    ];
    for (value, expected) in values {
        let tags = changed(&[], |all| {
            all.push(KeyValue {
                value: Some(AnyValue { value: Some(value) }),
                ..text("added", "")
            });
        });
        assert_eq!(tags, [("added".to_owned(), expected.to_owned())]);
    }
}

/// Spans 1, 2 (under 1), 4 (under 2) and 5 (under the missing 3) of a segment that had more.
fn partial() -> ResourceSpans {
    let span = |(id, parent)| Span {
        id,
        parent,
        ..Span::default()
    };
    let segment = Segment {
        segment_id: "s".into(),
        spans: [(5, 3), (4, 2), (2, 1), (1, 0)].map(span).into(),
        ..Segment::default()
    };
    forward(&write::segment(&segment), Options::default())
}

#[test]
fn a_segment_without_its_first_span_waits_for_it() {
    let restored = back(&partial());
    assert!(!restored[0].has_first);
    assert_eq!(restored[0].spans, 4);
}

#[test]
fn a_segment_that_lost_its_first_span_is_numbered_anew() {
    let partial = partial();
    let restored = restore(None, spans(&partial), MissingFirst::Renumber);
    assert!(restored[0].has_first);
    let segment = v3::SegmentObject::decode(&restored[0].segment[..]).unwrap();
    let numbers = segment
        .spans
        .iter()
        .map(|span| (span.span_id, span.parent_span_id));
    assert!(numbers.eq([(3, 0), (2, 1), (1, 0), (0, -1)]));
    assert_eq!(segment.spans[3].tags[0].key, "sidecar.partial");
}

#[test]
fn a_span_that_comes_twice_counts_once() {
    let resource = forward(&order().encode_to_vec(), Options::default());
    let twice = spans(&resource).chain(spans(&resource));
    let restored = restore(resource.resource.as_ref(), twice, MissingFirst::Keep);
    assert_eq!(restored[0].segment, order().encode_to_vec());
}

#[test]
fn a_segment_comes_back_from_a_store_that_keeps_only_text() {
    let mut segment = order();
    segment.spans[0].skip_analysis = true;
    segment.is_size_limited = true;
    let bytes = segment.encode_to_vec();
    let mut resource = forward(&bytes, options(Semconv::None, Scheme::Hash));
    for attribute in &mut resource.scope_spans[0].spans[0].attributes {
        let value = attribute.value.as_ref().map(crate::convert::any::text);
        let value = value.unwrap_or_default().into_owned();
        *attribute = text(&attribute.key, &value);
    }
    assert_eq!(back(&resource)[0].segment, bytes);
}

#[test]
fn spans_that_were_never_in_a_segment_are_passed_over() {
    let native = OtlpSpan {
        attributes: vec![text("sw8.segment_id", "half of it")],
        ..OtlpSpan::default()
    };
    assert!(!is_restorable(&native));
    assert!(restore(None, [&native], MissingFirst::Keep).is_empty());
}
