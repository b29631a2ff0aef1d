//! `expect`: what a rule has to leave behind.

use super::actual::Actual;
use super::{Difference, quoted};
use crate::java::text::push_double;

/// Keys that are a field of the log.
const FIELDS: [&str; 8] = [
    "service",
    "instance",
    "endpoint",
    "layer",
    "timestamp",
    "traceId",
    "segmentId",
    "spanId",
];
/// All keys, for messages.
pub(super) const KEYS: &str = "`save`, `abort`, `service`, `instance`, `endpoint`, `layer`, \
                               `timestamp`, `traceId`, `segmentId`, `spanId`, `contentType`, \
                               `dropReason`, `noDropReason`, `tag.KEY`, `outputField.NAME`; our \
                               own are `metrics.NAME` and `error`";

#[derive(Clone, Debug)]
pub(super) struct Expectation {
    kind: Kind,
    /// As written.
    key: String,
    value: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Save,
    Abort,
    /// A field of the log or of its output.
    Field(String),
    Tag(String),
    ContentType,
    DropReason,
    NoDropReason,
    /// The value of the last sample of this name.
    Metrics(String),
    /// Why the rule fails.
    Error,
}

/// How OAP takes a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum InOap {
    Checked,
    /// It passes whatever the rule does.
    Ignored,
}

impl Expectation {
    /// `None` for a key that nobody knows.
    pub(super) fn new(key: &str, value: &str) -> Option<(Expectation, InOap)> {
        let field = |name: &str| Kind::Field(name.to_owned());
        let (kind, in_oap) = match key {
            "save" => (Kind::Save, InOap::Checked),
            "abort" => (Kind::Abort, InOap::Checked),
            "contentType" => (Kind::ContentType, InOap::Checked),
            "dropReason" => (Kind::DropReason, InOap::Checked),
            "noDropReason" => (Kind::NoDropReason, InOap::Checked),
            "error" => (Kind::Error, InOap::Ignored),
            _ if FIELDS.contains(&key) => (field(key), InOap::Checked),
            _ => match key.split_once('.')? {
                (_, "") => return None,
                ("tag", name) => (Kind::Tag(name.to_owned()), InOap::Checked),
                ("outputField", name) => (field(name), InOap::Checked),
                ("sampledTrace", name) => (field(name), InOap::Ignored),
                ("metrics", name) => (Kind::Metrics(name.to_owned()), InOap::Ignored),
                _ => return None,
            },
        };
        let expectation = Expectation {
            kind,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        Some((expectation, in_oap))
    }

    /// Whether OAP is meant to check it and does not.
    pub(super) fn is_own(&self) -> bool {
        matches!(self.kind, Kind::Metrics(_) | Kind::Error)
    }

    pub(super) fn is_error(&self) -> bool {
        self.kind == Kind::Error
    }

    /// `None` if it is as expected.
    pub(super) fn difference(&self, actual: &Actual) -> Option<Difference> {
        let equal = |found: &str| (found == self.value, quoted(found));
        let (is_met, found) = match &self.kind {
            Kind::Save => equal(if actual.saves { "true" } else { "false" }),
            Kind::Abort => equal(if actual.aborted { "true" } else { "false" }),
            Kind::ContentType => equal(actual.content_type),
            Kind::Field(name) => match actual.field(name) {
                Some(found) => equal(found),
                None => (false, "the output has no such field".to_owned()),
            },
            Kind::Tag(name) => {
                let mut tags = actual.tags.iter();
                let tag = tags.find(|(key, _)| key == name);
                equal(tag.map_or("", |(_, value)| value))
            }
            Kind::Metrics(name) => {
                let mut samples = actual.samples.iter();
                match samples.rfind(|(sample, _)| sample == name) {
                    Some((_, value)) => {
                        let is_met = self.value.parse() == Ok(*value);
                        let mut printed = String::new();
                        push_double(&mut printed, *value);
                        (is_met, quoted(&printed))
                    }
                    None => (false, "no sample".to_owned()),
                }
            }
            Kind::DropReason => self.contained(actual.drop_reason.as_deref()),
            Kind::Error => self.contained(actual.error.as_deref()),
            Kind::NoDropReason => match &actual.drop_reason {
                Some(reason) => (false, reason.clone()),
                None => (true, String::new()),
            },
        };
        let expected = match self.kind {
            Kind::DropReason | Kind::Error => format!("with `{}`", self.value),
            Kind::NoDropReason => "no reason".to_owned(),
            _ => quoted(&self.value),
        };
        (!is_met).then(|| Difference {
            key: self.key.clone(),
            expected,
            actual: found,
        })
    }

    fn contained(&self, found: Option<&str>) -> (bool, String) {
        match found {
            Some(found) => (found.contains(&self.value), found.to_owned()),
            None => (false, "none".to_owned()),
        }
    }
}
