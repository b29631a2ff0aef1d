//! What a mock OAP has seen: every call with its messages, in the order in which it began.

use std::collections::BTreeMap;

use http::HeaderMap;
use pdata::skywalking::v3::{LogData, MeterData, SegmentObject};

use super::frames::code;
use super::lints::Lint;
use super::methods::Item;
use crate::harness::Export;

/// One call, or one request over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) metadata: HeaderMap,
    /// What was taken, also by a call that was refused after it.
    pub(crate) items: Vec<Item>,
    /// What was wrong with messages that were not taken, or not as a whole.
    pub(crate) lints: Vec<Lint>,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Open,
    /// Answered with this code of gRPC; for HTTP `OK`, or what comes nearest.
    Answered(u16),
    /// The client went away, or the OAP did.
    Broken,
}

/// Every call so far. Its place in the list is the call's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(pub(crate) Vec<Call>);

/// The items of one kind.
macro_rules! items {
    ($self:ident, $kind:ident) => {
        $self.items().filter_map(|item| match item {
            $crate::harness::oap::methods::Item::$kind(it) => Some(it),
            _ => None,
        })
    };
}
pub(crate) use items;

impl Calls {
    /// Calls of the method at `path`.
    pub(crate) fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Call> {
        self.0.iter().filter(move |call| call.path == path)
    }

    /// Everything taken, by calls that ended well and by others.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.0.iter().flat_map(|call| &call.items)
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &SegmentObject> {
        items!(self, Segment)
    }

    pub(crate) fn logs(&self) -> impl Iterator<Item = &LogData> {
        items!(self, Log)
    }

    /// Meters of streams and of sets.
    pub(crate) fn meters(&self) -> impl Iterator<Item = &MeterData> {
        self.items().flat_map(|item| match item {
            Item::Meter(meter) => std::slice::from_ref(meter),
            Item::Meters(set) => &set.meter_data,
            _ => &[],
        })
    }

    pub(crate) fn exports(&self) -> impl Iterator<Item = &Export> {
        items!(self, Otlp)
    }

    /// How many calls of each method there were, with how many items, in words.
    pub(crate) fn summary(&self) -> String {
        let mut methods = BTreeMap::<&str, (usize, usize)>::new();
        for call in &self.0 {
            let (calls, items) = methods.entry(&call.path).or_default();
            *calls += 1;
            *items += call.items.len();
        }
        let methods = methods.iter();
        let lines = methods.map(|(path, (calls, items))| format!("{path}: {calls} with {items}"));
        lines.collect::<Vec<_>>().join(", ")
    }

    /// Calls that were answered with anything but `OK`.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Call> {
        let refused = |outcome| matches!(outcome, Outcome::Answered(code) if code != code::OK);
        self.0.iter().filter(move |call| refused(call.outcome))
    }
}
