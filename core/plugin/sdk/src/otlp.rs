//! Views over the bytes of OTLP's messages, named as OTLP names them.
//!
//! ```text
//! ResourceSpans -> ScopeSpans -> Span -> Event, Link       ResourceLogs -> ScopeLogs -> LogRecord
//! ResourceMetrics -> ScopeMetrics -> Metric -> DataPoint
//! ```
//!
//! A view borrows the bytes and allocates nothing. It takes any bytes: what is behind the first fault of a
//! message, or of another type than OTLP says, is not there. A field that is not set has its default.

mod build;
mod index;
pub mod logs;
pub mod metrics;
pub mod trace;
mod value;

pub use build::{Bounds, Gauge, Histogram, Interval, MetricsMessage, Sum};
pub use logs::{LogRecord, ResourceLogs, ScopeLogs};
pub use metrics::{
    DataPoint, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, MetricKind,
    NumberDataPoint, NumberValue, ResourceMetrics, ScopeMetrics, SummaryDataPoint, Temporality,
};
pub use trace::{Event, Link, ResourceSpans, ScopeSpans, Span, Status};
pub use value::{AnyValue, ArrayValue, Attributes, EncodedValue, KeyValue, KeyValueList};

use index::{Index, Records};

use crate::wire::{all_len, last_len, last_varint, text};

/// What sent the telemetry.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// The message that has it in its first field: a resource in several parts means all of them.
    owner: &'a [u8],
}

impl<'a> Resource<'a> {
    /// Of a `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
    pub fn of(owner: &'a [u8]) -> Self {
        Resource { owner }
    }

    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        all_len(self.owner, 1).flat_map(|part| Attributes::of(part, 1))
    }

    /// The first attribute with this key.
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        all_len(self.owner, 1).find_map(|part| Attributes::of(part, 1).find_value(key))
    }

    /// `service.name`, or nothing.
    pub fn service_name(&self) -> &'a str {
        let name = self.attribute("service.name");
        name.and_then(|name| name.as_str()).unwrap_or_default()
    }
}

/// What recorded the telemetry.
#[derive(Clone, Copy, Debug)]
pub struct InstrumentationScope<'a> {
    message: &'a [u8],
}

impl<'a> InstrumentationScope<'a> {
    fn of(owner: &'a [u8]) -> Self {
        let message = last_len(owner, 1).unwrap_or_default();
        InstrumentationScope { message }
    }

    pub fn name(&self) -> &'a str {
        last_len(self.message, 1).map(text).unwrap_or_default()
    }

    pub fn version(&self) -> &'a str {
        last_len(self.message, 2).map(text).unwrap_or_default()
    }

    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::of(self.message, 3)
    }

    pub fn dropped_attributes_count(&self) -> u32 {
        last_varint(self.message, 4).unwrap_or_default() as u32
    }
}

#[cfg(test)]
mod tests;
