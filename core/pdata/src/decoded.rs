//! Chunks as generated types, for changes that the edits of wire bytes cannot express.
//!
//! A chunk is decoded on the first request for a change and encoded again on the first look at its
//! bytes after it, so any number of components in a row cost one decoding and one encoding. Fields
//! that OTLP does not know are lost in it, as the generated types have no place for them.

use std::sync::{Arc, OnceLock};

use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;

use crate::{OtlpChunk, Signal};

/// One resource-level message.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    Traces(ResourceSpans),
    Metrics(ResourceMetrics),
    Logs(ResourceLogs),
}

impl Decoded {
    fn of(signal: Signal, body: &[u8]) -> Self {
        let decoded = match signal {
            Signal::Traces => ResourceSpans::decode(body).map(Decoded::Traces),
            Signal::Metrics => ResourceMetrics::decode(body).map(Decoded::Metrics),
            Signal::Logs => ResourceLogs::decode(body).map(Decoded::Logs),
            Signal::Skywalking => Signal::has_no_otlp(),
        };
        decoded.expect("the walk accepts only what the generated types do")
    }

    pub fn signal(&self) -> Signal {
        match self {
            Decoded::Traces(_) => Signal::Traces,
            Decoded::Metrics(_) => Signal::Metrics,
            Decoded::Logs(_) => Signal::Logs,
        }
    }

    /// Spans, metric data points or log records.
    pub fn items(&self) -> usize {
        match self {
            Decoded::Traces(resource) => {
                let scopes = resource.scope_spans.iter();
                scopes.map(|scope| scope.spans.len()).sum()
            }
            Decoded::Metrics(resource) => {
                let scopes = resource.scope_metrics.iter();
                scopes.flat_map(|scope| &scope.metrics).map(points).sum()
            }
            Decoded::Logs(resource) => {
                let scopes = resource.scope_logs.iter();
                scopes.map(|scope| scope.log_records.len()).sum()
            }
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Decoded::Traces(resource) => resource.encode_to_vec(),
            Decoded::Metrics(resource) => resource.encode_to_vec(),
            Decoded::Logs(resource) => resource.encode_to_vec(),
        }
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}

impl OtlpChunk {
    /// The chunk's content, to be changed. Items may come and go, but not the signal.
    ///
    /// Clones of the chunk keep what they had.
    pub fn decoded_mut(&mut self) -> &mut Decoded {
        if self.decoded.is_none() {
            self.decoded = Some(Arc::new(Decoded::of(self.signal(), self.body())));
        }
        self.wire = OnceLock::new();
        let decoded = self.decoded.as_mut().expect("it has just been decoded");
        Arc::make_mut(decoded)
    }
}

#[cfg(test)]
mod tests;
