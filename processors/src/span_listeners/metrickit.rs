//! `metrickit`: what Apple's MetricKit reports once a day, as metrics.
//!
//! The OpenTelemetry SDK for Swift makes a span a day long of each payload. As a trace it is of no
//! use to anybody and harmful to some: it never goes on, whatever it says. Its attributes become
//! metrics ([`table`]), under the names that OAP has rules for or under OpenTelemetry's. Towards OAP
//! they are those of its own listener, with what cannot be had there: bounds in seconds, because OAP
//! reads OTLP's that way, deltas that `delta_merge` can add over devices, and nothing that is NaN,
//! infinite or negative, which OAP would keep as numbers.
//!
//! All values are of one day, the one at whose end the span ended.

mod table;

use std::borrow::Cow;

use pdata::view::AttributeValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::Counter;

use super::Tally;
use super::bounded::{BoundedNames, OVERFLOW};
use super::listener::{Measured, Metric, SpanListener, SpanView, Verdict};
use super::number::{InvalidValues, amount};
use table::{Attribute, Role, Series};

const NAME: &str = "metrickit";
const SCOPE: &str = "MetricKit";
/// What OAP calls what is not known.
const UNKNOWN: &str = "unknown";
/// Stands for the version of a payload that is about several.
const MIXED: &str = "mixed";
/// Names of an app's own signposts, with their categories.
const SIGNPOSTS_MAX: usize = 200;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// What the metrics are called.
    names: Names,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Names {
    /// `metrickit_*`: those for which OAP has rules, of iOS and iPadOS alone.
    #[default]
    Oap,
    /// `ios.*`: a metric for every attribute that measures something.
    Otlp,
}

pub(super) struct MetricKit {
    names: Names,
    invalid: InvalidValues,
    no_service: Counter,
    other_platform: Counter,
    signposts: BoundedNames,
}

impl MetricKit {
    pub(super) fn new(config: &Config, tally: &Tally<'_>) -> Self {
        let name = "skyferry_metrickit_unmeasured_spans_total";
        let help = "spans of MetricKit without metrics, by what their resource lacks for OAP";
        tally.metrics.describe(name, help);
        MetricKit {
            names: config.names,
            invalid: InvalidValues::new(NAME, tally),
            no_service: tally.counter(name, &[("reason", "no_service_name")]),
            other_platform: tally.counter(name, &[("reason", "other_platform")]),
            signposts: BoundedNames::new(SIGNPOSTS_MAX, NAME, tally),
        }
    }

    /// The metrics of a day.
    fn payload<'a>(&self, span: &SpanView<'a>) -> Option<Measured<'a>> {
        if self.names == Names::Oap
            && let Some(unmeasured) = self.lacks_for_oap(span)
        {
            unmeasured.increment(1);
            return None;
        }
        let mut about = About::default();
        let values = self.values(span, &table::PAYLOAD, &mut about);
        Some(Measured {
            window: span.window(),
            attributes: match self.names {
                Names::Oap => about.oap(span),
                Names::Otlp => about.otlp(span),
            },
            values,
        })
    }

    /// What counts a payload that OAP has no place for: it keeps them by service, of two platforms.
    fn lacks_for_oap(&self, span: &SpanView<'_>) -> Option<&Counter> {
        match (span.is_of_ios(), span.resource_text("service.name")) {
            (false, _) => Some(&self.other_platform),
            (true, None) => Some(&self.no_service),
            (true, Some(_)) => None,
        }
    }

    /// The metrics of an app's own signpost; OAP has no rules for them.
    fn signpost<'a>(&self, span: &SpanView<'a>) -> Option<Measured<'a>> {
        if self.names == Names::Oap {
            return None;
        }
        let mut about = About::default();
        let values = self.values(span, &table::SIGNPOST, &mut about);
        let mut attributes = about.otlp(span);
        let [name, category] = about.signpost.map(Option::unwrap_or_default);
        let is_admitted = self.signposts.admits(&format!("{category}\n{name}"));
        let shown = |text| match is_admitted {
            true => text,
            false => OVERFLOW,
        };
        attributes.push(("signpost.name", shown(name).into()));
        attributes.push(("signpost.category", shown(category).into()));
        Some(Measured {
            window: span.window(),
            attributes,
            values,
        })
    }

    /// The numbers of a span that `table` has metrics for. Of an attribute that comes twice, under
    /// one spelling or both, the first counts.
    fn values<'a>(
        &self,
        span: &SpanView<'a>,
        table: &'static [Attribute],
        about: &mut About<'a>,
    ) -> Vec<(Metric<'a>, f64)> {
        let mut values = Vec::with_capacity(table.len());
        let mut seen = vec![false; table.len()];
        for attribute in span.attributes() {
            let Some(row) = table.iter().position(|row| row.is_called(attribute.key)) else {
                continue;
            };
            if std::mem::replace(&mut seen[row], true) {
                continue;
            }
            about.note(table[row].role, attribute.value);
            let series = table[row].series(self.names);
            if series.clone().next().is_none() {
                continue;
            }
            match amount(attribute.value) {
                Ok(number) => values.extend(series.map(|it| it.measure(number))),
                Err(invalid) => self.invalid.count(invalid),
            }
        }
        values
    }
}

