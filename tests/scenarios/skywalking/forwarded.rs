//! Spans of OTLP that an OAP gets as they are.

use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::post_json;
use super::gateway::Gateway;
use super::probe::{details, metric};
use super::program::eventually;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::frames::code;
use crate::harness::oap::methods::OTLP_TRACES;
use crate::harness::oap::{Failure, Oap};
use crate::harness::{Export, PATIENCE};

const FIRST: &str = "eee19b7ec3c1b174";
const SECOND: &str = "eee19b7ec3c1b175";

/// A request of spans with these ids.
fn request(ids: &[&str]) -> Value {
    let span = |id: &&str| {
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "name": "GET /",
            "kind": 2, "startTimeUnixNano": "1000", "endTimeUnixNano": "2000",
        })
    };
    let spans: Vec<Value> = ids.iter().map(span).collect();
    let name = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    json!({"resourceSpans": [{
        "resource": {"attributes": [name]},
        "scopeSpans": [{"spans": spans}],
    }]})
}

/// Spans in all exports, whatever was answered to them.
fn spans(calls: &Calls) -> usize {
    let exports = calls.exports().map(|export| match export {
        Export::Traces(request) => {
            let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
            scopes.map(|scope| scope.spans.len()).sum()
        }
        _ => 0,
    });
    exports.sum()
}

async fn post(gateway: &Gateway, ids: &[&str]) {
    let answer = post_json(gateway.otlp(), "/v1/traces", request(ids).to_string()).await;
    assert_eq!(answer.expect("it answers").status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_wait_for_an_oap_that_has_its_zipkin_receiver_off() {
    let oap = Oap::start();
    oap.fail_always(OTLP_TRACES, Failure::RefuseTaken(code::UNKNOWN));
    let dir = Arc::new(TempDir::new().expect("there is room"));
    let gateway = Gateway::start_in(Arc::clone(&dir), oap.address(), "traces: otlp");
    post(&gateway, &[FIRST]).await;
    gateway
        .collector
        .until_logged("that it leaves it alone", |line| {
            let text = line["message"].as_str()?;
            text.contains("leaving it alone").then_some(())
        });
    let reason = details(&gateway).await["reason"].to_string();
    assert!(reason.contains("SW_RECEIVER_ZIPKIN=default"), "{reason}");
    // The span is safe on disk.
    gateway.end();
    assert_eq!(spans(&oap.calls()), 0, "it was asked with an empty export");
    oap.heal();
    let gateway = Gateway::start_in(dir, oap.address(), "traces: otlp");
    oap.until("the span", |calls| spans(calls) == 1).await;
    gateway.end();
    assert_eq!(spans(&oap.calls()), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_that_comes_again_is_sent_once_and_its_copy_counted() {
    let oap = Oap::start();
    let gateway = Gateway::start(oap.address(), "traces: otlp");
    post(&gateway, &[FIRST]).await;
    oap.until("the first", |calls| spans(calls) == 1).await;
    // As a client does that has not seen the answer.
    post(&gateway, &[FIRST]).await;
    post(&gateway, &[FIRST, SECOND]).await;
    oap.until("the second", |calls| spans(calls) == 2).await;
    eventually("the count", PATIENCE, async || {
        let series = "skyferry_exporter_dropped_items_total{exporter=\"skywalking\",\
             data_type=\"traces\",reason=\"deduplicated\"}";
        let count = metric(&gateway, series).await;
        let is_right = count.as_deref() == Some("2");
        is_right.then_some(()).ok_or_else(|| format!("{count:?}"))
    })
    .await;
    gateway.end();
    assert_eq!(spans(&oap.calls()), 2);
    oap.assert_clean_but_for(&[]);
}
