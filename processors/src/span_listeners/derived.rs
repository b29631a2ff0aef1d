//! Numbers that listeners found, added up to metrics.
//!
//! Per chunk, and so per resource: one `ResourceMetrics` for each minute in which spans ended,
//! because OAP puts points of several minutes that come in one into the earliest. In it, spans of
//! equal attributes make one point of each of their metrics. Sums and histograms are deltas over
//! the time of their spans; a series is known by its metric's name and its attributes, and a
//! metric's bounds never change, so that deltas of many devices can be added.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, AggregationTemporality, HistogramDataPoint, NumberDataPoint, ResourceMetrics,
    ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::{Chunk, Decoded, OtlpChunk};

use super::bounded::cut;
use super::listener::{Kind, Measured, Metric, Window};

const NANOS_PER_MINUTE: u64 = 60_000_000_000;

/// Minutes that the spans of one resource are told apart by; later ones join the last. Phones that
/// were offline bring some days of MetricKit at once, or requests of some minutes.
const MINUTES_MAX: usize = 64;

/// The scope under which derived metrics stand.
const SCOPE: &str = "skyferry.span_listeners";

/// What of a resource its metrics keep: what an app is, and not whose device sent it.
const RESOURCE_KEPT: [&str; 4] = [
    "service.name",
    "service.namespace",
    "deployment.environment.name",
    "os.name",
];

type Attributes<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The metrics of one resource in the making.
#[derive(Default)]
pub(super) struct Derived<'a> {
    minutes: BTreeMap<u64, BTreeMap<Attributes<'a>, Group<'a>>>,
}

/// Points of equal attributes.
struct Group<'a> {
    window: Window,
    values: Vec<(Metric<'a>, Folded)>,
}

/// Several numbers of one series as one.
enum Folded {
    Number(f64),
    Histogram(HistogramDataPoint),
}

impl<'a> Derived<'a> {
    /// Adds what one span measured; numbers that are not finite are nothing.
    pub(super) fn add(&mut self, measured: Measured<'a>) {
        let Measured {
            window,
            attributes,
            mut values,
        } = measured;
        values.retain(|(_, number)| number.is_finite());
        if values.is_empty() {
            return;
        }
        let mut minute = window.end / NANOS_PER_MINUTE;
        if self.minutes.len() >= MINUTES_MAX && !self.minutes.contains_key(&minute) {
            minute = self.minutes.keys().next_back().copied().unwrap_or(minute);
        }
        let groups = self.minutes.entry(minute).or_default();
        let group = groups.entry(attributes).or_insert(Group {
            window,
            values: Vec::new(),
        });
        group.window.start = group.window.start.min(window.start);
        group.window.end = group.window.end.max(window.end);
        for (metric, number) in values {
            group.add(metric, number);
        }
    }

    /// One chunk of metrics for each minute, of `source`'s resource.
    pub(super) fn into_chunks(self, source: &OtlpChunk) -> Vec<Chunk> {
        if self.minutes.is_empty() {
            return Vec::new();
        }
        let resource = resource(source);
        let minutes = self.minutes.into_values();
        let chunks = minutes.map(|groups| {
            let scope_metrics = ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: SCOPE.to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: metrics(groups),
                schema_url: String::new(),
            };
            Chunk::Otlp(OtlpChunk::from_decoded(Decoded::Metrics(ResourceMetrics {
                resource: Some(resource.clone()),
                scope_metrics: vec![scope_metrics],
                schema_url: String::new(),
            })))
        });
        chunks.collect()
    }
}

impl<'a> Group<'a> {
    fn add(&mut self, metric: Metric<'a>, number: f64) {
        let known = |(known, _): &&mut (Metric<'_>, Folded)| *known == metric;
        match self.values.iter_mut().find(known) {
            Some((_, folded)) => folded.add(metric.kind, number),
            None => self.values.push((metric, Folded::of(metric.kind, number))),
        }
    }
}

impl Folded {
    fn of(kind: Kind<'_>, number: f64) -> Folded {
        let Kind::Histogram { bounds, .. } = kind else {
            return Folded::Number(number);
        };
        let mut folded = Folded::Histogram(HistogramDataPoint {
            sum: Some(0.0),
            bucket_counts: vec![0; bounds.len() + 1],
            explicit_bounds: bounds.to_vec(),
            ..HistogramDataPoint::default()
        });
        folded.add(kind, number);
        folded
    }

