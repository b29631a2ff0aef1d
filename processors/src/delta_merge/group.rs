//! What becomes one submission: the metrics of one service, merged.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::config::{Config, GaugeMode};
use super::histogram::Histograms;
use super::key::{Key, Series, overflow};
use super::number::Number;
use super::room::Room;

/// What a histogram's bound and its bucket take.
const BUCKET_BYTES: usize = 16;

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Group {
    resource: Vec<KeyValue>,
    scopes: BTreeMap<String, Scope>,
}

#[derive(Default)]
struct Scope {
    scope: Option<InstrumentationScope>,
    metrics: BTreeMap<String, Vec<Merging>>,
}

/// A metric without its points.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) description: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Sum { is_monotonic: bool },
    Histogram,
}

/// A metric that points are added to.
pub(super) struct Merging {
    unit: String,
    description: String,
    kind: Kind,
    sums: BTreeMap<Key, (Vec<KeyValue>, Number)>,
    gauges: BTreeMap<Key, Values>,
    histograms: Histograms,
}

/// The values of one gauge.
struct Values {
    attributes: Vec<KeyValue>,
    /// Each of them; none once they were too many.
    each: Vec<Number>,
    count: u64,
    sum: Number,
    min: Number,
    max: Number,
}

/// What became of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Merged,
    /// Into the overflow series of its metric.
    Overflowed,
    /// Beside others of its metric, because its bounds fit none of theirs.
    Apart,
}

/// When the points of a group are from.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) start_unix_nano: u64,
    pub(super) end_unix_nano: u64,
}

impl Group {
    /// Nothing yet of the resource with these attributes.
    pub(super) fn of(resource: Vec<KeyValue>) -> Self {
        Group {
            resource,
            scopes: BTreeMap::new(),
        }
    }

    /// The metric; `None` if it would be new and there is no room.
    pub(super) fn metric(
        &mut self,
        scope: Option<&InstrumentationScope>,
        header: &Header,
        room: &mut Room,
    ) -> Option<&mut Merging> {
        let name = scope.map_or("", |scope| scope.name.as_str());
        if !self.scopes.contains_key(name) {
            if room.is_full() {
                return None;
            }
            room.take(name.len() + scope.map_or(0, Message::encoded_len));
            let scope = Scope {
                scope: scope.cloned(),
                ..Scope::default()
            };
            self.scopes.insert(name.to_owned(), scope);
        }
        let metrics = &mut self.scopes.get_mut(name)?.metrics;
        let is_it = |of: &Merging| of.kind == header.kind && of.unit == header.unit;
        let known = metrics.get(&header.name);
        let index = match known.and_then(|of_name| of_name.iter().position(is_it)) {
            Some(index) => index,
            None if room.is_full() => return None,
            None => {
                room.take(header.name.len() + header.unit.len() + header.description.len());
                let of_name = metrics.entry(header.name.clone()).or_default();
                of_name.push(Merging::new(header));
                of_name.len() - 1
            }
        };
        metrics.get_mut(&header.name)?.get_mut(index)
    }

    /// The submission; `None` if nothing is in it.
    pub(super) fn into_submission(self, times: Times, config: &Config) -> Option<ResourceMetrics> {
        let scopes = self.scopes.into_values().filter_map(|scope| {
            let metrics: Vec<Metric> = scope
                .metrics
                .into_iter()
                .flat_map(|(name, of_name)| {
                    of_name
                        .into_iter()
                        .flat_map(move |metric| metric.into_metrics(&name, times, config))
                })
                .collect();
            (!metrics.is_empty()).then(|| ScopeMetrics {
                scope: scope.scope,
                metrics,
                ..ScopeMetrics::default()
            })
        });
        let scope_metrics: Vec<ScopeMetrics> = scopes.collect();
        (!scope_metrics.is_empty()).then(|| ResourceMetrics {
            resource: Some(Resource {
                attributes: self.resource,
                ..Resource::default()
            }),
            scope_metrics,
            ..ResourceMetrics::default()
        })
    }
}

impl Merging {
    fn new(header: &Header) -> Self {
        Merging {
            unit: header.unit.clone(),
            description: header.description.clone(),
            kind: header.kind,
            sums: BTreeMap::new(),
            gauges: BTreeMap::new(),
            histograms: Histograms::default(),
        }
    }

    pub(super) fn add_sum(&mut self, series: &Series<'_>, value: Number, room: &mut Room) -> Fate {
        let (key, fate) = admit(series.key(), 0, |key| self.sums.contains_key(key), room);
        match self.sums.get_mut(&key) {
            Some((_, sum)) => *sum = sum.plus(value),
            None => {
                self.sums.insert(key, (attributes(series, fate), value));
            }
        }
        fate
    }

    /// A gauge's value; kept, unless `config` or the room leave only the mean.
    pub(super) fn add_gauge(
        &mut self,
        series: &Series<'_>,
        value: Number,
        config: &Config,
        room: &mut Room,
    ) -> Fate {
        let (key, fate) = admit(series.key(), 0, |key| self.gauges.contains_key(key), room);
        let values = self.gauges.entry(key).or_insert_with(|| Values {
            attributes: attributes(series, fate),
            each: Vec::new(),
            count: 0,
            sum: Number::Int(0),
            min: value,
            max: value,
        });
        values.add(value, config.gauges == GaugeMode::Points, room);
        fate
    }

