//! `service.pipelines` and `service.extensions`: which components work together.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::components::Registry;
use super::{ComponentId, key_site};
use crate::config::catalog::{Catalog, Kind};
use crate::config::diagnostic::Findings;
use crate::config::position::{Position, Site};
use crate::config::suggest::{list, suggest};
use crate::config::tree::{Entry, Node};

/// `signal` or `signal/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PipelineId(ComponentId);

impl PipelineId {
    /// One of the catalog's signals.
    pub fn signal(&self) -> &str {
        self.0.type_name()
    }

    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    pub id: PipelineId,
    /// Receivers, and processors that derive this pipeline's signal ([`Kind::Processor`]).
    pub receivers: Vec<Reference>,
    /// In the order data passes them.
    pub processors: Vec<Reference>,
    pub exporters: Vec<Reference>,
}

/// A component named by a pipeline or by `service.extensions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub kind: Kind,
    pub id: ComponentId,
}

/// Reads both lists from the checked `service` block and compares them with what is configured.
pub(super) fn read(
    service: &Node,
    service_key: Option<Position>,
    (registry, catalog): (&mut Registry, &dyn Catalog),
    findings: &mut Findings,
) -> (Vec<Pipeline>, Vec<Reference>) {
    let mut reader = Reader {
        registry,
        catalog,
        findings: &mut *findings,
    };
    let extensions = match service.entry("extensions") {
        Some(entry) => reader.extensions(entry),
        None => Vec::new(),
    };
    let pipelines = reader.pipelines(service, service_key);
    // Beside other mistakes, what seems unused is mostly their consequence.
    if !findings.has_errors() {
        registry.report_unused(findings);
    }
    (pipelines, extensions)
}

