//! Requests counted into buckets, and the buckets as metrics.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
    metric,
};
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceMessage;
use pdata::{Decoded, OtlpChunk};

use super::NAME;
use super::requests::{Request, Resource, Series};

const MINUTE_NANO: u64 = 60_000_000_000;
const MILLI_NANO: f64 = 1e6;

/// Requests of one batch, which bounds the number of series. SkyWalking puts all points of a resource
/// into the earliest of their minutes, so that each minute has one of its own.
#[derive(Default)]
pub(super) struct Tally<'a> {
    resources: BTreeMap<(Resource<'a>, u64), BTreeMap<Series<'a>, Buckets>>,
}

struct Buckets {
    start_unix_nano: u64,
    end_unix_nano: u64,
    count: u64,
    /// In milliseconds.
    sum: f64,
    /// One more than there are bounds.
    counts: Vec<u64>,
}

impl<'a> Tally<'a> {
    /// Counts a request; `false` if it does not tell how long it took.
    pub(super) fn add(&mut self, request: &Request<'a>, bounds: &[f64]) -> bool {
        let (start, end) = (request.start_unix_nano, request.end_unix_nano);
        if start == 0 || end < start {
            return false;
        }
        let minute = (request.resource, end / MINUTE_NANO);
        let series = self.resources.entry(minute).or_default();
        let buckets = series.entry(request.series).or_insert_with(|| Buckets {
            start_unix_nano: start,
            end_unix_nano: end,
            count: 0,
            sum: 0.0,
            counts: vec![0; bounds.len() + 1],
        });
        let millis = (end - start) as f64 / MILLI_NANO;
        // A bound belongs to the bucket below it.
        let bucket = bounds.partition_point(|bound| *bound < millis);
        buckets.counts[bucket] += 1;
        buckets.count += 1;
        buckets.sum += millis;
        buckets.start_unix_nano = buckets.start_unix_nano.min(start);
        buckets.end_unix_nano = buckets.end_unix_nano.max(end);
        true
    }

    /// One chunk for each resource and minute.
    pub(super) fn into_chunks(self, bounds: &[f64]) -> impl Iterator<Item = OtlpChunk> {
        let resources = self.resources.into_iter();
        resources.map(|((resource, _), series)| {
            let points = series.into_iter();
            let points = points.map(|(series, buckets)| point(&series, buckets, bounds));
            let metrics = resource_metrics(&resource, points.collect());
            OtlpChunk::from_decoded(Decoded::Metrics(metrics))
        })
    }
}

fn resource_metrics(resource: &Resource<'_>, points: Vec<HistogramDataPoint>) -> ResourceMetrics {
    let metric = Metric {
        name: NAME.to_owned(),
        unit: "ms".to_owned(),
        data: Some(metric::Data::Histogram(Histogram {
            data_points: points,
            aggregation_temporality: AggregationTemporality::Delta.into(),
        })),
        ..Metric::default()
    };
    let scope = InstrumentationScope {
        name: "skyferry.request_histogram".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_metrics = ScopeMetrics {
        scope: Some(scope),
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let attributes = present([
        ("service.name", resource.service),
        ("service.instance.id", resource.instance),
        ("service.version", resource.version),
        ("miniprogram.platform", resource.platform),
    ]);
    ResourceMetrics {
        resource: Some(ResourceMessage {
            attributes,
            ..ResourceMessage::default()
        }),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    }
}

/// In the SDK's order.
fn point(series: &Series<'_>, buckets: Buckets, bounds: &[f64]) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes: present([
            ("http.request.method", series.method),
            ("http.response.status_code", &series.status.to_string()),
            ("server.address", series.address),
            ("miniprogram.page.path", series.page),
            ("url.path.group", series.group.unwrap_or_default()),
        ]),
        start_time_unix_nano: buckets.start_unix_nano,
        time_unix_nano: buckets.end_unix_nano,
        count: buckets.count,
        sum: Some(buckets.sum),
        bucket_counts: buckets.counts,
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    }
}

/// The attributes that are not empty.
fn present<const COUNT: usize>(attributes: [(&str, &str); COUNT]) -> Vec<KeyValue> {
    let attributes = attributes.into_iter().filter(|(_, text)| !text.is_empty());
    let pairs = attributes.map(|(key, text)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(text.to_owned())),
        }),
        ..KeyValue::default()
    });
    pairs.collect()
}
