use std::sync::Arc;

use bytes::Bytes;
use engine::config::read_text;
use engine::testkit;
use net::grpc::{Code, Status};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::v3::{
    BrowserErrorLog, InstancePingPkg, JvmMetricCollection, LogData, MeterData, MeterDataCollection,
    SegmentObject, SpanObject,
};
use pdata::skywalking::{Kind, NativeChunk};
use pdata::{Chunk, Origin};
use prost::Message;

use super::calls::Form;
use super::calls::Plan;
use super::*;

mod meters;
mod outcomes;

const NOW: u64 = 1_795_219_200_000;

fn exporter_of(yaml: &str) -> Skywalking {
    let (config, _) = read_text::<Config>(yaml).expect("it is valid");
    let context = testkit::context();
    Skywalking::new("skywalking", &config, &context).expect("it can be built")
}

fn plain() -> Skywalking {
    exporter_of("{endpoint: 'a:11800', tls: {insecure: true}}")
}

fn chunk(kind: Kind, message: &impl Message) -> Chunk {
    let message = Bytes::from(message.encode_to_vec());
    Chunk::Native(NativeChunk::from_checked(kind, message, NOW))
}

fn batch(chunks: Vec<Chunk>) -> Batch {
    let signal = chunks.first().map_or(Signal::Traces, Chunk::signal);
    Batch::new(signal, chunks, Arc::new(Origin::default()))
}

fn segment(id: &str) -> Chunk {
    let segment = SegmentObject {
        trace_segment_id: id.to_owned(),
        spans: vec![SpanObject::default(); 2],
        ..SegmentObject::default()
    };
    chunk(Kind::Segment, &segment)
}

fn log(service: &str, layer: &str) -> Chunk {
    let log = LogData {
        service: service.to_owned(),
        layer: layer.to_owned(),
        ..LogData::default()
    };
    chunk(Kind::Log, &log)
}

fn meters(instance: &str) -> Chunk {
    let meter = MeterData {
        service: "shop".to_owned(),
        service_instance: instance.to_owned(),
        timestamp: 1,
        metric: None,
    };
    let meter_data = vec![meter];
    chunk(Kind::Meters, &MeterDataCollection { meter_data })
}

fn ping(instance: &str, arrived_unix_ms: u64) -> Chunk {
    let ping = InstancePingPkg {
        service: "shop".to_owned(),
        service_instance: instance.to_owned(),
        layer: String::new(),
    };
    let message = Bytes::from(ping.encode_to_vec());
    Chunk::Native(NativeChunk::from_checked(
        Kind::InstancePing,
        message,
        arrived_unix_ms,
    ))
}

fn error_log(id: &str) -> Chunk {
    let log = BrowserErrorLog {
        unique_id: id.to_owned(),
        ..BrowserErrorLog::default()
    };
    chunk(Kind::BrowserErrorLog, &log)
}

/// Path and chunks of each call.
fn calls(plan: &Plan<'_>) -> Vec<(&'static str, Vec<usize>)> {
    let calls = plan.calls.iter();
    calls
        .map(|call| {
            (
                call.paths.now.rsplit('/').next().expect("a name"),
                call.chunks.clone(),
            )
        })
        .collect()
}

#[test]
fn a_stream_of_logs_has_one_service() {
    let exporter = plain();
    let batch = batch(vec![log("a", ""), log("b", ""), log("a", "")]);
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(
        calls(&plan),
        [("collect", vec![0, 2]), ("collect", vec![1])]
    );
}

#[test]
fn streams_are_short() {
    let exporter = plain();
    let batch = batch((0..501).map(|id| segment(&id.to_string())).collect());
    let plan = exporter.plan(&batch, NOW);
    let sizes: Vec<usize> = plan.calls.iter().map(|call| call.messages.len()).collect();
    assert_eq!(sizes, [500, 1]);
}

