//! The configuration in effect, for people: what was written, below it the defaults, and where each
//! value came from.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::Value as Json;

use super::document::telemetry::DEFAULT_METRICS_ADDRESS;
use super::document::{Document, ServiceConfig};
use super::json::{Secrets, from_json, to_json};
use super::key_path::{KeyPath, assign};
use super::position::{Position, SourceId, Sources};
use super::secret::REDACTED;
use super::section::Section;
use super::tree::{Core, Entry, Mapping, Node, Scalar, Value, merge};

/// Keys of `service` that have no default worth showing.
const WITHOUT_DEFAULT: [&str; 2] = ["extensions", "pipelines"];

/// A configuration with its defaults. Secrets are masked in every form.
#[derive(Clone, Debug)]
pub struct Effective {
    root: Node,
    sources: Arc<Sources>,
}

/// Whether each value is followed by where it came from, as a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origins {
    Shown,
    Left,
}

impl Document {
    /// The configuration in effect. `defaults` gives the default configuration of a component's
    /// type as JSON, as its `Default` serialises.
    pub fn effective(&self, defaults: impl Fn(&Section) -> Option<Json>) -> Effective {
        let mut root = self.tree.as_ref().clone();
        for section in &self.components {
            if let Some(below) = defaults(section).as_ref().and_then(from_json) {
                let path = [section.kind().section(), section.written_id()];
                put_below(&mut root, &path, below);
            }
        }
        put_below(&mut root, &["service"], self.service_defaults());
        Effective {
            root,
            sources: self.sources.clone(),
        }
    }
}

impl Document {
    fn service_defaults(&self) -> Node {
        let json = serde_json::to_value(ServiceConfig::default()).ok();
        let below = json.as_ref().and_then(from_json);
        let mut below = below.unwrap_or_else(|| Node::empty_mapping(Position::DEFAULT));
        below
            .become_mapping(Position::DEFAULT)
            .retain(|key, _| !WITHOUT_DEFAULT.contains(&key.as_str()));
        // The collector's `readers` say what `address` says.
        let readers = ["service", "telemetry", "metrics", "readers"];
        let has_readers = readers
            .iter()
            .try_fold(self.tree.as_ref(), |node, key| {
                node.entry(key).map(|entry| &entry.value)
            })
            .is_some();
        if !has_readers {
            let key = Position::DEFAULT;
            let value = Node::new(Value::Scalar(Scalar::text(DEFAULT_METRICS_ADDRESS)), key);
            let path = KeyPath::from_iter(["telemetry", "metrics", "address"]);
            assign(&mut below, &path, Entry { key, value })
                .expect("the defaults of telemetry are mappings");
        }
        below
    }
}

/// Merges the value at `path` on top of `below` and leaves the result there.
fn put_below(root: &mut Node, path: &[&str], mut below: Node) {
    let mut node = root;
    for key in path {
        let position = node.position;
        let entry = node.become_mapping(position).entry((*key).to_owned());
        let entry = entry.or_insert_with(|| Entry {
            key: position,
            value: Node::empty_mapping(position),
        });
        node = &mut entry.value;
    }
    let written = node.clone();
    let order: Vec<String> = written
        .mapping()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect();
    merge(&mut below, written);
    if let Value::Mapping(entries) = &mut below.value {
        for (index, key) in order.iter().enumerate() {
            if let Some(from) = entries.get_index_of(key) {
                entries.move_index(from, index);
            }
        }
    }
    *node = below;
}

impl Effective {
    /// YAML that loads to the same configuration, masked secrets aside.
    pub fn to_yaml(&self, origins: Origins) -> String {
        let mut writer = Writer {
            out: String::new(),
            sources: (origins == Origins::Shown).then_some(&self.sources),
        };
        writer.node(&self.root, 0);
        writer.out
    }

    pub fn to_json(&self) -> Json {
        to_json(&self.root, Secrets::Redacted)
    }
}

struct Writer<'a> {
    out: String,
    sources: Option<&'a Sources>,
}

