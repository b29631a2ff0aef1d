//! Metrics and their data points.

use super::{AnyValue, Attributes, InstrumentationScope, Records, Resource};
use crate::wire::{
    Fields, Value, all_fixed64, all_len, all_varints, last_fixed64, last_len, last_varint, text,
    zigzag,
};

/// The metrics of one resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourceMetrics<'a> {
    message: &'a [u8],
}

impl<'a> ResourceMetrics<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        ResourceMetrics { message }
    }

    pub fn resource(&self) -> Resource<'a> {
        Resource::of(self.message)
    }

    pub fn scopes(&self) -> impl Iterator<Item = ScopeMetrics<'a>> + use<'a> {
        all_len(self.message, 2).map(|message| ScopeMetrics { message })
    }

    /// Those of all scopes.
    pub fn metrics(&self) -> impl Iterator<Item = Metric<'a>> + use<'a> {
        Records::of(self.message).map(Metric::of)
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// The metrics of one scope.
#[derive(Clone, Copy, Debug)]
pub struct ScopeMetrics<'a> {
    message: &'a [u8],
}

impl<'a> ScopeMetrics<'a> {
    pub fn scope(&self) -> InstrumentationScope<'a> {
        InstrumentationScope::of(self.message)
    }

    pub fn metrics(&self) -> impl Iterator<Item = Metric<'a>> + use<'a> {
        all_len(self.message, 2).map(Metric::of)
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// What a metric measures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Gauge,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

impl MetricKind {
    /// Of the field of a `Metric` that has the data.
    pub(crate) fn of_field(number: u32) -> Option<MetricKind> {
        match number {
            5 => Some(MetricKind::Gauge),
            7 => Some(MetricKind::Sum),
            9 => Some(MetricKind::Histogram),
            10 => Some(MetricKind::ExponentialHistogram),
            11 => Some(MetricKind::Summary),
            _ => None,
        }
    }

    /// The field of a point that has its attributes.
    pub(crate) fn attributes_field(self) -> u32 {
        match self {
            MetricKind::Gauge | MetricKind::Sum | MetricKind::Summary => 7,
            MetricKind::Histogram => 9,
            MetricKind::ExponentialHistogram => 1,
        }
    }
}

/// What the numbers of a metric cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    Unspecified,
    /// The time since the point before.
    Delta,
    /// The time since the start.
    Cumulative,
}

/// One metric with its points.
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a> {
    message: &'a [u8],
}

impl<'a> Metric<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Metric { message }
    }

    pub fn name(&self) -> &'a str {
        last_len(self.message, 1).map(text).unwrap_or_default()
    }

    pub fn description(&self) -> &'a str {
        last_len(self.message, 2).map(text).unwrap_or_default()
    }

    pub fn unit(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }

    /// `None` for a metric without data, or with data of a kind that did not exist when this was written.
    pub fn kind(&self) -> Option<MetricKind> {
        self.data().map(|(kind, _)| kind)
    }

    /// Of a sum or a histogram; others have none.
    pub fn aggregation_temporality(&self) -> Temporality {
        let number = match self.data() {
            Some((MetricKind::Gauge | MetricKind::Summary, _)) | None => None,
            Some((_, data)) => last_varint(data, 2),
        };
        match number {
            Some(1) => Temporality::Delta,
            Some(2) => Temporality::Cumulative,
            _ => Temporality::Unspecified,
        }
    }

    /// Whether it is a sum that only grows.
    pub fn is_monotonic(&self) -> bool {
        let sum = self.data().filter(|(kind, _)| *kind == MetricKind::Sum);
        sum.and_then(|(_, data)| last_varint(data, 3)) == Some(1)
    }

    pub fn data_points(&self) -> impl Iterator<Item = DataPoint<'a>> + use<'a> {
        let data = self.data().into_iter();
        data.flat_map(|(kind, data)| all_len(data, 1).map(move |point| DataPoint::of(kind, point)))
    }

    /// The data; of several the last.
    fn data(&self) -> Option<(MetricKind, &'a [u8])> {
        let fields = Fields::of(self.message).filter_map(|field| match field.value {
            Value::Len(data) => Some((MetricKind::of_field(field.number)?, data)),
            _ => None,
        });
        fields.last()
    }
}

