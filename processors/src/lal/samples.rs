//! What `metrics` blocks measured, as gauges.
//!
//! Per resource: one `ResourceMetrics` for each minute, because OAP puts points of several minutes that
//! come in one into the earliest. Every sample stays a point of its own, so that OAP's rules can add
//! them up as they would add up samples of its own log analysis; labels are attributes of the point.

use std::collections::BTreeMap;

use lal::Sample;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::{Chunk, Decoded, OtlpChunk};

const MS_PER_MINUTE: i64 = 60_000;

/// Minutes that the samples of one resource are told apart by; later ones join the last. A device that
/// was offline brings some of them at once.
const MINUTES_MAX: usize = 64;

/// Bytes of a label's value that become an attribute. What rules make labels of comes from outside.
const LABEL_BYTES_MAX: usize = 1024;

/// The scope under which the samples stand.
const SCOPE: &str = "skyferry.lal";

/// The samples of one resource, by minute and name.
#[derive(Default)]
pub(super) struct Samples {
    minutes: BTreeMap<i64, BTreeMap<String, Vec<NumberDataPoint>>>,
}

impl Samples {
    /// Adds a sample, dated `now_ms` if it says nothing else; a value that is no finite number is none.
    pub(super) fn add(&mut self, sample: &Sample<'_>, now_ms: i64) {
        if !sample.value.is_finite() {
            return;
        }
        let unix_ms = match sample.timestamp_ms {
            0 => now_ms,
            unix_ms => unix_ms,
        };
        let labels = sample.labels.unwrap_or_default().iter();
        let point = NumberDataPoint {
            attributes: labels.map(|(key, value)| attribute(key, value)).collect(),
            time_unix_nano: u64::try_from(unix_ms)
                .ok()
                .and_then(|unix_ms| unix_ms.checked_mul(1_000_000))
                .unwrap_or_default(),
            value: Some(Value::AsDouble(sample.value)),
            ..NumberDataPoint::default()
        };
        self.points(unix_ms.div_euclid(MS_PER_MINUTE), sample.name)
            .push(point);
    }

    /// Where the points of a minute under a name are.
    fn points(&mut self, minute: i64, name: &str) -> &mut Vec<NumberDataPoint> {
        let is_full = self.minutes.len() >= MINUTES_MAX && !self.minutes.contains_key(&minute);
        let last = self.minutes.keys().next_back().copied();
        let minute = last.filter(|_| is_full).unwrap_or(minute);
        let names = self.minutes.entry(minute).or_default();
        // The name is copied once for many samples.
        if !names.contains_key(name) {
            names.insert(name.to_owned(), Vec::new());
        }
        names.get_mut(name).expect("it is there or was inserted")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.minutes.is_empty()
    }

    pub(super) fn extend(&mut self, other: Samples) {
        for (minute, names) in other.minutes {
            for (name, points) in names {
                self.points(minute, &name).extend(points);
            }
        }
    }

    /// One chunk for each minute, of a resource with these attributes; those that are empty are left out.
    pub(super) fn into_chunks<T: AsRef<str>>(
        self,
        attributes: &[(&str, T)],
    ) -> impl Iterator<Item = Chunk> + use<T> {
        let texts = attributes.iter().map(|(key, value)| (key, value.as_ref()));
        let known = texts.filter(|(_, value)| !value.is_empty());
        let resource = Resource {
            attributes: known.map(|(key, value)| attribute(key, value)).collect(),
            ..Resource::default()
        };
        self.minutes.into_values().map(move |names| {
            let scope_metrics = ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: SCOPE.to_owned(),
                    ..InstrumentationScope::default()
                }),
                metrics: names.into_iter().map(gauge).collect(),
                ..ScopeMetrics::default()
            };
            Chunk::Otlp(OtlpChunk::from_decoded(Decoded::Metrics(ResourceMetrics {
                resource: Some(resource.clone()),
                scope_metrics: vec![scope_metrics],
                ..ResourceMetrics::default()
            })))
        })
    }
}

