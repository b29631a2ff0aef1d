use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::skywalking::v3::{KeyStringValuePair, LogData, LogTags, SegmentObject, SpanObject};

const KEY: &str = "miniprogram.platform";

fn pair(key: &str, value: &str) -> KeyStringValuePair {
    KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn tags() -> impl Strategy<Value = Vec<KeyStringValuePair>> {
    let key = prop::sample::select(vec![KEY, "url", "http.method", ""]);
    // Long values move the enclosing lengths over the limits of one and two bytes.
    let length = prop_oneof![0usize..20, 100usize..140, 16_300usize..16_400];
    let tag = (key, length).prop_map(|(key, length)| pair(key, &"v".repeat(length)));
    prop::collection::vec(tag, 0..4)
}

/// A span's bytes, with fields that nobody knows in the middle and at the end.
fn spans() -> impl Strategy<Value = Vec<u8>> {
    (tags(), -1i32..3, any::<bool>(), any::<i64>()).prop_map(|(tags, parent, is_known, time)| {
        let front = SpanObject {
            parent_span_id: parent,
            start_time: time,
            component_id: if is_known { 10001 } else { 0 },
            ..SpanObject::default()
        };
        let back = SpanObject {
            tags,
            skip_analysis: true,
            ..SpanObject::default()
        };
        let mut span = front.encode_to_vec();
        put_field(&mut span, 100, b"unknown");
        span.extend(back.encode_to_vec());
        put_field(&mut span, 101, b"unknown too");
        span
    })
}

fn segment(spans: &[Vec<u8>]) -> NativeChunk {
    let mut message = Vec::new();
    put_field(&mut message, 1, b"trace");
    for span in spans {
        put_field(&mut message, SEGMENT_SPANS, span);
        put_field(&mut message, 99, b"between");
    }
    put_field(&mut message, 4, b"shop");
    NativeChunk::from_checked(Kind::Segment, Bytes::from(message), 7)
}

/// The raw fields of a message but those for which `is_ours` says yes.
fn others(message: &[u8], is_ours: impl Fn(u32, &[u8]) -> bool) -> Vec<Vec<u8>> {
    let fields = Fields::of(message).filter(|field| match field.value {
        Value::Len(bytes) => !is_ours(field.number, bytes),
        _ => !is_ours(field.number, &[]),
    });
    fields.map(|field| field.raw.to_vec()).collect()
}

fn has_key(pair: &[u8]) -> bool {
    KeyStringValuePair::decode(pair).is_ok_and(|pair| pair.key == KEY)
}

proptest! {
    #[test]
    fn an_edit_of_spans_equals_decode_edit_encode_and_keeps_every_other_byte(
        spans in prop::collection::vec(spans(), 0..4),
        at in 0usize..4,
        component in prop::option::of(any::<i32>()),
        value in prop::option::of("[a-z]{0,200}"),
    ) {
        let whole = segment(&spans);
        let tag = value.as_deref().map(|value| (KEY, value));
        let edited = whole.edit_spans(|index, _| match index == at {
            true => SpanEdit { component, tag },
            false => SpanEdit::default(),
        });
        let mut expected = SegmentObject::decode(whole.message().clone()).expect("it is one");
        if let Some(span) = expected.spans.get_mut(at) {
            span.component_id = component.unwrap_or(span.component_id);
            if let Some(value) = &value {
                let mut there = span.tags.iter_mut().filter(|tag| tag.key == KEY).peekable();
                match there.peek() {
                    Some(_) => there.for_each(|tag| tag.value.clone_from(value)),
                    None => span.tags.push(pair(KEY, value)),
                }
            }
        }
        let decoded = SegmentObject::decode(edited.message().clone()).expect("it is one");
        prop_assert_eq!(decoded, expected);
        prop_assert_eq!(edited.items(), whole.items());
        prop_assert_eq!(edited.arrived_unix_ms(), 7);
        let is_span = |number, _: &[u8]| number == SEGMENT_SPANS;
        prop_assert_eq!(others(edited.message(), is_span), others(whole.message(), is_span));
        let is_ours = |number, bytes: &[u8]| {
            number == SPAN_COMPONENT || number == SPAN_TAGS && has_key(bytes)
        };
        let rest = |chunk: &NativeChunk| -> Vec<_> {
            let spans = Fields::of(chunk.message()).filter(|field| field.number == SEGMENT_SPANS);
            spans.map(|field| match field.value {
                Value::Len(span) => others(span, is_ours),
                _ => Vec::new(),
            }).collect()
        };
        prop_assert_eq!(rest(&edited), rest(&whole));
    }

    #[test]
    fn a_log_gets_its_tag_and_keeps_every_other_byte(
        first in tags(),
        second in prop::option::of(tags()),
        value in "[a-z]{0,200}",
    ) {
        let log = LogData {
            service: "shop".to_owned(),
            tags: Some(LogTags { data: first }),
            ..LogData::default()
        };
        let mut message = log.encode_to_vec();
        put_field(&mut message, 100, b"unknown");
        if let Some(data) = second {
            put_field(&mut message, LOG_TAGS, &LogTags { data }.encode_to_vec());
        }
        let whole = NativeChunk::from_checked(Kind::Log, message.into(), 0);
        let edited = whole.with_log_tag(KEY, &value);
        let mut expected = LogData::decode(whole.message().clone()).expect("it is one");
        let data = &mut expected.tags.get_or_insert_default().data;
        let mut there = data.iter_mut().filter(|tag| tag.key == KEY).peekable();
        match there.peek() {
            Some(_) => there.for_each(|tag| tag.value.clone_from(&value)),
            None => data.push(pair(KEY, &value)),
        }
        let decoded = LogData::decode(edited.message().clone()).expect("it is one");
        prop_assert_eq!(decoded, expected);
        let is_tags = |number, _: &[u8]| number == LOG_TAGS;
        prop_assert_eq!(others(edited.message(), is_tags), others(whole.message(), is_tags));
    }
}

#[test]
fn a_text_takes_the_place_of_the_one_that_was_there() {
    let mut message = Vec::new();
    put_field(&mut message, 5, b"mp-8f3a");
    put_field(&mut message, 100, b"unknown");
    let segment = NativeChunk::from_checked(Kind::Segment, message.into(), 0);
    let edited = segment.with_text(5, "-");
    assert_eq!(edited.text(5), "-");
    let is_instance = |number, _: &[u8]| number == 5;
    assert_eq!(
        others(edited.message(), is_instance),
        others(segment.message(), is_instance)
    );
}

#[test]
fn what_is_no_segment_and_no_log_stays_the_same_bytes() {
    let ping = NativeChunk::from_checked(Kind::InstancePing, Bytes::from_static(b"\x0a\x01x"), 0);
    let tag = Some((KEY, "wechat"));
    let edit = SpanEdit {
        component: Some(1),
        tag,
    };
    let edited = ping.edit_spans(|_, _| edit);
    assert_eq!(edited.message().as_ptr(), ping.message().as_ptr());
    let tagged = ping.with_log_tag(KEY, "wechat");
    assert_eq!(tagged.message().as_ptr(), ping.message().as_ptr());
}
