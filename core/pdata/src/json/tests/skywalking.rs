//! SkyWalking's messages in JSON, against `prost-reflect`'s form of protobuf's JSON.

use proptest::prelude::*;
use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::Value;

use super::*;
use crate::definitions;
use crate::schema::Message;
use crate::schema::skywalking::*;
use crate::skywalking::v3;

mod canonical;

use canonical::Generator;

fn descriptor(message: &Message) -> MessageDescriptor {
    static POOL: LazyLock<DescriptorPool> =
        LazyLock::new(|| DescriptorPool::from_file_descriptor_set(definitions::compile()).unwrap());
    let name = format!("skywalking.v3.{}", message.name);
    POOL.get_message_by_name(&name).unwrap()
}

fn text_of(message: &'static Message, wire: &[u8]) -> String {
    let mut out = Vec::new();
    write_message(message, wire, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn refusal(message: &'static Message, body: &str) -> String {
    read_message(message, body.as_bytes())
        .unwrap_err()
        .to_string()
}

#[track_caller]
fn segment(body: &str) -> v3::SegmentObject {
    let read = read_message(&SEGMENT_OBJECT, body.as_bytes());
    let read = read.unwrap_or_else(|error| panic!("refused: {error}"));
    v3::SegmentObject::decode(&read.wire[..]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_report_survives_both_ways(seed: u64) {
        let mut generator = Generator(seed);
        for message in REPORTS {
            let wire = generator.message(message);
            let text = text_of(message, &wire);
            let back = read_message(message, text.as_bytes()).unwrap();
            prop_assert_eq!(back.repaired, 0);
            prop_assert_eq!(back.wire, wire, "{} {}", message.name, text);
        }
    }

    #[test]
    fn every_report_is_written_and_read_as_the_oracle_does(seed: u64) {
        let mut generator = Generator(seed);
        for message in REPORTS {
            let wire = generator.message(message);
            let oracle = DynamicMessage::decode(descriptor(message), &wire[..]).unwrap();
            let ours: Value = serde_json::from_str(&text_of(message, &wire)).unwrap();
            let theirs = serde_json::to_value(&oracle).unwrap();
            prop_assert_eq!(&ours, &theirs, "{}", message.name);
            let read = read_message(message, theirs.to_string().as_bytes()).unwrap();
            let read = DynamicMessage::decode(descriptor(message), &read.wire[..]).unwrap();
            prop_assert!(read == oracle, "{} {}", message.name, theirs);
        }
    }

    #[test]
    fn damaged_text_is_refused_or_read_into_a_message(
        seed: u64,
        at: prop::sample::Index,
        byte: u8,
    ) {
        let wire = Generator(seed).message(&SEGMENT_OBJECT);
        let mut text = text_of(&SEGMENT_OBJECT, &wire).into_bytes();
        *at.get_mut(&mut text) = byte;
        if let Ok(read) = read_message(&SEGMENT_OBJECT, &text) {
            prop_assert!(v3::SegmentObject::decode(&read.wire[..]).is_ok());
        }
    }
}

#[test]
fn what_the_oracle_takes_is_taken() {
    let bodies = [
        r#"{"spans":[{"spanType":"Exit","spanLayer":3,"startTime":"17","endTime":18}]}"#,
        r#"{"spans":[{"spanType":"Exit","spanId":1e1,"refs":[{"refType":"CrossThread"}]}]}"#,
        r#"{"traceId":"t","spans":[{"spanLayer":99,"tags":[{"key":"k","value":""}]}]}"#,
        r#"{"traceId":null,"spans":null,"isSizeLimited":true}"#,
    ];
    for body in bodies {
        let mut theirs = serde_json::Deserializer::from_str(body);
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let descriptor = descriptor(&SEGMENT_OBJECT);
        let theirs = DynamicMessage::deserialize_with_options(descriptor, &mut theirs, &options);
        let ours = segment(body);
        assert_eq!(ours, theirs.unwrap().transcode_to().unwrap(), "{body}");
    }
}

#[test]
fn strings_and_booleans_are_taken_as_oap_takes_them() {
    let found = segment(
        r#"{"traceId":17,"isSizeLimited":"true",
            "spans":[{"isError":"false","tags":[{"key":"http.status_code","value":200},
                                                {"key":"hit","value":true}]}]}"#,
    );
    assert_eq!(found.trace_id, "17");
    assert!(found.is_size_limited);
    let values = found.spans[0].tags.iter().map(|tag| &*tag.value);
    assert!(values.eq(["200", "true"]));
}

#[test]
fn unknown_names_are_ignored_and_halves_of_surrogate_pairs_replaced() {
    let body = r#"{"service":"\ud83d!","future":{"deep":[1,{"er":null}]}}"#;
    let read = read_message(&INSTANCE_PING, body.as_bytes()).unwrap();
    assert_eq!(read.repaired, 1);
    let found = v3::InstancePingPkg::decode(&read.wire[..]).unwrap();
    assert_eq!(found.service, "\u{FFFD}!");
}

#[test]
fn an_unknown_name_of_an_enumeration_is_refused_and_an_unknown_number_kept() {
    let error = refusal(&SEGMENT_OBJECT, r#"{"spans":[{},{"spanLayer":"Quantum"}]}"#);
    assert_eq!(
        error,
        "spans[1].spanLayer: expected a 32-bit number or a name such as `FAAS`, found `\"Quantum\"` \
         at line 1 column 27"
    );
    let kept = segment(r#"{"spans":[{"spanLayer":77}]}"#);
    assert_eq!(kept.spans[0].span_layer, 77);
    let wire = kept.encode_to_vec();
    assert_eq!(
        text_of(&SEGMENT_OBJECT, &wire),
        r#"{"spans":[{"spanLayer":77}]}"#
    );
}

#[test]
fn names_that_begin_with_a_capital_are_themselves() {
    let text = r#"{"metrics":[{"gc":{"Gen0CollectCount":"5","HeapMemory":"9"},"thread":{"MaxWorkerThreads":3}}]}"#;
    let wire = read_message(&CLR_METRIC_COLLECTION, text.as_bytes())
        .unwrap()
        .wire;
    let found = v3::ClrMetricCollection::decode(&wire[..]).unwrap();
    assert_eq!(found.metrics[0].gc.unwrap().heap_memory, 9);
    assert_eq!(text_of(&CLR_METRIC_COLLECTION, &wire), text);
}

#[test]
fn the_negative_zero_is_kept() {
    let text = r#"{"singleValue":{"value":-0.0}}"#;
    let wire = read_message(&METER_DATA, text.as_bytes()).unwrap().wire;
    assert_eq!(text_of(&METER_DATA, &wire), text);
}

#[test]
fn of_entries_with_one_key_the_last_counts() {
    let body = r#"{"parameters":{"a":"1","b":"2","a":"3","c":null}}"#;
    let wire = read_message(&EVENT, body.as_bytes()).unwrap().wire;
    let found = v3::Event::decode(&wire[..]).unwrap();
    assert_eq!(found.parameters["a"], "3");
    assert_eq!(
        text_of(&EVENT, &wire),
        r#"{"parameters":{"a":"3","b":"2","c":""}}"#
    );
    assert_eq!(
        refusal(&EVENT, r#"{"parameters":{"a":{}}}"#),
        "parameters: expected a string, found an object at line 1 column 20"
    );
}

#[test]
fn a_list_becomes_messages_one_behind_the_other() {
    let body = r#" [{"service":"a"}, {}, {"service":"b","layer":"IOS"}] "#;
    let list = read_list(&INSTANCE_PING, body.as_bytes()).unwrap();
    let services = list.elements.into_iter().map(|element| {
        let element = v3::InstancePingPkg::decode(&list.wire[element]);
        element.unwrap().service
    });
    assert!(services.eq(["a", "", "b"]));
    assert!(
        read_list(&INSTANCE_PING, b"[]")
            .unwrap()
            .elements
            .is_empty()
    );
}

#[test]
fn the_error_of_a_list_names_the_element() {
    for (body, error) in [
        (
            r#"[{},{"spans":[{"spanId":"x"}]}]"#,
            "[1].spans[0].spanId: expected a signed 32-bit integer as number or string, found \
             `\"x\"` at line 1 column 25",
        ),
        (
            "[{},null]",
            "[1]: expected an object, found `null` at line 1 column 5",
        ),
        ("{}", "expected a list, found an object at line 1 column 1"),
        (
            "[{}",
            "expected `,` or `]`, found the end of the body at line 1 column 4",
        ),
        (
            "[{}]]",
            "expected the end of the body, found `]` at line 1 column 5",
        ),
    ] {
        let found = read_list(&SEGMENT_OBJECT, body.as_bytes()).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&SEGMENT_OBJECT, &deep).contains("nested values in an unknown field"));
}