    fn add(&mut self, kind: Kind<'_>, number: f64) {
        match (kind, self) {
            (Kind::Sum, Folded::Number(sum)) => *sum += number,
            (Kind::Maximum, Folded::Number(most)) => *most = most.max(number),
            (_, Folded::Number(latest)) => *latest = number,
            (kind, Folded::Histogram(point)) => {
                let is_capped = matches!(
                    kind,
                    Kind::Histogram {
                        is_capped: true,
                        ..
                    }
                );
                add_to_histogram(point, number, is_capped);
            }
        }
    }
}

fn add_to_histogram(point: &mut HistogramDataPoint, number: f64, is_capped: bool) {
    let bounds = &point.explicit_bounds;
    // A bucket holds what is not above its bound.
    let mut bucket = bounds.partition_point(|bound| *bound < number);
    if is_capped {
        bucket = bucket.min(bounds.len().saturating_sub(1));
    }
    point.bucket_counts[bucket] += 1;
    point.count += 1;
    point.sum = Some(point.sum.unwrap_or_default() + number);
    point.min = Some(point.min.map_or(number, |min| min.min(number)));
    point.max = Some(point.max.map_or(number, |max| max.max(number)));
}

fn resource(source: &OtlpChunk) -> Resource {
    let kept = RESOURCE_KEPT.iter().filter_map(|key| {
        let value = source.resource_attribute(key)?;
        Some(text(key, value.as_str()?))
    });
    Resource {
        attributes: kept.collect(),
        ..Resource::default()
    }
}

/// The metrics of one minute: the points of all groups, by name.
fn metrics(groups: BTreeMap<Attributes<'_>, Group<'_>>) -> Vec<otlp::Metric> {
    let mut metrics: Vec<otlp::Metric> = Vec::new();
    let mut places: HashMap<(&str, bool), usize> = HashMap::new();
    for (attributes, group) in groups {
        for (metric, folded) in group.values {
            let is_histogram = matches!(folded, Folded::Histogram(_));
            let place = places.entry((metric.name, is_histogram));
            let place = *place.or_insert_with(|| {
                metrics.push(empty(&metric));
                metrics.len() - 1
            });
            let labels = metric.labels.iter().map(|(key, value)| text(key, value));
            let shared = attributes.iter().map(|(key, value)| text(key, value));
            let attributes = shared.chain(labels).collect();
            push(&mut metrics[place], group.window, attributes, folded);
        }
    }
    metrics
}

/// The metric without points.
fn empty(metric: &Metric<'_>) -> otlp::Metric {
    let delta = AggregationTemporality::Delta.into();
    let data = match metric.kind {
        Kind::Sum => Data::Sum(otlp::Sum {
            aggregation_temporality: delta,
            is_monotonic: true,
            ..otlp::Sum::default()
        }),
        Kind::Gauge | Kind::Maximum => Data::Gauge(otlp::Gauge::default()),
        Kind::Histogram { .. } => Data::Histogram(otlp::Histogram {
            aggregation_temporality: delta,
            ..otlp::Histogram::default()
        }),
    };
    otlp::Metric {
        name: metric.name.to_owned(),
        unit: metric.unit.to_owned(),
        data: Some(data),
        ..otlp::Metric::default()
    }
}

fn push(metric: &mut otlp::Metric, window: Window, attributes: Vec<KeyValue>, folded: Folded) {
    let number = match folded {
        Folded::Number(number) => number,
        Folded::Histogram(mut point) => {
            point.attributes = attributes;
            point.start_time_unix_nano = window.start;
            point.time_unix_nano = window.end;
            if let Some(Data::Histogram(histogram)) = &mut metric.data {
                histogram.data_points.push(point);
            }
            return;
        }
    };
    let point = NumberDataPoint {
        attributes,
        start_time_unix_nano: window.start,
        time_unix_nano: window.end,
        value: Some(Value::AsDouble(number)),
        ..NumberDataPoint::default()
    };
    match &mut metric.data {
        Some(Data::Sum(sum)) => sum.data_points.push(point),
        Some(Data::Gauge(gauge)) => gauge.data_points.push(point),
        _ => {}
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(cut(value).to_owned())),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests;