fn gauge((name, data_points): (String, Vec<NumberDataPoint>)) -> Metric {
    Metric {
        name,
        data: Some(Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let cut = &value[..value.floor_char_boundary(LABEL_BYTES_MAX)];
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(cut.to_owned())),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 29_920_320;

    fn sample(name: &str, timestamp_ms: i64, value: f64) -> Sample<'_> {
        Sample {
            name,
            labels: Some(&[("kind", "js"), ("empty", "")]),
            timestamp_ms,
            value,
        }
    }

    fn decoded(samples: Samples) -> Vec<ResourceMetrics> {
        let chunks = samples.into_chunks(&[("service.name", "shop"), ("service.layer", "")]);
        let metrics = chunks.map(|chunk| {
            let mut chunk = chunk.into_otlp().expect("it is OTLP");
            match chunk.decoded_mut() {
                Decoded::Metrics(metrics) => metrics.clone(),
                other => panic!("{other:?} are no metrics"),
            }
        });
        metrics.collect()
    }

    fn points(metrics: &ResourceMetrics) -> Vec<(&str, f64, u64)> {
        let metrics = metrics.scope_metrics.iter().flat_map(|it| &it.metrics);
        let points = metrics.flat_map(|metric| match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(|it| (&*metric.name, it)),
            other => panic!("{other:?} is no gauge"),
        });
        points
            .map(|(name, point)| match point.value {
                Some(Value::AsDouble(value)) => (name, value, point.time_unix_nano / 1_000_000),
                other => panic!("{other:?} is no double"),
            })
            .collect()
    }

    #[test]
    fn every_sample_is_a_point_of_its_minute() {
        let mut samples = Samples::default();
        let at = MINUTE * MS_PER_MINUTE;
        samples.add(&sample("errors", at, 1.0), 7);
        samples.add(&sample("errors", at + 59_999, 2.0), 7);
        samples.add(&sample("errors", at + 60_000, 3.0), 7);
        samples.add(&sample("slow", at, f64::NAN), 7);
        samples.add(&sample("slow", 0, 4.0), at + 5);
        let metrics = decoded(samples);
        let [first, second] = &metrics[..] else {
            panic!("two minutes, not {metrics:?}");
        };
        let at = at as u64;
        let expected = [
            ("errors", 1.0, at),
            ("errors", 2.0, at + 59_999),
            ("slow", 4.0, at + 5),
        ];
        assert_eq!(points(first), expected);
        assert_eq!(points(second), [("errors", 3.0, at + 60_000)]);
        let resource = first.resource.as_ref().expect("it has one");
        assert_eq!(resource.attributes, [attribute("service.name", "shop")]);
        let labels = match &first.scope_metrics[0].metrics[0].data {
            Some(Data::Gauge(gauge)) => &gauge.data_points[0].attributes,
            other => panic!("{other:?} is no gauge"),
        };
        assert_eq!(*labels, [attribute("kind", "js"), attribute("empty", "")]);
    }

    #[test]
    fn what_comes_from_outside_makes_no_series_without_end() {
        let mut samples = Samples::default();
        for minute in 0..1000 {
            samples.add(&sample("errors", 1 + minute * MS_PER_MINUTE, 1.0), 0);
        }
        let metrics = decoded(samples);
        assert_eq!(metrics.len(), MINUTES_MAX);
        let all = metrics.iter().map(|metrics| points(metrics).len());
        assert_eq!(all.sum::<usize>(), 1000);
        let long = attribute("key", &"花".repeat(1000));
        let value = long.value.and_then(|value| value.value);
        let Some(any_value::Value::StringValue(text)) = value else {
            panic!("it is text");
        };
        assert_eq!(text.len(), LABEL_BYTES_MAX - LABEL_BYTES_MAX % 3);
    }
}
