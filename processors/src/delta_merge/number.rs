//! Numbers that stay whole as long as they can.

use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    /// The value of a point; `None` where there is none that can be added.
    pub(super) fn of(point: &NumberDataPoint) -> Option<Self> {
        match point.value? {
            Value::AsInt(value) => Some(Number::Int(value)),
            Value::AsDouble(value) => value.is_finite().then_some(Number::Double(value)),
        }
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Double(value) => value,
        }
    }

    pub(super) fn value(self) -> Value {
        match self {
            Number::Int(value) => Value::AsInt(value),
            Number::Double(value) => Value::AsDouble(value),
        }
    }

    /// The sum; a double where one is, or where an integer cannot hold it.
    pub(super) fn plus(self, other: Number) -> Number {
        if let (Number::Int(a), Number::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(b)
        {
            return Number::Int(sum);
        }
        Number::Double(self.as_f64() + other.as_f64())
    }

    pub(super) fn min(self, other: Number) -> Number {
        if other.as_f64() < self.as_f64() {
            other
        } else {
            self
        }
    }

    pub(super) fn max(self, other: Number) -> Number {
        if other.as_f64() > self.as_f64() {
            other
        } else {
            self
        }
    }
}
