//! What a record of a rule changes of the log it is of, in terms that the wire knows.

use std::borrow::Cow;

use lal::{Log, Metadata, Output, Record, SampledTrace, SlowSql};
use pdata::edit::{BodyEdit, LogEdit, SenderEdit};
use pdata::view::LogTrace;
use serde::Serialize;

/// The tag by which OAP's rules know what a log stands for.
pub(super) const LOG_KIND: &str = "LOG_KIND";

/// The difference between a log and a record of it.
pub(super) struct Change<'r> {
    pub(super) sender: SenderEdit<'r>,
    unix_ms: Option<i64>,
    endpoint: Option<&'r str>,
    trace: Option<LogTrace<'r>>,
    /// Those that the log does not have with the same value: a stack is stored once.
    tags: Cow<'r, [(&'r str, &'r str)]>,
    text_is_json: bool,
    /// What the body says of a record that is stored as something else than a log.
    body: Option<String>,
}

impl<'r> Change<'r> {
    pub(super) fn of(record: &'r Record<'r>, log: &(impl Log + ?Sized)) -> Change<'r> {
        let (before, after) = (log.metadata(), &record.metadata);
        let (kind, body) = match &record.output {
            Output::Log => (None, None),
            Output::SlowSql(sql) => (Some("SLOW_SQL"), Some(slow_sql(sql, after))),
            Output::SampledTrace(trace) => {
                let body = sampled_trace(trace, after);
                (Some("NET_PROFILING_SAMPLED_TRACE"), Some(body))
            }
        };
        let differs = |after: &'r str, before: &str| Some(after).filter(|after| *after != before);
        let trace = LogTrace {
            trace_id: after.trace.trace_id,
            segment_id: after.trace.segment_id,
            span_id: after.trace.span_id,
        };
        Change {
            sender: SenderEdit {
                service: differs(after.service, before.service),
                instance: differs(after.instance, before.instance),
                layer: differs(after.layer, before.layer),
            },
            unix_ms: Some(after.timestamp_ms).filter(|after| *after != before.timestamp_ms),
            endpoint: differs(after.endpoint, before.endpoint),
            trace: Some(trace).filter(|_| after.trace != before.trace),
            tags: added(record.tags, kind, log),
            text_is_json: record.text_is_json,
            body,
        }
    }

    /// The part that is about the log and not about who sent it.
    pub(super) fn edit(&self) -> LogEdit<'_> {
        LogEdit {
            unix_ms: self.unix_ms,
            endpoint: self.endpoint,
            trace: self.trace,
            body: match (&self.body, self.text_is_json) {
                (Some(json), _) => BodyEdit::Json(json),
                (None, true) => BodyEdit::TextIsJson,
                (None, false) => BodyEdit::Keep,
            },
            tags: &self.tags,
        }
    }

    /// The kind that the log is to have and has not, if rules behind this are to read it as one; and the
    /// edit without it. Rules see the first tag of a key, so that an older kind has to go.
    pub(super) fn kind(&self) -> Option<(&str, LogEdit<'_>)> {
        let (&(key, kind), tags) = self.tags.split_last()?;
        let is_kind = self.body.is_some() && key == LOG_KIND;
        let edit = LogEdit {
            tags,
            ..self.edit()
        };
        is_kind.then_some((kind, edit))
    }
}

/// The tags that a log is to get, and the kind behind them.
fn added<'r>(
    tags: &'r [(&'r str, &'r str)],
    kind: Option<&'static str>,
    log: &(impl Log + ?Sized),
) -> Cow<'r, [(&'r str, &'r str)]> {
    let is_new = |(key, value): &(&str, &str)| log.tag(key).is_none_or(|known| known != *value);
    let kind = kind.map(|kind| (LOG_KIND, kind)).filter(is_new);
    if kind.is_none() && tags.iter().all(is_new) {
        return Cow::Borrowed(tags);
    }
    let new = tags.iter().copied().filter(is_new);
    Cow::Owned(new.chain(kind).collect())
}

/// The body that OAP's rules for slow statements read.
fn slow_sql(sql: &SlowSql<'_>, metadata: &Metadata<'_>) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        layer: &'a str,
        service: &'a str,
        time: String,
        id: &'a str,
        statement: &'a str,
        query_time: i64,
    }
    json(&Body {
        layer: metadata.layer,
        service: metadata.service,
        time: metadata.timestamp_ms.to_string(),
        id: sql.id,
        statement: sql.statement,
        query_time: sql.latency_ms,
    })
}

/// Components of OAP's list that its rules know by a name and whether they are encrypted.
const COMPONENTS: [(i32, &str, bool); 4] = [
    (49, "http", false),
    (129, "http", true),
    (110, "tcp", false),
    (130, "tcp", true),
];

/// The body that OAP's rules for traces of the network read.
fn sampled_trace(trace: &SampledTrace<'_>, metadata: &Metadata<'_>) -> String {
    #[derive(Serialize)]
    struct Process<'a> {
        process_id: &'a str,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        layer: &'a str,
        service: &'a str,
        #[serde(rename = "serviceInstance")]
        instance: &'a str,
        trace_id: &'a str,
        timestamp: i64,
        latency: i64,
        uri: &'a str,
        reason: &'a str,
        client_process: Process<'a>,
        server_process: Process<'a>,
        detect_point: &'a str,
        component: &'a str,
        ssl: bool,
    }
    let known = COMPONENTS.iter().find(|it| it.0 == trace.component_id);
    let (_, component, ssl) = known.copied().unwrap_or((0, "tcp", false));
    json(&Body {
        layer: metadata.layer,
        service: metadata.service,
        instance: metadata.instance,
        trace_id: metadata.trace.trace_id,
        timestamp: metadata.timestamp_ms,
        latency: trace.latency_ms,
        uri: trace.uri,
        reason: trace.reason,
        client_process: Process {
            process_id: trace.process_id,
        },
        server_process: Process {
            process_id: trace.peer_process_id,
        },
        detect_point: trace.detect_point,
        component,
        ssl,
    })
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("texts and numbers are JSON")
}
