//! Splicing equals decoding, editing and encoding.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::otlp::{InvalidUtf8, receive};
use crate::{Budget, sample};

fn chunk(signal: Signal, request: Vec<u8>) -> OtlpChunk {
    let budget = Budget::new(1 << 30);
    let received = receive(signal, Bytes::from(request), InvalidUtf8::Repair, &budget);
    let chunk = received.expect("samples are valid").chunks.remove(0);
    chunk.into_otlp().expect("it is OTLP")
}

/// The same edits on decoded attributes.
fn edit_decoded(attributes: &mut Vec<KeyValue>, edits: &[Edit]) {
    for edit in edits {
        let has = |attributes: &[KeyValue], key: &str| attributes.iter().any(|a| a.key == key);
        let decoded = |pair: &Pair| KeyValue::decode(&pair.encoded[..]).expect("a pair is valid");
        match edit {
            Edit::Insert(pair) if has(attributes, &pair.key) => {}
            Edit::Insert(pair) => attributes.push(decoded(pair)),
            Edit::Update(pair) | Edit::Upsert(pair) => {
                let found = has(attributes, &pair.key);
                for attribute in attributes.iter_mut().filter(|a| a.key == pair.key) {
                    *attribute = decoded(pair);
                }
                if !found && matches!(edit, Edit::Upsert(_)) {
                    attributes.push(decoded(pair));
                }
            }
            Edit::Rename { from, to } if from == to || !has(attributes, from) => {}
            Edit::Rename { from, to } => {
                attributes.retain(|a| a.key != *to);
                for attribute in attributes.iter_mut().filter(|a| a.key == *from) {
                    attribute.key.clone_from(to);
                }
            }
            Edit::Delete { key } => attributes.retain(|a| a.key != *key),
        }
    }
}

fn edit_request(signal: Signal, request: &[u8], edits: &[Edit]) -> Vec<u8> {
    match signal {
        Signal::Traces => {
            let mut request = ExportTraceServiceRequest::decode(request).expect("valid");
            for resource in &mut request.resource_spans {
                for span in resource
                    .scope_spans
                    .iter_mut()
                    .flat_map(|scope| &mut scope.spans)
                {
                    edit_decoded(&mut span.attributes, edits);
                }
            }
            request.encode_to_vec()
        }
        Signal::Logs => {
            let mut request = ExportLogsServiceRequest::decode(request).expect("valid");
            for resource in &mut request.resource_logs {
                for log in resource
                    .scope_logs
                    .iter_mut()
                    .flat_map(|scope| &mut scope.log_records)
                {
                    edit_decoded(&mut log.attributes, edits);
                }
            }
            request.encode_to_vec()
        }
        Signal::Metrics => {
            let mut request = ExportMetricsServiceRequest::decode(request).expect("valid");
            let scopes = request
                .resource_metrics
                .iter_mut()
                .flat_map(|r| &mut r.scope_metrics);
            for metric in scopes.flat_map(|scope| &mut scope.metrics) {
                if let Some(Data::Sum(sum)) = &mut metric.data {
                    for point in &mut sum.data_points {
                        edit_decoded(&mut point.attributes, edits);
                    }
                }
            }
            request.encode_to_vec()
        }
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

fn keys() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "http.request.method",
        "server.port",
        "exception.type",
        "exception.stacktrace",
        "http.route",
        "new.key",
        "other.key",
        "",
    ])
    .prop_map(str::to_owned)
}

fn pairs() -> impl Strategy<Value = Pair> {
    // Long values move the enclosing lengths over the limits of one and two bytes.
    let text = prop_oneof![Just(0usize), 1usize..30, 100usize..140, 16_000usize..17_000];
    prop_oneof![
        (keys(), text).prop_map(|(key, length)| Pair::string(&key, &"花".repeat(length / 3))),
        (keys(), any::<i64>()).prop_map(|(key, value)| Pair::int(&key, value)),
        (keys(), any::<bool>()).prop_map(|(key, value)| Pair::bool(&key, value)),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        pairs().prop_map(Edit::Insert),
        pairs().prop_map(Edit::Upsert),
        pairs().prop_map(Edit::Update),
        (keys(), keys()).prop_map(|(from, to)| Edit::Rename { from, to }),
        keys().prop_map(|key| Edit::Delete { key }),
    ];
    prop::collection::vec(edit, 0..4)
}

proptest! {
    #[test]
    fn editing_items_equals_decode_edit_encode(
        signal in prop::sample::select(Signal::OTLP.to_vec()),
        edits in edits(),
    ) {
        let request = sample::request(signal, 12);
        let whole = chunk(signal, request.clone());
        let edited = whole.edit_items(&edits);
        let expected = edit_request(signal, &request, &edits);
        prop_assert_eq!(edit_request(signal, edited.framed(), &[]), expected);
        prop_assert_eq!(chunk(signal, edited.framed().to_vec()).items(), whole.items());
    }

    #[test]
    fn editing_the_resource_equals_decode_edit_encode(edits in edits()) {
        let request = sample::logs(2);
        let edited = chunk(Signal::Logs, request.clone()).edit_resource(&edits);
        let mut decoded = ExportLogsServiceRequest::decode(&request[..]).expect("valid");
        let resource = decoded.resource_logs[0].resource.get_or_insert_default();
        edit_decoded(&mut resource.attributes, &edits);
        let edited = ExportLogsServiceRequest::decode(&edited.framed()[..]).expect("valid");
        prop_assert_eq!(edited, decoded);
    }
}

#[test]
fn a_resource_in_several_parts_is_edited_as_one() {
    let mut whole = sample::logs(1);
    let mut extra = Vec::new();
    put_field(&mut extra, 1, &Pair::string("late", "part").encoded);
    let body = chunk(Signal::Logs, whole.clone()).body().to_vec();
    let mut joined = body;
    put_field(&mut joined, 1, &extra);
    whole.clear();
    put_field(&mut whole, 1, &joined);
    let edited = chunk(Signal::Logs, whole).edit_resource(&[Edit::Delete { key: "late".into() }]);
    let decoded = ExportLogsServiceRequest::decode(&edited.framed()[..]).expect("valid");
    let attributes = &decoded.resource_logs[0]
        .resource
        .as_ref()
        .expect("a resource")
        .attributes;
    let original = ExportLogsServiceRequest::decode(&sample::logs(1)[..]).expect("valid");
    let expected = original.resource_logs[0]
        .resource
        .as_ref()
        .expect("a resource");
    assert_eq!(attributes, &expected.attributes);
}

#[test]
fn unknown_fields_survive_an_edit() {
    let mut pair = Pair::string("key", "value").encoded;
    put_field(&mut pair, 100, b"unknown");
    let any = AnyValue {
        value: Some(any_value::Value::StringValue("value".to_owned())),
    };
    let mut item = Vec::new();
    put_field(&mut item, 6, &pair);
    put_field(&mut item, 101, b"unknown too");
    let mut out = Vec::new();
    let rename = Edit::Rename {
        from: "key".to_owned(),
        to: "name".to_owned(),
    };
    edit_attributes(&item, 6, &[rename], &mut out);
    let mut expected_pair = Vec::new();
    put_field(&mut expected_pair, 1, b"name");
    put_field(&mut expected_pair, 2, &any.encode_to_vec());
    put_field(&mut expected_pair, 100, b"unknown");
    let mut expected = Vec::new();
    put_field(&mut expected, 6, &expected_pair);
    put_field(&mut expected, 101, b"unknown too");
    assert_eq!(out, expected);
}
