//! Telemetry as single records, so that what was sent and what arrived can be compared however it
//! was batched on the way.
//!
//! Both protobuf and JSON are read with `opentelemetry-proto`, which shares no code with the
//! program under test.

use std::collections::BTreeMap;
use std::fmt::Write;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use pdata::Signal;
use prost::Message;

/// A request of one log record with this text.
pub(crate) fn log(text: &str) -> ExportLogsServiceRequest {
    let body = AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    };
    let record = LogRecord {
        body: Some(body),
        ..LogRecord::default()
    };
    let scope = ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    };
    let resource = ResourceLogs {
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![resource],
    }
}

/// One decoded export request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Export {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Export {
    pub(crate) fn from_protobuf(signal: Signal, request: &[u8]) -> Result<Export, String> {
        let read = match signal {
            Signal::Traces => Message::decode(request).map(Export::Traces),
            Signal::Metrics => Message::decode(request).map(Export::Metrics),
            Signal::Logs => Message::decode(request).map(Export::Logs),
            Signal::Skywalking => return Err("reports are no OTLP".to_owned()),
        };
        read.map_err(|error| error.to_string())
    }

    pub(crate) fn from_json(signal: Signal, request: &[u8]) -> Result<Export, String> {
        let read = match signal {
            Signal::Traces => serde_json::from_slice(request).map(Export::Traces),
            Signal::Metrics => serde_json::from_slice(request).map(Export::Metrics),
            Signal::Logs => serde_json::from_slice(request).map(Export::Logs),
            Signal::Skywalking => return Err("reports are no OTLP".to_owned()),
        };
        read.map_err(|error| error.to_string())
    }

    /// Each item as a request of its own.
    fn singles(&self) -> Vec<Export> {
        match self {
            Export::Traces(request) => spans(request),
            Export::Metrics(request) => points(request),
            Export::Logs(request) => logs(request),
        }
    }

    /// Spans, data points or log records.
    pub(crate) fn items(&self) -> usize {
        self.singles().len()
    }

    /// The texts of its log records.
    pub(crate) fn texts(&self) -> Vec<String> {
        let Export::Logs(request) = self else {
            return Vec::new();
        };
        let scopes = request.resource_logs.iter().flat_map(|it| &it.scope_logs);
        let records = scopes.flat_map(|scope| &scope.log_records);
        let texts = records.filter_map(|record| match record.body.as_ref()?.value.as_ref()? {
            any_value::Value::StringValue(text) => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    /// The names of its spans or metrics, or the texts of its log records.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Export::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
                let spans = scopes.flat_map(|scope| &scope.spans);
                spans.map(|span| span.name.clone()).collect()
            }
            Export::Metrics(request) => {
                let scopes = request.resource_metrics.iter();
                let scopes = scopes.flat_map(|it| &it.scope_metrics);
                let metrics = scopes.flat_map(|scope| &scope.metrics);
                metrics.map(|metric| metric.name.clone()).collect()
            }
            Export::Logs(_) => self.texts(),
        }
    }

    pub(crate) fn to_protobuf(&self) -> Vec<u8> {
        match self {
            Export::Traces(request) => request.encode_to_vec(),
            Export::Metrics(request) => request.encode_to_vec(),
            Export::Logs(request) => request.encode_to_vec(),
        }
    }
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Export> {
    let mut singles = Vec::new();
    for resource in &request.resource_spans {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let scope = ScopeSpans {
                    spans: vec![span.clone()],
                    ..scope.clone()
                };
                let resource = ResourceSpans {
                    scope_spans: vec![scope],
                    ..resource.clone()
                };
                singles.push(Export::Traces(ExportTraceServiceRequest {
                    resource_spans: vec![resource],
                }));
            }
        }
    }
    singles
}

fn logs(request: &ExportLogsServiceRequest) -> Vec<Export> {
    let mut singles = Vec::new();
    for resource in &request.resource_logs {
        for scope in &resource.scope_logs {
            for log in &scope.log_records {
                let scope = ScopeLogs {
                    log_records: vec![log.clone()],
                    ..scope.clone()
                };
                let resource = ResourceLogs {
                    scope_logs: vec![scope],
                    ..resource.clone()
                };
                singles.push(Export::Logs(ExportLogsServiceRequest {
                    resource_logs: vec![resource],
                }));
            }
        }
    }
    singles
}