struct Reader<'a> {
    registry: &'a mut Registry,
    catalog: &'a dyn Catalog,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn extensions(&mut self, entry: &Entry) -> Vec<Reference> {
        let named = self.ids(&entry.value, "`service.extensions`");
        let known = named.into_iter().filter_map(|(id, site)| {
            if !self.registry.knows(Kind::Extension, &id) {
                self.report_dangling(&id, &[Kind::Extension], site);
                return None;
            }
            self.registry.mark_used(Kind::Extension, &id);
            let kind = Kind::Extension;
            Some(Reference { kind, id })
        });
        known.collect()
    }

    fn pipelines(&mut self, service: &Node, service_key: Option<Position>) -> Vec<Pipeline> {
        let entry = service.entry("pipelines");
        let pipelines = entry.and_then(|entry| entry.value.mapping());
        if pipelines.is_none_or(|pipelines| pipelines.is_empty()) {
            let message = "there is no pipeline";
            let help =
                "name at least one under `service.pipelines`, with `receivers` and `exporters`";
            match entry.map(|entry| entry.key).or(service_key) {
                Some(key) => self.findings.error(key, message).help(help),
                None => self.findings.error_without_place(message).help(help),
            };
        }
        let mut seen: HashMap<ComponentId, Position> = HashMap::new();
        let mut read = Vec::new();
        for (text, entry) in pipelines.into_iter().flatten() {
            let Some(id) = self.pipeline_id(text, entry) else {
                continue;
            };
            if let Some(first) = seen.insert(id.0.clone(), entry.key) {
                let line = first.line;
                self.findings
                    .error(
                        key_site(entry),
                        format!("the pipeline `{id}` is configured twice"),
                    )
                    .note(format!(
                        "it is first configured on line {line}; spaces do not count"
                    ));
                continue;
            }
            read.extend(self.pipeline(id, entry));
        }
        read
    }

    fn pipeline_id(&mut self, text: &str, entry: &Entry) -> Option<PipelineId> {
        let signals = self.catalog.signals();
        match ComponentId::parse(text) {
            Ok(id) if signals.contains(&id.type_name()) => Some(PipelineId(id)),
            Ok(id) => {
                let name = id.type_name();
                self.findings
                    .error(key_site(entry), format!("`{name}` is no signal"))
                    .help(suggest(name, signals.iter().copied(), "the signals are"));
                None
            }
            Err(error) => {
                self.findings
                    .error(key_site(entry), error.to_string())
                    .help("a pipeline's id is `signal` or `signal/name`");
                None
            }
        }
    }

    fn pipeline(&mut self, id: PipelineId, entry: &Entry) -> Option<Pipeline> {
        // A body that is no mapping was reported with the schema.
        entry.value.mapping()?;
        let receivers =
            self.references(&id, entry, "receivers", &[Kind::Receiver, Kind::Processor]);
        let processors = self.references(&id, entry, "processors", &[Kind::Processor]);
        let exporters = self.references(&id, entry, "exporters", &[Kind::Exporter]);
        for (key, is_empty) in [
            ("receivers", receivers.is_none()),
            ("exporters", exporters.is_none()),
        ] {
            if is_empty {
                let one = key.trim_end_matches('s');
                let message = format!("the pipeline `{id}` has no {one}");
                let list = entry.value.entry(key);
                let site = list.map_or_else(|| key_site(entry), key_site);
                self.findings
                    .error(site, message)
                    .help(format!("name at least one under `{key}`"));
            }
        }
        Some(Pipeline {
            id,
            receivers: receivers?,
            processors: processors.unwrap_or_default(),
            exporters: exporters?,
        })
    }

    /// What one list of a pipeline names; `None` if it names nothing.
    fn references(
        &mut self,
        pipeline: &PipelineId,
        entry: &Entry,
        key: &str,
        kinds: &[Kind],
    ) -> Option<Vec<Reference>> {
        let list = &entry.value.entry(key)?.value;
        let place = format!("`{key}` of the pipeline `{pipeline}`");
        let is_empty = list.sequence().is_some_and(<[Node]>::is_empty);
        let named = self.ids(list, &place);
        let references = named
            .into_iter()
            .filter_map(|(id, site)| self.reference(pipeline, id, kinds, site))
            .collect();
        (!is_empty).then_some(references)
    }

    fn reference(
        &mut self,
        pipeline: &PipelineId,
        id: ComponentId,
        kinds: &[Kind],
        site: Site,
    ) -> Option<Reference> {
        let found: Vec<Kind> = kinds
            .iter()
            .copied()
            .filter(|kind| self.registry.knows(*kind, &id))
            .collect();
        let [kind] = found[..] else {
            if found.is_empty() {
                self.report_dangling(&id, kinds, site);
            } else {
                self.findings
                    .error(site, format!("`{id}` is both a receiver and a processor"))
                    .help(format!("rename one of them, for example to `{id}/derived`"));
            }
            return None;
        };
        self.registry.mark_used(kind, &id);
        let info = self.catalog.component(kind, id.type_name());
        let signal = pipeline.signal();
        let derives = kind == Kind::Processor && kinds.contains(&Kind::Receiver);
        if let Some(info) = info
            && !derives
            && !info.signals.contains(&signal)
        {
            let verb = if kind == Kind::Receiver {
                "supply"
            } else {
                "take"
            };
            self.findings
                .error(site, format!("the {kind} `{id}` does not {verb} {signal}"))
                .help(format!("its signals are {}", list(info.signals)));
        }
        Some(Reference { kind, id })
    }

    /// The ids in a list, each once.
    fn ids(&mut self, list: &Node, place: &str) -> Vec<(ComponentId, Site)> {
        let mut ids: Vec<(ComponentId, Site)> = Vec::new();
        for item in list.sequence().into_iter().flatten() {
            let Some(text) = item.scalar_text() else {
                continue;
            };
            match ComponentId::parse(text) {
                Ok(id) if ids.iter().any(|(other, _)| *other == id) => {
                    let message = format!("`{id}` stands twice in {place}");
                    self.findings.error(item.site(), message);
                }
                Ok(id) => ids.push((id, item.site())),
                Err(error) => {
                    self.findings.error(item.site(), error.to_string());
                }
            }
        }
        ids
    }

    fn report_dangling(&mut self, id: &ComponentId, kinds: &[Kind], site: Site) {
        let kind = kinds[0];
        let ids: Vec<String> = kinds
            .iter()
            .flat_map(|kind| self.registry.ids(*kind))
            .collect();
        let elsewhere = Kind::ALL
            .into_iter()
            .find(|other| self.registry.knows(*other, id));
        let help = match elsewhere {
            Some(other) => format!("there is {} of this id", other.with_article()),
            None if ids.is_empty() => format!("no {kind} is configured at all"),
            None => suggest(
                &id.to_string(),
                ids.iter().map(String::as_str),
                "configured are",
            ),
        };
        self.findings
            .error(site, format!("no {kind} `{id}` is configured"))
            .help(help);
    }
}
