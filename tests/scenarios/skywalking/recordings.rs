//! The recorded segments of real mini programs go in as JSON, and come out the same as protobuf.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pdata::skywalking::v3::SegmentObject;
use serde_json::{Value, json};

use super::client::{Grpc, post_json};
use super::gateway::Gateway;
use super::program::free_addresses;
use crate::harness::oap::Oap;
use crate::harness::oap::calls::{Calls, items};
use crate::harness::oap::methods::{METERS, OTLP_LOGS, SEGMENTS};
use crate::harness::oap::numbered::{self, Numbered};
use crate::harness::oap::paths::decode_json;
use crate::harness::{Collector, Export, records};

/// Component ids of the platforms.
const WECHAT: i32 = 10002;
const ALIPAY: i32 = 10003;

const RECORDINGS: [(&str, i32); 4] = [
    (
        include_str!("../../recordings/segments/wechat-demo-json.jsonl"),
        WECHAT,
    ),
    (
        include_str!("../../recordings/segments/wechat-demo-proto.jsonl"),
        WECHAT,
    ),
    (
        include_str!("../../recordings/segments/alipay-demo-proto.jsonl"),
        ALIPAY,
    ),
    (
        include_str!("../../recordings/segments/alipay-error-storm-json.jsonl"),
        ALIPAY,
    ),
];

/// The bodies of a recording, each a JSON array of segments.
fn bodies(recording: &str) -> Vec<Vec<u8>> {
    let bodies = recording.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
        assert_eq!(line["path"], "/v3/segments");
        let body = line["body_base64"].as_str().expect("a string");
        STANDARD
            .decode(body)
            .expect("a recording's bodies are base64")
    });
    bodies.collect()
}

fn segments(body: &[u8]) -> Vec<SegmentObject> {
    let values: Vec<Value> = serde_json::from_slice(body).expect("a body is an array");
    let segments = values.into_iter().map(|value| decode_json(SEGMENTS, value));
    segments.collect()
}

/// Segments by their id; none is there twice.
fn by_id<'a>(
    segments: impl IntoIterator<Item = &'a SegmentObject>,
) -> BTreeMap<String, SegmentObject> {
    let mut named = BTreeMap::new();
    for segment in segments {
        let id = segment.trace_segment_id.clone();
        let before = named.insert(id, segment.clone());
        assert_eq!(before, None, "a segment is there twice");
    }
    named
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_segment_reaches_the_oap_as_it_was() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let mut sent = Vec::new();
    for (recording, component) in RECORDINGS {
        for body in bodies(recording) {
            let segments = segments(&body);
            let mut spans = segments.iter().flat_map(|segment| &segment.spans);
            assert!(spans.all(|span| span.component_id == component));
            sent.extend(segments);
            let answer = post_json(gateway.http(), "/v3/segments", body).await;
            let answer = answer.expect("it answers");
            assert_eq!(answer.status(), 200, "{answer:?}");
        }
    }
    assert_eq!(sent.len(), 80, "the recordings are whole");
    let count = sent.len();
    oap.until("all segments", |calls| calls.segments().count() >= count)
        .await;
    let sent = by_id(&sent);
    let calls = oap.calls();
    let came = by_id(calls.segments());
    for (id, segment) in &sent {
        assert_eq!(came.get(id), Some(segment), "segment {id}");
    }
    assert_eq!(came.len(), sent.len());
    gateway.end();
    oap.assert_clean_but_for(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_apps_of_one_name_stay_apart_by_component_and_platform() {
    let oap = Oap::start();
    let gateway = Gateway::before(&oap);
    let mut sent = BTreeMap::new();
    for (recording, component) in [RECORDINGS[0], RECORDINGS[2]] {
        for body in bodies(recording) {
            let mut values: Vec<Value> = serde_json::from_slice(&body).expect("an array");
            for value in &mut values {
                value["service"] = "shop".into();
                let id = value["traceSegmentId"].as_str().expect("a string");
                sent.insert(id.to_owned(), component);
            }
            let body = Value::from(values).to_string();
            let answer = post_json(gateway.http(), "/v3/segments", body).await;
            assert_eq!(answer.expect("it answers").status(), 200);
        }
    }
    let count = sent.len();
    oap.until("all segments", |calls| calls.segments().count() >= count)
        .await;
    for segment in oap.calls().segments() {
        let component = sent[&segment.trace_segment_id];
        let platform = if component == WECHAT {
            "wechat"
        } else {
            "alipay"
        };
        assert_eq!(segment.service, "shop");
        for span in &segment.spans {
            assert_eq!(span.component_id, component);
            let mut tags = span.tags.iter();
            let tag = tags.find(|tag| tag.key == "miniprogram.platform");
            assert_eq!(tag.map(|tag| &*tag.value), Some(platform));
        }
    }
    gateway.end();
}

/// The program with both receivers at one address, for these protocols.
fn share(oap: &Oap, protocols: &[&str]) -> (Collector, SocketAddr) {
    let [address] = free_addresses();
    let protocols = protocols.iter();
    let protocols = protocols.map(|it| format!("{it}: {{endpoint: '{address}'}}"));
    let protocols = protocols.collect::<Vec<_>>().join(", ");
    let collector = Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{{protocols}}}}}
  skywalking: {{protocols: {{{protocols}}}}}
