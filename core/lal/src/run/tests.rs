//! Promises of running rules.

mod automatic;
mod conditions;
mod edge_cases;
mod json;
mod messages;
mod order;
mod outputs;
mod sharing;
mod total;
mod values;

use std::borrow::Cow;
use std::time::Duration;

use super::{Effect, Left, Now, Observer, Scratch};
use crate::{
    Body, Claim, Compatibility, End, Log, Metadata, Outcome, Record, RuleId, Rules, Sample, Source,
    Span, load,
};

const NOW: Now = Now {
    unix_ms: 1_700_000_000_000,
    monotonic: Duration::from_secs(5),
};

/// A log made for a test; with a service and nothing else.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    metadata: Metadata<'static>,
    body: Body<'static>,
    tags: Vec<(&'static str, &'static str)>,
    attributes: Vec<(&'static str, &'static str)>,
}

impl Log for Sent {
    fn metadata(&self) -> Metadata<'_> {
        self.metadata
    }

    fn body(&self) -> Body<'_> {
        self.body.clone()
    }

    fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        let found = self.tags.iter().find(|it| it.0 == key);
        found.map(|it| Cow::Borrowed(it.1))
    }

    fn source_attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        let found = self.attributes.iter().find(|it| it.0 == key);
        found.map(|it| Cow::Borrowed(it.1))
    }
}

fn sent() -> Sent {
    Sent {
        metadata: Metadata {
            service: "svc",
            timestamp_ms: 1000,
            ..Metadata::default()
        },
        body: Body::None,
        tags: Vec::new(),
        attributes: Vec::new(),
    }
}

impl Sent {
    fn layer(mut self, layer: &'static str) -> Sent {
        self.metadata.layer = layer;
        self
    }

    fn json(mut self, body: &'static str) -> Sent {
        self.body = Body::Json(Cow::Borrowed(body));
        self
    }

    fn text(mut self, body: &'static str) -> Sent {
        self.body = Body::Text(Cow::Borrowed(body));
        self
    }

    fn tagged(mut self, key: &'static str, value: &'static str) -> Sent {
        self.tags.push((key, value));
        self
    }

    fn from(mut self, key: &'static str, value: &'static str) -> Sent {
        self.attributes.push((key, value));
        self
    }
}

/// All that rules gave, as lines in the order in which it came about.
#[derive(Debug, Default)]
pub(super) struct Heard {
    lines: Vec<String>,
}

impl Outcome for Heard {
    fn record(&mut self, rule: RuleId, record: &Record<'_>) {
        let tags: Vec<_> = record
            .tags
            .iter()
            .map(|it| format!("{}={}", it.0, it.1))
            .collect();
        let metadata = &record.metadata;
        let json = if record.text_is_json { " json" } else { "" };
        self.lines.push(format!(
            "{} keeps {}/{}/{}/{} [{}]{json}",
            rule.0,
            metadata.service,
            metadata.instance,
            metadata.endpoint,
            metadata.layer,
            tags.join(", "),
        ));
    }

    fn sample(&mut self, rule: RuleId, sample: &Sample<'_>) {
        self.lines.push(format!(
            "{} measures {} {:?} {} at {}",
            rule.0, sample.name, sample.labels, sample.value, sample.timestamp_ms
        ));
    }

    fn end(&mut self, rule: RuleId, end: End<'_>) {
        self.lines.push(format!("{} {}", rule.0, ending(end)));
    }
}

fn ending(end: End<'_>) -> String {
    match end {
        End::Done { records } => format!("done {records}"),
        End::WithoutLayer => "without layer".to_owned(),
        End::Incomplete { missing } => format!("without {missing}"),
        End::Aborted { reason: None } => "aborted".to_owned(),
        End::Aborted {
            reason: Some(reason),
        } => format!("aborted: {reason}"),
        End::Failed { error, .. } => format!("failed: {error}"),
    }
}

/// Rules of `(layer, body of the filter)`.
#[track_caller]
pub(super) fn rules(all: &[(&str, &str)]) -> Rules {
    rules_by(all, Compatibility::Oap)
}

#[track_caller]
pub(super) fn rules_by(all: &[(&str, &str)], compatibility: Compatibility) -> Rules {
    let mut text = "rules:\n".to_owned();
    for (index, (layer, filter)) in all.iter().enumerate() {
        let (layer, output) = layer.split_once(' ').unwrap_or((layer, "Log"));
        text += &format!("  - name: rule-{index}\n    layer: {layer}\n    outputType: {output}\n");
        text += &format!(
            "    dsl: |\n      filter {{ {} }}\n",
            filter.replace('\n', "\n      ")
        );
    }
    let source = Source {
        name: "rules.yaml".to_owned(),
        text,
    };
    let loaded = load(&[source], compatibility);
    let errors: String = loaded.findings.iter().map(ToString::to_string).collect();
    assert_eq!(loaded.rules.len(), all.len(), "{errors}");
    Rules::compile(loaded)
}

