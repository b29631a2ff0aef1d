//! What a rule's records are stored as, and the fields that each of them has.

use super::inputs;
use crate::tree::{Field, Rule};

/// An output type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OutputType {
    #[default]
    Log,
    SlowSql,
    SampledTrace,
}

/// A field that a rule can write, besides the layer and the timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Text(TextSlot),
    SpanId,
    Layer,
    LatencyMs,
    ComponentId,
    /// Java's enum constants, upper-cased first.
    Reason,
    DetectPoint,
    /// OAP makes it of the timestamp when it is not set; records have none.
    TimeBucket,
}

/// Fields of text; the first five are there whatever the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextSlot {
    Service,
    Instance,
    Endpoint,
    TraceId,
    SegmentId,
    Id,
    Statement,
    Uri,
    ProcessId,
    PeerProcessId,
}

impl TextSlot {
    pub(crate) const COUNT: usize = 10;
}

/// Constants of `reason`.
pub(crate) const REASONS: [&str; 3] = ["SLOW", "STATUS_4XX", "STATUS_5XX"];
/// Constants of `detectPoint`.
pub(crate) const DETECT_POINTS: [&str; 4] = ["SERVER", "CLIENT", "PROXY", "UNRECOGNIZED"];

/// The names of output types, for messages.
pub(super) const NAMES: [&str; 4] = ["Log", "SlowSQL", "SampledTrace", "EnvoyAccessLog"];

impl OutputType {
    /// `None` if it names a Java class that only OAP has.
    pub(crate) fn of(rule: &Rule) -> Option<OutputType> {
        let Some(written) = &rule.output_type else {
            return Some(OutputType::Log);
        };
        let class = written.text.rsplit('.').next().unwrap_or_default();
        let is_class = class.len() < written.text.len();
        match (class, is_class) {
            ("Log" | "EnvoyAccessLog", false) => Some(OutputType::Log),
            ("LogBuilder" | "EnvoyAccessLogBuilder", true) => Some(OutputType::Log),
            ("SlowSQL", false) | ("DatabaseSlowStatementBuilder", true) => {
                Some(OutputType::SlowSql)
            }
            ("SampledTrace", false) | ("SampledTraceBuilder", true) => {
                Some(OutputType::SampledTrace)
            }
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            OutputType::Log => "Log",
            OutputType::SlowSql => "SlowSQL",
            OutputType::SampledTrace => "SampledTrace",
        }
    }

    /// Where a statement with this word writes; `None` if the output has no such field.
    pub(crate) fn field(self, field: Field) -> Option<Slot> {
        let slot = match field {
            Field::Service => Slot::Text(TextSlot::Service),
            Field::Instance => Slot::Text(TextSlot::Instance),
            Field::Endpoint => Slot::Text(TextSlot::Endpoint),
            Field::TraceId => Slot::Text(TextSlot::TraceId),
            Field::SegmentId => Slot::Text(TextSlot::SegmentId),
            Field::SpanId => Slot::SpanId,
            Field::Layer => Slot::Layer,
        };
        let of_logs_only = matches!(field, Field::Endpoint | Field::SegmentId | Field::SpanId);
        let has_it = match self {
            OutputType::Log => true,
            OutputType::SlowSql => !of_logs_only && field != Field::Instance,
            OutputType::SampledTrace => !of_logs_only,
        };
        has_it.then_some(slot)
    }

    /// Where a statement with any other word writes; `None` if the output has no such field.
    pub(crate) fn slot(self, name: &str) -> Option<Slot> {
        let mut fields = self.slots().iter();
        fields.find(|field| field.0 == name).map(|field| field.1)
    }

    /// Fields that have no word of their own.
    pub(crate) fn slots(self) -> &'static [(&'static str, Slot)] {
        match self {
            OutputType::Log => &[("serviceInstance", Slot::Text(TextSlot::Instance))],
            OutputType::SlowSql => &[
                ("id", Slot::Text(TextSlot::Id)),
                ("statement", Slot::Text(TextSlot::Statement)),
                ("latency", Slot::LatencyMs),
                ("serviceName", Slot::Text(TextSlot::Service)),
                ("timeBucket", Slot::TimeBucket),
            ],
            OutputType::SampledTrace => &[
                ("uri", Slot::Text(TextSlot::Uri)),
                ("latency", Slot::LatencyMs),
                ("reason", Slot::Reason),
                ("processId", Slot::Text(TextSlot::ProcessId)),
                ("destProcessId", Slot::Text(TextSlot::PeerProcessId)),
                ("componentId", Slot::ComponentId),
                ("detectPoint", Slot::DetectPoint),
                ("serviceName", Slot::Text(TextSlot::Service)),
                ("serviceInstanceName", Slot::Text(TextSlot::Instance)),
            ],
        }
    }
}

/// The body of a record is the message that was the input.
pub(crate) fn keeps_entry(rule: &Rule) -> bool {
    match &rule.output_type {
        Some(written) => {
            let class = written.text.rsplit('.').next();
            matches!(class, Some("EnvoyAccessLog" | "EnvoyAccessLogBuilder"))
        }
        None => inputs::is_of_mesh(rule),
    }
}
