//! Tests of rules in the form of OAP's: logs that are written down, and what a rule makes of them.
//!
//! A data file is a YAML mapping from the name of a rule to one input or a list of them; [`read`] says
//! what is wrong with it. [`Case::run`] calls the rule directly, whatever the layer of the log, and
//! not as an automatic rule: so do OAP's own tests. Which rules a log meets is not tested here.

mod actual;
mod expectation;
mod read;

use std::borrow::Cow;
use std::fmt;

use crate::compile::Rules;
use crate::log::{Body, Log, Message, Metadata, TraceContext};
use crate::outcome::RuleId;
use crate::run::{Now, Scratch};
use actual::Actual;
use expectation::Expectation;

pub use read::{Read, input, read};

/// A log that was written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    pub service: String,
    pub instance: String,
    pub endpoint: String,
    pub layer: String,
    pub timestamp_ms: i64,
    pub trace_id: String,
    pub segment_id: String,
    pub span_id: i32,
    pub body: Body<'static>,
    /// In this order; the first of equal keys counts.
    pub tags: Vec<(String, String)>,
    pub source_attributes: Vec<(String, String)>,
    /// The input, instead of the body and the tags.
    pub message: Option<Entry>,
}

/// A message that was written down as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of its Java class, with the package.
    pub class: String,
    /// As on the wire.
    pub bytes: Vec<u8>,
}

impl Log for Input {
    fn metadata(&self) -> Metadata<'_> {
        Metadata {
            service: &self.service,
            instance: &self.instance,
            endpoint: &self.endpoint,
            layer: &self.layer,
            timestamp_ms: self.timestamp_ms,
            trace: TraceContext {
                trace_id: &self.trace_id,
                segment_id: &self.segment_id,
                span_id: self.span_id,
            },
        }
    }

    fn body(&self) -> Body<'_> {
        match &self.body {
            Body::None => Body::None,
            Body::Text(text) => Body::Text(Cow::Borrowed(text)),
            Body::Json(text) => Body::Json(Cow::Borrowed(text)),
            Body::Yaml(text) => Body::Yaml(Cow::Borrowed(text)),
        }
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        first(&self.tags, key)
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        first(&self.source_attributes, key)
    }

    fn message(&self) -> Option<Message<'_>> {
        self.message.as_ref().map(|entry| Message {
            class: &entry.class,
            bytes: &entry.bytes,
        })
    }
}

fn first<'a>(pairs: &'a [(String, String)], key: &str) -> Option<Cow<'a, str>> {
    let mut pairs = pairs.iter();
    let pair = pairs.find(|(name, _)| name == key);
    pair.map(|(_, value)| Cow::Borrowed(&**value))
}

/// One input for one rule.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name of the rule.
    pub rule: String,
    /// Among the inputs of the rule, from 1.
    pub number: usize,
    /// Of the data file, where the input starts, from 1.
    pub line: usize,
    pub input: Input,
    expectations: Vec<Expectation>,
}

/// What a rule did otherwise than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// As in the data file; `error` where the rule failed and nobody expected that.
    pub key: String,
    pub expected: String,
    pub actual: String,
}

/// What is different in a case; shown as one line for each difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub differences: Vec<Difference>,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.differences.iter().map(|it| it.key.chars().count());
        let width = widths.max().unwrap_or(0);
        for difference in &self.differences {
            let Difference {
                key,
                expected,
                actual,
            } = difference;
            writeln!(f, "  {key:width$}  expected  {expected}")?;
            writeln!(f, "  {:width$}  actual    {actual}", "")?;
        }
        Ok(())
    }
}

impl Case {
    /// Runs the rule of this name, the first one if several layers have one.
    pub fn run(&self, rules: &Rules, scratch: &mut Scratch) -> Report {
        let rule = rules.names().find(|(_, name)| *name == self.rule);
        let differences = match rule {
            Some((rule, _)) => {
                let actual = self.actual(rules, rule, scratch);
                let differences = self.expectations.iter();
                let mut differences: Vec<_> = differences
                    .filter_map(|expectation| expectation.difference(&actual))
                    .collect();
                differences.extend(self.unexpected_error(&actual));
                differences
            }
            None => vec![Difference {
                key: "rule".to_owned(),
                expected: quoted(&self.rule),
                actual: "there is no such rule, or it has errors".to_owned(),
            }],
        };
        Report { differences }
    }

    fn actual(&self, rules: &Rules, rule: RuleId, scratch: &mut Scratch) -> Actual {
        let mut observed = actual::Observed::new(&self.input);
        let mut heard = actual::Heard::default();
        // No time passes, and a log without a time keeps none, as in OAP's tests.
        let runner = rules.runner().observed(&mut observed).only(rule);
        runner.run(&self.input, Now::default(), scratch, &mut heard);
        Actual::new(observed, heard)
    }

    /// OAP's tests fail when a rule throws.
    fn unexpected_error(&self, actual: &Actual) -> Option<Difference> {
        if self.expectations.iter().any(Expectation::is_error) {
            return None;
        }
        let error = actual.error.as_ref()?;
        Some(Difference {
            key: "error".to_owned(),
            expected: "none".to_owned(),
            actual: error.clone(),
        })
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests;
