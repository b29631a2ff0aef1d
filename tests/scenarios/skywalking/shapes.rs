//! OTLP that an OAP fails at, or takes only in part: caught before it is sent.

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

/// A resource of this service, with these further keys.
fn resource(service: &str, keys: &[&str]) -> Value {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let keys = keys.iter().map(|key| attribute(key, "x"));
    let attributes = std::iter::once(attribute("service.name", service)).chain(keys);
    json!({"attributes": attributes.collect::<Vec<_>>()})
}

fn gauge(name: &str, value: &Value) -> Value {
    json!({"name": name, "gauge": {"dataPoints": [{"asDouble": value}]}})
}

/// Metrics of a resource that is without a fault.
fn metrics(service: &str, metrics: &[Value]) -> Value {
    json!({"resource": resource(service, &[]), "scopeMetrics": [{"metrics": metrics}]})
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
async fn metrics_that_an_oap_fails_at_are_set_aside_and_their_neighbours_arrive() {
    let histogram = json!({"name": "no buckets", "histogram": {
        "aggregationTemporality": 1, "dataPoints": [{"count": "1", "sum": 1.0}],
    }});
    let good = |name: &str| gauge(name, &json!(1.0));
    let beside = |fault: Value| metrics("shop", &[fault, good("beside")]);
    let faults = [
        beside(json!({"name": "no data"})),
        beside(histogram),
        beside(gauge("no number", &json!("NaN"))),
        beside(gauge("no end", &json!("Infinity"))),
        json!({
            "resource": resource("shop", &["twice", "twice"]),
            "scopeMetrics": [{"metrics": [good("beside")]}],
        }),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let oap = Oap::start();
        let gateway = Gateway::before(&oap);
        let before = metrics("shop", &[good("before")]);
        let after = metrics("shop", &[good("after")]);
        post(
            &gateway,
            &json!({"resourceMetrics": [before, fault, after]}),
        )
        .await;
        let good = BTreeSet::from(["before".to_owned(), "after".to_owned()]);
        oap.until("the good ones", |calls| names(calls).is_superset(&good))
            .await;
        // What is good in a broken resource may be saved; if it is not, it is counted.
        let ended = format!("an end of fault {number}");
        eventually(&ended, PATIENCE, async || {
            let names = names(&oap.calls());
            let told = names.contains("beside") || given_up(&gateway).await > 0;
            told.then_some(()).ok_or_else(|| format!("{names:?}"))
        })
        .await;
        gateway.end();
        let mut came = names(&oap.calls());
        came.remove("beside");
        assert_eq!(came, good, "fault {number}");
        assert_eq!(oap.calls().refused().count(), 0, "fault {number} was sent");
        oap.assert_clean_but_for(&[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_at_which_an_oap_failed_are_not_tried_for_ever_and_hold_up_no_others() {
    let oap = Oap::start();
    // It has counted what came before the fault, so that each try counts it again.
    oap.fail_always(OTLP_METRICS, Failure::RefuseTaken(code::UNKNOWN));
    let gateway = Gateway::before(&oap);
    let of =
        |name: &str| json!({"resourceMetrics": [metrics("shop", &[gauge(name, &json!(1.0))])]});
    post(&gateway, &of("first")).await;
    eventually("its end", PATIENCE, async || {
        let count = given_up(&gateway).await;
        (count == 1).then_some(()).ok_or_else(|| count.to_string())
    })
    .await;
    let attempts = oap.calls().refused().count();
    assert!((1..=2).contains(&attempts), "{attempts} attempts");
    oap.heal();
    post(&gateway, &of("second")).await;
    oap.until("the other", |calls| names(calls).contains("second"))
        .await;
    gateway.end();
    assert_eq!(oap.calls().of(OTLP_METRICS).count(), attempts + 1);
}
