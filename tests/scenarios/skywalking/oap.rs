//! The real OAP: what is sent is found again by what its users see, at first without Skyferry, so
//! that the tier itself is proved, and then through it.

mod otlp;
mod sees;

use pdata::Signal;
use pdata::skywalking::v3::{
    InstancePingPkg, InstanceProperties, JvmMetricCollection, LogData, MeterData, MeterSingleValue,
    SegmentObject, SegmentReference, SpanLayer, SpanObject, SpanType, Thread, meter_data,
};

use super::client::{Grpc, post_json};
use super::gateway::Gateway;
use super::program::eventually;
use super::real_oap::{RealOap, VISIBLE_WITHIN};
use crate::harness::Export;
use crate::harness::oap::frames::frame;
use crate::harness::oap::methods::{
    EVENTS, JVM, KEEP_ALIVE, LOGS, METERS, OTLP_TRACES, PROPERTIES, SEGMENTS,
};
use crate::harness::oap::numbered::{self, now, tag};
use otlp::{TRACE_ID, otlp_call};
use sees::Sees;

/// Of the rule for native meters in `tests/oap/config`.
const NATIVE_METER: &str = "e2e_meter";
const NATIVE_METRIC: &str = "meter_e2e_native_value";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oap_without_anything_before_it_shows_what_it_is_sent() {
    let Some(oap) = RealOap::start().await else {
        return;
    };
    let agent = Grpc::connect(oap.grpc).await;
    let sent = agent.call(SEGMENTS, [numbered::segment(1)]);
    sent.await.expect("it is taken");
    let sent = agent.call(LOGS, [numbered::log(1)]);
    sent.await.expect("it is taken");
    let sees = Sees(oap.queries());
    let spans = sees.trace("trace-000001", 1).await;
    assert_eq!(spans[0]["segmentId"], "segment-000001");
    assert_eq!(spans[0]["serviceCode"], numbered::SERVICE);
    assert_eq!(spans[0]["component"], "HTTP");
    let logs = sees.logs_of_trace("trace-000001", 1).await;
    assert_eq!(logs[0]["content"], "line 1");
    sees.service(numbered::SERVICE).await;
    let spans = Export::from_json(Signal::Traces, otlp_call().to_string().as_bytes());
    let spans = spans.expect("it is OTLP/JSON").to_protobuf();
    let sent = agent.send(OTLP_TRACES, frame(&spans).to_vec());
    sent.await.expect("it is taken");
    sees.zipkin_trace(TRACE_ID, 2).await;
    let counted = sees.0.counted("trace_in_latency_count").await;
    assert_eq!(counted, Ok(1.0), "what came as a segment");
    oap.end().await;
}

/// One span of a native call.
fn span(kind: SpanType, operation: &str, peer: &str) -> SpanObject {
    let now = now();
    SpanObject {
        parent_span_id: -1,
        start_time: now - 20,
        end_time: now - 5,
        operation_name: operation.to_owned(),
        peer: peer.to_owned(),
        span_type: kind.into(),
        span_layer: SpanLayer::Http.into(),
        component_id: 49,
        tags: vec![tag("http.method", "GET"), tag("http.status_code", "200")],
        ..SpanObject::default()
    }
}

/// A service that calls another: a segment of each.
fn native_call() -> [SegmentObject; 2] {
    let peer = "callee:80";
    let mut exit = span(SpanType::Exit, "/call", peer);
    exit.span_id = 1;
    exit.parent_span_id = 0;
    let caller = SegmentObject {
        trace_id: "native-trace".to_owned(),
        trace_segment_id: "native-caller".to_owned(),
        spans: vec![exit, span(SpanType::Entry, "/start", "")],
        service: "native-caller".to_owned(),
        service_instance: "native-caller-1".to_owned(),
        is_size_limited: false,
    };
    let mut entry = span(SpanType::Entry, "/call", "");
    entry.refs.push(SegmentReference {
        trace_id: caller.trace_id.clone(),
        parent_trace_segment_id: caller.trace_segment_id.clone(),
        parent_span_id: 1,
        parent_service: caller.service.clone(),
        parent_service_instance: caller.service_instance.clone(),
        parent_endpoint: "/start".to_owned(),
        network_address_used_at_peer: peer.to_owned(),
        ..SegmentReference::default()
    });
    let callee = SegmentObject {
        trace_segment_id: "native-callee".to_owned(),
        spans: vec![entry],
        service: "native-callee".to_owned(),
        service_instance: "native-callee-1".to_owned(),
        ..caller.clone()
    };
    [caller, callee]
}

