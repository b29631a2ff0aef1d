//! Rules in the configuration of the processor itself.
//!
//! Each is written as a rule file of its own, so that what is found in it can be told by the place of
//! the rule in the configuration and the line within the rule.

use std::fmt::Write;

use engine::config::Problems;
use lal::{Finding, Severity, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One entry of `rules`, as in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InlineRule {
    /// Unique among the rules of its layer, or among the automatic rules.
    name: String,
    /// The layer of the logs it is for, or `auto` for logs without a layer.
    layer: String,
    /// The Java class of the input, if it is not a log.
    #[serde(default)]
    input_type: Option<String>,
    /// What a log is stored as: `SlowSQL`, `SampledTrace` or a Java class; a log if it is missing.
    #[serde(default)]
    output_type: Option<String>,
    /// The rule: `filter { .. }`.
    dsl: String,
}

/// How the path of a rule begins.
const PATH: &str = "rules[";

/// Columns before the text of a rule.
const INDENT: usize = 6;

impl InlineRule {
    fn keys(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let keys = [
            ("name", Some(&self.name)),
            ("layer", Some(&self.layer)),
            ("inputType", self.input_type.as_ref()),
            ("outputType", self.output_type.as_ref()),
        ];
        let written = keys.into_iter();
        written.filter_map(|(key, value)| Some((key, value?.as_str())))
    }

    /// The rule as the file with this name: a key on each line, then the lines of the rule.
    fn source(&self, name: String) -> Source {
        let mut text = "rules:\n".to_owned();
        for (index, (key, value)) in self.keys().enumerate() {
            let start = if index == 0 { "  - " } else { "    " };
            let value = quoted(value);
            writeln!(text, "{start}{key}: {value}").expect("writing to a `String` does not fail");
        }
        if is_plain(&self.dsl) {
            text.push_str("    dsl: |2\n");
            for line in self.dsl.lines() {
                text.extend(std::iter::repeat_n(' ', INDENT));
                text.push_str(line);
                text.push('\n');
            }
        } else {
            let dsl = quoted(&self.dsl);
            writeln!(text, "    dsl: {dsl}").expect("writing to a `String` does not fail");
        }
        Source { name, text }
    }

    /// The key that a line of the source is about.
    fn key_of(&self, line: usize) -> &'static str {
        let mut keys = self.keys().map(|(key, _)| key);
        let index = line.saturating_sub(2);
        keys.nth(index).unwrap_or("dsl")
    }

    /// Lines of the source before those of the rule.
    fn lines_before(&self) -> usize {
        2 + self.keys().count()
    }
}

/// As JSON, which is YAML too.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

/// Whether a text stands in a literal block of YAML as it is.
fn is_plain(text: &str) -> bool {
    let is_break = |char| matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}');
    text.chars()
        .all(|char| matches!(char, '\n' | '\t') || !char.is_control() && !is_break(char))
}

/// The rules as files, each with the path of its entry as its name.
pub(super) fn sources(rules: &[InlineRule]) -> impl Iterator<Item = Source> {
    let rules = rules.iter().enumerate();
    rules.map(|(index, rule)| rule.source(path(index)))
}

fn path(index: usize) -> String {
    format!("{PATH}{index}]")
}

/// Whether this is the name of such a file.
pub(super) fn is_source(name: &str) -> bool {
    name.starts_with(PATH) && name.ends_with(']')
}

/// Reports everything that is wrong or deceptive about the rules.
pub(super) fn report(
    rules: &[InlineRule],
    compatibility: lal::Compatibility,
    problems: &mut Problems,
) {
    let sources: Vec<_> = sources(rules).collect();
    for finding in lal::load(&sources, compatibility).findings {
        let index = sources.iter().position(|it| it.name == finding.file);
        if let Some((index, rule)) = index.and_then(|index| Some((index, rules.get(index)?))) {
            report_one(&finding, index, rule, problems);
        }
    }
}

fn report_one(finding: &Finding, index: usize, rule: &InlineRule, problems: &mut Problems) {
    let key = rule.key_of(finding.line);
    let at = format!("{}.{key}", path(index));
    let reported = match finding.severity {
        Severity::Error => problems.at(at.as_str(), &finding.message),
        Severity::Warning => problems.warn_at(at.as_str(), &finding.message),
    };
    if let Some(help) = &finding.help {
        reported.help(help);
    }
    let line = finding.line.saturating_sub(rule.lines_before());
    if key == "dsl" && line > 0 && is_plain(&rule.dsl) {
        let column = finding.column.saturating_sub(INDENT);
        let text = finding.text.trim();
        reported.note(format!(
            "line {line}, column {column} of the rule: `{text}`"
        ));
    }
}