fn points(request: &ExportMetricsServiceRequest) -> Vec<Export> {
    let mut singles = Vec::new();
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for metric in scope.metrics.iter().flat_map(points_of) {
                let scope = ScopeMetrics {
                    metrics: vec![metric],
                    ..scope.clone()
                };
                let resource = ResourceMetrics {
                    scope_metrics: vec![scope],
                    ..resource.clone()
                };
                singles.push(Export::Metrics(ExportMetricsServiceRequest {
                    resource_metrics: vec![resource],
                }));
            }
        }
    }
    singles
}

/// The metric once for each of its data points.
fn points_of(metric: &Metric) -> Vec<Metric> {
    /// `$whole` with only one of its points, for each of them.
    macro_rules! each_point {
        ($kind:path, $whole:expr) => {{
            let points = $whole.data_points.iter();
            let singles = points.map(|point| {
                let mut single = $whole.clone();
                single.data_points = vec![point.clone()];
                $kind(single)
            });
            singles.collect::<Vec<Data>>()
        }};
    }
    let singles = match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => each_point!(Data::Gauge, gauge),
        Some(Data::Sum(sum)) => each_point!(Data::Sum, sum),
        Some(Data::Histogram(histogram)) => each_point!(Data::Histogram, histogram),
        Some(Data::ExponentialHistogram(histogram)) => {
            each_point!(Data::ExponentialHistogram, histogram)
        }
        Some(Data::Summary(summary)) => each_point!(Data::Summary, summary),
    };
    let metrics = singles.into_iter().map(|data| Metric {
        data: Some(data),
        ..metric.clone()
    });
    metrics.collect()
}

/// Records with everything above them, as a multiset: order and batching do not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Records(BTreeMap<(Signal, Vec<u8>), usize>);

impl Records {
    pub(crate) fn add(&mut self, export: &Export) {
        let signal = match export {
            Export::Traces(_) => Signal::Traces,
            Export::Metrics(_) => Signal::Metrics,
            Export::Logs(_) => Signal::Logs,
        };
        for single in export.singles() {
            let count = self.0.entry((signal, single.to_protobuf())).or_default();
            *count += 1;
        }
    }

    pub(crate) fn of<'a>(exports: impl IntoIterator<Item = &'a Export>) -> Records {
        let mut records = Records::default();
        for export in exports {
            records.add(export);
        }
        records
    }

    pub(crate) fn extend(&mut self, others: Records) {
        for (record, count) in others.0 {
            *self.0.entry(record).or_default() += count;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().sum()
    }

    /// What of these is not among `others`.
    fn without(&self, others: &Records) -> Vec<(usize, Export)> {
        let missing = self.0.iter().filter_map(|(record, count)| {
            let there = others.0.get(record).copied().unwrap_or_default();
            let missing = count.checked_sub(there).filter(|missing| *missing > 0)?;
            let (signal, bytes) = record;
            let export = Export::from_protobuf(*signal, bytes).expect("we encoded it");
            Some((missing, export))
        });
        missing.collect()
    }

    /// Panics unless these are exactly `expected`, naming what is missing and what was added.
    #[track_caller]
    pub(crate) fn assert_are(&self, expected: &Records, place: &str) {
        if self == expected {
            return;
        }
        /// Records shown of each kind of difference.
        const SHOWN_MAX: usize = 2;
        let mut report = format!("{place} holds {} of {} records", self.len(), expected.len());
        let differences = [
            ("missing", expected.without(self)),
            ("not expected", self.without(expected)),
        ];
        for (what, records) in differences {
            write!(report, "\n{} different records {what}", records.len())
                .expect("text takes text");
            for (count, export) in records.iter().take(SHOWN_MAX) {
                write!(report, "\n{count} times {export:#?}").expect("text takes text");
            }
        }
        panic!("{report}");
    }
}