#[test]
fn meters_of_an_instance_always_go_to_the_same_backend() {
    let exporter = exporter_of("{endpoints: ['a:1', 'b:1', 'c:1'], tls: {insecure: true}}");
    let instances = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let home = |instance: &str| {
        let batch = batch(vec![meters(instance)]);
        let plan = exporter.plan(&batch, NOW);
        let target = exporter.targets.choose(plan.calls[0].home, &[]);
        target.expect("there are three").label.clone()
    };
    let first = instances.map(home);
    let again = instances.map(home);
    assert_eq!(first, again);
    assert!(
        first.iter().any(|label| *label != first[0]),
        "they are spread"
    );
    let failed = exporter.targets.choose(
        exporter.plan(&batch(vec![meters("1")]), NOW).calls[0].home,
        &[],
    );
    failed.expect("there are three").failed();
    let moved = instances.map(home);
    assert_ne!(moved[0], first[0], "a backend that fails is passed over");
    let stayed = (1..8).filter(|index| first[*index] != first[0]);
    assert!(stayed.into_iter().all(|index| moved[index] == first[index]));
}

#[test]
fn other_calls_take_turns() {
    let exporter = exporter_of("{endpoints: ['a:1', 'b:1'], tls: {insecure: true}}");
    let label = || {
        exporter
            .targets
            .choose(None, &[])
            .expect("two")
            .label
            .clone()
    };
    assert_eq!(
        [label(), label(), label()],
        ["http://a:1", "http://b:1", "http://a:1"]
    );
}

#[test]
fn a_copy_of_a_segment_is_settled_and_counted() {
    let exporter = plain();
    let twice = batch(vec![segment("x"), segment("x"), segment("y")]);
    let plan = exporter.plan(&twice, NOW);
    assert_eq!(calls(&plan), [("collect", vec![0, 2])]);
    assert_eq!(plan.dropped, [("deduplicated", 2)]);
    for call in plan.calls {
        call.claims.delivered();
    }
    let again = exporter.plan(&twice, NOW);
    assert_eq!(
        (again.calls.len(), again.dropped),
        (0, vec![("deduplicated", 6)])
    );
}

#[test]
fn a_segment_that_was_not_delivered_is_sent_again() {
    let exporter = plain();
    let batch = batch(vec![segment("x")]);
    drop(exporter.plan(&batch, NOW));
    assert_eq!(exporter.plan(&batch, NOW).calls.len(), 1);
}

#[test]
fn errors_of_a_page_that_is_left_count_once() {
    let exporter = plain();
    let batch = batch(vec![
        error_log("1"),
        error_log("2"),
        error_log("1"),
        error_log(""),
    ]);
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(calls(&plan), [("collectErrorLogs", vec![0, 1, 3])]);
    assert_eq!(plan.dropped, [("deduplicated", 1)]);
}

#[test]
fn only_the_last_heartbeat_of_an_instance_is_sent_unless_it_is_old() {
    let exporter = plain();
    let batch = batch(vec![
        ping("1", NOW - 1000),
        ping("2", NOW - 121_000),
        ping("1", NOW),
        ping("3", 0),
    ]);
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(
        calls(&plan),
        [("keepAlive", vec![2]), ("keepAlive", vec![3])]
    );
    assert_eq!(plan.dropped, [("replaced", 1), ("expired", 1)]);
}

#[test]
fn a_layer_that_the_backend_would_drop_is_left_out() {
    let exporter = plain();
    let batch = batch(vec![log("a", "IOS"), log("a", "GENERAL"), log("a", "")]);
    let plan = exporter.plan(&batch, NOW);
    let layers: Vec<String> = plan.calls[0]
        .messages
        .iter()
        .map(|log| LogData::decode(&**log).expect("it is valid").layer)
        .collect();
    assert_eq!(layers, ["", "GENERAL", ""]);
    let keeping =
        exporter_of("{endpoint: 'a:1', tls: {insecure: true}, stored_layers: [GENERAL, IOS]}");
    let plan = keeping.plan(&batch, NOW);
    let Chunk::Native(sent) = &batch.chunks()[0] else {
        panic!("it is native")
    };
    assert_eq!(&plan.calls[0].messages[0], sent.message());
}

#[test]
fn otlp_goes_out_resource_by_resource() {
    let exporter = plain();
    let mut chunks = testkit::batch(Signal::Metrics, 2).into_chunks();
    chunks.extend(testkit::batch(Signal::Metrics, 3).into_chunks());
    let plan = exporter.plan(&batch(chunks), NOW);
    assert_eq!(calls(&plan), [("Export", vec![0]), ("Export", vec![1])]);
}

