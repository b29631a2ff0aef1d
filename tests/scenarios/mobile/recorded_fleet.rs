//! The recorded mini programs, merged: every value arrives once, so that means and counts are true.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use pdata::Signal;

use super::recorded;
use crate::harness::{Backend, Collector, Export, Sender};

/// A point in time, which is not merged.
const PASSING: &str = "miniprogram.first_paint.time";

fn config(backend: &Backend) -> String {
    format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  platform:
  delta_merge:
exporters:
  otlp_http: {{endpoint: 'http://{}'}}
service:
  pipelines:
    metrics: {{receivers: [otlp], processors: [platform, delta_merge], exporters: [otlp_http]}}
",
        backend.address()
    )
}

/// What one metric of a platform comes to.
#[derive(Debug, Default, PartialEq)]
struct Total {
    /// Values of a gauge, in order of size.
    values: Vec<f64>,
    /// Of a histogram.
    count: u64,
    sum: f64,
    buckets: Vec<u64>,
}

impl Total {
    fn add(&mut self, data: &Data) {
        match data {
            Data::Gauge(gauge) => {
                let values = gauge.data_points.iter().map(|point| match point.value {
                    Some(Number::AsDouble(value)) => value,
                    Some(Number::AsInt(value)) => value as f64,
                    None => panic!("a point without a value"),
                });
                self.values.extend(values);
                self.values.sort_by(f64::total_cmp);
            }
            Data::Histogram(histogram) => {
                for point in &histogram.data_points {
                    self.count += point.count;
                    self.sum += point.sum.expect("the SDK sends sums");
                    self.buckets.resize(point.bucket_counts.len(), 0);
                    for (all, count) in self.buckets.iter_mut().zip(&point.bucket_counts) {
                        *all += count;
                    }
                }
            }
            other => panic!("the SDK sends no {other:?}"),
        }
    }
}

fn platform(resource: &ResourceMetrics) -> String {
    let attributes = &resource.resource.as_ref().expect("it has one").attributes;
    let platform = attributes
        .iter()
        .find(|it| it.key == "miniprogram.platform");
    let value = platform.and_then(|it| it.value.as_ref()?.value.clone());
    match value {
        Some(any_value::Value::StringValue(text)) => text,
        other => panic!("a platform is text: {other:?}"),
    }
}

/// By platform and metric. Histograms of nothing are left out on the way, and add nothing here.
fn totals(resources: &[ResourceMetrics]) -> BTreeMap<(String, String), Total> {
    let mut totals: BTreeMap<_, Total> = BTreeMap::new();
    for resource in resources {
        let scopes = resource.scope_metrics.iter();
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            let key = (platform(resource), metric.name.clone());
            let data = metric.data.as_ref().expect("it has data");
            totals.entry(key).or_default().add(data);
        }
    }
    totals
}

fn resources(export: Export) -> Vec<ResourceMetrics> {
    match export {
        Export::Metrics(request) => request.resource_metrics,
        other => panic!("not metrics: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_value_of_both_platforms_arrives_once_and_requests_as_often_as_they_were() {
    let backend = Backend::start();
    let collector = Collector::start(&config(&backend));
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let mut sent = Vec::new();
    for recording in &recorded::ALL {
        for request in recording.otlp() {
            if request.signal() == Signal::Metrics {
                request.send(&sender, &[]).await;
                sent.extend(resources(request.export()));
            }
        }
    }
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let taken = backend.taken().into_iter();
    let arrived: Vec<_> = taken.flat_map(|taken| resources(taken.export)).collect();
    let (sent_totals, arrived_totals) = (totals(&sent), totals(&arrived));
    assert_eq!(sent_totals.len(), 10, "{:?}", sent_totals.keys());
    for (key, total) in &sent_totals {
        assert_eq!(arrived_totals.get(key), Some(total), "{key:?}");
    }
    assert_eq!(arrived_totals.len(), sent_totals.len());
    let merged = arrived.iter().filter(|resource| {
        let mut metrics = resource.scope_metrics.iter().flat_map(|it| &it.metrics);
        metrics.all(|metric| metric.name != PASSING)
    });
    let merged = merged.count();
    // Two platforms, and a minute may end while they send.
    assert!(
        (2..=4).contains(&merged),
        "{merged} submissions of {}",
        sent.len()
    );
}
