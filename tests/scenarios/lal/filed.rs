//! Logs of mini programs and of iOS apps come out under the layers that SkyWalking has for them.

use std::collections::BTreeMap;
use std::path::Path;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::skywalking::v3::LogData;
use pdata::{Signal, sample};
use prost::Message;

use super::{FILE, config, shipped};
use crate::harness::oap::Oap;
use crate::harness::oap::calls::Calls;
use crate::harness::{Backend, Collector, Export, Records, Sender};
use crate::mobile::recorded;

/// What SkyWalking is to know of a log.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Filed {
    layer: String,
    service: String,
    instance: String,
    endpoint: String,
    unix_ms: i64,
    tags: BTreeMap<String, String>,
}

impl Filed {
    /// As an OAP got it.
    fn of(log: &LogData) -> Filed {
        let tags = log.tags.as_ref().map(|tags| &tags.data);
        let pairs: Vec<_> = tags.into_iter().flatten().collect();
        let mut tags: BTreeMap<_, _> = pairs
            .iter()
            .map(|tag| (tag.key.clone(), tag.value.clone()))
            .collect();
        assert_eq!(tags.len(), pairs.len(), "a stack is stored once: {pairs:?}");
        // The exporter's own.
        tags.remove("otel.scope.name");
        Filed {
            layer: log.layer.clone(),
            service: log.service.clone(),
            instance: log.service_instance.clone(),
            endpoint: log.endpoint.clone(),
            unix_ms: log.timestamp,
            tags,
        }
    }

    /// What the rule is to make of a recorded error.
    fn expected(resource: &BTreeMap<String, String>, record: &LogRecord) -> Filed {
        let mut tags = texts(&record.attributes);
        let platform = resource["miniprogram.platform"].clone();
        let layer = match &*platform {
            "wechat" => "WECHAT_MINI_PROGRAM",
            _ => "ALIPAY_MINI_PROGRAM",
        };
        let endpoint = tags["miniprogram.page.path"].clone();
        for (key, from) in [
            ("http.method", "http.request.method"),
            ("http.status_code", "http.response.status_code"),
        ] {
            if let Some(value) = tags.get(from).cloned() {
                tags.insert(key.to_owned(), value);
            }
        }
        tags.insert("platform".to_owned(), platform);
        tags.insert("level".to_owned(), "ERROR".to_owned());
        Filed {
            layer: layer.to_owned(),
            service: resource["service.name"].clone(),
            instance: resource["service.instance.id"].clone(),
            endpoint,
            unix_ms: (record.time_unix_nano / 1_000_000) as i64,
            tags,
        }
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let texts = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        let text = match value {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(value)) => value.to_string(),
            None => String::new(),
            other => panic!("{}: {other:?}", attribute.key),
        };
        (attribute.key.clone(), text)
    });
    texts.collect()
}

fn resources(export: &Export) -> &[ResourceLogs] {
    match export {
        Export::Logs(request) => &request.resource_logs,
        _ => panic!("these are no logs"),
    }
}

/// The layers in a file of OTLP/JSON lines, one for each record.
fn layers(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the exporter has written it");
    let exports = text.lines().map(|line| {
        let export = Export::from_json(Signal::Logs, line.as_bytes());
        export.expect("a line is OTLP/JSON")
    });
    let mut layers = Vec::new();
    for export in exports {
        for logs in resources(&export) {
            let resource = logs.resource.as_ref().expect("it has one");
            let layer = texts(&resource.attributes).remove("service.layer");
            let records: usize = logs.scope_logs.iter().map(|it| it.log_records.len()).sum();
            layers.extend(vec![layer.unwrap_or_default(); records]);
        }
    }
    layers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_error_is_filed_by_its_platform_and_page() {
    let (oap, backend) = (Oap::start(), Backend::start());
    let files = format!("{{files: ['{}']}}", shipped("miniprogram-errors.yaml"));
    let collector = Collector::start(&config(&files, oap.address(), backend.address()));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let mut expected = Vec::new();
    for recording in recorded::ALL {
        let logs = recording.otlp().into_iter();
        for recorded in logs.filter(|it| it.signal() == Signal::Logs) {
            for logs in resources(&recorded.export()) {
                let resource = logs.resource.as_ref().expect("the SDK has one");
                let resource = texts(&resource.attributes);
                let records = logs.scope_logs.iter().flat_map(|it| &it.log_records);
                expected.extend(records.map(|record| Filed::expected(&resource, record)));
            }
            recorded.send(&sender, &[]).await;
        }
    }
    let count = expected.len();
    assert_eq!(count, 42, "the recordings are whole");
    oap.until("every error", |calls| calls.logs().count() >= count)
        .await;
    let mut filed: Vec<_> = oap.calls().logs().map(Filed::of).collect();
    filed.sort();
    expected.sort();
    assert_eq!(filed, expected);
    backend
        .until("a sample of each", |tally| tally.items >= count)
        .await;
    let measured = backend.taken();
    let names: Vec<_> = measured.iter().flat_map(|it| it.export.names()).collect();
    assert!(names.iter().all(|name| name == "miniprogram_error_count"));
    let layers = layers(&collector.dir().join(FILE));
    assert_eq!(layers.len(), count);
    assert!(layers.iter().all(|it| it.ends_with("_MINI_PROGRAM")));
    assert_eq!(collector.stop().code, Some(0));
    oap.assert_clean_but_for(&[]);
}

fn attributes(texts: &[(&str, &str)]) -> Vec<KeyValue> {
    let texts = texts.iter().map(|(key, value)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).to_owned())),
        }),
        ..KeyValue::default()
    });
    texts.collect()
}

