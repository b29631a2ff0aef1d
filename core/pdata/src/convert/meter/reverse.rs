//! OTLP metrics as SkyWalking's meters.
//!
//! OAP's rules see names, labels and values and nothing else: what a metric says of its kind, unit or
//! start is not carried over. What changes since the last time (delta) goes out as the value that it
//! is, as OAP itself takes it from OTLP; nothing is added up here, so what is sent again is the same.

use std::collections::{BTreeMap, HashSet};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, ExponentialHistogramDataPoint, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, SummaryDataPoint,
};
use prost::Message;

use crate::convert::identity::{Defaults, Identity};
use crate::convert::{any, millis};
use crate::skywalking::v3::meter_data::Metric as Measured;
use crate::skywalking::v3::{
    Label, MeterBucketValue, MeterData, MeterDataCollection, MeterHistogram, MeterSingleValue,
};

#[cfg(test)]
mod tests;

/// Buckets of one exponential histogram: a few bytes can ask for very many.
const BUCKETS_MAX: usize = 1024;
/// OAP files what it gets by the minute.
const MINUTE_MS: i64 = 60_000;
/// Labels that OAP adds itself, and fails at when they are there.
const TAKEN_LABELS: [&str; 2] = ["service", "instance"];
/// What stands before the name of such a label.
const TAKEN_PREFIX: &str = "otlp_";

const SECONDS: &str = "s";

/// How metrics become meters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub defaults: Defaults,
    /// Attributes of the resource that become labels.
    pub resource_labels: Vec<String>,
    /// Whether histograms with the unit `s` are sent in milliseconds.
    pub milliseconds: bool,
}

/// What a message of metrics became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meters {
    /// A `MeterDataCollection` for each minute, in their order.
    pub collections: Vec<Vec<u8>>,
    /// Points that say nothing but that there is nothing to say.
    pub without_value: usize,
}

/// Why a metric has no form as meters; `None` if it has one. A metric without data has one: none.
pub fn fault_of(metric: &Metric) -> Option<&'static str> {
    match &metric.data {
        Some(Data::Sum(sum))
            if sum.aggregation_temporality() == AggregationTemporality::Unspecified =>
        {
            Some("a sum does not say whether it is delta or cumulative")
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            let mut points = histogram.data_points.iter();
            let convertible = points.all(|point| bounds_and_counts(point).is_some());
            (!convertible).then_some(
                "an exponential histogram has more than 1024 buckets, or bounds beyond all numbers",
            )
        }
        Some(Data::Histogram(histogram)) => {
            let mut points = histogram.data_points.iter();
            let fits = |point: &HistogramDataPoint| {
                let counts = point.bucket_counts.len();
                has_no_value(point.flags) || counts == point.explicit_bounds.len() + 1
            };
            (!points.all(fits)).then_some("a histogram has not one bucket more than bounds")
        }
        _ => None,
    }
}

/// The meters of one resource, whose metrics have no fault by [`fault_of`]; those that have are left
/// out. Points without a time get `arrived_unix_ms`, because OAP drops meters without one.
pub fn from_otlp(metrics: &ResourceMetrics, options: &Options, arrived_unix_ms: i64) -> Meters {
    let resource = metrics.resource.as_ref();
    let of_resource = resource.map_or(&[][..], |resource| &resource.attributes);
    let shared = options.resource_labels.iter().filter_map(|key| {
        let value = any::find(of_resource, key)?;
        Some((&**key, any::text(value).into_owned()))
    });
    let mut writer = Writer {
        identity: Identity::of(resource, &options.defaults),
        shared: shared.collect(),
        arrived_unix_ms,
        minutes: BTreeMap::new(),
        without_value: 0,
    };
    let scopes = metrics.scope_metrics.iter();
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        if fault_of(metric).is_none() {
            let in_seconds = options.milliseconds && metric.unit == SECONDS;
            writer.metric(metric, if in_seconds { 1000.0 } else { 1.0 });
        }
    }
    let collections = writer.minutes.into_values();
    let collections = collections.map(|meter_data| {
        let collection = MeterDataCollection { meter_data };
        collection.encode_to_vec()
    });
    Meters {
        collections: collections.collect(),
        without_value: writer.without_value,
    }
}

