//! What a rule has written so far, and the record that a sink makes of it.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::evaluate::Locals;
use super::frame::Frame;
use super::value::Fallible;
use crate::check::outputs::{OutputType, TextSlot};
use crate::compile::program::Program;
use crate::log::{Log, Metadata, TraceContext};
use crate::outcome::{Output, Record, SampledTrace, SlowSql};

/// Fields that a rule writes; what it does not write, or writes null to, is that of the log.
pub(super) struct Fields<'a> {
    /// None of them empty.
    pub(super) tags: BumpVec<'a, (&'a str, &'a str)>,
    texts: [Option<&'a str>; TextSlot::COUNT],
    pub(super) span_id: Option<i32>,
    /// 0 for that of the log.
    pub(super) timestamp_ms: i64,
    pub(super) latency_ms: i64,
    pub(super) component_id: i32,
    pub(super) reason: &'static str,
    pub(super) detect_point: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new_in(arena: &'a Bump) -> Fields<'a> {
        Fields {
            tags: BumpVec::new_in(arena),
            texts: [None; TextSlot::COUNT],
            span_id: None,
            timestamp_ms: 0,
            latency_ms: 0,
            component_id: 0,
            reason: "",
            detect_point: "",
        }
    }

    /// The log as it stands now.
    pub(super) fn record<L: Log + ?Sized>(
        &self,
        frame: &Frame<'a, L>,
        program: &Program,
        locals: &Locals<'a>,
    ) -> Record<'_> {
        Record {
            metadata: self.metadata(&frame.metadata, frame.layer.get()),
            tags: &self.tags,
            text_is_json: locals.text_is_json,
            entry: None,
            output: self.output(program.output),
        }
    }

    pub(super) fn set(&mut self, slot: TextSlot, text: Option<&'a str>) {
        self.texts[slot as usize] = text;
    }

    fn get(&self, slot: TextSlot) -> Option<&'a str> {
        self.texts[slot as usize]
    }

    fn text(&self, slot: TextSlot) -> &'a str {
        self.get(slot).unwrap_or_default()
    }

    fn metadata(&self, log: &Metadata<'a>, layer: &'a str) -> Metadata<'a> {
        let or = |slot, log: &'a str| self.get(slot).unwrap_or(log);
        Metadata {
            service: or(TextSlot::Service, log.service),
            instance: or(TextSlot::Instance, log.instance),
            endpoint: or(TextSlot::Endpoint, log.endpoint),
            layer,
            timestamp_ms: match self.timestamp_ms {
                0 => log.timestamp_ms,
                own => own,
            },
            trace: TraceContext {
                trace_id: or(TextSlot::TraceId, log.trace.trace_id),
                segment_id: or(TextSlot::SegmentId, log.trace.segment_id),
                // OAP takes what is below 0 for not set.
                span_id: self
                    .span_id
                    .filter(|id| *id >= 0)
                    .unwrap_or(log.trace.span_id),
            },
        }
    }

    fn output(&self, output: OutputType) -> Output<'a> {
        match output {
            OutputType::Log => Output::Log,
            OutputType::SlowSql => Output::SlowSql(SlowSql {
                id: self.text(TextSlot::Id),
                statement: self.text(TextSlot::Statement),
                latency_ms: self.latency_ms,
            }),
            OutputType::SampledTrace => Output::SampledTrace(SampledTrace {
                uri: self.text(TextSlot::Uri),
                reason: self.reason,
                latency_ms: self.latency_ms,
                process_id: self.text(TextSlot::ProcessId),
                peer_process_id: self.text(TextSlot::PeerProcessId),
                component_id: self.component_id,
                detect_point: self.detect_point,
            }),
        }
    }

    /// A field without which OAP drops the record and says nothing.
    pub(super) fn missing(&self, record: &Record<'_>) -> Option<&'static str> {
        let missing: &[(&'static str, bool)] = match record.output {
            Output::Log => return None,
            Output::SlowSql(it) => &[
                ("id", self.get(TextSlot::Id).is_none()),
                ("statement", self.get(TextSlot::Statement).is_none()),
                ("latency", it.latency_ms < 1),
            ],
            Output::SampledTrace(it) => &[
                ("traceId", record.metadata.trace.trace_id.is_empty()),
                ("reason", it.reason.is_empty()),
                ("processId", it.process_id.is_empty()),
                ("destProcessId", it.peer_process_id.is_empty()),
                ("componentId", it.component_id <= 0),
                ("detectPoint", it.detect_point.is_empty()),
                ("timestamp", record.metadata.timestamp_ms <= 0),
            ],
        };
        missing.iter().find(|it| it.1).map(|it| it.0)
    }
}

impl<'a, L: Log + ?Sized> Frame<'a, L> {
    /// What OAP insists on once all is there that a sampled trace cannot do without.
    pub(super) fn insist(&self, record: &Record<'_>) -> Fallible<'a, ()> {
        let Output::SampledTrace(it) = record.output else {
            return Ok(());
        };
        let metadata = &record.metadata;
        let wrong = [
            ("uri", it.uri.is_empty()),
            ("latency", it.latency_ms < 0),
            ("layer", metadata.layer.is_empty()),
            ("service", metadata.service.is_empty()),
            ("instance", metadata.instance.is_empty()),
        ];
        match wrong.iter().find(|it| it.1) {
            Some((field, _)) => {
                Err(self.failure(format_args!("a sampled trace needs a valid `{field}`")))
            }
            None => Ok(()),
        }
    }
}