/// Logs of one resource with these attributes.
fn otlp_logs(attributes: &[(&str, &str)]) -> Chunk {
    let attributes = attributes.iter().map(|(key, value)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).to_owned())),
        }),
        ..KeyValue::default()
    });
    let record = LogRecord {
        severity_number: 17,
        trace_id: vec![1; 16],
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                log_records: vec![record; 2],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let request = Bytes::from(request.encode_to_vec());
    let budget = pdata::Budget::new(usize::MAX);
    let received = receive(Signal::Logs, request, InvalidUtf8::Refuse, &budget);
    received.expect("it is valid").chunks.remove(0)
}

#[test]
fn logs_of_otlp_become_native_ones_with_what_otlp_would_lose() {
    let exporter = plain();
    let batch = batch(vec![
        otlp_logs(&[("service.name", "a"), ("service.layer", "IOS")]),
        otlp_logs(&[("service.name", "b")]),
        otlp_logs(&[("service.name", "a")]),
    ]);
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(
        calls(&plan),
        [("collect", vec![0, 2]), ("collect", vec![1])]
    );
    let first = LogData::decode(&*plan.calls[0].messages[0]).expect("it is valid");
    assert_eq!(
        (&*first.service, &*first.layer),
        ("a", ""),
        "the layer is not stored"
    );
    let tags = first.tags.expect("it has some").data;
    assert!(
        tags.iter()
            .any(|tag| tag.key == "level" && tag.value == "ERROR")
    );
    let trace = first.trace_context.expect("it has one");
    assert_eq!(trace.trace_id, "01".repeat(16));
}

#[test]
fn logs_that_the_backends_rules_wait_for_stay_otlp_and_can_be_searched() {
    let exporter = plain();
    let batch = batch(vec![
        otlp_logs(&[("service.name", "a"), ("miniprogram.platform", "wechat")]),
        otlp_logs(&[("service.name", "b"), ("os.name", "iOS")]),
        otlp_logs(&[
            ("service.name", "c"),
            ("os.name", "iOS"),
            ("service.layer", "GENERAL"),
        ]),
    ]);
    let plan = exporter.plan(&batch, NOW);
    let expected = [
        ("Export", vec![0]),
        ("Export", vec![1]),
        ("collect", vec![2]),
    ];
    assert_eq!(calls(&plan), expected);
    let sent = ExportLogsServiceRequest::decode(&*plan.calls[0].messages[0]);
    let sent = sent.expect("it is valid");
    let record = &sent.resource_logs[0].scope_logs[0].log_records[0];
    let keys: Vec<&str> = record.attributes.iter().map(|pair| &*pair.key).collect();
    assert_eq!(keys, ["level", "trace_id"]);
    let otlp = exporter_of("{endpoint: 'a:1', tls: {insecure: true}, logs: otlp}");
    let as_they_are = otlp.plan(&batch, NOW);
    let Chunk::Otlp(chunk) = &batch.chunks()[0] else {
        panic!("it is OTLP")
    };
    assert_eq!(&as_they_are.calls[0].messages[0], chunk.framed());
}

#[test]
fn unary_reports_are_called_one_by_one() {
    let exporter = plain();
    let jvm = JvmMetricCollection::default();
    let batch = batch(vec![chunk(Kind::Jvm, &jvm), chunk(Kind::Jvm, &jvm)]);
    assert_eq!(exporter.plan(&batch, NOW).calls.len(), 2);
}

#[test]
fn problems_say_which_key_and_what_would_be_right() {
    let cases = [
        ("{}", "`endpoint` is required"),
        ("{endpoint: 'oap'}", "the port is missing"),
        (
            "{endpoint: 'a:1', endpoints: ['b:1']}",
            "exclude each other",
        ),
        ("{endpoints: ['a:1', 'b c']}", "is no endpoint"),
        (
            "{endpoint: 'a:1', assemble: {placeholder: ''}}",
            "a name of `0` characters is no service's",
        ),
        (
            "{endpoint: 'a:1', query: {endpoint: 'b c'}}",
            "is no endpoint",
        ),
        (
            "{endpoint: 'a:1', authentication: \"a\\nb\"}",
            "cannot be sent",
        ),
    ];
    for (yaml, expected) in cases {
        let section = read_text::<Config>(yaml)
            .expect("the schema lets it pass")
            .1;
        let mut problems = section.problems();
        FACTORY.check(&section, &mut problems);
        let found = problems.into_diagnostics().to_string();
        assert!(
            found.contains(expected),
            "{yaml}: expected `{expected}` in\n{found}"
        );
    }
}
