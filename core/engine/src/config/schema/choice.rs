//! Alternatives: `anyOf` and `oneOf`, as `schemars` writes them for options and enums.
//!
//! The alternative that was meant is found first, by the type of the value, by a tag, or by the
//! only key of each; then its own mistakes are reported. Only where nothing tells them apart are
//! all tried.

use serde_json::Value as Json;

use super::view::View;
use super::{Checker, broken};
use crate::config::diagnostic::Findings;
use crate::config::position::Position;
use crate::config::suggest::{list, suggest};
use crate::config::tree::{Core, Mapping, Node, Value};

impl<'s> Checker<'s> {
    pub(super) fn choose(
        &mut self,
        node: &Node,
        key: Option<Position>,
        base: &View<'s>,
        branches: &[View<'s>],
    ) -> Option<Node> {
        let texts: Option<Vec<Vec<&str>>> = branches.iter().map(View::enumeration).collect();
        if let Some(texts) = texts {
            return Some(self.check_enumeration(node, key, &texts.concat()));
        }
        let fitting: Vec<&View<'s>> = branches
            .iter()
            .filter(|branch| takes_shape(branch, node))
            .collect();
        match (&fitting[..], &node.value) {
            ([], _) => {
                let all: Vec<&View<'s>> = branches.iter().collect();
                self.report_type(node, key, &all);
                Some(broken(node))
            }
            ([only], _) => self.check(node, key, only),
            (_, Value::Mapping(entries)) => self.choose_mapping(node, entries, key, &fitting),
            _ => self.try_all(node, key, base, &fitting),
        }
    }

    fn choose_mapping(
        &mut self,
        node: &Node,
        entries: &Mapping,
        key: Option<Position>,
        branches: &[&View<'s>],
    ) -> Option<Node> {
        if let Some(tag) = tag_name(branches) {
            return self.choose_by_tag(node, tag, key, branches);
        }
        let keys: Option<Vec<&str>> = branches.iter().map(|branch| only_key(branch)).collect();
        match keys {
            Some(keys) => self.choose_by_key(node, entries, key, (branches, &keys)),
            None => self.try_all(node, key, branches[0], branches),
        }
    }

    /// `{type: basic, ..}`: each alternative has its own value under one key.
    fn choose_by_tag(
        &mut self,
        node: &Node,
        tag: &str,
        key: Option<Position>,
        branches: &[&View<'s>],
    ) -> Option<Node> {
        let tags: Vec<&str> = branches
            .iter()
            .filter_map(|branch| tag_of(branch, tag))
            .collect();
        let name = self.name();
        let Some(entry) = node.entry(tag) else {
            let message = format!("{name} needs the key `{tag}`, one of {}", list(&tags));
            self.hide_undecided(node, branches);
            self.findings.error(node.site_under(key), message);
            return Some(broken(node));
        };
        let given = entry.value.scalar_text().unwrap_or_default();
        match tags.iter().position(|tag| *tag == given) {
            Some(index) => self.check(node, key, branches[index]),
            None => {
                self.hide_undecided(node, branches);
                self.path.push(tag);
                self.check_enumeration(&entry.value, Some(entry.key), &tags);
                self.path.pop();
                Some(broken(node))
            }
        }
    }

    /// `{basic: {..}}`: each alternative is a mapping with one key of its own.
    fn choose_by_key(
        &mut self,
        node: &Node,
        entries: &Mapping,
        key: Option<Position>,
        (branches, keys): (&[&View<'s>], &[&str]),
    ) -> Option<Node> {
        let given: Vec<usize> = (0..keys.len())
            .filter(|index| entries.contains_key(keys[*index]))
            .collect();
        let name = self.name();
        if let [only] = given[..] {
            return self.check(node, key, branches[only]);
        }
        self.hide_undecided(node, branches);
        match given[..] {
            [] if entries.is_empty() => {
                let message = format!("{name} needs one of the keys {}", list(keys));
                self.findings.error(node.site_under(key), message);
            }
            [] => {
                for (unknown, entry) in entries {
                    self.findings
                        .error(entry.key, format!("unknown key `{unknown}` in {name}"))
                        .help(suggest(unknown, keys.iter().copied(), "the keys are"));
                }
            }
            [.., last] => {
                let given: Vec<&str> = given.iter().map(|index| keys[*index]).collect();
                let place = entries[keys[last]].key;
                let message = format!("{name} takes one of the keys {}, not both", list(&given));
                self.findings.error(place, message);
            }
        }
        Some(broken(node))
    }

    /// Where it is not known which alternative was meant, secrets of any may have been written.
    fn hide_undecided(&mut self, node: &Node, branches: &[&View<'s>]) {
        if branches.iter().any(|branch| branch.mentions_secret()) {
            self.findings.hide(node);
        }
    }

    /// Takes the first alternative without a mistake, else reports those of the nearest one.
    fn try_all(
        &mut self,
        node: &Node,
        key: Option<Position>,
        base: &View<'s>,
        branches: &[&View<'s>],
    ) -> Option<Node> {
        let mut nearest: Option<(usize, Option<Node>, Findings)> = None;
        for branch in branches {
            let outer = std::mem::take(&mut self.findings);
            let checked = self.check(node, key, branch);
            let findings = std::mem::replace(&mut self.findings, outer);
            let errors = findings.error_count();
            self.findings.hide_with(&findings);
            if nearest.as_ref().is_none_or(|(fewest, ..)| errors < *fewest) {
                nearest = Some((errors, checked, findings));
            }
            if errors == 0 {
                break;
            }
        }
        let (errors, checked, mut findings) = nearest?;
        if errors > 0 {
            let titles: Vec<&str> = branches
                .iter()
                .filter_map(|branch| branch.text("title"))
                .collect();
            if !titles.is_empty() && base.get("title").is_none() {
                findings.note_on_last(format!("the alternatives are {}", list(&titles)));
            }
        }
        self.findings.append(findings);
        checked
    }
}

/// Whether an alternative is of the value's type.
fn takes_shape(branch: &View<'_>, node: &Node) -> bool {
    let types = branch.types();
    match &node.value {
        Value::Mapping(_) => types.object,
        Value::Sequence(_) => types.array,
        Value::Broken => true,
        Value::Scalar(scalar) => match scalar.core() {
            Core::Null => types.null,
            Core::Bool(_) => types.boolean || types.string,
            Core::Integer(_) => types.integer || types.number || types.string,
            Core::Float(_) => types.number || types.string,
            Core::Text => types.string || types.string_list(branch),
        },
    }
}

/// The key under which every alternative has a fixed text of its own.
fn tag_name<'s>(branches: &[&View<'s>]) -> Option<&'s str> {
    let first = branches.first()?;
    let mut names = first.properties().map(|(name, _)| name);
    names.find(|name| branches.iter().all(|branch| tag_of(branch, name).is_some()))
}

fn tag_of<'s>(branch: &View<'s>, name: &str) -> Option<&'s str> {
    let property = branch.below(branch.property(name)?);
    match property.enumeration()?[..] {
        [only] => Some(only),
        _ => None,
    }
}

fn only_key<'s>(branch: &View<'s>) -> Option<&'s str> {
    let mut names = branch.properties().map(|(name, _)| name);
    let only = names.next()?;
    let required = branch.required().any(|name| name == only);
    let closed = branch.get("additionalProperties") == Some(&Json::Bool(false));
    (names.next().is_none() && required && closed).then_some(only)
}
