//! What rules write: records, samples, and how each rule ended.

use crate::log::Metadata;

/// A rule among those that were loaded together: its index in [`Loaded::rules`](crate::Loaded::rules).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// What becomes of a log by all rules that saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// At least one rule ended without aborting: what it gave is all that is left of the log.
    Claimed,
    /// Every rule aborted, or failed after it had aborted, or none is for this log.
    Unclaimed,
    /// OAP shows a log without a service to no rule.
    WithoutService,
    /// OAP shows a log of a layer that it does not know to no rule.
    UnknownLayer,
}

/// How a rule ended for one log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End<'a> {
    /// With this many records; none if there was no `sink`, or it said no.
    Done { records: u32 },
    /// An automatic rule that set no layer: its record is not kept.
    WithoutLayer,
    /// The output lacks this field, and OAP drops such a record without a word.
    Incomplete { missing: &'a str },
    /// By `abort`, or by a parser that says why.
    Aborted { reason: Option<&'a str> },
    /// With an error that OAP would log.
    Failed {
        error: &'a str,
        /// The rule had aborted before. If it is an automatic one and had not, it has claimed the log.
        aborted: bool,
    },
}

/// Takes what rules give for one log, in the order in which it comes about.
pub trait Outcome {
    /// A `sink` keeps the log as it stands there.
    fn record(&mut self, rule: RuleId, record: &Record<'_>);

    /// A `metrics` block was run, whatever becomes of the log.
    fn sample(&mut self, rule: RuleId, sample: &Sample<'_>);

    /// The rule's last word; a rule that the log never met has none.
    fn end(&mut self, rule: RuleId, end: End<'_>);
}

/// A log as a rule leaves it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// [`Metadata::layer`] is the last layer that a rule has set, of this log.
    pub metadata: Metadata<'a>,
    /// Keys and values in the order in which they were added; neither is ever empty.
    pub tags: &'a [(&'a str, &'a str)],
    /// A text body was read by `json {}`, which makes it a JSON body.
    pub text_is_json: bool,
    /// The message that was the input, as JSON: the body of the record (`EnvoyAccessLog`).
    pub entry: Option<&'a str>,
    pub output: Output<'a>,
}

/// What the log is stored as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output<'a> {
    Log,
    SlowSql(SlowSql<'a>),
    SampledTrace(SampledTrace<'a>),
}

/// A statement that took too long.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlowSql<'a> {
    pub id: &'a str,
    pub statement: &'a str,
    pub latency_ms: i64,
}

/// A trace that an agent of the network found worth keeping.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampledTrace<'a> {
    pub uri: &'a str,
    /// `SLOW`, `STATUS_4XX` or `STATUS_5XX`; empty if it was not set.
    pub reason: &'a str,
    pub latency_ms: i64,
    pub process_id: &'a str,
    pub peer_process_id: &'a str,
    pub component_id: i32,
    /// `SERVER`, `CLIENT`, `PROXY` or `UNRECOGNIZED`; empty if it was not set.
    pub detect_point: &'a str,
}

/// A value that a `metrics` block measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    pub name: &'a str,
    /// `None` without any `labels`.
    pub labels: Option<&'a [(&'a str, &'a str)]>,
    /// 0 if the rule gives none.
    pub timestamp_ms: i64,
    pub value: f64,
}