    pub(super) fn add_histogram(
        &mut self,
        series: &Series<'_>,
        point: HistogramDataPoint,
        room: &mut Room,
    ) -> Fate {
        let bounds = &point.explicit_bounds;
        let bucket_bytes = bounds.len() * BUCKET_BYTES;
        let mut set = self.histograms.set_for(bounds, !room.is_full());
        let has = |key: &Key| set.has(key);
        let (key, fate) = admit(series.key(), bucket_bytes, has, room);
        set.add(key, || attributes(series, fate), point);
        match set.is_apart() && fate == Fate::Merged {
            true => Fate::Apart,
            false => fate,
        }
    }

    /// As metrics: one, or one for each set of bounds, or with the statistics of a gauge beside it.
    fn into_metrics(self, name: &str, times: Times, config: &Config) -> Vec<Metric> {
        let temporality = AggregationTemporality::Delta as i32;
        let mut data: Vec<(&str, Data)> = Vec::new();
        match self.kind {
            Kind::Sum { is_monotonic } => {
                let points = self.sums.into_values();
                let points = points.map(|(attributes, sum)| number_point(attributes, sum, times));
                data.push((
                    "",
                    Data::Sum(Sum {
                        data_points: points.collect(),
                        aggregation_temporality: temporality,
                        is_monotonic,
                    }),
                ));
            }
            Kind::Histogram => {
                let sets = self
                    .histograms
                    .into_points(times.start_unix_nano, times.end_unix_nano);
                data.extend(sets.map(|data_points| {
                    let histogram = Histogram {
                        data_points,
                        aggregation_temporality: temporality,
                    };
                    ("", Data::Histogram(histogram))
                }));
            }
            Kind::Gauge => gauges(self.gauges, times, config, &mut data),
        }
        let metric = |(suffix, data): (&str, Data)| Metric {
            name: format!("{name}{suffix}"),
            unit: match suffix {
                ".count" => "{value}".to_owned(),
                _ => self.unit.clone(),
            },
            description: self.description.clone(),
            data: Some(data),
            ..Metric::default()
        };
        data.into_iter().map(metric).collect()
    }
}

/// The key under which a point is added: that of the overflow series, where it is new and there is no
/// room. A key that is new takes room for itself, its attributes and so many bytes more.
fn admit(key: Key, more: usize, has: impl Fn(&Key) -> bool, room: &mut Room) -> (Key, Fate) {
    if has(&key) {
        return (key, Fate::Merged);
    }
    if !room.is_full() {
        room.take_series(2 * key.len() + more);
        return (key, Fate::Merged);
    }
    let key = Series::new(&overflow(), &[]).key();
    if !has(&key) {
        room.take_series(2 * key.len() + more);
    }
    (key, Fate::Overflowed)
}

fn attributes(series: &Series<'_>, fate: Fate) -> Vec<KeyValue> {
    match fate {
        Fate::Overflowed => overflow(),
        Fate::Merged | Fate::Apart => series.attributes(),
    }
}

impl Values {
    fn add(&mut self, value: Number, keeps_each: bool, room: &mut Room) {
        let is_whole = self.each.len() as u64 == self.count;
        if keeps_each && is_whole && room.values < room.values_max {
            self.each.push(value);
            room.values += 1;
        } else {
            room.values -= self.each.len();
            self.each = Vec::new();
        }
        self.count += 1;
        self.sum = self.sum.plus(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn mean(&self) -> Number {
        match self.count {
            1 => self.sum,
            count => Number::Double(self.sum.as_f64() / count as f64),
        }
    }
}

/// Gauges as points, or as means with their statistics.
fn gauges(
    series: BTreeMap<Key, Values>,
    times: Times,
    config: &Config,
    data: &mut Vec<(&'static str, Data)>,
) {
    let gauge = |data_points: Vec<NumberDataPoint>| Data::Gauge(Gauge { data_points });
    let point = |values: &Values, number| number_point(values.attributes.clone(), number, times);
    let each = series.values().flat_map(|values| {
        let mean = values.each.is_empty().then(|| values.mean());
        let numbers = values.each.iter().copied().chain(mean);
        numbers
            .map(|number| point(values, number))
            .collect::<Vec<_>>()
    });
    data.push(("", gauge(each.collect())));
    if config.gauge_statistics {
        let statistic = |of: fn(&Values) -> Number| {
            let points = series.values().map(|values| point(values, of(values)));
            gauge(points.collect())
        };
        let count = |values: &Values| Number::Int(values.count.try_into().unwrap_or(i64::MAX));
        data.push((".count", statistic(count)));
        data.push((".min", statistic(|values| values.min)));
        data.push((".max", statistic(|values| values.max)));
    }
}

fn number_point(attributes: Vec<KeyValue>, number: Number, times: Times) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: times.start_unix_nano,
        time_unix_nano: times.end_unix_nano,
        value: Some(number.value()),
        ..NumberDataPoint::default()
    }
}
