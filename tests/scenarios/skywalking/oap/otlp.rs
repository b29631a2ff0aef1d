//! OTLP through Skyferry to a real OAP.

use serde_json::{Value, json};

use super::NATIVE_METRIC;
use super::sees::Sees;
use crate::harness::oap::numbered::now;
use crate::skywalking::client::post_json;
use crate::skywalking::gateway::Gateway;
use crate::skywalking::probe::details;
use crate::skywalking::program::eventually;
use crate::skywalking::real_oap::{RealOap, VISIBLE_WITHIN};

/// Of the rule for OTLP in `tests/oap/config`.
const OTLP_GAUGE: &str = "e2e_gauge";
const OTLP_METRIC: &str = "meter_e2e_gauge";

/// A resource of OTLP.
fn resource(service: &str) -> Value {
    json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.instance.id", "value": {"stringValue": format!("{service}-1")}},
    ]})
}

/// Nanoseconds since 1970, as OTLP's JSON has them.
fn nanos(milliseconds: i64) -> String {
    (milliseconds * 1_000_000).to_string()
}

/// The trace of [`otlp_call`].
pub(super) const TRACE_ID: &str = "5b8efff798038103d269b633813fc60c";

/// A client span of one service and the server span of another.
pub(super) fn otlp_call() -> Value {
    let now = now();
    let span = |service: &str, id: &str, parent: &str, kind: u8| {
        json!({"resource": resource(service), "scopeSpans": [{"spans": [{
            "traceId": TRACE_ID, "spanId": id, "parentSpanId": parent, "kind": kind,
            "name": "GET /call", "startTimeUnixNano": nanos(now - 20),
            "endTimeUnixNano": nanos(now - 5), "attributes": [
                {"key": "http.request.method", "value": {"stringValue": "GET"}},
                {"key": "server.address", "value": {"stringValue": "otlp-callee"}},
                {"key": "server.port", "value": {"intValue": "80"}},
                {"key": "http.response.status_code", "value": {"intValue": "200"}},
            ],
        }]}]})
    };
    json!({"resourceSpans": [
        span("otlp-caller", "eee19b7ec3c1b174", "", 3),
        span("otlp-callee", "eee19b7ec3c1b175", "eee19b7ec3c1b174", 2),
    ]})
}

/// One log record of each of these services, the first with a trace.
fn otlp_logs(services: [&str; 3]) -> Value {
    let resources = services.map(|service| {
        json!({"resource": resource(service), "scopeLogs": [{"logRecords": [{
            "timeUnixNano": nanos(now()), "severityText": "ERROR", "severityNumber": 17,
            "traceId": TRACE_ID, "spanId": "eee19b7ec3c1b174",
            // Half of a surrogate pair, which some SDKs make and OAP fails at.
            "body": {"stringValue": format!("HALF of {service}")},
        }]}]})
    });
    json!({"resourceLogs": resources})
}

fn otlp_gauge(name: &str, service: &str) -> Value {
    let point = json!({"timeUnixNano": nanos(now()), "asInt": "42"});
    let metric = json!({"name": name, "gauge": {"dataPoints": [point]}});
    let resource = resource(service);
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]})
}

async fn post(gateway: &Gateway, path: &str, request: Value) {
    let request = request.to_string().replace("HALF", r"\ud83d");
    let answer = post_json(gateway.otlp(), path, request).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer.status(), 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn otlp_through_skyferry_shows_in_a_real_oap_as_if_it_were_native() {
    let Some(oap) = RealOap::start().await else {
        return;
    };
    let gateway = Gateway::start(oap.grpc, "");
    post(&gateway, "/v1/traces", otlp_call()).await;
    let services = ["otlp-one", "otlp-two", "otlp-three"];
    post(&gateway, "/v1/logs", otlp_logs(services)).await;
    post(
        &gateway,
        "/v1/metrics",
        otlp_gauge(OTLP_GAUGE, "otlp-metrics"),
    )
    .await;

    let sees = Sees(oap.queries());
    sees.service("otlp-callee").await;
    sees.instance("otlp-callee", "otlp-callee-1").await;
    sees.endpoint("otlp-callee", "GET /call").await;
    let spans = sees.trace(TRACE_ID, 2).await;
    let of = |service| {
        let found = spans.iter().find(|span| span["serviceCode"] == service);
        found.expect("it is there")
    };
    assert_eq!(of("otlp-caller")["type"], "Exit");
    let entry = of("otlp-callee");
    assert_eq!(entry["type"], "Entry");
    assert_eq!(
        entry["refs"][0]["parentSegmentId"],
        of("otlp-caller")["segmentId"]
    );
    sees.edge("otlp-caller", "otlp-callee").await;
    sees.service_sum("service_cpm", "otlp-callee", 1.0).await;
    let logs = sees.logs_of_trace(TRACE_ID, 3).await;
    for log in logs {
        let tags = log["tags"].as_array().expect("a list");
        let level = tags.iter().find(|tag| tag["key"] == "level");
        assert_eq!(level.map(|tag| &tag["value"]), Some(&json!("ERROR")));
    }
    sees.service_sum(OTLP_METRIC, "otlp-metrics", 42.0).await;
    gateway.end();
    oap.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn otlp_forwarded_as_it_is_loses_nothing_in_a_real_oap() {
    let Some(oap) = RealOap::start().await else {
        return;
    };
    let keys = format!(
        "traces: otlp\n    logs: otlp\n    metrics: meter\n    query: {{endpoint: '{}'}}",
        oap.rest
    );
    let gateway = Gateway::start(oap.grpc, &keys);
    let note = eventually("what the OAP is", VISIBLE_WITHIN, async || {
        let details = details(&gateway).await;
        let note = details["note"].as_str().map(str::to_owned);
        let whole = note.filter(|note| note.contains("layers"));
        whole.ok_or_else(|| details.to_string())
    })
    .await;
    assert!(note.starts_with("version 10.1.0"), "{note}");
    assert!(note.ends_with("takes spans"), "{note}");
    // By the rule for agents' meters, which names it with an underscore.
    post(
        &gateway,
        "/v1/metrics",
        otlp_gauge("e2e.meter", "otlp-meters"),
    )
    .await;
    post(&gateway, "/v1/traces", otlp_call()).await;
    let services = ["otlp-one", "otlp-two", "otlp-three"];
    post(&gateway, "/v1/logs", otlp_logs(services)).await;
    let sees = Sees(oap.queries());
    // In one request it would store the first two.
    for service in services {
        sees.texts(service, &[&format!("\u{FFFD} of {service}")])
            .await;
    }
    eventually("the spans", VISIBLE_WITHIN, async || {
        let spans = sees.0.zipkin_trace(TRACE_ID).await?;
        let whole = spans.len() == 2;
        whole.then_some(()).ok_or_else(|| format!("{spans:?}"))
    })
    .await;
    eventually("the meter", VISIBLE_WITHIN, async || {
        let (service, instance) = ("otlp-meters", "otlp-meters-1");
        let sum = sees
            .0
            .instance_sum(NATIVE_METRIC, service, instance)
            .await?;
        (sum == 42.0).then_some(()).ok_or_else(|| sum.to_string())
    })
    .await;
    let counted = sees.0.counted("otel_logs_latency_count").await;
    assert_eq!(counted, Ok(3.0), "one request for each resource");
    gateway.end();
    oap.end().await;
}
