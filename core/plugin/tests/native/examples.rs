//! The examples for authors, built as they say and run on OTLP.

use std::process::Command;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plugin::{Kind, Library, Main};
use prost::Message;
use serde_json::{Value as Json, json};

use crate::rig::{Running, config_refusal, open, soon, start};
use crate::toolchain::{build_c, is_installed, not_run, source_of, succeed};

const KEY: &str = "deployment.environment.name";

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn resource(attributes: &[(&str, &str)]) -> Option<Resource> {
    let attributes = attributes.iter().map(|(key, value)| attribute(key, value));
    Some(Resource {
        attributes: attributes.collect(),
        ..Resource::default()
    })
}

fn spans(attributes: &[(&str, &str)]) -> ResourceSpans {
    let span = Span {
        name: "GET /orders".to_owned(),
        trace_id: vec![7; 16],
        span_id: vec![7; 8],
        attributes: vec![attribute(KEY, "of a span, which is another matter")],
        ..Span::default()
    };
    ResourceSpans {
        resource: resource(attributes),
        scope_spans: vec![ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

fn logs(attributes: &[(&str, &str)]) -> ResourceLogs {
    let record = LogRecord {
        time_unix_nano: 1,
        flags: 1,
        ..LogRecord::default()
    };
    ResourceLogs {
        resource: resource(attributes),
        scope_logs: vec![ScopeLogs {
            log_records: vec![record],
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    }
}

/// The one message that it makes of this.
fn changed<M: Message + Default>(running: &Running, kind: Kind, message: &M) -> M {
    let replaced = running.replaced(kind, &message.encode_to_vec());
    assert_eq!(replaced.len(), 1);
    M::decode(replaced[0].clone()).expect("it is one of OTLP")
}

/// What both examples promise, in C and in Go.
fn adds_an_attribute(library: &Library, config: &Json) {
    let running = start(library, config);
    let before = [("service.name", "shop")];
    let after = [("service.name", "shop"), (KEY, "production")];
    assert_eq!(
        changed(&running, Kind::Traces, &spans(&before)),
        spans(&after)
    );
    assert_eq!(changed(&running, Kind::Logs, &logs(&before)), logs(&after));
    let nothing = ResourceMetrics::default();
    let metrics = changed(&running, Kind::Metrics, &nothing);
    assert_eq!(metrics.resource, resource(&[(KEY, "production")]));

    let message = spans(&after).encode_to_vec();
    assert_eq!(running.main(Kind::Traces, &message), Main::Unchanged);

    for broken in [&b"\x0a\x05\x0a"[..], b"\xff", b"\x0b", &[0x80; 20]] {
        let Main::Refused(refused) = running.main(Kind::Logs, broken) else {
            panic!("it is no protobuf");
        };
        assert_eq!(refused.reason, "the message is no protobuf");
    }
    let changes = ["resources_changed +1"; 3];
    let expected = changes.into_iter().chain(["resources_kept +1"]);
    assert!(running.told.lines().into_iter().eq(expected));
    assert_eq!(running.instance.flush(soon()), Ok(Vec::new()));
}

#[track_caller]
fn refuses(library: &Library, config: &Json, expected: &str) {
    let error = config_refusal(library, config);
    assert!(error.contains(expected), "{error}");
}

#[test]
fn the_plugin_in_c_adds_an_attribute() {
    let Some(built) = build_c("examples/c/add_attribute.c", &[]) else {
        return;
    };
    let library = open(&built.path);
    adds_an_attribute(&library, &json!("deployment.environment.name=production"));
    for config in [
        json!("no value"),
        json!("=v"),
        json!(7),
        json!("=".repeat(99)),
        json!(["="]),
    ] {
        refuses(&library, &config, "it has to be `key=value`");
    }
}

#[test]
fn the_plugin_in_go_adds_an_attribute() {
    if !is_installed("go", "version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let build = |output: &str, flags: &str| {
        let path = folder.path().join(output);
        let mut go = Command::new("go");
        go.current_dir(source_of("examples/go"))
            .args(["build", "-buildmode=c-shared", flags, "-o"])
            .arg(&path)
            .arg(".")
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", "off");
        (path, go)
    };
    let (path, mut go) = build("plugin.so", "-ldflags=");
    let told = go.output().unwrap();
    if String::from_utf8_lossy(&told.stderr).contains("go.mod requires go") {
        not_run("this `go` is too old for the example");
        return;
    }
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let library = open(&path);
    assert!(library.description().resident);
    let config = json!({"key": KEY, "value": "production"});
    adds_an_attribute(&library, &config);
    refuses(
        &library,
        &json!({"key": "", "value": "v"}),
        "`key` is empty",
    );

    // Another version is another runtime of Go beside the first.
    let (path, mut go) = build("newer.so", "-ldflags=-s -w");
    succeed(&mut go);
    let newer = open(&path);
    assert_ne!(newer.sha256(), library.sha256());
    adds_an_attribute(&newer, &config);
    adds_an_attribute(&library, &config);
}
