//! Words for what a schema expects and what a value is.

use super::view::{Types, View};
use super::{Checker, supplied_text};
use crate::config::diagnostic::Findings;
use crate::config::position::{Position, SourceId};
use crate::config::quantity::{BYTE_SIZE_FORMAT, DURATION_FORMAT};
use crate::config::suggest::list;
use crate::config::tree::{Core, Node, Scalar, Style, Value};
use crate::config::yaml;

impl<'s> Checker<'s> {
    /// A value of a type that none of the schemas takes.
    pub(super) fn report_type(
        &mut self,
        node: &Node,
        key: Option<Position>,
        expected: &[&View<'s>],
    ) {
        let name = self.name();
        let wanted = expectation(expected);
        // `headers: "api-key=secret"` is such a mistake.
        let was_hidden = self.hidden;
        if expected.iter().any(|view| view.mentions_secret()) {
            self.hidden = true;
            self.findings.hide(node);
        }
        // A single value in place of a mapping is no near miss, so its text explains nothing.
        self.hidden |= expected.iter().all(|view| view.takes_mapping());
        let found = self.describe(node);
        self.hidden = was_hidden;
        let help = type_help(node, expected);
        let message = format!("{name} expects {wanted}, found {found}");
        let finding = self.findings.error(node.site_under(key), message);
        if let Some(help) = help {
            finding.help(help);
        }
    }

    /// A value as messages name it; a secret is not quoted.
    pub(super) fn describe(&self, node: &Node) -> String {
        let scalar = match &node.value {
            Value::Scalar(scalar) => scalar,
            Value::Sequence(_) => return "a list".to_owned(),
            Value::Mapping(_) => return "a mapping".to_owned(),
            Value::Broken => return "a broken value".to_owned(),
        };
        if self.hidden {
            return "a single value".to_owned();
        }
        let text = excerpt(&scalar.text);
        match scalar.core() {
            Core::Null => "nothing".to_owned(),
            Core::Bool(_) => format!("`{text}`"),
            Core::Integer(_) | Core::Float(_) => format!("the number `{text}`"),
            Core::Text if reads_as_other(scalar) => format!("the text `\"{text}\"`"),
            Core::Text => format!("the text `{text}`"),
        }
    }
}

/// The first line of a text, cut where it gets long.
pub(super) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= MAX_CHARS {
        return line.to_owned();
    }
    let kept: String = line.chars().take(MAX_CHARS).collect();
    format!("{kept}...")
}

/// Quotes are all that makes this a text.
fn reads_as_other(scalar: &Scalar) -> bool {
    scalar.style == Style::Text && Scalar::plain(scalar.text.as_str()).core() != Core::Text
}

/// `a whole number or text`.
fn expectation(views: &[&View<'_>]) -> String {
    let mut words: Vec<String> = Vec::new();
    for view in views {
        for word in type_words(view) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

fn type_words(view: &View<'_>) -> Vec<String> {
    if let Some(allowed) = view.enumeration() {
        return vec![one_of(&allowed)];
    }
    match view.text("format") {
        Some(DURATION_FORMAT) => return vec!["a duration such as `1.5s`".to_owned()],
        Some(BYTE_SIZE_FORMAT) => return vec!["a size such as `64MiB`".to_owned()],
        _ => {}
    }
    let types = view.types();
    let words = [
        (types.boolean, "`true` or `false`"),
        (types.integer && !types.number, "a whole number"),
        (types.number, "a number"),
        (types.string, "text"),
        (types.array, "a list"),
        (types.object, "a mapping"),
    ];
    let present = words.into_iter().filter(|(takes, _)| *takes);
    present.map(|(_, word)| word.to_owned()).collect()
}

pub(super) fn one_of(allowed: &[&str]) -> String {
    match allowed {
        [only] => format!("`{only}`"),
        _ => format!("one of {}", list(allowed)),
    }
}

fn type_help(node: &Node, expected: &[&View<'_>]) -> Option<String> {
    if let Some(help) = broken_yaml_help(node) {
        return Some(help);
    }
    let takes = |takes: fn(Types) -> bool| expected.iter().any(|view| takes(view.types()));
    if let Value::Scalar(scalar) = &node.value {
        let bare = Scalar::plain(scalar.text.as_str()).core();
        let fits_bare = match bare {
            Core::Bool(_) => takes(|types| types.boolean),
            Core::Integer(_) => takes(|types| types.integer || types.number),
            Core::Float(_) => takes(|types| types.number),
            Core::Null | Core::Text => false,
        };
        if scalar.style == Style::Text && fits_bare {
            return Some(match node.via {
                Some(_) => "a reference inside of a longer text always gives text".to_owned(),
                None => format!("remove the quotes: `{}`", excerpt(&scalar.text)),
            });
        }
        let word = scalar.text.to_ascii_lowercase();
        if takes(|types| types.boolean) && ["yes", "no", "on", "off"].contains(&word.as_str()) {
            return Some("YAML 1.2 knows only `true` and `false`".to_owned());
        }
        if takes(|types| types.array) {
            return Some(
                "write the items as `[a, b]`, or one below the other after `- `".to_owned(),
            );
        }
    }
    if matches!(node.value, Value::Mapping(_)) {
        return None;
    }
    let keys: Vec<&str> = expected
        .iter()
        .flat_map(|view| view.properties())
        .map(|(name, _)| name)
        .collect();
    (!keys.is_empty()).then(|| format!("its keys are {}", list(&keys)))
}

/// A variable or file that was meant as YAML and is none is taken as text; say why.
fn broken_yaml_help(node: &Node) -> Option<String> {
    let via = node.via.as_ref()?;
    let mut findings = Findings::default();
    yaml::parse(supplied_text(node)?, SourceId::DEFAULT, &mut findings);
    let message = findings.first_message()?;
    Some(format!("`{}` is not YAML: {message}", via.name))
}