impl Writer<'_> {
    /// Writes what stands behind `key:` or `-`, with the line break.
    fn value(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                self.out.push('\n');
                self.node(node, indent + 2);
            }
            Value::Sequence(items) if !items.is_empty() => {
                self.out.push('\n');
                self.node(node, indent + 2);
            }
            _ => {
                self.out.push(' ');
                self.leaf(node);
            }
        }
    }

    /// Writes a value from the start of a line.
    fn node(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => self.mapping(entries, indent, 0),
            Value::Sequence(items) if !items.is_empty() => {
                for item in items {
                    self.indent(indent);
                    self.out.push('-');
                    self.item(item, indent);
                }
            }
            _ => {
                self.indent(indent);
                self.leaf(node);
            }
        }
    }

    /// Writes what stands behind `-`; a mapping starts on the same line.
    fn item(&mut self, node: &Node, indent: usize) {
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                self.out.push(' ');
                self.mapping(entries, indent + 2, indent + 2);
            }
            _ => self.value(node, indent),
        }
    }

    /// `written` columns of the first line are taken already.
    fn mapping(&mut self, entries: &Mapping, indent: usize, written: usize) {
        for (index, (key, entry)) in entries.iter().enumerate() {
            let missing = if index == 0 { indent - written } else { indent };
            self.indent(missing);
            self.out
                .push_str(&scalar(&Scalar::text(key.as_str()), Dollars::Kept));
            self.out.push(':');
            self.value(&entry.value, indent);
        }
    }

    fn leaf(&mut self, node: &Node) {
        match &node.value {
            Value::Mapping(_) => self.out.push_str("{}"),
            Value::Sequence(_) => self.out.push_str("[]"),
            Value::Scalar(value) if node.secret && value.core() != Core::Null => {
                self.out
                    .push_str(&scalar(&Scalar::text(REDACTED), Dollars::Kept));
            }
            Value::Scalar(value) => self.out.push_str(&scalar(value, Dollars::Doubled)),
            Value::Broken => self.out.push_str("null"),
        }
        if let Some(origin) = self.sources.map(|sources| origin(node, sources)) {
            write!(self.out, " # {origin}").expect("writing to a string succeeds");
        }
        self.out.push('\n');
    }

    fn indent(&mut self, width: usize) {
        self.out.extend(std::iter::repeat_n(' ', width));
    }
}

/// `base.yaml:12`, `env:PORT`, `--set`, `default`.
fn origin(node: &Node, sources: &Sources) -> String {
    if node.position.source == SourceId::DEFAULT {
        return "default".to_owned();
    }
    match &node.via {
        Some(via) => via.name.lines().next().unwrap_or_default().to_owned(),
        None => sources.short_place(node.position),
    }
}

/// What becomes of `$`: values are read for references again, keys are not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dollars {
    Kept,
    Doubled,
}

/// A scalar that reads back to the same text and type.
fn scalar(scalar: &Scalar, dollars: Dollars) -> String {
    let text = match dollars {
        Dollars::Doubled => scalar.text.replace('$', "$$"),
        Dollars::Kept => scalar.text.clone(),
    };
    match scalar.core() {
        Core::Null => "null".to_owned(),
        Core::Text if Scalar::plain(text.as_str()).core() == Core::Text && is_safe_bare(&text) => {
            text
        }
        Core::Text => quoted(&text),
        Core::Bool(_) | Core::Integer(_) | Core::Float(_) => text,
    }
}

/// Whether YAML takes the text as it stands for one plain scalar, wherever it is put.
fn is_safe_bare(text: &str) -> bool {
    let inner = |char: char| char.is_ascii_alphanumeric() || "_-./+@%$ ".contains(char);
    let starts = |char: char| char.is_ascii_alphanumeric() || "_/.".contains(char);
    // A `:` is safe with something behind it, as in an address.
    let colons = text
        .split(':')
        .all(|part| !part.is_empty() && part.chars().all(inner));
    let spaced = text.contains(": ") || text.ends_with(' ') || text.contains(" :");
    let document_mark = text.starts_with("...");
    text.starts_with(starts) && colons && !spaced && !document_mark
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char if is_printable(char) => out.push(char),
            char => {
                write!(out, "\\U{:08X}", u32::from(char)).expect("writing to a string succeeds")
            }
        }
    }
    out.push('"');
    out
}

/// Characters that stand for themselves between quotes; line breaks of other scripts are folded by
/// some parsers.
fn is_printable(char: char) -> bool {
    !char.is_control()
        && !matches!(
            char,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// A JSON value as YAML that reads back to the same, as for the defaults of a component.
pub fn to_yaml(json: &Json) -> String {
    from_json(json).map_or_else(String::new, |node| render_tree(&node))
}

/// A bare tree as YAML.
pub(super) fn render_tree(node: &Node) -> String {
    let mut writer = Writer {
        out: String::new(),
        sources: None,
    };
    writer.node(node, 0);
    writer.out
}
