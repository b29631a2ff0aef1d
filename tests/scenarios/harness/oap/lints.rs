//! What an OAP answers with OK and then loses, files wrongly or counts twice: found in what the
//! mock has taken. Each rule is behaviour that was seen or read in OAP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pdata::skywalking::v3::{
    KeyStringValuePair, LogData, MeterData, SegmentObject, SpanLayer, SpanObject, SpanType,
};
use serde_json::Value;

use super::calls::{Call, Calls};
use super::methods::{Item, METERS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A segment's own row comes from its span 0; without spans it is ignored.
    OneSpanZero,
    /// A log stream is filed under its first service.
    OneServiceInLogStream,
    /// The tags of a Cache span become a map, and a second value for a key is an exception.
    UniqueCacheTags,
    /// `x-le` is read as a JSON object.
    LogicEndpointIsObject,
    /// `transmission.latency` of an MQ span is read as a number.
    LatencyIsNumber,
    /// A caller without a name becomes the node `_blank`.
    ParentHasName,
    /// A set of meters is of one instance and has a time.
    OneInstanceInMeterSet,
    /// An event without a layer ends its stream.
    EventHasLayer,
    /// A segment that comes again is counted again, and may take its neighbours with it.
    SegmentOnce,
    /// OTLP that is refused, lost or taken in part.
    Otlp,
    /// What is no message of the method it was sent to.
    Readable,
}

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lint {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Collects breaches.
struct Lints(Vec<Lint>);

impl Lints {
    fn expect(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            self.0.push(Lint { rule, what });
        }
    }
}

/// Every breach in these calls: what was found when it came, and what shows only in the whole.
pub(super) fn find(calls: &Calls) -> Vec<Lint> {
    let mut lints = Lints(Vec::new());
    for call in &calls.0 {
        lints.0.extend(call.lints.iter().cloned());
        check_streams(call, &mut lints);
        for item in &call.items {
            check_item(item, &mut lints);
        }
    }
    check_repeats(calls, &mut lints);
    lints.0
}

/// What holds for all messages of a call together.
fn check_streams(call: &Call, lints: &mut Lints) {
    let logs = call.items.iter().filter_map(|item| match item {
        Item::Log(log) => Some(log),
        _ => None,
    });
    // Over HTTP each log is filed by itself.
    if call.path.starts_with("/skywalking.") {
        check_log_stream(logs, lints);
    }
    if call.path == METERS {
        let meters = call.items.iter().filter_map(|item| match item {
            Item::Meter(meter) => Some(meter),
            _ => None,
        });
        check_meter_set(meters, lints);
    }
}

fn check_log_stream<'a>(logs: impl Iterator<Item = &'a LogData>, lints: &mut Lints) {
    let mut filed_under = None;
    for log in logs {
        let service = &*log.service;
        let first = *filed_under.get_or_insert(service);
        let fits = !first.is_empty() && (service == first || service.is_empty());
        lints.expect(fits, Rule::OneServiceInLogStream, || {
            format!("a log of `{service}` in a stream of `{first}`")
        });
    }
}

fn check_meter_set<'a>(meters: impl Iterator<Item = &'a MeterData>, lints: &mut Lints) {
    let mut first = None;
    for meter in meters {
        let of = (&*meter.service, &*meter.service_instance);
        let named = *first.get_or_insert(of);
        let complete = !named.0.is_empty() && !named.1.is_empty();
        let fits = complete && (of == named || of == ("", ""));
        lints.expect(fits, Rule::OneInstanceInMeterSet, || {
            format!("a meter of {of:?} in a set of {named:?}")
        });
    }
}

fn check_item(item: &Item, lints: &mut Lints) {
    match item {
        Item::Segment(segment) => check_segment(segment, lints),
        Item::Meters(set) => check_meter_set(set.meter_data.iter(), lints),
        _ => {}
    }
}

fn check_segment(segment: &SegmentObject, lints: &mut Lints) {
    let id = &segment.trace_segment_id;
    let firsts = segment.spans.iter().filter(|span| span.span_id == 0);
    let firsts = firsts.count();
    lints.expect(firsts == 1, Rule::OneSpanZero, || {
        format!("segment `{id}` has {firsts} of {}", segment.spans.len())
    });
    for span in &segment.spans {
        check_tags(id, span, lints);
        let from_queue = span.span_layer() == SpanLayer::Mq;
        if span.span_type() == SpanType::Entry && !from_queue {
            let named = span.refs.iter().all(|it| !it.parent_service.is_empty());
            lints.expect(named, Rule::ParentHasName, || {
                format!("segment `{id}`, span {}", span.span_id)
            });
        }
    }
}

fn check_tags(id: &str, span: &SpanObject, lints: &mut Lints) {
    let place = |tag: &KeyStringValuePair| {
        let KeyStringValuePair { key, value } = tag;
        format!("segment `{id}`, span {}: {key}={value}", span.span_id)
    };
    let mut keys = BTreeSet::new();
    for tag in &span.tags {
        let is_new = keys.insert(&tag.key) || span.span_layer() != SpanLayer::Cache;
        lints.expect(is_new, Rule::UniqueCacheTags, || place(tag));
        if tag.key == "x-le" {
            let read = serde_json::from_str(&tag.value);
            let is_object = matches!(read, Ok(Value::Object(_)));
            lints.expect(is_object, Rule::LogicEndpointIsObject, || place(tag));
        }
        if tag.key == "transmission.latency" && span.span_layer() == SpanLayer::Mq {
            let is_number = tag.value.parse::<i64>().is_ok();
            lints.expect(is_number, Rule::LatencyIsNumber, || place(tag));
        }
    }
}

fn check_repeats(calls: &Calls, lints: &mut Lints) {
    let mut seen = BTreeMap::<_, usize>::new();
    for segment in calls.segments() {
        *seen.entry(&segment.trace_segment_id).or_default() += 1;
    }
    for (id, count) in seen {
        lints.expect(count == 1, Rule::SegmentOnce, || {
            format!("segment `{id}` came {count} times")
        });
    }
}
