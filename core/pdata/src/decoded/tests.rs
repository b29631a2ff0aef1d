//! Decoding, changing and encoding is what it would be on whole requests.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;

use super::*;
use crate::otlp::{InvalidUtf8, receive};
use crate::{Budget, Edit, sample};

fn chunk(signal: Signal, items: usize) -> OtlpChunk {
    received(signal, sample::request(signal, items))
}

fn received(signal: Signal, request: Vec<u8>) -> OtlpChunk {
    let budget = Budget::new(1 << 30);
    let received = receive(signal, Bytes::from(request), InvalidUtf8::Refuse, &budget);
    let chunk = received.expect("it is valid").chunks.remove(0);
    chunk.into_otlp().expect("it is OTLP")
}

fn spans(chunk: &mut OtlpChunk) -> &mut Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    match chunk.decoded_mut() {
        Decoded::Traces(resource) => &mut resource.scope_spans[0].spans,
        _ => unreachable!("the chunk carries traces"),
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_without_a_change(
        signal in prop::sample::select(Signal::OTLP.to_vec()),
        items in 1..20_usize,
    ) {
        let mut changed = chunk(signal, items);
        let before = changed.clone();
        prop_assert_eq!(changed.decoded_mut().items(), items);
        prop_assert_eq!(changed.items(), items);
        prop_assert_eq!(changed.framed(), before.framed());
        prop_assert_eq!(changed.body(), before.body());
    }

    #[test]
    fn a_change_equals_decode_change_encode(keep in 1..10_usize, name in "\\PC{0,200}") {
        let request = sample::spans(10);
        let mut chunk = received(Signal::Traces, request.clone());
        let mut expected = ExportTraceServiceRequest::decode(&request[..]).expect("a sample");
        for spans in [spans(&mut chunk), &mut expected.resource_spans[0].scope_spans[0].spans] {
            spans.truncate(keep);
            spans[0].name.clone_from(&name);
        }
        prop_assert_eq!(chunk.items(), keep);
        prop_assert_eq!(&chunk.framed()[..], &expected.encode_to_vec()[..]);
    }
}

#[test]
fn a_clone_keeps_what_it_had() {
    let mut changed = chunk(Signal::Traces, 2);
    let first = changed.clone();
    spans(&mut changed).pop();
    let second = changed.clone();
    spans(&mut changed).clear();
    let items = [&first, &second, &changed].map(OtlpChunk::items);
    assert_eq!(items, [2, 1, 0]);
}

#[test]
fn edits_of_wire_bytes_see_what_was_changed_before() {
    let mut chunk = chunk(Signal::Traces, 1);
    spans(&mut chunk)[0].attributes.clear();
    let edit = Edit::Upsert(crate::edit::Pair::string("key", "value"));
    let mut edited = chunk.edit_items(&[edit]);
    assert_eq!(spans(&mut edited)[0].attributes.len(), 1);
}
