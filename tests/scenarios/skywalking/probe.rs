//! What the program learns of the OAP behind it, and what follows from it.

use serde_json::Value;

use super::gateway::Gateway;
use super::program::eventually;
use crate::harness::oap::{Generation, Habits, Oap};
use crate::harness::{PATIENCE, Sender};

/// What readiness says about the OAP.
pub(super) async fn details(gateway: &Gateway) -> Value {
    let health = Sender::http(gateway.collector.endpoint("health"));
    let report = health.get("/status").await;
    let report: Value = serde_json::from_str(&report).expect("it is JSON");
    report["components"]["exporters/skywalking/backend"].clone()
}

pub(super) async fn metric(gateway: &Gateway, series: &str) -> Option<String> {
    let metrics = Sender::http(gateway.collector.endpoint("metrics"));
    let page = metrics.get("/metrics").await;
    let line = page.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_what_the_oap_is_and_which_layers_it_lacks() {
    let oap = Oap::start_with(Habits {
        generation: Generation::Ten,
        ..Habits::default()
    });
    let keys = format!(
        "stored_layers: [GENERAL, IOS]\n    query: {{endpoint: 'http://{}'}}",
        oap.address()
    );
    let gateway = Gateway::start(oap.address(), &keys);
    let note = eventually("the details", PATIENCE, async || {
        let details = details(&gateway).await;
        let note = details["note"].as_str().map(str::to_owned);
        note.ok_or_else(|| details.to_string())
    })
    .await;
    assert_eq!(
        note,
        "version 10.1.0, knows 5 layers, does not know the layer `IOS`"
    );
    let series = "skyferry_exporter_backend_info{exporter=\"skywalking\",version=\"10.1.0\"}";
    assert_eq!(metric(&gateway, series).await.as_deref(), Some("1"));
    gateway.collector.until_logged("the warning", |line| {
        let is_it = line["level"] == "WARN" && line["layer"] == "IOS";
        is_it.then_some(())
    });
    gateway.end();
    assert_eq!(
        oap.calls().exports().count(),
        0,
        "no spans are sent as OTLP"
    );
}
