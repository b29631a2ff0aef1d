//! One component's part of the configuration: typed reading, and problems found after it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment as ErrorSegment;

use super::catalog::{Kind, schema_of};
use super::diagnostic::{Diagnostics, Finding, Findings, Place};
use super::document::id::ComponentId;
use super::json::{Secrets, to_json};
use super::key_path::{KeyPath, Segment};
use super::position::{Position, Site, SourceKind, Sources};
use super::schema;
use super::tree::Node;
use super::yaml;

/// A component as configured, already checked against its schema.
///
/// An empty optional block (`grpc:`) was made an empty mapping by that check, so that an
/// `Option<Block>` field reads it as `Some` of the block's defaults, and a missing key as `None`.
#[derive(Clone, Debug)]
pub struct Section {
    pub(super) kind: Kind,
    pub(super) id: ComponentId,
    /// The key as written, with spaces.
    pub(super) written_id: String,
    pub(super) type_name: String,
    pub(super) key: Position,
    pub(super) node: Arc<Node>,
    pub(super) sources: Arc<Sources>,
}

impl Section {
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn id(&self) -> &ComponentId {
        &self.id
    }

    /// The type's name today, also where the id uses an older one.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    pub(super) fn written_id(&self) -> &str {
        &self.written_id
    }

    /// The typed configuration. What the schema cannot say and serde refuses is an error with its
    /// place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Diagnostics> {
        let json = to_json(&self.node, Secrets::Exposed);
        serde_path_to_error::deserialize(json).map_err(|error| {
            let path: KeyPath = error.path().iter().filter_map(segment).collect();
            let mut problems = self.problems();
            problems.at(path, error.inner().to_string());
            problems.findings.resolve(&self.sources)
        })
    }

    /// Where `path` is written, for problems that have two places: `collector.yaml:12:19`. Where it
    /// is not written, the nearest part around it.
    pub fn place_of(&self, path: impl Into<KeyPath>) -> String {
        let mut problems = self.problems();
        problems.at(path, "");
        let diagnostics = problems.into_diagnostics();
        let place = diagnostics.iter().find_map(|found| found.place.as_ref());
        place.map(Place::to_string).unwrap_or_default()
    }

    /// For problems with what was read: see [`Problems`].
    pub fn problems(&self) -> Problems {
        Problems {
            root: self.node.clone(),
            key: Some(self.key),
            sources: self.sources.clone(),
            findings: Findings::default(),
        }
    }
}

fn segment(segment: &ErrorSegment) -> Option<Segment> {
    match segment {
        ErrorSegment::Seq { index } => Some(Segment::Index(*index)),
        ErrorSegment::Map { key } => Some(Segment::Key(key.clone())),
        ErrorSegment::Enum { .. } | ErrorSegment::Unknown => None,
    }
}

/// Collects problems by path and gives each the place where that path was written.
#[derive(Debug)]
pub struct Problems {
    pub(super) root: Arc<Node>,
    pub(super) key: Option<Position>,
    pub(super) sources: Arc<Sources>,
    pub(super) findings: Findings,
}

impl Problems {
    /// An error about the value at `path`, as in `problems.at("protocols.grpc.endpoint", ..)`; an
    /// empty path means the whole. Points at the nearest part of the path that was written.
    pub fn at(&mut self, path: impl Into<KeyPath>, message: impl Into<String>) -> &mut Finding {
        self.report(Findings::error, path.into(), message.into())
    }

    /// A warning about the value at `path`.
    pub fn warn_at(
        &mut self,
        path: impl Into<KeyPath>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.report(Findings::warning, path.into(), message.into())
    }

    /// A notice about the value at `path`: it is accepted, and what it asks for happens otherwise
    /// or not at all.
    pub fn notice_at(
        &mut self,
        path: impl Into<KeyPath>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.report(Findings::notice, path.into(), message.into())
    }

    fn report(
        &mut self,
        add: fn(&mut Findings, Site, String) -> &mut Finding,
        path: KeyPath,
        message: String,
    ) -> &mut Finding {
        let (site, note) = self.locate(&path);
        let finding = add(&mut self.findings, site, message);
        match note {
            Some(note) => finding.note(note),
            None => finding,
        }
    }

    pub fn has_errors(&self) -> bool {
        self.findings.has_errors()
    }

    /// Everything found, warnings included.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.findings.resolve(&self.sources)
    }

    fn locate(&self, path: &KeyPath) -> (Site, Option<String>) {
        let mut node = self.root.as_ref();
        let mut key = self.key;
        for (depth, segment) in path.segments().iter().enumerate() {
            let next = match segment {
                Segment::Key(name) => node
                    .entry(name)
                    .map(|entry| (&entry.value, Some(entry.key))),
                Segment::Index(index) => node
                    .sequence()
                    .and_then(|items| items.get(*index))
                    .map(|item| (item, None)),
            };
            let Some((value, value_key)) = next else {
                let rest: KeyPath = path.segments()[depth..].iter().cloned().collect();
                let note = format!("`{rest}` is not written here, so its default applies");
                return (node.site_under(key), Some(note));
            };
            node = value;
            key = value_key.or(key);
        }
        (node.site_under(key), None)
    }
}

/// Reads the configuration of one component from YAML by the schema of `T`, as [`super::load`]
/// would; for tests and tools that have no whole configuration.
pub fn read_text<T: DeserializeOwned + JsonSchema>(
    text: &str,
) -> Result<(T, Section), Diagnostics> {
    read_named("config.yaml", text)
}

/// The same of a file with a name, which is shown where something is wrong.
pub fn read_named<T: DeserializeOwned + JsonSchema>(
    name: &str,
    text: &str,
) -> Result<(T, Section), Diagnostics> {
    let mut sources = Sources::new();
    let source = sources.add(name, SourceKind::Lines, text);
    let mut findings = Findings::default();
    let node = yaml::parse(text, source, &mut findings);
    if findings.has_errors() {
        sources.hide(findings.take_secrets());
        return Err(findings.resolve(&sources));
    }
    let start = Position::start_of(source);
    let node = node.unwrap_or_else(|| Node::empty_mapping(start));
    let (checked, mut findings) = schema::check(&node, None, KeyPath::default(), &schema_of::<T>());
    sources.hide(findings.take_secrets());
    if findings.has_errors() {
        return Err(findings.resolve(&sources));
    }
    let section = Section {
        kind: Kind::Extension,
        id: ComponentId::of_type("config"),
        written_id: "config".to_owned(),
        type_name: "config".to_owned(),
        key: start,
        node: Arc::new(checked.unwrap_or(node)),
        sources: Arc::new(sources),
    };
    Ok((section.read()?, section))
}
