//! That a `LogData` survives OTLP, and what a record of another origin becomes.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::model::{Body, Content, Form, Log, Tags, Trace, write};
use super::*;
use crate::convert::attributes::Pair;
use crate::convert::decode;
use crate::convert::ids::Scheme;
use crate::convert::places::{Place, Places};
use crate::skywalking::v3;
use crate::skywalking::v3::log_data_body::Content as Known;

/// Knows one span.
struct OneSpan;

impl Places for OneSpan {
    fn find(&self, trace_id: &[u8], span_id: &[u8]) -> Option<Place> {
        (trace_id == [7; 16] && span_id == [9; 8]).then(|| Place {
            segment_id: "segment".into(),
            span_id: 4,
            service: "shop".into(),
            instance: "one".into(),
            endpoint: "/orders".into(),
            peer: "".into(),
        })
    }

    fn record(&mut self, _: &[u8], _: &[u8], _: Place) {
        unreachable!("logs have no place of their own");
    }
}

fn through_otlp(log: &[u8]) -> ResourceLogs {
    let chunk = to_otlp(log, Scheme::Hash).unwrap();
    assert_eq!(chunk.items(), 1);
    ResourceLogs::decode(chunk.body()).unwrap()
}

fn native(logs: &ResourceLogs) -> Vec<v3::LogData> {
    let options = Options {
        resource_tags: vec!["zone".to_owned()],
        ..Options::default()
    };
    let logs = from_otlp(logs, &options, &OneSpan);
    let logs = logs
        .iter()
        .map(|log| v3::LogData::decode(&log[..]).unwrap());
    logs.collect()
}

fn some(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: some(Value::StringValue(value.to_owned())),
        ..KeyValue::default()
    }
}

fn with_records(log_records: Vec<LogRecord>) -> ResourceLogs {
    ResourceLogs {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", "shop"),
                attribute("service.instance.id", "one"),
                attribute("service.layer", "IOS"),
                attribute("zone", "b"),
            ],
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            scope: Some(InstrumentationScope {
                name: "logger".to_owned(),
                ..InstrumentationScope::default()
            }),
            log_records,
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    }
}

fn tags(log: &v3::LogData) -> Vec<(&str, &str)> {
    let tags = log.tags.iter().flat_map(|tags| &tags.data);
    tags.map(|tag| (&*tag.key, &*tag.value)).collect()
}

#[test]
fn a_record_says_as_a_log_what_it_said() {
    let logs = native(&with_records(vec![LogRecord {
        time_unix_nano: 1_700_000_000_123_456_789,
        severity_number: 18,
        body: some(Value::StringValue("no room".to_owned())),
        attributes: vec![
            attribute("exception.type", "js"),
            KeyValue {
                value: some(Value::IntValue(503)),
                ..attribute("http.response.status_code", "")
            },
            attribute("http.route", "/orders"),
        ],
        trace_id: [7; 16].to_vec(),
        span_id: [9; 8].to_vec(),
        ..LogRecord::default()
    }]));
    let [log] = &logs[..] else {
        panic!("one log is due: {logs:?}");
    };
    assert_eq!(log.timestamp, 1_700_000_000_123);
    assert_eq!(
        [&*log.service, &*log.service_instance, &*log.layer],
        ["shop", "one", "IOS"]
    );
    assert_eq!(log.endpoint, "/orders");
    let body = log.body.as_ref().unwrap();
    assert_eq!(body.r#type, "text");
    assert_eq!(
        body.content,
        Some(Known::Text(v3::TextLog {
            text: "no room".to_owned()
        }))
    );
    let trace = log.trace_context.as_ref().unwrap();
    assert_eq!(trace.trace_id, "07".repeat(16));
    assert_eq!((&*trace.trace_segment_id, trace.span_id), ("segment", 4));
    assert_eq!(
        tags(log),
        [
            ("exception.type", "js"),
            ("http.response.status_code", "503"),
            ("http.route", "/orders"),
            ("level", "ERROR"),
            ("http.status_code", "503"),
            ("otel.scope.name", "logger"),
            ("zone", "b"),
        ]
    );
}

#[test]
fn a_body_of_parts_is_json_and_what_is_missing_stays_missing() {
    let parts = KeyValueList {
        values: vec![attribute("code", "e\"1")],
    };
    let logs = native(&with_records(vec![
        LogRecord {
            observed_time_unix_nano: 5_000_000,
            severity_text: "Warning".to_owned(),
            severity_number: 17,
            body: some(Value::KvlistValue(parts)),
            trace_id: [1; 16].to_vec(),
            ..LogRecord::default()
        },
        LogRecord {
            attributes: vec![attribute("level", "mine")],
            severity_number: 99,
            ..LogRecord::default()
        },
    ]));
    let json = v3::JsonLog {
        json: r#"{"code":"e\"1"}"#.to_owned(),
    };
    assert_eq!(logs[0].timestamp, 5);
    assert_eq!(
        logs[0].body.as_ref().unwrap().content,
        Some(Known::Json(json))
    );
    assert_eq!(tags(&logs[0])[0], ("level", "Warning"));
    let trace = logs[0].trace_context.as_ref().unwrap();
    assert_eq!((&*trace.trace_segment_id, trace.span_id), ("", 0));
    assert_eq!((&logs[1].body, &logs[1].trace_context), (&None, &None));
    assert_eq!(tags(&logs[1])[0], ("level", "mine"));
}

#[test]
fn a_record_that_names_its_segment_is_believed() {
    let logs = native(&with_records(vec![LogRecord {
        attributes: vec![
            attribute("sw8.trace_id", "a.1.2"),
            attribute("sw8.segment_id", "a.1.3"),
            attribute("sw8.span_id", "5"),
        ],
        trace_id: [7; 16].to_vec(),
        span_id: [9; 8].to_vec(),
        ..LogRecord::default()
    }]));
    let trace = logs[0].trace_context.as_ref().unwrap();
    let found = (&*trace.trace_id, &*trace.trace_segment_id, trace.span_id);
    assert_eq!(found, ("a.1.2", "a.1.3", 5));
}

#[test]
fn a_log_reads_as_otlp() {
    let log = v3::LogData {
        timestamp: 1_700_000_000_000,
        service: "shop".to_owned(),
        layer: "GENERAL".to_owned(),
        endpoint: "/orders".to_owned(),
        body: Some(v3::LogDataBody {
            r#type: "text".to_owned(),
            content: Some(Known::Text(v3::TextLog {
                text: "no room".to_owned(),
            })),
        }),
        trace_context: Some(v3::TraceContext {
            trace_id: "07".repeat(16),
            ..v3::TraceContext::default()
        }),
        tags: Some(v3::LogTags {
            data: vec![v3::KeyStringValuePair {
                key: "level".to_owned(),
                value: "Error".to_owned(),
            }],
        }),
        ..v3::LogData::default()
    };
    let logs = through_otlp(&log.encode_to_vec());
    let found = &logs.resource.as_ref().unwrap().attributes;
    let expected = [
        attribute("service.name", "shop"),
        attribute("service.layer", "GENERAL"),
    ];
    assert_eq!(*found, expected);
    let record = &logs.scope_logs[0].log_records[0];
    assert_eq!(record.severity_number, 17);
    assert_eq!(record.severity_text, "Error");
    assert_eq!(record.body, some(Value::StringValue("no room".to_owned())));
    assert_eq!(record.trace_id, [7; 16]);
    assert_eq!(record.attributes[0], attribute("level", "Error"));
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![Just(String::new()), "[a-zA-Z]{1,9}", "\\PC{1,9}"].prop_map(Cow::Owned)
}

fn unknown() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => Just(Vec::new()), 1 => Just(b"\xFA\x01\x03abc\xF8\x01\x00".to_vec())]
}

