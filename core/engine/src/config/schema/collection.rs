//! Mappings and lists.

use regex_lite::Regex;
use serde_json::Value as Json;

use super::view::View;
use super::{Checker, supplied_text};
use crate::config::position::{Position, Site, Via, to_u32};
use crate::config::suggest::{list, nearest, suggest};
use crate::config::tree::{Entry, Mapping, Node, Scalar, Style, Value};

/// How a schema deals with one key.
enum KeyRule<'s> {
    Check(&'s Json),
    Anything,
    Unknown,
}

impl<'s> Checker<'s> {
    pub(super) fn check_mapping(
        &mut self,
        node: &Node,
        entries: &Mapping,
        key: Option<Position>,
        view: &View<'s>,
    ) -> Node {
        let mut checked = Mapping::new();
        for (name, entry) in entries {
            let value = match key_rule(name, view) {
                KeyRule::Check(schema) => {
                    self.hide_slipped(name, &entry.value, schema, view);
                    self.check_below(name.as_str(), &entry.value, Some(entry.key), schema)
                }
                KeyRule::Anything => Some(entry.value.clone()),
                KeyRule::Unknown => {
                    self.report_unknown_key(name, entry, view);
                    None
                }
            };
            if let Some(value) = value {
                let key = entry.key;
                checked.insert(name.clone(), Entry { key, value });
            }
        }
        self.check_required(node, &checked, key, view);
        self.check_exclusive(node, entries, key, view);
        Node {
            value: Value::Mapping(checked),
            ..node.clone()
        }
    }

    /// A single value under a key of the user's own choice where a mapping belongs, as in the list of
    /// pipelines, may have slipped here from anywhere.
    fn hide_slipped(&mut self, name: &str, value: &Node, schema: &'s Json, view: &View<'s>) {
        let is_scalar = value.scalar_text().is_some();
        if is_scalar && view.property(name).is_none() && view.below(schema).takes_mapping() {
            self.findings.hide(value);
        }
    }

    pub(super) fn report_unknown_key(&mut self, name: &str, entry: &Entry, view: &View<'s>) {
        let inside = match self.path.segments() {
            [] => String::new(),
            _ => format!(" in {}", self.name()),
        };
        let valid: Vec<&str> = view.properties().map(|(name, _)| name).collect();
        let meant = nearest(name, &valid).and_then(|name| view.property(name));
        // What stands under a key that nobody knows may be a secret.
        if meant.is_none_or(|schema| view.below(schema).mentions_secret()) {
            self.findings.hide(&entry.value);
        }
        let site = Site {
            position: entry.key,
            ..entry.value.site()
        };
        self.findings
            .error(site, format!("unknown key `{name}`{inside}"))
            .help(suggest(name, valid, "the keys are"));
    }

    fn check_required(
        &mut self,
        node: &Node,
        present: &Mapping,
        key: Option<Position>,
        view: &View<'s>,
    ) {
        let missing: Vec<&str> = view
            .required()
            .filter(|name| !present.contains_key(*name))
            .collect();
        if missing.is_empty() {
            return;
        }
        let plural = if missing.len() == 1 { "key" } else { "keys" };
        let message = format!("{} needs the {plural} {}", self.name(), list(&missing));
        self.findings.error(node.site_under(key), message);
    }

