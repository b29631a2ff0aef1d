//! What OAP makes of OTLP, as two running versions of it were seen to do.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::Generation;
use crate::harness::Export;

/// OAP 10 stores so many resources of a logs request, and forgets the rest.
const STORED_BY_TEN: usize = 2;

/// What becomes of an export.
pub(super) struct Verdict {
    /// What is stored.
    pub(super) stored: Option<Export>,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    /// `UNKNOWN`, or 500; what is stored stays so.
    Failed,
    /// None at all.
    Never,
}

/// What this generation of OAP does with an export.
pub(super) fn judge(export: Export, generation: Generation, has_zipkin: bool) -> Verdict {
    let answered = |stored, answer| Verdict { stored, answer };
    match export {
        Export::Traces(_) if !has_zipkin => answered(None, Answer::Failed),
        Export::Traces(_) => answered(Some(export), Answer::Ok),
        Export::Metrics(request) => {
            let (stored, whole) = counted(request);
            let answer = if whole { Answer::Ok } else { Answer::Failed };
            answered(Some(Export::Metrics(stored)), answer)
        }
        Export::Logs(mut request) => {
            if generation == Generation::Ten {
                if request.resource_logs.is_empty() {
                    return answered(None, Answer::Never);
                }
                request.resource_logs.truncate(STORED_BY_TEN);
            }
            let mut resources = request.resource_logs.iter();
            if resources.any(|it| repeated_key(it.resource.as_ref()).is_some()) {
                return answered(None, Answer::Failed);
            }
            answered(Some(Export::Logs(request)), Answer::Ok)
        }
    }
}

/// What is counted of a metrics request, and whether that is all: it ends at the first fault, and
/// what came before it stays counted.
fn counted(mut request: ExportMetricsServiceRequest) -> (ExportMetricsServiceRequest, bool) {
    let ends_it = |metric: &Metric| match &metric.data {
        None => true,
        Some(Data::Histogram(it)) => it.data_points.iter().any(|it| it.bucket_counts.is_empty()),
        Some(_) => false,
    };
    let mut resources = request.resource_metrics.iter();
    let first = resources.position(|resource| {
        let metrics = resource.scope_metrics.iter().flat_map(|it| &it.metrics);
        metrics.into_iter().any(ends_it) || repeated_key(resource.resource.as_ref()).is_some()
    });
    request
        .resource_metrics
        .truncate(first.unwrap_or(usize::MAX));
    (request, first.is_none())
}

/// Everything in an export that one version of OAP or another loses.
pub(super) fn faults(export: &Export) -> Vec<String> {
    match export {
        Export::Traces(request) => {
            let resources = request.resource_spans.iter();
            resources
                .flat_map(|it| resource_faults(it.resource.as_ref()))
                .collect()
        }
        Export::Logs(request) => {
            let count = request.resource_logs.len();
            let several = (count != 1).then(|| format!("a request of {count} ResourceLogs"));
            let resources = request.resource_logs.iter();
            let resources = resources.flat_map(|it| resource_faults(it.resource.as_ref()));
            several.into_iter().chain(resources).collect()
        }
        Export::Metrics(request) => {
            let count = request.resource_metrics.len();
            let several = (count != 1).then(|| format!("a request of {count} ResourceMetrics"));
            let resources = request.resource_metrics.iter();
            let metrics = request.resource_metrics.iter();
            let metrics = metrics
                .flat_map(|it| &it.scope_metrics)
                .flat_map(|it| &it.metrics);
            let resources = resources.flat_map(|it| resource_faults(it.resource.as_ref()));
            let faults = several.into_iter().chain(resources);
            faults.chain(metrics.filter_map(metric_fault)).collect()
        }
    }
}

fn resource_faults(resource: Option<&Resource>) -> Vec<String> {
    let attributes = resource.map(|resource| &*resource.attributes);
    let mut names = attributes.unwrap_or_default().iter();
    let unnamed = !names.any(|it| it.key == "service.name");
    let unnamed = unnamed.then(|| "a resource without `service.name`".to_owned());
    let repeated = repeated_key(resource);
    let repeated = repeated.map(|key| format!("a resource with two values of `{key}`"));
    unnamed.into_iter().chain(repeated).collect()
}

/// The first key of a resource that is there twice.
fn repeated_key(resource: Option<&Resource>) -> Option<&str> {
    let mut keys = BTreeSet::new();
    let attributes = &resource?.attributes;
    let repeated = attributes.iter().find(|it| !keys.insert(&it.key));
    repeated.map(|it| &*it.key)
}

fn metric_fault(metric: &Metric) -> Option<String> {
    let name = &metric.name;
    let strange = |points: &[NumberDataPoint]| {
        let mut values = points.iter().filter_map(|point| match point.value {
            Some(number_data_point::Value::AsDouble(value)) => Some(value),
            _ => None,
        });
        let strange = values.find(|value| !value.is_finite())?;
        Some(format!("`{name}` is {strange}"))
    };
    match &metric.data {
        None => Some(format!("`{name}` has no data")),
        Some(Data::Gauge(gauge)) => strange(&gauge.data_points),
        Some(Data::Sum(sum)) => strange(&sum.data_points),
        Some(Data::Histogram(histogram)) => {
            let mut points = histogram.data_points.iter();
            let without = points.any(|it| it.bucket_counts.is_empty());
            without.then(|| format!("`{name}` is a histogram without buckets"))
        }
        Some(_) => None,
    }
}