/// Collects the meters of one resource.
struct Writer<'a> {
    identity: Identity,
    /// Labels of the resource.
    shared: Vec<(&'a str, String)>,
    arrived_unix_ms: i64,
    minutes: BTreeMap<i64, Vec<MeterData>>,
    without_value: usize,
}

/// What the meters of one data point have together.
struct Point {
    labels: Vec<Label>,
    time_unix_ms: i64,
}

impl Writer<'_> {
    /// Histograms are multiplied by `scale`.
    fn metric(&mut self, metric: &Metric, scale: f64) {
        let name = plain(&metric.name);
        match &metric.data {
            None => {}
            Some(Data::Gauge(gauge)) => self.numbers(&name, &gauge.data_points),
            Some(Data::Sum(sum)) => self.numbers(&name, &sum.data_points),
            Some(Data::Histogram(histogram)) => {
                for point in &histogram.data_points {
                    self.histogram(&name, point, scale);
                }
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                for point in &histogram.data_points {
                    self.exponential(&name, point, scale);
                }
            }
            Some(Data::Summary(summary)) => {
                for point in &summary.data_points {
                    self.summary(&name, point);
                }
            }
        }
    }

    fn numbers(&mut self, name: &str, points: &[NumberDataPoint]) {
        for point in points {
            let value = match point.value {
                Some(Value::AsDouble(value)) => value,
                Some(Value::AsInt(value)) => value as f64,
                None => {
                    self.without_value += 1;
                    continue;
                }
            };
            if has_no_value(point.flags) {
                self.without_value += 1;
                continue;
            }
            let of = self.point(&point.attributes, point.time_unix_nano);
            self.single(&of, name.to_owned(), value);
        }
    }

    fn histogram(&mut self, name: &str, point: &HistogramDataPoint, scale: f64) {
        if has_no_value(point.flags) {
            self.without_value += 1;
            return;
        }
        let of = self.point(&point.attributes, point.time_unix_nano);
        let bounds = point.explicit_bounds.iter().copied();
        self.buckets(
            &of,
            name,
            bounds.zip_with_counts(&point.bucket_counts),
            scale,
        );
        self.totals(&of, name, point.sum.map(|sum| sum * scale), point.count);
    }

    fn exponential(&mut self, name: &str, point: &ExponentialHistogramDataPoint, scale: f64) {
        let found = bounds_and_counts(point).filter(|_| !has_no_value(point.flags));
        let Some((bounds, counts)) = found else {
            self.without_value += 1;
            return;
        };
        let of = self.point(&point.attributes, point.time_unix_nano);
        let buckets = bounds.into_iter().zip_with_counts(&counts);
        self.buckets(&of, name, buckets, scale);
        self.totals(&of, name, point.sum.map(|sum| sum * scale), point.count);
    }

    fn summary(&mut self, name: &str, point: &SummaryDataPoint) {
        if has_no_value(point.flags) {
            self.without_value += 1;
            return;
        }
        let of = self.point(&point.attributes, point.time_unix_nano);
        for quantile in &point.quantile_values {
            let mut labels = of.labels.clone();
            labels.retain(|label| label.name != "quantile");
            labels.push(Label {
                name: "quantile".to_owned(),
                value: quantile.quantile.to_string(),
            });
            let of = Point { labels, ..of };
            self.single(&of, name.to_owned(), quantile.value);
        }
        self.totals(&of, name, Some(point.sum), point.count);
    }

    fn totals(&mut self, of: &Point, name: &str, sum: Option<f64>, count: u64) {
        if let Some(sum) = sum {
            self.single(of, format!("{name}_sum"), sum);
        }
        self.single(of, format!("{name}_count"), count as f64);
    }

    fn single(&mut self, of: &Point, name: String, value: f64) {
        let single = MeterSingleValue {
            name,
            labels: of.labels.clone(),
            value,
        };
        self.add(of, Measured::SingleValue(single));
    }

    fn buckets(
        &mut self,
        of: &Point,
        name: &str,
        buckets: impl Iterator<Item = (Option<f64>, u64)>,
        scale: f64,
    ) {
        let values = buckets.map(|(lower, count)| MeterBucketValue {
            bucket: lower.unwrap_or_default() * scale,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            is_negative_infinity: lower.is_none(),
        });
        let histogram = MeterHistogram {
            name: name.to_owned(),
            labels: of.labels.clone(),
            values: values.collect(),
        };
        self.add(of, Measured::Histogram(histogram));
    }

    fn add(&mut self, of: &Point, measured: Measured) {
        let minute = of.time_unix_ms.div_euclid(MINUTE_MS);
        let collection = self.minutes.entry(minute).or_default();
        collection.push(MeterData {
            metric: Some(measured),
            service: self.identity.service.clone(),
            service_instance: self.identity.instance.clone(),
            timestamp: of.time_unix_ms,
        });
    }

    /// Labels have different names: OAP fails at two of one name. The point's own come first.
    fn point(&self, attributes: &[KeyValue], time_unix_nano: u64) -> Point {
        let own = attributes.iter().map(|attribute| {
            let text = any::text_of(attribute);
            (label_name(&attribute.key), text.into_owned())
        });
        let shared = self.shared.iter();
        let shared = shared.map(|(key, value)| (label_name(key), value.clone()));
        let mut seen = HashSet::new();
        let all = own
            .chain(shared)
            .filter(|(name, _)| seen.insert(name.clone()));
        let labels = all.map(|(name, value)| Label { name, value }).collect();
        let time_unix_ms = match millis(time_unix_nano) {
            0 => self.arrived_unix_ms,
            known => known,
        };
        Point {
            labels,
            time_unix_ms,
        }
    }
}