    /// Conditions on which keys stand together.
    fn check_exclusive(
        &mut self,
        node: &Node,
        entries: &Mapping,
        key: Option<Position>,
        view: &View<'s>,
    ) {
        let Some((sets, exactly_one)) = view.required_sets() else {
            return;
        };
        let has = |set: &&Vec<&str>| set.iter().all(|name| entries.contains_key(*name));
        let given: Vec<&Vec<&str>> = sets.iter().filter(has).collect();
        let words = |sets: &[&Vec<&str>]| {
            let sets: Vec<String> = sets.iter().map(|set| set.join(" + ")).collect();
            list(&sets.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let name = self.name();
        let site = node.site_under(key);
        if given.is_empty() {
            let all: Vec<&Vec<&str>> = sets.iter().collect();
            let message = format!("{name} needs one of the keys {}", words(&all));
            self.findings.error(site, message);
        } else if given.len() > 1 && exactly_one {
            let second = given[1].first().and_then(|name| entries.get(*name));
            let site = second.map_or(site, |entry| entry.key.into());
            let message = format!("{name} takes one of the keys {}, not both", words(&given));
            self.findings.error(site, message);
        }
    }

    pub(super) fn check_sequence(
        &mut self,
        node: &Node,
        items: &[Node],
        key: Option<Position>,
        view: &View<'s>,
    ) -> Node {
        let mut checked: Vec<Node> = Vec::with_capacity(items.len());
        let unique = view.get("uniqueItems") == Some(&Json::Bool(true));
        for (index, item) in items.iter().enumerate() {
            let fixed = view
                .get("prefixItems")
                .and_then(|schemas| schemas.get(index));
            let item = match fixed.or_else(|| view.get("items")) {
                Some(schema) => self.check_below(index, item, None, schema),
                None => Some(item.clone()),
            };
            let Some(item) = item else { continue };
            let twice = |other: &Node| {
                item.scalar_text().is_some() && other.scalar_text() == item.scalar_text()
            };
            if unique && checked.iter().any(twice) {
                let (name, found) = (self.name(), self.describe(&item));
                let message = format!("{name} has {found} twice");
                self.findings.error(item.site(), message);
            }
            checked.push(item);
        }
        self.check_length(node, items.len(), key, view);
        Node {
            value: Value::Sequence(checked),
            ..node.clone()
        }
    }

    fn check_length(&mut self, node: &Node, length: usize, key: Option<Position>, view: &View<'s>) {
        let least = view.count("minItems").filter(|least| length < *least);
        let most = view.count("maxItems").filter(|most| length > *most);
        let words = match (least, most) {
            (Some(least), _) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => return,
        };
        let message = format!("{} has {length} items and needs {words}", self.name());
        self.findings.error(node.site_under(key), message);
    }

    /// `a, b` where a list of texts belongs. Quotes keep nothing together here: the collector
    /// splits such texts in the same way.
    pub(super) fn check_split(
        &mut self,
        node: &Node,
        key: Option<Position>,
        view: &View<'s>,
    ) -> Option<Node> {
        let text = supplied_text(node).or_else(|| node.scalar_text())?;
        let mut items = Vec::new();
        let mut column = node.position.column;
        for part in text.split(',') {
            let trimmed = part.trim();
            let leading = part.len() - part.trim_start().len();
            let mut item = Node {
                value: Value::Scalar(Scalar {
                    text: trimmed.to_owned(),
                    style: Style::Text,
                }),
                ..node.clone()
            };
            item.via = node.via.as_ref().map(|via| Via {
                text: None,
                ..via.clone()
            });
            if node.via.is_none() && is_plain(node) {
                item.position.column = column + to_u32(leading);
                item.position.width = to_u32(trimmed.chars().count());
            }
            if !trimmed.is_empty() {
                items.push(item);
            }
            column += to_u32(part.chars().count() + 1);
        }
        Some(self.check_sequence(node, &items, key, view))
    }
}

fn is_plain(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.style == Style::Plain)
}

fn key_rule<'s>(name: &str, view: &View<'s>) -> KeyRule<'s> {
    if let Some(schema) = view.property(name) {
        return KeyRule::Check(schema);
    }
    let patterns = view.get("patternProperties").and_then(Json::as_object);
    let by_pattern = patterns
        .into_iter()
        .flatten()
        .find_map(|(pattern, schema)| {
            let regex = Regex::new(pattern).ok()?;
            regex.is_match(name).then_some(schema)
        });
    match by_pattern.or_else(|| view.get("additionalProperties")) {
        Some(Json::Bool(false)) => KeyRule::Unknown,
        Some(Json::Bool(true)) | None => KeyRule::Anything,
        Some(schema) => KeyRule::Check(schema),
    }
}
