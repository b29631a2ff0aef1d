//! What a rule made of a log, as text.

use super::Input;
use crate::log::Body;
use crate::outcome::{End, Outcome, Output, Record, RuleId, Sample};
use crate::run::{Effect, Left, Observer};
use crate::tree::Span;

/// Everything that can be expected.
#[derive(Debug, Default)]
pub(super) struct Actual {
    pub(super) saves: bool,
    pub(super) aborted: bool,
    /// By the names of `expect` and of OAP's builders.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) tags: Vec<(String, String)>,
    /// Names and values of samples.
    pub(super) samples: Vec<(String, f64)>,
    pub(super) content_type: &'static str,
    pub(super) drop_reason: Option<String>,
    pub(super) error: Option<String>,
}

/// What the rule left behind, whether or not it was kept.
#[derive(Debug)]
pub(super) struct Observed {
    actual: Actual,
}

/// What the rule gave away.
#[derive(Debug, Default)]
pub(super) struct Heard {
    samples: Vec<(String, f64)>,
    drop_reason: Option<String>,
    error: Option<String>,
}

impl Actual {
    pub(super) fn new(observed: Observed, heard: Heard) -> Actual {
        Actual {
            samples: heard.samples,
            drop_reason: heard.drop_reason,
            error: heard.error,
            ..observed.actual
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let field = fields.find(|(field, _)| *field == name);
        field.map(|(_, value)| &**value)
    }
}

impl Observed {
    pub(super) fn new(input: &Input) -> Observed {
        let content_type = match input.body {
            Body::None => "NONE",
            Body::Text(_) => "TEXT",
            Body::Json(_) => "JSON",
            Body::Yaml(_) => "YAML",
        };
        Observed {
            actual: Actual {
                content_type,
                ..Actual::default()
            },
        }
    }
}

impl Observer for Observed {
    fn statement(&mut self, _: RuleId, _: Span, _: Effect<'_>) {}

    fn left(&mut self, _: RuleId, left: Left<'_>) {
        let actual = &mut self.actual;
        actual.saves = left.saves;
        actual.aborted = left.aborted;
        actual.fields = fields(&left.record);
        let tags = left.record.tags.iter();
        let owned = tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        actual.tags = owned.collect();
        if left.record.text_is_json {
            actual.content_type = "JSON";
        }
    }
}

impl Outcome for Heard {
    fn record(&mut self, _: RuleId, _: &Record<'_>) {}

    fn sample(&mut self, _: RuleId, sample: &Sample<'_>) {
        self.samples.push((sample.name.to_owned(), sample.value));
    }

    fn end(&mut self, _: RuleId, end: End<'_>) {
        match end {
            End::Aborted { reason } => self.drop_reason = reason.map(str::to_owned),
            End::Failed { error, .. } => self.error = Some(error.to_owned()),
            End::Done { .. } | End::WithoutLayer | End::Incomplete { .. } => {}
        }
    }
}

/// Names as `expect` has them first, then those of OAP's builders where they differ.
fn fields(record: &Record<'_>) -> Vec<(&'static str, String)> {
    let metadata = &record.metadata;
    let trace = &metadata.trace;
    let mut fields = vec![
        ("service", metadata.service.to_owned()),
        ("instance", metadata.instance.to_owned()),
        ("endpoint", metadata.endpoint.to_owned()),
        ("layer", metadata.layer.to_owned()),
        ("timestamp", metadata.timestamp_ms.to_string()),
        ("traceId", trace.trace_id.to_owned()),
        ("segmentId", trace.segment_id.to_owned()),
        ("spanId", trace.span_id.to_string()),
        ("serviceName", metadata.service.to_owned()),
        ("serviceInstance", metadata.instance.to_owned()),
        ("serviceInstanceName", metadata.instance.to_owned()),
        ("traceSegmentId", trace.segment_id.to_owned()),
    ];
    match &record.output {
        Output::Log => {}
        Output::SlowSql(sql) => fields.extend([
            ("id", sql.id.to_owned()),
            ("statement", sql.statement.to_owned()),
            ("latency", sql.latency_ms.to_string()),
        ]),
        Output::SampledTrace(sampled) => fields.extend([
            ("uri", sampled.uri.to_owned()),
            ("reason", sampled.reason.to_owned()),
            ("latency", sampled.latency_ms.to_string()),
            ("processId", sampled.process_id.to_owned()),
            ("destProcessId", sampled.peer_process_id.to_owned()),
            ("componentId", sampled.component_id.to_string()),
            ("detectPoint", sampled.detect_point.to_owned()),
        ]),
    }
    fields
}
