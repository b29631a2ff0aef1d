//! What a real OAP makes of a fleet, with `delta_merge` before it and without.

use std::time::Duration;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::Signal;
use prost::Message;

use crate::harness::{Collector, Sender};
use crate::skywalking::program::eventually;
use crate::skywalking::real_oap::{Queries, RealOap, VISIBLE_WITHIN};

/// One request of each of ten devices, in milliseconds.
const DURATIONS: [f64; 10] = [5.0, 20.0, 40.0, 60.0, 70.0, 80.0, 90.0, 95.0, 99.0, 4000.0];
/// The mini programs' SDKs have these.
const BOUNDS_MS: [f64; 10] = [
    10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0,
];
/// All requests are of one minute, and it takes no longer than this to send them.
const SENDING_SECONDS: i64 = 10;
const MINUTE_SECONDS: i64 = 60;

fn config(oap: std::net::SocketAddr, processors: &str) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  delta_merge:
exporters:
  skywalking: {{endpoint: '{oap}', tls: {{insecure: true}}}}
service:
  pipelines:
    metrics: {{receivers: [otlp], processors: {processors}, exporters: [skywalking]}}
"
    )
}

/// What one device sends of its request.
fn request(service: &str, device: usize, duration: f64) -> Vec<u8> {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    };
    let mut bucket_counts = vec![0; BOUNDS_MS.len() + 1];
    bucket_counts[BOUNDS_MS.partition_point(|bound| *bound < duration)] = 1;
    let point = HistogramDataPoint {
        time_unix_nano: Timestamp::now().as_nanosecond() as u64,
        count: 1,
        sum: Some(duration / 1000.0),
        bucket_counts,
        // Its rules make milliseconds of them.
        explicit_bounds: BOUNDS_MS.map(|bound| bound / 1000.0).to_vec(),
        ..HistogramDataPoint::default()
    };
    let metric = Metric {
        name: "fleet.request.duration".to_owned(),
        unit: "s".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![point],
            aggregation_temporality: 1,
        })),
        ..Metric::default()
    };
    let resource = ResourceMetrics {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", service),
                attribute("service.instance.id", &format!("device-{device}")),
            ],
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics: vec![metric],
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    };
    let resource_metrics = vec![resource];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// Waits for the next minute if this one is about to end: the windows end with it.
async fn early_in_a_minute() {
    let left = MINUTE_SECONDS - Timestamp::now().as_second() % MINUTE_SECONDS;
    if left <= SENDING_SECONDS {
        tokio::time::sleep(Duration::from_secs(left as u64)).await;
    }
}

/// Ten devices send a request each through a program with these processors, which then ends.
async fn send_a_fleet(oap: &RealOap, service: &str, processors: &str) {
    let collector = Collector::start(&config(oap.grpc, processors));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    early_in_a_minute().await;
    for (device, duration) in DURATIONS.into_iter().enumerate() {
        let body = request(service, device, duration);
        let answer = sender.post_protobuf(Signal::Metrics, body.into()).await;
        let answer = answer.expect("it answers");
        assert!(answer.status.is_success(), "{answer:?}");
    }
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

/// Requests of the minute, and the percentiles 50, 75 and 90, as OAP shows them.
async fn shown(queries: &Queries, service: &str) -> [f64; 4] {
    eventually(service, VISIBLE_WITHIN, async || {
        let cpm = queries.service_sum("meter_e2e_fleet_cpm", service).await?;
        let mut shown = [cpm; 4];
        for (at, part) in ["50", "75", "90"].into_iter().enumerate() {
            let metric = format!("meter_e2e_fleet_percentile{{p='{part}'}}");
            shown[at + 1] = queries.service_latest(&metric, service).await?;
        }
        Ok(shown)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_oap_shows_the_true_rate_and_percentiles_of_a_merged_fleet_and_only_of_that() {
    let Some(oap) = RealOap::start().await else {
        return;
    };
    send_a_fleet(&oap, "fleet-merged", "[delta_merge]").await;
    send_a_fleet(&oap, "fleet-as-sent", "[]").await;
    let queries = oap.queries();
    assert_eq!(
        shown(&queries, "fleet-merged").await,
        [10.0, 100.0, 100.0, 100.0]
    );
    let as_sent = shown(&queries, "fleet-as-sent").await;
    assert_eq!(
        as_sent,
        [1.0, 50.0, 100.0, 5000.0],
        "OAP has learned to add"
    );
    oap.end().await;
}
