//! Which signal a recorded request is of.

use std::path::Path;

use bytes::Bytes;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Signal};

use super::Damage;
use crate::record::BYTE_ORDER_MARK;

/// What is known beforehand of records that do not say their signal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The caller's word.
    pub(super) told: Option<Signal>,
    /// What the file's name suggests.
    pub(super) named: Option<Signal>,
}

/// The signal of OTLP whose name is one of the words of the file's name, if there is just one.
pub(super) fn named_in(path: &Path) -> Option<Signal> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let words = name.split(|char: char| !char.is_ascii_alphanumeric());
    let mut signals: Vec<Signal> = words.filter_map(Signal::from_name).collect();
    // A request is never one of reports.
    signals.retain(|signal| *signal != Signal::Skywalking);
    signals.dedup();
    match signals[..] {
        [only] => Some(only),
        _ => None,
    }
}

/// What a line of JSON is about.
pub(super) enum Subject {
    Otlp(Signal),
    /// Messages of SkyWalking's agents.
    Native,
}

/// What a line of JSON is about, from its first key.
pub(super) fn of_json(text: &[u8]) -> Result<Subject, Damage> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let first_key = text.trim_ascii_start().strip_prefix(b"{");
    let name = first_key
        .and_then(|rest| rest.trim_ascii_start().strip_prefix(b"\""))
        .and_then(|rest| rest.split(|&byte| byte == b'"').next());
    match name {
        Some(b"resourceSpans" | b"resource_spans") => Ok(Subject::Otlp(Signal::Traces)),
        Some(b"resourceMetrics" | b"resource_metrics") => Ok(Subject::Otlp(Signal::Metrics)),
        Some(b"resourceLogs" | b"resource_logs") => Ok(Subject::Otlp(Signal::Logs)),
        Some(b"skywalking") => Ok(Subject::Native),
        _ => Err(Damage::NoSignal),
    }
}

/// The signal of a request in protobuf; `None` if it holds no items and so need not be sent.
pub(super) fn of_proto(request: &Bytes, known: Known) -> Result<Option<Signal>, Damage> {
    if let Some(signal) = known.told {
        // Whoever sends it repairs text that is not UTF-8, so it is no damage here.
        let budget = Budget::new(request.len());
        let received = receive(signal, request.clone(), InvalidUtf8::Repair, &budget);
        return match received {
            Ok(received) => Ok((received.items > 0).then_some(signal)),
            Err(error) => Err(Damage::Request { signal, error }),
        };
    }
    let mut valid = false;
    let mut fitting = Vec::with_capacity(Signal::OTLP.len());
    for signal in Signal::OTLP {
        // Strictly: an id read as text is what tells a span from a metric.
        let received = receive(
            signal,
            request.clone(),
            InvalidUtf8::Refuse,
            &Budget::new(0),
        );
        if let Ok(received) = received {
            valid = true;
            fitting.extend((received.items > 0).then_some(signal));
        }
    }
    match fitting[..] {
        [] if valid => Ok(None),
        [] => Err(Damage::NoRequest),
        [only] => Ok(Some(only)),
        _ => match known.named.filter(|named| fitting.contains(named)) {
            Some(named) => Ok(Some(named)),
            None => Err(Damage::Unclear(fitting)),
        },
    }
}
