//! Metrics of OTLP as meters of an OAP.

use std::collections::BTreeMap;

use pdata::skywalking::v3::MeterData;
use pdata::skywalking::v3::meter_data::Metric;
use serde_json::{Value, json};

use super::client::post_json;
use super::gateway::Gateway;
use super::probe::metric;
use super::program::eventually;
use crate::harness::PATIENCE;
use crate::harness::oap::Oap;
use crate::harness::oap::calls::Calls;
use crate::harness::oap::numbered::now;

/// What one instance said in a minute: a gauge, a histogram, and a sum that has no form as a meter.
fn request(time_unix_ms: i64) -> Value {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let time = (time_unix_ms * 1_000_000).to_string();
    let route = [attribute("http.route", "/cart")];
    json!({"resourceMetrics": [{
        "resource": {"attributes": [
            attribute("service.name", "shop"), attribute("service.instance.id", "one"),
        ]},
        "scopeMetrics": [{"metrics": [
            {"name": "pool.size", "gauge": {"dataPoints": [
                {"timeUnixNano": time, "asDouble": 2.5, "attributes": route},
            ]}},
            {"name": "http.duration", "unit": "s", "histogram": {
                "aggregationTemporality": 2, "dataPoints": [{
                    "timeUnixNano": time, "count": "3", "sum": 0.5,
                    "bucketCounts": ["2", "1"], "explicitBounds": [0.25],
                }],
            }},
            {"name": "sent", "sum": {"dataPoints": [{"timeUnixNano": time, "asInt": "1"}]}},
        ]}],
    }]})
}

/// A meter as `name{labels} values`.
fn line(meter: &MeterData) -> String {
    match meter.metric.as_ref().expect("it has a value") {
        Metric::SingleValue(single) => {
            let labels = single
                .labels
                .iter()
                .map(|label| (&label.name, &label.value));
            let labels: BTreeMap<_, _> = labels.collect();
            format!("{}{labels:?} {}", single.name, single.value)
        }
        Metric::Histogram(histogram) => {
            let bucket = histogram
                .values
                .iter()
                .map(|bucket| (bucket.bucket, bucket.count));
            format!("{} {:?}", histogram.name, bucket.collect::<Vec<_>>())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_meters_of_their_instance_and_what_has_no_form_is_set_aside() {
    let oap = Oap::start();
    let gateway = Gateway::start(oap.address(), "metrics: meter");
    let time = now();
    let answer = post_json(gateway.otlp(), "/v1/metrics", request(time).to_string()).await;
    assert_eq!(answer.expect("it answers").status(), 200);
    let there = |calls: &Calls| calls.meters().count() == 4;
    oap.until("every meter", there).await;
    let calls = oap.calls();
    let lines: Vec<String> = calls.meters().map(line).collect();
    let expected = [
        "pool_size{\"http_route\": \"/cart\"} 2.5",
        "http_duration [(0.0, 2), (250.0, 1)]",
        "http_duration_sum{} 500",
        "http_duration_count{} 3",
    ];
    assert_eq!(lines, expected);
    for meter in calls.meters() {
        assert_eq!((&*meter.service, &*meter.service_instance), ("shop", "one"));
        assert_eq!(meter.timestamp, time);
    }
    eventually("the count", PATIENCE, async || {
        let series = "skyferry_exporter_dead_lettered_items_total{exporter=\"skywalking\",\
             data_type=\"metrics\"}";
        let count = metric(&gateway, series).await;
        let is_right = count.as_deref() == Some("1");
        is_right.then_some(()).ok_or_else(|| format!("{count:?}"))
    })
    .await;
    gateway.end();
    assert_eq!(oap.calls().exports().count(), 0);
    // Among others: every set has its service, instance and time.
    oap.assert_clean_but_for(&[]);
}