fn pair() -> impl Strategy<Value = Pair<'static>> {
    let key = prop_oneof![
        Just(Cow::Borrowed("level")),
        Just("sw8.log.content".into()),
        text()
    ];
    (key, text(), unknown()).prop_map(|(key, value, unknown)| Pair {
        key,
        value,
        unknown,
    })
}

fn body() -> impl Strategy<Value = Body<'static>> {
    let form = prop_oneof![Just(Form::Text), Just(Form::Json), Just(Form::Yaml)];
    let content = (text(), unknown()).prop_map(|(text, unknown)| Content { text, unknown });
    let content = prop::option::of((form, content));
    (text(), content, unknown()).prop_map(|(kind, content, unknown)| Body {
        kind,
        content,
        unknown,
    })
}

fn trace() -> impl Strategy<Value = Trace<'static>> {
    let span_id = prop_oneof![Just(0), any::<i32>()];
    (text(), text(), span_id, unknown()).prop_map(|(trace_id, segment_id, span_id, unknown)| {
        Trace {
            trace_id,
            segment_id,
            span_id,
            unknown,
        }
    })
}

fn log() -> impl Strategy<Value = Log<'static>> {
    let tags = (vec(pair(), 0..5), unknown()).prop_map(|(data, unknown)| Tags { data, unknown });
    let parts = (
        prop::option::of(body()),
        prop::option::of(trace()),
        prop::option::of(tags),
    );
    let names = (text(), text(), text(), text());
    let timestamp = prop_oneof![0..1_900_000_000_000i64, any::<i64>()];
    (timestamp, names, parts, unknown()).prop_map(|(timestamp, names, parts, unknown)| {
        let (service, instance, endpoint, layer) = names;
        let (body, trace, tags) = parts;
        Log {
            timestamp,
            service,
            instance,
            endpoint,
            body,
            trace,
            tags,
            layer,
            unknown,
        }
    })
}

proptest! {
    #[test]
    fn a_log_comes_back_as_it_was(log in log()) {
        let bytes = write(&log);
        prop_assert_eq!(&decode::read::<Log<'_>>(&bytes).unwrap(), &log);
        let back = from_otlp(&through_otlp(&bytes), &Options::default(), &OneSpan);
        prop_assert_eq!(back, [bytes]);
    }

    #[test]
    fn damaged_bytes_are_refused_or_converted(
        log in log(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = write(&log);
        bytes.push(0);
        *at.get_mut(&mut bytes) = byte;
        if let Ok(chunk) = to_otlp(&bytes, Scheme::Hash) {
            prop_assert!(ResourceLogs::decode(chunk.body()).is_ok());
        } else {
            prop_assert!(v3::LogData::decode(&bytes[..]).is_err());
        }
    }
}