/// One data point of any kind.
#[derive(Clone, Copy, Debug)]
pub enum DataPoint<'a> {
    /// Of a gauge or a sum.
    Number(NumberDataPoint<'a>),
    Histogram(HistogramDataPoint<'a>),
    ExponentialHistogram(ExponentialHistogramDataPoint<'a>),
    Summary(SummaryDataPoint<'a>),
}

impl<'a> DataPoint<'a> {
    pub(crate) fn of(kind: MetricKind, message: &'a [u8]) -> Self {
        match kind {
            MetricKind::Gauge | MetricKind::Sum => DataPoint::Number(NumberDataPoint { message }),
            MetricKind::Histogram => DataPoint::Histogram(HistogramDataPoint { message }),
            MetricKind::ExponentialHistogram => {
                DataPoint::ExponentialHistogram(ExponentialHistogramDataPoint { message })
            }
            MetricKind::Summary => DataPoint::Summary(SummaryDataPoint { message }),
        }
    }

    fn parts(&self) -> (MetricKind, &'a [u8]) {
        match self {
            DataPoint::Number(point) => (MetricKind::Sum, point.message),
            DataPoint::Histogram(point) => (MetricKind::Histogram, point.message),
            DataPoint::ExponentialHistogram(point) => {
                (MetricKind::ExponentialHistogram, point.message)
            }
            DataPoint::Summary(point) => (MetricKind::Summary, point.message),
        }
    }

    pub fn attributes(&self) -> Attributes<'a> {
        let (kind, message) = self.parts();
        Attributes::of(message, kind.attributes_field())
    }

    /// The first attribute with this key.
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        self.attributes().find_value(key)
    }

    pub fn start_time_unix_nano(&self) -> u64 {
        last_fixed64(self.parts().1, 2).unwrap_or_default()
    }

    pub fn time_unix_nano(&self) -> u64 {
        last_fixed64(self.parts().1, 3).unwrap_or_default()
    }
}

/// A point of a gauge or a sum.
#[derive(Clone, Copy, Debug)]
pub struct NumberDataPoint<'a> {
    message: &'a [u8],
}

/// A number as its sender wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberValue {
    Int(i64),
    Double(f64),
}

impl NumberDataPoint<'_> {
    /// `None` where nothing was recorded.
    pub fn value(&self) -> Option<NumberValue> {
        let fields =
            Fields::of(self.message).filter_map(|field| match (field.number, field.value) {
                (4, Value::Fixed64(bits)) => Some(NumberValue::Double(f64::from_bits(bits))),
                (6, Value::Fixed64(value)) => Some(NumberValue::Int(value as i64)),
                _ => None,
            });
        fields.last()
    }
}

/// A double in this field, where it is optional.
fn double(message: &[u8], number: u32) -> Option<f64> {
    last_fixed64(message, number).map(f64::from_bits)
}

/// A point of a histogram.
#[derive(Clone, Copy, Debug)]
pub struct HistogramDataPoint<'a> {
    message: &'a [u8],
}

impl<'a> HistogramDataPoint<'a> {
    pub fn count(&self) -> u64 {
        last_fixed64(self.message, 4).unwrap_or_default()
    }

    pub fn sum(&self) -> Option<f64> {
        double(self.message, 5)
    }

    pub fn min(&self) -> Option<f64> {
        double(self.message, 11)
    }

    pub fn max(&self) -> Option<f64> {
        double(self.message, 12)
    }

    /// One more than bounds, or none.
    pub fn bucket_counts(&self) -> impl Iterator<Item = u64> + use<'a> {
        all_fixed64(self.message, 6)
    }

    /// Upper ends of the buckets, inclusive; the last bucket has none.
    pub fn explicit_bounds(&self) -> impl Iterator<Item = f64> + use<'a> {
        all_fixed64(self.message, 7).map(f64::from_bits)
    }
}

/// A point of a histogram with exponential buckets.
#[derive(Clone, Copy, Debug)]
pub struct ExponentialHistogramDataPoint<'a> {
    message: &'a [u8],
}

/// Buckets on one side of zero: the offset of the first, and counts.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a> {
    message: &'a [u8],
}

impl<'a> ExponentialHistogramDataPoint<'a> {
    pub fn count(&self) -> u64 {
        last_fixed64(self.message, 4).unwrap_or_default()
    }

    pub fn sum(&self) -> Option<f64> {
        double(self.message, 5)
    }

    pub fn min(&self) -> Option<f64> {
        double(self.message, 12)
    }

    pub fn max(&self) -> Option<f64> {
        double(self.message, 13)
    }

    /// The ends of buckets are powers of two to the power of two to the power of minus this.
    pub fn scale(&self) -> i32 {
        zigzag(last_varint(self.message, 6).unwrap_or_default()) as i32
    }

    pub fn zero_count(&self) -> u64 {
        last_fixed64(self.message, 7).unwrap_or_default()
    }

    pub fn zero_threshold(&self) -> f64 {
        double(self.message, 14).unwrap_or_default()
    }

    pub fn positive(&self) -> Buckets<'a> {
        let message = last_len(self.message, 8).unwrap_or_default();
        Buckets { message }
    }

    pub fn negative(&self) -> Buckets<'a> {
        let message = last_len(self.message, 9).unwrap_or_default();
        Buckets { message }
    }
}

impl<'a> Buckets<'a> {
    pub fn offset(&self) -> i32 {
        zigzag(last_varint(self.message, 1).unwrap_or_default()) as i32
    }

    pub fn bucket_counts(&self) -> impl Iterator<Item = u64> + use<'a> {
        all_varints(self.message, 2)
    }
}

/// A point of a summary.
#[derive(Clone, Copy, Debug)]
pub struct SummaryDataPoint<'a> {
    message: &'a [u8],
}

impl<'a> SummaryDataPoint<'a> {
    pub fn count(&self) -> u64 {
        last_fixed64(self.message, 4).unwrap_or_default()
    }

    pub fn sum(&self) -> f64 {
        double(self.message, 5).unwrap_or_default()
    }

    /// Quantiles, from 0 to 1, with their values.
    pub fn quantile_values(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        all_len(self.message, 6).map(|message| {
            let quantile = double(message, 1).unwrap_or_default();
            (quantile, double(message, 2).unwrap_or_default())
        })
    }
}
