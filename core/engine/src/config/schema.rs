//! The positioned tree against a JSON Schema.
//!
//! Covers the part of draft 2020-12 that `schemars` writes for Rust types. The result is the tree
//! in normal form: scalars in fields of text are text, a comma-separated text in a list of texts
//! is a list, an empty value where a mapping belongs is the empty mapping (so `grpc:` means
//! present with defaults), and secrets are marked. Every mistake is reported at its place.

mod choice;
mod collection;
mod describe;
mod scalar;
mod view;

use serde_json::Value as Json;

use self::view::View;
use super::diagnostic::Findings;
use super::key_path::{KeyPath, Segment};
use super::position::{Position, Site};
use super::tree::{Mapping, Node, Scalar, Value};

/// Checks one value against `schema`, whose `$ref`s point into itself. `key` is the place of the
/// value's key and `path` its name in messages. `None` if the value counts as not written.
pub(crate) fn check(
    node: &Node,
    key: Option<Position>,
    path: KeyPath,
    schema: &Json,
) -> (Option<Node>, Findings) {
    let mut checker = Checker {
        root: schema,
        findings: Findings::default(),
        path,
        hidden: false,
        steps_left: MAX_STEPS,
    };
    let checked = checker.check(node, key, &View::new(schema, schema));
    if checker.steps_left == 0 {
        let message = format!(
            "{} has too many values or alternatives to check",
            checker.name()
        );
        checker.findings.error(node.site_under(key), message);
    }
    (checked, checker.findings)
}

/// Values checked against one schema, each alternative counted: trying all alternatives of a schema
/// that contains itself could take forever otherwise.
const MAX_STEPS: usize = 100_000;

struct Checker<'s> {
    /// The document `$ref`s are resolved in.
    root: &'s Json,
    findings: Findings,
    path: KeyPath,
    /// Inside a secret: no message quotes a value.
    hidden: bool,
    steps_left: usize,
}

impl<'s> Checker<'s> {
    fn check(&mut self, node: &Node, key: Option<Position>, view: &View<'s>) -> Option<Node> {
        if matches!(node.value, Value::Broken) {
            return Some(node.clone());
        }
        if self.steps_left == 0 {
            return Some(broken(node));
        }
        self.steps_left -= 1;
        if view.is_secret() && !self.hidden {
            return self.check_secret(node, key, view);
        }
        if node.is_null() && !(view.types().string && supplied_text(node).is_some()) {
            if view.takes_mapping() {
                let empty = Node {
                    value: Value::Mapping(Mapping::new()),
                    ..node.clone()
                };
                return self.check_present(&empty, key, view);
            }
            if !view.types().null {
                self.report_empty(node.site_under(key));
                return None;
            }
            return Some(node.clone());
        }
        self.check_present(node, key, view)
    }

    fn check_present(
        &mut self,
        node: &Node,
        key: Option<Position>,
        view: &View<'s>,
    ) -> Option<Node> {
        if let Some(branches) = view.variants() {
            return self.choose(node, key, view, &branches);
        }
        if let Some(allowed) = view.enumeration() {
            return Some(self.check_enumeration(node, key, &allowed));
        }
        let types = view.types();
        match &node.value {
            Value::Scalar(_) if types.string_list(view) => self.check_split(node, key, view),
            Value::Scalar(scalar) => Some(self.check_scalar(node, scalar, key, view)),
            Value::Sequence(items) if types.array => {
                Some(self.check_sequence(node, items, key, view))
            }
            Value::Mapping(entries) if types.object => {
                Some(self.check_mapping(node, entries, key, view))
            }
            _ => match supplied_text(node).filter(|_| types.string) {
                Some(text) => Some(self.check_text(node, text, view)),
                None => {
                    self.report_type(node, key, &[view]);
                    Some(broken(node))
                }
            },
        }
    }

    fn check_secret(
        &mut self,
        node: &Node,
        key: Option<Position>,
        view: &View<'s>,
    ) -> Option<Node> {
        self.findings.hide(node);
        self.hidden = true;
        let checked = self.check(node, key, view);
        self.hidden = false;
        checked.map(|mut node| {
            node.for_each_mut(&mut |inner| inner.secret = true);
            node
        })
    }

    /// Checks `node` one step further in.
    fn check_below(
        &mut self,
        segment: impl Into<Segment>,
        node: &Node,
        key: Option<Position>,
        schema: &'s Json,
    ) -> Option<Node> {
        self.path.push(segment);
        let checked = self.check(node, key, &View::new(schema, self.root));
        self.path.pop();
        checked
    }

    fn report_empty(&mut self, site: Site) {
        let name = self.name();
        let (message, help) = match self.path.segments().last() {
            Some(Segment::Index(_)) => (format!("{name} is empty and is left out"), None),
            _ => (
                format!("{name} is empty, so its default applies"),
                Some("remove the key, or give it a value"),
            ),
        };
        let finding = self.findings.warning(site, message);
        if let Some(help) = help {
            finding.help(help);
        }
    }

    /// The last key of the path and the indices behind it, in backticks.
    fn name(&self) -> String {
        let segments = self.path.segments();
        let last_key = segments
            .iter()
            .rposition(|segment| matches!(segment, Segment::Key(_)));
        match last_key {
            Some(from) => {
                let path: KeyPath = segments[from..].iter().cloned().collect();
                format!("`{path}`")
            }
            None => "the configuration".to_owned(),
        }
    }
}

/// The text a variable or file supplied, before YAML made anything of it.
fn supplied_text(node: &Node) -> Option<&str> {
    node.via.as_ref()?.text.as_deref()
}

fn broken(node: &Node) -> Node {
    Node {
        value: Value::Broken,
        ..node.clone()
    }
}

fn with_text(node: &Node, text: &str) -> Node {
    Node {
        value: Value::Scalar(Scalar::text(text)),
        ..node.clone()
    }
}
