//! What kind of data a metric has.

use super::RecordView;
use crate::Signal;
use crate::wire::{Fields, Value};

/// The data that a metric has; of several, the last counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// No data at all, or data of a kind that OTLP does not know.
    None,
    Gauge,
    Sum(Temporality),
    Histogram(Temporality),
    ExponentialHistogram(Temporality),
    Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    Unspecified,
    Delta,
    Cumulative,
}

impl Temporality {
    /// Field 2 of the data.
    fn of(data: &[u8]) -> Self {
        let mut found = Temporality::Unspecified;
        for field in Fields::of(data).filter(|field| field.number == 2) {
            found = match field.value {
                Value::Varint(1) => Temporality::Delta,
                Value::Varint(2) => Temporality::Cumulative,
                _ => Temporality::Unspecified,
            };
        }
        found
    }
}

impl RecordView<'_> {
    /// The kind of data of a metric; [`MetricKind::None`] of anything else.
    pub fn metric_kind(&self) -> MetricKind {
        let mut found = MetricKind::None;
        if self.signal != Signal::Metrics {
            return found;
        }
        for field in Fields::of(self.message) {
            found = match (field.number, field.value) {
                (5, Value::Len(_)) => MetricKind::Gauge,
                (7, Value::Len(data)) => MetricKind::Sum(Temporality::of(data)),
                (9, Value::Len(data)) => MetricKind::Histogram(Temporality::of(data)),
                (10, Value::Len(data)) => MetricKind::ExponentialHistogram(Temporality::of(data)),
                (11, Value::Len(_)) => MetricKind::Summary,
                _ => found,
            };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{
        ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
    };

    use super::*;
    use crate::{Decoded, OtlpChunk};

    #[test]
    fn tells_every_kind_and_temporality() {
        let aggregation_temporality = 1;
        let data = [
            None,
            Some(Data::Gauge(Gauge::default())),
            Some(Data::Sum(Sum {
                aggregation_temporality: 2,
                ..Sum::default()
            })),
            Some(Data::Histogram(Histogram {
                aggregation_temporality,
                ..Histogram::default()
            })),
            Some(Data::ExponentialHistogram(ExponentialHistogram::default())),
            Some(Data::Summary(Summary::default())),
        ];
        let metrics = data.map(|data| Metric {
            data,
            ..Metric::default()
        });
        let chunk = OtlpChunk::from_decoded(Decoded::Metrics(ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: metrics.into(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }));
        let scope = chunk.scopes().next().expect("one scope");
        let kinds: Vec<_> = scope.records().map(|metric| metric.metric_kind()).collect();
        let expected = [
            MetricKind::None,
            MetricKind::Gauge,
            MetricKind::Sum(Temporality::Cumulative),
            MetricKind::Histogram(Temporality::Delta),
            MetricKind::ExponentialHistogram(Temporality::Unspecified),
            MetricKind::Summary,
        ];
        assert_eq!(kinds, expected);
    }
}
