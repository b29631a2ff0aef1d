use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::edit::Pair;
use crate::otlp::{InvalidUtf8, receive};
use crate::view::AttributeValue;
use crate::{Budget, Signal, sample};

fn received(request: Vec<u8>) -> OtlpChunk {
    let budget = Budget::new(1 << 30);
    let received = receive(
        Signal::Logs,
        Bytes::from(request),
        InvalidUtf8::Refuse,
        &budget,
    );
    let chunk = received.expect("it is valid").chunks.remove(0);
    chunk.into_otlp().expect("it is OTLP")
}

/// Logs of two scopes of different heads.
fn chunk(logs: usize) -> OtlpChunk {
    let one = received(sample::logs(logs));
    let mut body = one.body().to_vec();
    let scope = one.scopes().next().expect("one scope");
    let mut second = Vec::new();
    put_field(&mut second, 1, &[0x0A, 1, b'2']);
    let records = Fields::of(scope.message).filter(|field| field.number == RECORDS);
    records.for_each(|field| second.extend_from_slice(field.raw));
    put_field(&mut body, SCOPES, &second);
    OtlpChunk::frame(Signal::Logs, 2 * logs as u32, &body)
}

fn records(chunk: &OtlpChunk) -> Vec<(String, Vec<u8>)> {
    let scopes = chunk.scopes();
    let records = scopes.flat_map(|scope| scope.records().map(move |record| (scope, record)));
    records
        .map(|(scope, record)| (scope.name().to_owned(), record.message.to_vec()))
        .collect()
}

proptest! {
    #[test]
    fn every_record_is_in_its_group_once_and_in_order(
        groups in prop::collection::vec(0..3usize, 2..40),
    ) {
        let whole = chunk(groups.len() / 2);
        let all = records(&whole);
        let mut regrouping = Regrouping::of(&whole);
        for name in ["1", "2"] {
            let edit = Edit::Upsert(Pair::string("service.name", name));
            prop_assert!(regrouping.group(vec![edit]).is_some());
        }
        let mut of = groups.iter();
        let mut expected = vec![Vec::new(); 3];
        let scopes = whole.scopes();
        for (scope, record) in scopes.flat_map(|it| it.records().map(move |record| (it, record))) {
            let group = *of.next().expect("as many as records");
            let message = (group == 1).then(|| record.message.to_vec());
            prop_assert!(regrouping.place(group, scope, record, message).is_some());
            expected[group].push((scope.name().to_owned(), record.message.to_vec()));
        }
        prop_assert_eq!(expected.iter().flatten().count(), all.len());
        let chunks = regrouping.finish();
        let mut chunks = chunks.iter();
        for (group, expected) in expected.iter().enumerate() {
            if expected.is_empty() {
                continue;
            }
            let chunk = chunks.next().expect("a chunk for each group");
            prop_assert_eq!(&records(chunk), expected);
            let service = ["shop", "1", "2"][group];
            let found = chunk.resource_attribute("service.name");
            prop_assert_eq!(found, Some(AttributeValue::String(service)));
            let again = received(chunk.framed().to_vec());
            prop_assert_eq!(again.items(), chunk.items());
        }
        prop_assert!(chunks.next().is_none());
    }
}

#[test]
fn a_small_request_cannot_grow_into_a_large_one() {
    let large = "x".repeat(1 << 20);
    let edit = [Edit::Upsert(Pair::string("large", &large))];
    let whole = chunk(20).edit_resource(&edit);
    let mut regrouping = Regrouping::of(&whole);
    let groups = (0..20).map_while(|_| regrouping.group(Vec::new()));
    assert_eq!(groups.count(), 7, "each repeats more than a mebibyte");
    let scope = whole.scopes().next().expect("two scopes");
    let record = scope.records().next().expect("20 records");
    let placed = regrouping.place(UNCHANGED, scope, record, None);
    assert!(placed.is_some(), "what stays needs no room");
}
