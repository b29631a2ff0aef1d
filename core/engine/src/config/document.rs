//! What a whole configuration means: components, pipelines, settings of the service.

mod components;
pub(super) mod id;
mod pipelines;
mod service;
pub(crate) mod telemetry;

use std::path::PathBuf;
use std::sync::Arc;

use self::components::Registry;
pub use self::id::{ComponentId, IdError};
pub use self::pipelines::{Pipeline, PipelineId, Reference};
pub(crate) use self::service::ServiceConfig;
use self::telemetry::Telemetry;
use super::catalog::{Catalog, Kind, schema_of};
use super::diagnostic::Findings;
use super::json::{Secrets, to_json};
use super::key_path::KeyPath;
use super::position::{Position, Site, Sources};
use super::schema;
use super::section::{Problems, Section};
use super::suggest::suggest;
use super::tree::{Entry, Mapping, Node, Value};

/// A checked configuration. Everything a pipeline names exists; whether a processor listed as a
/// receiver derives the pipeline's signal is for the graph to say.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) components: Vec<Section>,
    pipelines: Vec<Pipeline>,
    service: Service,
    /// The merged tree in normal form, without defaults.
    pub(super) tree: Arc<Node>,
    pub(super) sources: Arc<Sources>,
}

/// Settings of the program itself, with defaults applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Ids of the extensions to run, in order.
    pub extensions: Vec<Reference>,
    pub telemetry: Telemetry,
    /// Where queues and other state are kept.
    pub data_dir: PathBuf,
    /// How long a stop may take until what is left stays in the queues.
    pub shutdown_timeout: std::time::Duration,
}

impl Document {
    /// Components of one kind in the order of the file, also those that nothing uses.
    pub fn components(&self, kind: Kind) -> impl Iterator<Item = &Section> {
        self.components
            .iter()
            .filter(move |section| section.kind() == kind)
    }

    pub fn component(&self, kind: Kind, id: &ComponentId) -> Option<&Section> {
        self.components(kind).find(|section| section.id() == id)
    }

    /// In the order of the file.
    pub fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// For problems found later, with paths from the top: `service.pipelines.traces.receivers[0]`.
    /// The path of a pipeline with a name is best built from segments.
    pub fn problems(&self) -> Problems {
        Problems {
            root: self.tree.clone(),
            key: None,
            sources: self.sources.clone(),
            findings: Findings::default(),
        }
    }
}

/// A document before its sources are complete: they still learn where the secrets are.
pub(crate) struct Draft {
    components: Vec<components::Component>,
    pipelines: Vec<Pipeline>,
    service: Service,
    tree: Node,
}

impl Draft {
    pub(crate) fn finish(self, sources: Arc<Sources>) -> Document {
        let section = |component: components::Component| Section {
            kind: component.kind,
            id: component.id,
            written_id: component.written_id,
            type_name: component.type_name,
            key: component.key,
            node: Arc::new(component.node),
            sources: sources.clone(),
        };
        Document {
            components: self.components.into_iter().map(section).collect(),
            pipelines: self.pipelines,
            service: self.service,
            tree: Arc::new(self.tree),
            sources,
        }
    }
}

const TOP_LEVEL_KEYS: [&str; 6] = [
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
    "service",
];

/// Reads the expanded tree. `None` only if there were errors.
pub(crate) fn read(root: &Node, catalog: &dyn Catalog, findings: &mut Findings) -> Option<Draft> {
    check_top_level(root, findings);
    let mut registry = Registry::default();
    let mut tree = Mapping::new();
    for kind in Kind::ALL {
        if let Some(entry) = root.entry(kind.section()) {
            let value = registry.read_section(kind, entry, catalog, findings);
            let key = entry.key;
            tree.insert(kind.section().to_owned(), Entry { key, value });
        }
    }
    let (service_node, service_key) = read_service_node(root, findings);
    let (pipelines, extensions) = pipelines::read(
        &service_node,
        service_key,
        (&mut registry, catalog),
        findings,
    );
    if findings.has_errors() {
        return None;
    }
    let json = to_json(&service_node, Secrets::Exposed);
    let config: ServiceConfig = serde_path_to_error::deserialize(json)
        .map_err(|error| {
            let message = format!("`service.{}`: {}", error.path(), error.inner());
            let site = service_node.site_under(service_key);
            findings.error(site, message);
        })
        .ok()?;
    let entry = Entry {
        key: service_key.unwrap_or(Position::DEFAULT),
        value: service_node,
    };
    tree.insert("service".to_owned(), entry);
    Some(Draft {
        components: registry.into_components(),
        pipelines,
        service: Service {
            extensions,
            telemetry: config.telemetry.into_settings(),
            data_dir: config.data_dir.into(),
            shutdown_timeout: config.shutdown_timeout.into(),
        },
        tree: Node::new(Value::Mapping(tree), root.position),
    })
}

fn check_top_level(root: &Node, findings: &mut Findings) {
    for (name, entry) in root.mapping().into_iter().flatten() {
        if !TOP_LEVEL_KEYS.contains(&name.as_str()) {
            findings.hide(&entry.value);
            let valid = TOP_LEVEL_KEYS.into_iter();
            findings
                .error(entry.key, format!("unknown key `{name}` at the top level"))
                .help(suggest(name, valid, "the keys are"));
        }
        let is_empty =
            entry.value.is_null() || entry.value.mapping().is_some_and(Mapping::is_empty);
        if name == "connectors" && !is_empty {
            findings
                .error(entry.key, "there are no connectors here")
                .help(
                    "what derives one signal from another is a processor: configure it under \
                     `processors`, list it in the pipeline it reads, and list it again under \
                     `receivers` of the pipeline it feeds",
                );
        }
    }
}

/// The `service` block in normal form.
fn read_service_node(root: &Node, findings: &mut Findings) -> (Node, Option<Position>) {
    let entry = root.entry("service");
    let key = entry.map(|entry| entry.key);
    let mut node = match entry {
        Some(entry) => entry.value.clone(),
        None => Node::empty_mapping(root.position),
    };
    if let Value::Mapping(entries) = &mut node.value
        && let Some(telemetry) = entries.get_mut("telemetry")
    {
        telemetry::remove_foreign_keys(&mut telemetry.value, findings);
    }
    let path = KeyPath::from_iter(["service"]);
    let (checked, found) = schema::check(&node, key, path, &schema_of::<ServiceConfig>());
    findings.append(found);
    let checked = checked.unwrap_or(node);
    if let Some(telemetry) = checked.entry("telemetry") {
        telemetry::check(&telemetry.value, findings);
    }
    (checked, key)
}

/// A place of a key, with what supplied its value.
fn key_site(entry: &Entry) -> Site {
    Site {
        position: entry.key,
        ..entry.value.site()
    }
}