impl Series {
    fn measure(&self, number: f64) -> (Metric<'static>, f64) {
        (self.metric, number * self.factor)
    }
}

impl SpanListener for MetricKit {
    fn name(&self) -> &str {
        NAME
    }

    fn scopes(&self) -> Vec<String> {
        vec![SCOPE.to_owned()]
    }

    fn look<'a>(&'a self, span: &SpanView<'a>) -> Verdict<'a> {
        let measured = match span.name() {
            "MXMetricPayload" => self.payload(span),
            "MXSignpostMetric" => self.signpost(span),
            // What it is about comes as logs; the span says nothing.
            "MXDiagnosticPayload" => None,
            _ => return Verdict::default(),
        };
        Verdict {
            veto: true,
            measured,
            ..Verdict::default()
        }
    }
}

/// What a payload says it is about.
#[derive(Default)]
struct About<'a> {
    device: Option<&'a str>,
    os: Option<&'a str>,
    version: Option<&'a str>,
    build: Option<&'a str>,
    is_mixed: bool,
    /// Name and category.
    signpost: [Option<&'a str>; 2],
}

impl<'a> About<'a> {
    fn note(&mut self, role: Role, value: AttributeValue<'a>) {
        let text = value.as_str().filter(|text| !text.is_empty());
        match role {
            Role::Device => self.device = text,
            Role::Os => self.os = text.map(os_version),
            Role::Version => self.version = text,
            Role::Build => self.build = text,
            Role::IsMixed => self.is_mixed = value == AttributeValue::Bool(true),
            Role::SignpostName => self.signpost[0] = text,
            Role::SignpostCategory => self.signpost[1] = text,
            Role::Measures | Role::Unused => {}
        }
    }

    fn device(&self, span: &SpanView<'a>) -> Option<&'a str> {
        self.device
            .or_else(|| span.resource_text("device.model.identifier"))
    }

    fn os(&self, span: &SpanView<'a>) -> Option<&'a str> {
        self.os.or_else(|| span.resource_text("os.version"))
    }

    /// The labels of OAP's own listener; its instances are the versions that sent the payload.
    fn oap(&self, span: &SpanView<'a>) -> Vec<(&'a str, Cow<'a, str>)> {
        let labels = [
            ("service.instance.id", span.resource_text("service.version")),
            ("device.model", self.device(span)),
            ("os.version", self.os(span)),
        ];
        let labels = labels.map(|(key, value)| (key, value.unwrap_or(UNKNOWN).into()));
        labels.to_vec()
    }

    /// The version is the one that the payload is about: after an update another sends it.
    fn otlp(&self, span: &SpanView<'a>) -> Vec<(&'a str, Cow<'a, str>)> {
        let version: Option<Cow<'a, str>> = match (self.version, self.build) {
            _ if self.is_mixed => Some(MIXED.into()),
            (Some(version), Some(build)) => Some(format!("{version} ({build})").into()),
            (Some(version), None) => Some(version.into()),
            (None, _) => span.resource_text("service.version").map(Cow::from),
        };
        let device = self.device(span).map(Cow::from);
        let os = self.os(span).map(Cow::from);
        let labels = [
            ("service.version", version),
            ("device.model.identifier", device),
            ("os.version", os),
        ];
        let known = labels
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        known.collect()
    }
}

/// The number in Apple's form: `iPhone OS 18.2 (22C152)` is `18.2`, as other signals have it.
fn os_version(text: &str) -> &str {
    let mut words = text.split_whitespace();
    words
        .find(|word| word.starts_with(|char: char| char.is_ascii_digit()))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
