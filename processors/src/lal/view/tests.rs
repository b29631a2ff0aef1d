use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1;
use pdata::Decoded;
use pdata::skywalking::Kind;
use pdata::skywalking::v3::log_data_body::Content;
use pdata::skywalking::v3::{
    JsonLog, KeyStringValuePair, LogData, LogDataBody, LogTags, TraceContext as Trace,
};
use prost::Message;

use super::*;

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn string(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn chunk(resource: Vec<KeyValue>, record: LogRecord) -> OtlpChunk {
    OtlpChunk::from_decoded(Decoded::Logs(ResourceLogs {
        resource: Some(v1::Resource {
            attributes: resource,
            ..v1::Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            log_records: vec![record],
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    }))
}

fn with_record(chunk: &OtlpChunk, then: impl FnOnce(&Record<'_>)) {
    let resource = Resource::of(chunk);
    let scope = chunk.scopes().next().expect("one scope");
    let record = scope.records().next().expect("one record");
    then(&Record::of(&resource, record));
}

#[test]
fn a_record_is_what_oaps_receiver_makes_of_it() {
    let record = LogRecord {
        time_unix_nano: 1_795_219_200_123_456_789,
        trace_id: vec![7; 16],
        body: Some(AnyValue {
            value: Some(Value::StringValue("{}".to_owned())),
        }),
        attributes: vec![
            attribute("status", Value::IntValue(404)),
            attribute("ratio", Value::DoubleValue(1.0)),
            attribute("raw", Value::BytesValue(vec![1])),
            string("status", "another"),
        ],
        ..LogRecord::default()
    };
    let resource = vec![
        string("service.name", "shop"),
        string("service.instance.id", ""),
        string("service.instance", "one"),
        attribute("replicas", Value::IntValue(3)),
    ];
    with_record(&chunk(resource, record), |log| {
        let expected = Metadata {
            service: "shop",
            instance: "one",
            timestamp_ms: 1_795_219_200_123,
            ..Metadata::default()
        };
        assert_eq!(log.metadata(), expected);
        assert_eq!(log.body(), Body::Text("{}".into()));
        let tags = ["status", "ratio", "raw", "missing"].map(|key| log.tag(key));
        let expected = [Some("404"), Some("1.0"), Some(""), None];
        assert_eq!(tags, expected.map(|tag| tag.map(Cow::Borrowed)));
        assert_eq!(log.source_attribute("replicas").as_deref(), Some("3"));
        assert_eq!(log.source_attribute("status"), None);
        assert_eq!(log.tag_keys(), ["status", "ratio", "raw", "status"]);
    });
}

#[test]
fn edge_case_37_rules_do_not_read_the_trace_of_a_record() {
    let record = LogRecord {
        trace_id: vec![7; 16],
        span_id: vec![7; 8],
        ..LogRecord::default()
    };
    with_record(&chunk(Vec::new(), record), |log| {
        assert_eq!(log.metadata().trace, TraceContext::default());
    });
}

#[test]
fn what_is_missing_is_empty() {
    with_record(&chunk(Vec::new(), LogRecord::default()), |log| {
        assert_eq!(log.metadata(), Metadata::default());
        assert_eq!(log.body(), Body::Text("".into()));
    });
    let chunk = NativeChunk::from_checked(Kind::Log, Vec::new().into(), 0);
    let log = Native::of(&chunk);
    assert_eq!(log.metadata(), Metadata::default());
    assert_eq!(log.body(), Body::None);
}

#[test]
fn a_message_is_what_it_says() {
    let tag = |value: &str| KeyStringValuePair {
        key: "level".to_owned(),
        value: value.to_owned(),
    };
    let data = LogData {
        timestamp: 7,
        service: "shop".to_owned(),
        service_instance: "one".to_owned(),
        endpoint: "/orders".to_owned(),
        layer: "MESH".to_owned(),
        body: Some(LogDataBody {
            r#type: String::new(),
            content: Some(Content::Json(JsonLog {
                json: "{}".to_owned(),
            })),
        }),
        trace_context: Some(Trace {
            trace_id: "t".to_owned(),
            trace_segment_id: "s".to_owned(),
            span_id: 2,
        }),
        tags: Some(LogTags {
            data: vec![tag("ERROR"), tag("WARN")],
        }),
    };
    let chunk = NativeChunk::from_checked(Kind::Log, data.encode_to_vec().into(), 0);
    let log = Native::of(&chunk);
    let expected = Metadata {
        service: "shop",
        instance: "one",
        endpoint: "/orders",
        layer: "MESH",
        timestamp_ms: 7,
        trace: TraceContext {
            trace_id: "t",
            segment_id: "s",
            span_id: 2,
        },
    };
    assert_eq!(log.metadata(), expected);
    assert_eq!(log.body(), Body::Json("{}".into()));
    assert_eq!(log.tag("level").as_deref(), Some("ERROR"));
    assert_eq!(log.source_attribute("level"), None);
    assert_eq!(log.tag_keys(), ["level", "level"]);
}