/// Upper bounds with the counts of their buckets, as lower bounds; the first bucket has none.
trait LowerBounds: Iterator<Item = f64> + Sized {
    fn zip_with_counts(self, counts: &[u64]) -> impl Iterator<Item = (Option<f64>, u64)> {
        let lower = std::iter::once(None).chain(self.map(Some));
        lower.zip(counts.iter().copied())
    }
}

impl<I: Iterator<Item = f64>> LowerBounds for I {}

fn has_no_value(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

/// Names of OAP's rules have no dots.
fn plain(name: &str) -> String {
    name.replace('.', "_")
}

fn label_name(key: &str) -> String {
    let name = plain(key);
    match TAKEN_LABELS.contains(&&*name) {
        true => format!("{TAKEN_PREFIX}{name}"),
        false => name,
    }
}

/// An exponential histogram as bounds and one count more than these, from the lowest. `None` if there
/// are too many buckets, or their bounds are too far apart or too near for numbers.
fn bounds_and_counts(point: &ExponentialHistogramDataPoint) -> Option<(Vec<f64>, Vec<u64>)> {
    let no_buckets = Buckets::default();
    let negative = point.negative.as_ref().unwrap_or(&no_buckets);
    let positive = point.positive.as_ref().unwrap_or(&no_buckets);
    let buckets = negative.bucket_counts.len() + positive.bucket_counts.len();
    if buckets > BUCKETS_MAX {
        return None;
    }
    // The bounds are the powers of this number's logarithm.
    let step = (-f64::from(point.scale)).exp2();
    let bound = |offset: i32, index: usize| (step * (f64::from(offset) + index as f64)).exp2();
    let (mut bounds, mut counts) = (Vec::new(), Vec::new());
    if !negative.bucket_counts.is_empty() {
        // Nothing is below the lowest of them.
        counts.push(0);
        for (index, count) in negative.bucket_counts.iter().enumerate().rev() {
            bounds.push(-bound(negative.offset, index + 1));
            counts.push(*count);
        }
        bounds.push(-bound(negative.offset, 0));
    }
    counts.push(point.zero_count);
    if !positive.bucket_counts.is_empty() {
        bounds.push(bound(positive.offset, 0));
        for (index, count) in positive.bucket_counts.iter().enumerate() {
            counts.push(*count);
            bounds.push(bound(positive.offset, index + 1));
        }
        // Nor is anything above the highest.
        counts.push(0);
    }
    let finite = bounds.iter().all(|bound| bound.is_finite());
    let ascending = bounds.is_sorted_by(|a, b| a < b);
    (finite && ascending).then_some((bounds, counts))
}