/// A request of an iOS app with one log of each of these names.
fn app_logs(names: &[&str]) -> Vec<u8> {
    let records = names.iter().map(|name| LogRecord {
        time_unix_nano: 1_795_219_200_000_000_000,
        attributes: attributes(&[("name", name), ("exception.type", "EXC_CRASH")]),
        ..LogRecord::default()
    });
    let logs = ResourceLogs {
        resource: Some(Resource {
            attributes: attributes(&[
                ("service.name", "shop"),
                ("service.version", "5.3.0 (812)"),
                ("os.name", "iOS"),
                ("os.version", "19.1"),
                ("device.model.identifier", "iPhone16,2"),
                ("telemetry.sdk.language", "swift"),
            ]),
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            log_records: records.collect(),
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    };
    let resource_logs = vec![logs];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_comes_out_ios_and_what_is_none_stays_what_it_was() {
    let (oap, backend) = (Oap::start(), Backend::start());
    let files = format!("{{files: ['{}']}}", shipped("ios-metrickit.yaml"));
    let collector = Collector::start(&config(&files, oap.address(), backend.address()));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let request = app_logs(&["metrickit.diagnostic.crash", "session.start"]);
    let answer = sender.post_protobuf(Signal::Logs, request.into()).await;
    assert_eq!(answer.expect("it answers").status, 200);
    let both = |calls: &Calls| calls.logs().count() + calls.exports().count() >= 2;
    oap.until("both", both).await;
    let calls = oap.calls();
    let [other] = calls.exports().collect::<Vec<_>>()[..] else {
        panic!("one is left to the rules of OAP");
    };
    let alone = Export::from_protobuf(Signal::Logs, &app_logs(&["session.start"]));
    assert_eq!(Ok(other), alone.as_ref());
    let [crash] = &calls.logs().map(Filed::of).collect::<Vec<_>>()[..] else {
        panic!("one crash");
    };
    assert_eq!(crash.layer, "IOS");
    assert_eq!(crash.instance, "5.3.0 (812)");
    assert_eq!(crash.tags["exception.type"], "EXC_CRASH");
    assert_eq!(crash.tags["os.version"], "19.1");
    for key in ["telemetry.sdk.language", "service.version", "os.name"] {
        assert!(!crash.tags.contains_key(key), "{:?}", crash.tags);
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_that_no_rule_is_for_pass_as_they_are() {
    let backend = Backend::start();
    let collector = Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  lal: {{files: ['{files}']}}
exporters:
  otlp_http: {{endpoint: 'http://{backend}'}}
service:
  pipelines:
    logs: {{receivers: [otlp], processors: [lal], exporters: [otlp_http]}}
",
        files = shipped(""),
        backend = backend.address(),
    ));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let request = sample::logs(50);
    let export = Export::from_protobuf(Signal::Logs, &request).expect("it is valid");
    let answer = sender.post_protobuf(Signal::Logs, request.into()).await;
    assert_eq!(answer.expect("it answers").status, 200);
    let expected = Records::of(&[export]);
    backend.assert_takes(&expected, "the backend").await;
    let operator = Sender::http(collector.endpoint("metrics"));
    let metrics = operator.get("/metrics").await;
    let counted = "skyferry_lal_unclaimed_logs_total{processor=\"lal\"} 50";
    assert!(metrics.contains(counted), "{metrics}");
    assert_eq!(collector.stop().code, Some(0));
}