exporters:
  skywalking: {{endpoint: '{oap}', tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp, skywalking], exporters: [skywalking]}}
    metrics: {{receivers: [otlp, skywalking], exporters: [skywalking]}}
    logs: {{receivers: [otlp, skywalking], exporters: [skywalking]}}
    skywalking: {{receivers: [skywalking], exporters: [skywalking]}}
",
        oap = oap.address()
    ));
    for receiver in ["receivers/otlp", "receivers/skywalking"] {
        assert_eq!(collector.address(receiver, "http"), address);
    }
    (collector, address)
}

/// Posts what a mini program has for its one base URL.
async fn post_all(address: SocketAddr) {
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}},
    ]});
    let logs = json!({"resourceLogs": [{
        "resource": &resource,
        "scopeLogs": [{"logRecords": [{"body": {"stringValue": "line"}}]}],
    }]});
    let gauge = json!({"name": "launch", "gauge": {"dataPoints": [{"asInt": "1"}]}});
    let metrics = json!({"resourceMetrics": [{
        "resource": &resource, "scopeMetrics": [{"metrics": [gauge]}],
    }]});
    let segments = String::from_utf8(bodies(RECORDINGS[0].0).remove(0));
    let ping = json!({"service": "shop", "serviceInstance": "1"});
    for (path, body) in [
        ("/v1/logs", logs.to_string()),
        ("/v1/metrics", metrics.to_string()),
        ("/v3/segments", segments.expect("it is JSON")),
        ("/v3/management/keepAlive", ping.to_string()),
    ] {
        let answer = post_json(address, path, body).await;
        assert_eq!(answer.expect("it answers").status(), 200, "{path}");
    }
}

/// Whether all of [`post_all`] has come, in whichever form.
fn has_all(calls: &Calls) -> bool {
    let has_pings = items!(calls, KeepAlive).any(|it| it.service == "shop");
    let exports = calls.exports().map(Export::items).sum::<usize>();
    let native = calls.logs().count() + calls.meters().count();
    has_pings && calls.segments().count() > 0 && exports + native >= 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_base_url_takes_all_that_a_mini_program_sends() {
    let oap = Oap::start();
    let (collector, address) = share(&oap, &["http"]);
    post_all(address).await;
    oap.until("one of each", has_all).await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_port_takes_otlp_and_skywalking_over_grpc_and_http() {
    let oap = Oap::start();
    let (collector, address) = share(&oap, &["grpc", "http"]);
    post_all(address).await;
    let agent = Grpc::connect(address).await;
    let sent = agent.call(METERS, [numbered::meter(1)]);
    sent.await.expect("it is taken");
    let sent = agent.call(OTLP_LOGS, [records::log("line")]);
    sent.await.expect("it is taken");
    oap.until("one of each", |calls| {
        has_all(calls) && calls.meters().any(|it| it.number() == Some(1))
    })
    .await;
    assert_eq!(collector.stop().code, Some(0));
}