fn native_meter(value: f64) -> MeterData {
    let single = MeterSingleValue {
        name: NATIVE_METER.to_owned(),
        labels: Vec::new(),
        value,
    };
    MeterData {
        metric: Some(meter_data::Metric::SingleValue(single)),
        ..numbered::meter(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_reports_through_skyferry_show_in_a_real_oap() {
    let Some(oap) = RealOap::start().await else {
        return;
    };
    let gateway = Gateway::start(oap.grpc, "");
    let agent = gateway.agent().await;
    agent
        .call(SEGMENTS, native_call())
        .await
        .expect("it is taken");
    // Sent again as after a lost answer; OAP would count it again.
    agent
        .call(SEGMENTS, native_call())
        .await
        .expect("it is taken");
    let logs = [("one", ""), ("two", ""), ("three", "WECHAT_MINI_PROGRAM")];
    let logs = logs.map(|(service, layer)| LogData {
        service: service.to_owned(),
        layer: layer.to_owned(),
        ..numbered::log(1)
    });
    for log in logs {
        agent.call(LOGS, [log]).await.expect("it is taken");
    }
    let sent = agent.call(METERS, [native_meter(7.0)]);
    sent.await.expect("it is taken");
    agent.call(JVM, [jvm()]).await.expect("it is taken");
    let sent = agent.call(EVENTS, [numbered::event(1)]);
    sent.await.expect("it is taken");
    let sent = agent.call(PROPERTIES, [properties()]);
    sent.await.expect("it is taken");
    let sent = agent.call(KEEP_ALIVE, [ping()]);
    sent.await.expect("it is taken");
    let half = r#"[{"traceId": "half-trace", "traceSegmentId": "half", "service": "half",
        "serviceInstance": "1", "spans": [{"spanId": 0, "parentSpanId": -1, "startTime": NOW,
        "endTime": NOW, "operationName": "\ud83d", "spanType": "Entry", "spanLayer": "Http"}]}]"#;
    let half = half.replace("NOW", &now().to_string());
    let answer = post_json(gateway.http(), "/v3/segments", half).await;
    assert_eq!(answer.expect("it answers").status(), 200);

    let sees = Sees(oap.queries());
    for service in ["native-caller", "native-callee", numbered::SERVICE] {
        sees.service(service).await;
    }
    sees.endpoint("native-caller", "/start").await;
    sees.endpoint("native-callee", "/call").await;
    let spans = sees.trace("native-trace", 3).await;
    let entry = spans.iter().find(|it| it["segmentId"] == "native-callee");
    let parent = &entry.expect("it is there")["refs"][0];
    assert_eq!(parent["parentSegmentId"], "native-caller");
    assert_eq!(parent["type"], "CROSS_PROCESS");
    sees.edge("native-caller", "native-callee").await;
    sees.service_sum("service_cpm", "native-caller", 1.0).await;
    // Three services in a row, the last with a layer whose logs this OAP drops.
    sees.logs_of_trace("trace-000001", 3).await;
    for service in ["one", "two", "three"] {
        sees.texts(service, &["line 1"]).await;
    }
    let instance = sees.instance(numbered::SERVICE, numbered::INSTANCE).await;
    assert_eq!(instance["language"], "JAVA");
    see_values(&sees).await;
    sees.trace("half-trace", 1).await;
    gateway.end();
    oap.end().await;
}

/// The meter, the JVM's threads and the event of the numbered instance.
async fn see_values(sees: &Sees) {
    for (metric, expected) in [
        (NATIVE_METRIC, 7.0),
        ("instance_jvm_thread_live_count", 23.0),
    ] {
        let (service, instance) = (numbered::SERVICE, numbered::INSTANCE);
        eventually(metric, VISIBLE_WITHIN, async || {
            let sum = sees.0.instance_sum(metric, service, instance).await?;
            let fits = sum == expected;
            fits.then_some(()).ok_or_else(|| sum.to_string())
        })
        .await;
    }
    eventually("the event", VISIBLE_WITHIN, async || {
        let events = sees.0.events(numbered::SERVICE).await?;
        let found = events.iter().any(|it| it["uuid"] == "event-000001");
        found.then_some(()).ok_or_else(|| format!("{events:?}"))
    })
    .await;
}

fn jvm() -> JvmMetricCollection {
    let mut report = numbered::jvm(0);
    report.metrics[0].time = now();
    report.metrics[0].thread = Some(Thread {
        live_count: 23,
        ..Thread::default()
    });
    report
}

fn properties() -> InstanceProperties {
    InstanceProperties {
        service: numbered::SERVICE.to_owned(),
        service_instance: numbered::INSTANCE.to_owned(),
        properties: vec![tag("language", "java")],
        layer: String::new(),
    }
}

fn ping() -> InstancePingPkg {
    InstancePingPkg {
        service: numbered::SERVICE.to_owned(),
        service_instance: numbered::INSTANCE.to_owned(),
        layer: String::new(),
    }
}
