//! Metrics that a plugin derives, written straight as bytes.
//!
//! Points are deltas: what was counted in an [`Interval`]. Whoever wants totals has them made behind the
//! plugin, where there is memory for it.

use super::{AnyValue, KeyValue};
use crate::wire::{Fields, put_fixed64, put_len, put_message, put_number};

/// `AGGREGATION_TEMPORALITY_DELTA`.
const DELTA: u64 = 1;

/// The time that a point covers, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
}

/// A `ResourceMetrics` in the making.
#[derive(Clone, Debug)]
pub struct MetricsMessage {
    message: Vec<u8>,
    metrics: Vec<u8>,
}

impl MetricsMessage {
    /// With a resource of these attributes.
    pub fn new(resource: &[(&str, AnyValue<'_>)]) -> Self {
        let mut message = Vec::new();
        put_message(&mut message, 1, |out| {
            for (key, value) in resource {
                KeyValue::put(out, 1, key, *value);
            }
        });
        MetricsMessage {
            message,
            metrics: Vec::new(),
        }
    }

    /// With the resource of a `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
    pub fn with_resource_of(owner: &[u8]) -> Self {
        let mut message = Vec::new();
        for field in Fields::of(owner).filter(|field| field.number == 1) {
            message.extend_from_slice(&owner[field.start..field.end]);
        }
        MetricsMessage {
            message,
            metrics: Vec::new(),
        }
    }

    pub fn sum(mut self, sum: Sum) -> Self {
        self.put(sum.identity, 7, |out| {
            out.extend_from_slice(&sum.points);
            put_number(out, 2, DELTA);
            put_number(out, 3, 1);
        });
        self
    }

    pub fn gauge(mut self, gauge: Gauge) -> Self {
        self.put(gauge.identity, 5, |out| {
            out.extend_from_slice(&gauge.points);
        });
        self
    }

    pub fn histogram(mut self, histogram: Histogram) -> Self {
        self.put(histogram.identity, 9, |out| {
            out.extend_from_slice(&histogram.points);
            put_number(out, 2, DELTA);
        });
        self
    }

    fn put(&mut self, identity: Vec<u8>, field: u32, data: impl FnOnce(&mut Vec<u8>)) {
        put_message(&mut self.metrics, 2, |out| {
            out.extend_from_slice(&identity);
            put_message(out, field, data);
        });
    }

    /// The message, of a scope with this name.
    pub fn finish(mut self, scope: &str) -> Vec<u8> {
        let metrics = self.metrics;
        put_message(&mut self.message, 2, |out| {
            put_message(out, 1, |out| put_len(out, 1, scope.as_bytes()));
            out.extend_from_slice(&metrics);
        });
        self.message
    }
}

/// Name and unit of a metric, as its fields.
fn identity(name: &str, unit: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + unit.len() + 4);
    put_len(&mut out, 1, name.as_bytes());
    put_len(&mut out, 3, unit.as_bytes());
    out
}

fn put_attributes(out: &mut Vec<u8>, number: u32, attributes: &[(&str, AnyValue<'_>)]) {
    for (key, value) in attributes {
        KeyValue::put(out, number, key, *value);
    }
}

/// A `Sum` that only grows.
#[derive(Clone, Debug)]
pub struct Sum {
    identity: Vec<u8>,
    points: Vec<u8>,
}

impl Sum {
    /// `unit` in UCUM's words, such as `{request}` or `By`.
    pub fn new(name: &str, unit: &str) -> Self {
        Sum {
            identity: identity(name, unit),
            points: Vec::new(),
        }
    }

    /// What was added in `interval`.
    pub fn point(
        mut self,
        interval: Interval,
        attributes: &[(&str, AnyValue<'_>)],
        added: i64,
    ) -> Self {
        put_message(&mut self.points, 1, |out| {
            put_attributes(out, 7, attributes);
            put_fixed64(out, 2, interval.start_time_unix_nano);
            put_fixed64(out, 3, interval.time_unix_nano);
            put_fixed64(out, 6, added as u64);
        });
        self
    }
}

/// A `Gauge`.
#[derive(Clone, Debug)]
pub struct Gauge {
    identity: Vec<u8>,
    points: Vec<u8>,
}

impl Gauge {
    pub fn new(name: &str, unit: &str) -> Self {
        Gauge {
            identity: identity(name, unit),
            points: Vec::new(),
        }
    }

    /// What it was at this time.
    pub fn point(
        mut self,
        time_unix_nano: u64,
        attributes: &[(&str, AnyValue<'_>)],
        value: f64,
    ) -> Self {
        put_message(&mut self.points, 1, |out| {
            put_attributes(out, 7, attributes);
            put_fixed64(out, 3, time_unix_nano);
            put_fixed64(out, 4, value.to_bits());
        });
        self
    }
}

/// Values counted in buckets; one set of them for each point of a [`Histogram`].
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
    range: Option<(f64, f64)>,
}

impl Bounds {
    /// Upper ends of the buckets, inclusive, growing. A last bucket without end comes by itself.
    pub fn new(bounds: &'static [f64]) -> Self {
        Bounds {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
            range: None,
        }
    }

    /// Counts one value.
    pub fn record(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum += value;
        let (min, max) = self.range.unwrap_or((value, value));
        self.range = Some((min.min(value), max.max(value)));
    }
}

/// A `Histogram`.
#[derive(Clone, Debug)]
pub struct Histogram {
    identity: Vec<u8>,
    points: Vec<u8>,
}

impl Histogram {
    pub fn new(name: &str, unit: &str) -> Self {
        Histogram {
            identity: identity(name, unit),
            points: Vec::new(),
        }
    }

    /// What was recorded in `interval`.
    pub fn point(
        mut self,
        interval: Interval,
        attributes: &[(&str, AnyValue<'_>)],
        recorded: &Bounds,
    ) -> Self {
        put_message(&mut self.points, 1, |out| {
            put_fixed64(out, 2, interval.start_time_unix_nano);
            put_fixed64(out, 3, interval.time_unix_nano);
            put_fixed64(out, 4, recorded.counts.iter().sum());
            put_fixed64(out, 5, recorded.sum.to_bits());
            put_words(out, 6, recorded.counts.iter().copied());
            put_words(out, 7, recorded.bounds.iter().map(|bound| bound.to_bits()));
            put_attributes(out, 9, attributes);
            if let Some((min, max)) = recorded.range {
                put_fixed64(out, 11, min.to_bits());
                put_fixed64(out, 12, max.to_bits());
            }
        });
        self
    }
}

/// Packed `fixed64` or `double`.
fn put_words(out: &mut Vec<u8>, number: u32, words: impl Iterator<Item = u64>) {
    put_message(out, number, |out| {
        for word in words {
            out.extend_from_slice(&word.to_le_bytes());
        }
    });
}
