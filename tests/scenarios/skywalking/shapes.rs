//! OTLP at which an OAP fails, and what it has taken of it by then.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::post_json;
use super::gateway::Gateway;
use super::program::eventually;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::frames::code;
use crate::harness::oap::methods::OTLP_METRICS;
use crate::harness::oap::{Failure, Oap};
use crate::harness::{PATIENCE, Sender};

/// A request of one gauge.
fn gauge(name: &str) -> Value {
    let metric = json!({"name": name, "gauge": {"dataPoints": [{"asDouble": 1.0}]}});
    let name = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    json!({"resourceMetrics": [{
        "resource": {"attributes": [name]},
        "scopeMetrics": [{"metrics": [metric]}],
    }]})
}

async fn post(gateway: &Gateway, request: &Value) {
    let answer = post_json(gateway.otlp(), "/v1/metrics", request.to_string()).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer.status(), 200, "{answer:?}");
}

/// Names of all metrics that came.
fn names(calls: &Calls) -> BTreeSet<String> {
    calls.exports().flat_map(|export| export.names()).collect()
}

/// How many items the exporter gave up, by what its metrics say.
async fn given_up(gateway: &Gateway) -> u64 {
    let metrics = Sender::http(gateway.collector.endpoint("metrics"));
    let page = metrics.get("/metrics").await;
    let counts = page.lines().filter(|line| {
        let counts = line.starts_with("skyferry_exporter_dead_lettered_items_total{")
            || line.starts_with("skyferry_exporter_dropped_items_total{");
        counts && line.contains("data_type=\"metrics\"")
    });
    let values = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_at_which_an_oap_failed_are_not_tried_for_ever_and_hold_up_no_others() {
    let oap = Oap::start();
    // It has counted what came before the fault, so that each try counts it again.
    oap.fail_always(OTLP_METRICS, Failure::RefuseTaken(code::UNKNOWN));
    let gateway = Gateway::before(&oap);
    post(&gateway, &gauge("first")).await;
    eventually("its end", PATIENCE, async || {
        let count = given_up(&gateway).await;
        (count == 1).then_some(()).ok_or_else(|| count.to_string())
    })
    .await;
    let attempts = oap.calls().refused().count();
    assert!((1..=2).contains(&attempts), "{attempts} attempts");
    oap.heal();
    post(&gateway, &gauge("second")).await;
    oap.until("the other", |calls| names(calls).contains("second"))
        .await;
    gateway.end();
    assert_eq!(oap.calls().of(OTLP_METRICS).count(), attempts + 1);
}
