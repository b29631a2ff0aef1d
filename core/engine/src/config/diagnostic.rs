//! What is wrong with a configuration, and where: collected, masked, and shown.

mod mask;
mod render;

use std::fmt;

use serde::Serialize;

use super::position::{Position, Site, SourceKind, Sources};
use super::tree::{Node, Value};

/// Problems kept of one run; a file that is wrong in more places is better fixed from the top.
const MAX_DIAGNOSTICS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing starts with this configuration.
    Error,
    /// It works, but hardly as intended.
    Warning,
    /// Accepted and without effect here.
    Notice,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }
    }
}

impl fmt::Display for Place {
    /// As in `collector.yaml:12:19`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        let numbers = [self.line, self.column];
        numbers.iter().flatten().try_for_each(|n| write!(f, ":{n}"))
    }
}

/// The place a diagnostic points at, with its line. Secrets in the line are masked already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// A file's path, `env:NAME`, `--config yaml:` or `--set some.key`.
    pub source: String,
    /// Counted from 1; `None` for `--set`, which has one line only.
    pub line: Option<u32>,
    /// Counted from 1, in characters of the original line.
    pub column: Option<u32>,
    /// The line itself, secrets masked and tabs as spaces.
    pub text: String,
    /// Characters of `text` before the marked part.
    pub caret_start: usize,
    /// Characters marked, at least one.
    pub caret_width: usize,
}

/// One problem. Holds no secret and needs no source text to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Circumstances, such as the variable a value came from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Everything found in one run, in the order of the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Adds what another step found.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// Text for a terminal, each problem with its line and a caret, and a count at the end.
    /// `color` adds ANSI colours.
    pub fn render(&self, color: bool) -> String {
        render::render(&self.list, color)
    }

    /// An array with one object per problem.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a diagnostic is made of text and numbers")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// A problem that still points into the sources. Whoever reports one goes on to say what would be
/// right.
#[derive(Clone, Debug)]
pub struct Finding {
    severity: Severity,
    site: Option<Site>,
    message: String,
    help: Option<String>,
    notes: Vec<String>,
}

impl Finding {
    pub(crate) fn new(severity: Severity, site: Option<Site>, message: String) -> Finding {
        Finding {
            severity,
            site,
            message,
            help: None,
            notes: Vec::new(),
        }
    }

    /// What would be right.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Finding {
        self.help = Some(help.into());
        self
    }

    /// A circumstance that explains the problem.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Finding {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn resolve(self, sources: &Sources) -> Diagnostic {
        let mut notes = self.notes;
        if let Some(via) = self.site.as_ref().and_then(|site| site.via.as_ref()) {
            notes.push(match via.strip_prefix("env:") {
                Some(name) => format!("the value comes from the environment variable `{name}`"),
                None => format!("the value comes from `{via}`"),
            });
        }
        Diagnostic {
            severity: self.severity,
            message: self.message,
            help: self.help,
            notes,
            place: self.site.map(|site| place(&site, sources)),
        }
    }
}

fn place(site: &Site, sources: &Sources) -> Place {
    let position = site.position;
    let in_lines = sources.kind(position.source) == SourceKind::Lines;
    let shown = mask::shown_line(position, sources);
    Place {
        source: sources.name(position.source).to_owned(),
        line: in_lines.then_some(position.line),
        column: in_lines.then_some(position.column),
        text: shown.text,
        caret_start: shown.caret_start,
        caret_width: shown.caret_width,
    }
}

/// Collects problems while the sources are still being worked on. A finding belongs to a node, so
/// their number is bounded by the size of the tree.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    /// Places whose text may not be shown.
    secrets: Vec<Position>,
}

impl Findings {
    pub(crate) fn error(
        &mut self,
        site: impl Into<Site>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Finding::new(
            Severity::Error,
            Some(site.into()),
            message.into(),
        ))
    }

    pub(crate) fn warning(
        &mut self,
        site: impl Into<Site>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Finding::new(
            Severity::Warning,
            Some(site.into()),
            message.into(),
        ))
    }

    pub(crate) fn notice(
        &mut self,
        site: impl Into<Site>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Finding::new(
            Severity::Notice,
            Some(site.into()),
            message.into(),
        ))
    }

    /// An error about the configuration as a whole.
    pub(crate) fn error_without_place(&mut self, message: impl Into<String>) -> &mut Finding {
        self.push(Finding::new(Severity::Error, None, message.into()))
    }

    pub(crate) fn append(&mut self, other: Findings) {
        self.list.extend(other.list);
        self.secrets.extend(other.secrets);
    }

    /// Keeps every value in `node` out of what is shown.
    pub(crate) fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| self.hide(item)),
            Value::Mapping(entries) => entries.values().for_each(|entry| self.hide(&entry.value)),
            Value::Scalar(_) => self.hide_place(node.position),
            Value::Broken => {}
        }
    }

    pub(crate) fn hide_place(&mut self, place: Position) {
        self.secrets.push(place);
    }

    /// Keeps out what `other` does, without its findings.
    pub(crate) fn hide_with(&mut self, other: &Findings) {
        self.secrets.extend_from_slice(&other.secrets);
    }

    /// What is to be hidden, for the sources to know.
    pub(crate) fn take_secrets(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.secrets)
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    pub(crate) fn error_count(&self) -> usize {
        self.list
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count()
    }

    pub(crate) fn first_message(&self) -> Option<&str> {
        self.list.first().map(|finding| finding.message.as_str())
    }

    /// Adds to what was reported last, if anything was.
    pub(crate) fn note_on_last(&mut self, note: String) {
        if let Some(finding) = self.list.last_mut() {
            finding.note(note);
        }
    }

    fn push(&mut self, finding: Finding) -> &mut Finding {
        self.list.push(finding);
        self.list.last_mut().expect("one was just pushed")
    }

    /// In the order of the sources; the same problem at the same place is told once.
    pub(crate) fn resolve(mut self, sources: &Sources) -> Diagnostics {
        self.list
            .sort_by_key(|finding| finding.site.as_ref().map(|site| site.position));
        let mut list: Vec<Diagnostic> = self
            .list
            .into_iter()
            .map(|finding| finding.resolve(sources))
            .collect();
        list.dedup();
        shorten(&mut list);
        Diagnostics { list }
    }
}

/// Holds the list to [`MAX_DIAGNOSTICS`]; what is no error goes first.
fn shorten(list: &mut Vec<Diagnostic>) {
    let total = list.len();
    if total <= MAX_DIAGNOSTICS {
        return;
    }
    list.sort_by_key(|diagnostic| diagnostic.severity != Severity::Error);
    list.truncate(MAX_DIAGNOSTICS);
    let left_out = total - MAX_DIAGNOSTICS;
    let message = format!("{left_out} more problems are not shown");
    list.push(Finding::new(Severity::Notice, None, message).resolve(&Sources::new()));
}
