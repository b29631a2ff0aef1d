//! SkyWalking's meters as OTLP metrics.
//!
//! A single value is a gauge and a histogram a cumulative histogram, whose buckets SkyWalking names
//! by their lower bounds and OTLP by their upper ones. What meters do not say cannot be told: the
//! sum of a histogram, whether a value only grows, its unit, when counting began. Of labels with one
//! name the last counts, and unknown fields are left out.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::{Malformed, SERVICE_INSTANCE_ID, SERVICE_NAME, nanos};
use crate::skywalking::v3::meter_data::Metric as Measured;
use crate::skywalking::v3::{
    Label, MeterBucketValue, MeterData, MeterDataCollection, MeterHistogram, MeterSingleValue,
};
use crate::{OtlpChunk, Signal};

mod reverse;

#[cfg(test)]
mod tests;

pub use reverse::{Meters, Options, fault_of, from_otlp};

/// The metrics of a `MeterDataCollection`, one chunk for each run of meters of one instance. Meters
/// that hold neither a value nor a histogram are passed over.
///
/// # Errors
///
/// `collection` is no `MeterDataCollection`, which the check at reception rules out.
pub fn to_otlp(collection: &[u8]) -> Result<Vec<OtlpChunk>, Malformed> {
    let collection = MeterDataCollection::decode(collection).map_err(|_| Malformed {
        message: "MeterDataCollection",
    })?;
    let same_sender = |a: &MeterData, b: &MeterData| {
        (&a.service, &a.service_instance) == (&b.service, &b.service_instance)
    };
    let runs = collection.meter_data.chunk_by(same_sender);
    Ok(runs.filter_map(chunk).collect())
}

fn chunk(meters: &[MeterData]) -> Option<OtlpChunk> {
    let measured = meters.iter().filter(|meter| meter.metric.is_some()).count();
    let sender = meters.first().filter(|_| measured > 0)?;
    let of_sender = [
        (SERVICE_NAME, &sender.service),
        (SERVICE_INSTANCE_ID, &sender.service_instance),
    ];
    let known = of_sender.into_iter().filter(|(_, name)| !name.is_empty());
    let resource = ResourceMetrics {
        resource: Some(Resource {
            attributes: known.map(|(key, name)| attribute(key, name)).collect(),
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics: metrics(meters),
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    };
    let body = resource.encode_to_vec();
    Some(OtlpChunk::frame(Signal::Metrics, measured as u32, &body))
}

/// One metric for each name and kind, in the order in which they came.
fn metrics(meters: &[MeterData]) -> Vec<Metric> {
    let mut places = HashMap::new();
    let mut metrics: Vec<Metric> = Vec::new();
    for meter in meters {
        let (name, empty) = match &meter.metric {
            Some(Measured::SingleValue(single)) => (&single.name, Data::Gauge(Gauge::default())),
            Some(Measured::Histogram(histogram)) => {
                let empty = Histogram {
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    ..Histogram::default()
                };
                (&histogram.name, Data::Histogram(empty))
            }
            None => continue,
        };
        let key = (name, matches!(empty, Data::Gauge(_)));
        let place = *places.entry(key).or_insert_with(|| {
            metrics.push(Metric {
                name: name.clone(),
                data: Some(empty),
                ..Metric::default()
            });
            metrics.len() - 1
        });
        let time = nanos(meter.timestamp).unwrap_or_default();
        match (&mut metrics[place].data, &meter.metric) {
            (Some(Data::Gauge(gauge)), Some(Measured::SingleValue(single))) => {
                gauge.data_points.push(number_point(single, time));
            }
            (Some(Data::Histogram(points)), Some(Measured::Histogram(histogram))) => {
                points.data_points.push(histogram_point(histogram, time));
            }
            _ => unreachable!("metrics are kept apart by kind"),
        }
    }
    metrics
}

fn number_point(single: &MeterSingleValue, time_unix_nano: u64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(&single.labels),
        time_unix_nano,
        value: Some(Value::AsDouble(single.value)),
        ..NumberDataPoint::default()
    }
}

fn histogram_point(histogram: &MeterHistogram, time_unix_nano: u64) -> HistogramDataPoint {
    let (explicit_bounds, bucket_counts) = upper_bounds(&histogram.values);
    HistogramDataPoint {
        attributes: attributes(&histogram.labels),
        time_unix_nano,
        count: bucket_counts.iter().copied().fold(0, u64::saturating_add),
        bucket_counts,
        explicit_bounds,
        ..HistogramDataPoint::default()
    }
}

/// The bounds between buckets, and the counts of the buckets below, between and above them.
fn upper_bounds(buckets: &[MeterBucketValue]) -> (Vec<f64>, Vec<u64>) {
    let mut buckets: Vec<(f64, u64)> = buckets
        .iter()
        .map(|bucket| (lower_bound(bucket), bucket.count.max(0) as u64))
        .collect();
    buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut bounds: Vec<f64> = Vec::with_capacity(buckets.len());
    // Nothing is below the lowest bound unless a bucket from negative infinity says so.
    let mut counts: Vec<u64> = vec![0];
    for (bound, count) in buckets {
        if bound > bounds.last().copied().unwrap_or(f64::NEG_INFINITY) {
            bounds.push(bound);
            counts.push(0);
        }
        if let Some(last) = counts.last_mut() {
            *last = last.saturating_add(count);
        }
    }
    (bounds, counts)
}

/// What is no number is below all numbers.
fn lower_bound(bucket: &MeterBucketValue) -> f64 {
    match bucket.is_negative_infinity || bucket.bucket.is_nan() {
        true => f64::NEG_INFINITY,
        false => bucket.bucket,
    }
}

fn attributes(labels: &[Label]) -> Vec<KeyValue> {
    let places = labels.iter().enumerate();
    let places: HashMap<&str, usize> = places.map(|(place, label)| (&*label.name, place)).collect();
    let is_last = |place: usize, label: &Label| places.get(&*label.name) == Some(&place);
    let last = labels.iter().enumerate();
    last.filter(|(place, label)| is_last(*place, label))
        .map(|(_, label)| attribute(&label.name, &label.value))
        .collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}
