//! The four lists of components.

use std::collections::{HashMap, HashSet};

use super::{ComponentId, key_site};
use crate::config::catalog::{Catalog, ComponentInfo, Kind};
use crate::config::diagnostic::Findings;
use crate::config::foreign;
use crate::config::key_path::KeyPath;
use crate::config::position::Position;
use crate::config::schema;
use crate::config::suggest::suggest;
use crate::config::tree::{Entry, Mapping, Node, Value};

pub(super) struct Component {
    pub(super) kind: Kind,
    pub(super) id: ComponentId,
    pub(super) written_id: String,
    pub(super) type_name: String,
    pub(super) key: Position,
    pub(super) node: Node,
}

/// Everything that was configured, broken components included: to name one of those is no mistake
/// of its own.
#[derive(Default)]
pub(super) struct Registry {
    components: Vec<Component>,
    known: HashMap<(Kind, ComponentId), Known>,
    used: HashSet<(Kind, ComponentId)>,
}

struct Known {
    key: Position,
    /// Order in the file.
    index: usize,
}

impl Registry {
    /// Reads one of the lists and gives back its normal form.
    pub(super) fn read_section(
        &mut self,
        kind: Kind,
        section: &Entry,
        catalog: &dyn Catalog,
        findings: &mut Findings,
    ) -> Node {
        let mut checked = Mapping::new();
        let Some(entries) = section.value.mapping() else {
            let broken = matches!(section.value.value, Value::Broken);
            if !section.value.is_null() && !broken {
                let message = format!("`{}` expects a mapping of ids", kind.section());
                let site = section.value.site_under(Some(section.key));
                findings.error(site, message);
            }
            return Node::empty_mapping(section.value.position);
        };
        for (text, entry) in entries {
            let Some(id) = self.register(kind, text, entry, findings) else {
                continue;
            };
            let Some(info) = find_type(kind, &id, entry, catalog, findings) else {
                continue;
            };
            let path = KeyPath::from_iter([kind.section(), text.as_str()]);
            let mut value = entry.value.clone();
            foreign::remove(&mut value, info.foreign_keys, findings);
            let (node, found) = schema::check(&value, Some(entry.key), path, info.schema);
            findings.append(found);
            let node = node.unwrap_or_else(|| Node::empty_mapping(entry.value.position));
            let value = node.clone();
            let key = entry.key;
            checked.insert(text.clone(), Entry { key, value });
            self.components.push(Component {
                kind,
                id,
                written_id: text.clone(),
                type_name: info.type_name.to_owned(),
                key,
                node,
            });
        }
        Node {
            value: Value::Mapping(checked),
            ..section.value.clone()
        }
    }

    fn register(
        &mut self,
        kind: Kind,
        text: &str,
        entry: &Entry,
        findings: &mut Findings,
    ) -> Option<ComponentId> {
        let id = match ComponentId::parse(text) {
            Ok(id) => id,
            Err(error) => {
                findings.hide(&entry.value);
                findings
                    .error(key_site(entry), error.to_string())
                    .help("an id is `type` or `type/name`");
                return None;
            }
        };
        if let Some(first) = self.known.get(&(kind, id.clone())) {
            findings.hide(&entry.value);
            let line = first.key.line;
            findings
                .error(
                    key_site(entry),
                    format!("the {kind} `{id}` is configured twice"),
                )
                .note(format!(
                    "it is first configured on line {line}; spaces do not count"
                ))
                .help(format!(
                    "give one of them another name, for example `{id}/2`"
                ));
            return None;
        }
        let known = Known {
            key: entry.key,
            index: self.known.len(),
        };
        self.known.insert((kind, id.clone()), known);
        Some(id)
    }

    pub(super) fn knows(&self, kind: Kind, id: &ComponentId) -> bool {
        self.known.contains_key(&(kind, id.clone()))
    }

    /// Ids of a kind as text, for suggestions.
    pub(super) fn ids(&self, kind: Kind) -> Vec<String> {
        let mut ids: Vec<(usize, String)> = self
            .known
            .iter()
            .filter(|((known_kind, _), _)| *known_kind == kind)
            .map(|((_, id), known)| (known.index, id.to_string()))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn mark_used(&mut self, kind: Kind, id: &ComponentId) {
        self.used.insert((kind, id.clone()));
    }

    pub(super) fn report_unused(&self, findings: &mut Findings) {
        for ((kind, id), known) in &self.known {
            if self.used.contains(&(*kind, id.clone())) {
                continue;
            }
            let (place, help) = match kind {
                Kind::Extension => ("`service.extensions`", "list it there, or remove it"),
                _ => ("any pipeline", "name it in a pipeline, or remove it"),
            };
            findings
                .warning(
                    known.key,
                    format!("the {kind} `{id}` is not used in {place}"),
                )
                .help(help);
        }
    }

    pub(super) fn into_components(self) -> Vec<Component> {
        self.components
    }
}

fn find_type<'c>(
    kind: Kind,
    id: &ComponentId,
    entry: &Entry,
    catalog: &'c dyn Catalog,
    findings: &mut Findings,
) -> Option<ComponentInfo<'c>> {
    let name = id.type_name();
    if let Some(info) = catalog.component(kind, name) {
        return Some(info);
    }
    findings.hide(&entry.value);
    let elsewhere = Kind::ALL
        .into_iter()
        .find(|other| catalog.component(*other, name).is_some());
    let help = match elsewhere {
        Some(other) => {
            let section = other.section();
            format!(
                "`{name}` is {}: move it to `{section}`",
                other.with_article()
            )
        }
        None => suggest(name, catalog.names(kind), "the types are"),
    };
    findings
        .error(key_site(entry), format!("unknown type of {kind} `{name}`"))
        .help(help);
    None
}
