//! Metrics that a backend fails at half-way.
//!
//! OAP applies a request of metrics as it reads it, so that one bad metric makes it fail after others
//! were counted, and to send it again would count those twice. What it fails at or stores as nonsense is
//! taken out before, told of, and given up alone.

use std::collections::HashSet;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, ResourceMetrics};
use pdata::convert::meter;
use pdata::{Decoded, OtlpChunk};
use prost::Message;

use super::config::MetricsForm;

/// A chunk in two: what can be sent and what cannot.
pub(super) struct Sorted {
    pub(super) sound: Option<OtlpChunk>,
    pub(super) unsound: Option<OtlpChunk>,
    /// About the first that is not sound: its name and what is wrong.
    pub(super) fault: String,
}

/// What is wrong with a chunk of metrics that is to be sent in this form; `None` if nothing is.
pub(super) fn sort(chunk: &OtlpChunk, form: MetricsForm) -> Option<Sorted> {
    let fault_of = |metric: &Metric| {
        let own = match form {
            MetricsForm::Otlp => None,
            MetricsForm::Meter => meter::fault_of(metric),
        };
        fault_of(metric).or(own)
    };
    let metrics = ResourceMetrics::decode(chunk.body());
    let metrics = metrics.expect("the walk accepts only what the generated types do");
    if let Some(key) = repeated_key(&metrics) {
        return Some(Sorted {
            sound: None,
            unsound: Some(chunk.clone()),
            fault: format!("the resource has the attribute `{key}` twice"),
        });
    }
    let all = metrics
        .scope_metrics
        .iter()
        .flat_map(|scope| &scope.metrics);
    let (name, fault) = all
        .filter_map(|metric| Some((&metric.name, fault_of(metric)?)))
        .next()?;
    let part = |is_wanted: &dyn Fn(&Metric) -> bool| {
        let mut part = chunk.clone();
        if let Decoded::Metrics(metrics) = part.decoded_mut() {
            for scope in &mut metrics.scope_metrics {
                scope.metrics.retain(is_wanted);
            }
            metrics
                .scope_metrics
                .retain(|scope| !scope.metrics.is_empty());
        }
        part
    };
    let sound = part(&|metric| fault_of(metric).is_none());
    let unsound = part(&|metric| fault_of(metric).is_some());
    Some(Sorted {
        sound: (sound.items() > 0).then_some(sound),
        unsound: (unsound.items() > 0).then_some(unsound),
        fault: format!("metric `{name}`: {fault}"),
    })
}

fn repeated_key(metrics: &ResourceMetrics) -> Option<&str> {
    let resource = metrics.resource.as_ref()?;
    let mut seen = HashSet::new();
    let mut keys = resource.attributes.iter().map(|attribute| &*attribute.key);
    keys.find(|key| !seen.insert(*key))
}

fn fault_of(metric: &Metric) -> Option<&'static str> {
    const NO_NUMBER: &str = "a value is not a finite number";
    const NO_BUCKETS: &str = "a histogram has no bucket counts";
    let finite = |values: &[Option<f64>]| values.iter().flatten().all(|value| value.is_finite());
    match &metric.data {
        None => Some("it has no data"),
        Some(Data::Gauge(gauge)) => (!gauge.data_points.iter().all(is_finite)).then_some(NO_NUMBER),
        Some(Data::Sum(sum)) => (!sum.data_points.iter().all(is_finite)).then_some(NO_NUMBER),
        Some(Data::Histogram(histogram)) => {
            let points = &histogram.data_points;
            if points.iter().any(|point| point.bucket_counts.is_empty()) {
                return Some(NO_BUCKETS);
            }
            let finite = points.iter().all(|point| {
                let bounds = point.explicit_bounds.iter().all(|bound| bound.is_finite());
                bounds && finite(&[point.sum, point.min, point.max])
            });
            (!finite).then_some(NO_NUMBER)
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            let points = &histogram.data_points;
            let finite = points
                .iter()
                .all(|point| finite(&[point.sum, point.min, point.max]));
            (!finite).then_some(NO_NUMBER)
        }
        Some(Data::Summary(summary)) => {
            let finite = summary.data_points.iter().all(|point| {
                let values = point.quantile_values.iter();
                point.sum.is_finite() && values.into_iter().all(|at| at.value.is_finite())
            });
            (!finite).then_some(NO_NUMBER)
        }
    }
}

fn is_finite(point: &NumberDataPoint) -> bool {
    match point.value {
        Some(Value::AsDouble(value)) => value.is_finite(),
        Some(Value::AsInt(_)) | None => true,
    }
}

#[cfg(test)]
mod tests;