/// What the rules make of the log, as lines, the claim last.
#[track_caller]
fn heard(rules: &Rules, log: &Sent) -> String {
    let mut heard = Heard::default();
    let claim = rules.run(log, NOW, &mut Scratch::default(), &mut heard);
    heard.lines.push(format!("{claim:?}"));
    heard.lines.join("\n")
}

/// What one rule of the layer `GENERAL` makes of a log of that layer.
#[track_caller]
fn of_rule(filter: &str, log: Sent) -> String {
    let rules = rules(&[("GENERAL", filter)]);
    heard(&rules, &log.layer("GENERAL"))
}

/// What is said about a rule, whether or not it loads.
fn load_only(filter: &str) -> String {
    let text = format!(
        "rules:\n  - name: a\n    layer: GENERAL\n    dsl: |\n      filter {{ {filter} }}\n"
    );
    let name = "rules.yaml".to_owned();
    let loaded = load(&[Source { name, text }], Compatibility::Oap);
    loaded.findings.iter().map(ToString::to_string).collect()
}

/// The time of the record that one rule makes, or how it ended.
fn kept_at(filter: &str, log: Sent) -> Result<i64, String> {
    #[derive(Default)]
    struct Times {
        at: Option<i64>,
        end: String,
    }
    impl Outcome for Times {
        fn record(&mut self, _: RuleId, record: &Record<'_>) {
            self.at = Some(record.metadata.timestamp_ms);
        }
        fn sample(&mut self, _: RuleId, _: &Sample<'_>) {}
        fn end(&mut self, _: RuleId, end: End<'_>) {
            self.end = ending(end);
        }
    }
    let mut times = Times::default();
    let rules = rules(&[("GENERAL", filter)]);
    rules.run(
        &log.layer("GENERAL"),
        NOW,
        &mut Scratch::default(),
        &mut times,
    );
    times.at.ok_or(times.end)
}

/// A value as a tag shows it; `None` for null, `Err` for what ends the rule.
#[track_caller]
fn value(value: &str, log: Sent) -> Result<Option<String>, String> {
    value_by(value, log, Compatibility::Oap)
}

#[track_caller]
fn value_by(
    value: &str,
    log: Sent,
    compatibility: Compatibility,
) -> Result<Option<String>, String> {
    let filter =
        format!("json {{ abortOnFailure false }} extractor {{ tag v: {value} }} sink {{}}");
    let rules = rules_by(&[("GENERAL", &*filter)], compatibility);
    let mut told = Told::default();
    let runner = rules.runner().observed(&mut told);
    runner.run(
        &log.layer("GENERAL"),
        NOW,
        &mut Scratch::default(),
        &mut Heard::default(),
    );
    match told.failed {
        Some(error) => Err(error),
        None => Ok(told.tag),
    }
}

/// Whether a condition holds; `Err` for what ends the rule.
#[track_caller]
fn holds(condition: &str, log: Sent) -> Result<bool, String> {
    holds_by(condition, log, Compatibility::Oap)
}

#[track_caller]
fn holds_by(condition: &str, log: Sent, compatibility: Compatibility) -> Result<bool, String> {
    let filter = format!("json {{ abortOnFailure false }} if ({condition}) {{ sink {{}} }}");
    let rules = rules_by(&[("GENERAL", &*filter)], compatibility);
    let mut told = Told::default();
    let runner = rules.runner().observed(&mut told);
    runner.run(
        &log.layer("GENERAL"),
        NOW,
        &mut Scratch::default(),
        &mut Heard::default(),
    );
    match told.failed {
        Some(error) => Err(error),
        None => Ok(told.branch.is_some()),
    }
}

/// The last tag, branch and error that an observer was told of.
#[derive(Debug, Default)]
struct Told {
    tag: Option<String>,
    branch: Option<usize>,
    failed: Option<String>,
}

impl Observer for Told {
    fn statement(&mut self, _: RuleId, _: Span, effect: Effect<'_>) {
        match effect {
            Effect::Tag { value, .. } => self.tag = value.map(str::to_owned),
            Effect::Branch(branch) => self.branch = branch,
            Effect::Failed { error } => self.failed = Some(error.to_owned()),
            _ => {}
        }
    }

    fn left(&mut self, _: RuleId, _: Left<'_>) {}
}
