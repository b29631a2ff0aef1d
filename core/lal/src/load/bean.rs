//! A mapping as a Java bean: known keys only, scalars of any type as text.

use super::{Entry, Findings, Name, Node, Text, Value, as_name};
use crate::diagnostic::Span;

/// The entries of a mapping whose keys are known.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    /// Where to point when a key is missing.
    span: Span,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// `None` if `node` is no mapping. Reports keys that are not among `keys`.
    pub(super) fn of(
        node: &'a Node,
        what: &'static str,
        keys: &[&str],
        findings: &mut Findings,
    ) -> Option<Fields<'a>> {
        let Value::Mapping(entries) = &node.value else {
            let message = format!("{what} is a mapping");
            let help = format!("its keys are `{}`", keys.join("`, `"));
            findings.error(node.span, message).help(help);
            return None;
        };
        for entry in entries.iter().filter(|entry| !keys.contains(&&*entry.key)) {
            let near = |key: &&&str| strsim::jaro_winkler(key, &entry.key) > 0.8;
            let message = format!("{what} has no key `{}`", entry.key);
            let report = findings.error(entry.key_span, message);
            report.help(match keys.iter().find(near) {
                Some(key) => format!("is `{key}` meant?"),
                None => format!("its keys are `{}`", keys.join("`, `")),
            });
        }
        let span = entries.first().map_or(node.span, |entry| entry.key_span);
        Some(Fields {
            entries,
            span,
            what,
        })
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (!matches!(entry.value.value, Value::Null)).then_some(entry)
    }

    /// `None` if it is absent, empty or wrong.
    pub(super) fn list(&mut self, key: &str, findings: &mut Findings) -> Option<&'a [Node]> {
        let entry = self.entry(key)?;
        match &entry.value.value {
            Value::Sequence(items) => Some(items),
            _ => {
                let report = findings.error(entry.key_span, format!("`{key}` is a list"));
                report.help("each of its entries starts with `- name:`");
                Some(&[])
            }
        }
    }

    /// `None` if it is absent, null or wrong.
    pub(super) fn text(&mut self, key: &str, findings: &mut Findings) -> Option<&'a Text> {
        let entry = self.entry(key)?;
        match &entry.value.value {
            Value::Scalar(text) => Some(text),
            _ => {
                let report = findings.error(entry.key_span, format!("`{key}` is a text"));
                report.help(format!("write it behind the colon: `{key}: ..`"));
                None
            }
        }
    }

    pub(super) fn required_text(
        &mut self,
        key: &str,
        right: &str,
        findings: &mut Findings,
    ) -> Option<&'a Text> {
        if self.entry(key).is_none() {
            let own = self.entries.iter().find(|entry| entry.key == key);
            let span = own.map_or(self.span, |entry| entry.key_span);
            let report = findings.error(span, format!("{} needs a `{key}`", self.what));
            report.help(format!("add `{key}:` with {right}"));
        }
        self.text(key, findings)
    }

    pub(super) fn required(
        &mut self,
        key: &str,
        right: &str,
        findings: &mut Findings,
    ) -> Option<Name> {
        self.required_text(key, right, findings).map(as_name)
    }

    /// As YAML 1.1 writes booleans; `None` if it is something else.
    pub(super) fn boolean(
        &mut self,
        key: &str,
        default: bool,
        findings: &mut Findings,
    ) -> Option<bool> {
        let Some(text) = self.text(key, findings) else {
            return self.entry(key).is_none().then_some(default);
        };
        match &*text.value.to_ascii_lowercase() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => {
                let span = as_name(text).span;
                let report = findings.error(span, format!("`{}` is no boolean", text.value));
                report.help("`true` or `false`");
                None
            }
        }
    }

    pub(super) fn ordinal(&mut self, findings: &mut Findings) -> Option<i32> {
        let text = self.required_text("ordinal", "a number, for example 10000", findings)?;
        let ordinal = text.value.replace('_', "").parse().ok();
        if ordinal.is_none() {
            let span = as_name(text).span;
            let report = findings.error(span, format!("`{}` is no ordinal", text.value));
            report.help("a whole number, for example 10000");
        }
        ordinal
    }
}
