//! References: `${env:NAME:-default}`, `${NAME}`, `${file:path}`, `${yaml:text}`, `$$`.
//!
//! A reference that is the whole scalar may stand for any YAML value, one inside a longer text for
//! text only. What a reference supplies is looked through for references again. Runs of `$`
//! before `{` are counted: `$${X}` is the text `${X}`, `$$${X}` a `$` and the value. Expansion
//! follows merging, so a reference that a later source replaces is never read.

use std::sync::Arc;

use super::diagnostic::Findings;
use super::inputs::{Inputs, SCHEME_HELP, Scheme, read_env, read_text, split_scheme};
use super::position::{Position, Site, SourceId, SourceKind, Sources, Via};
use super::tree::{Core, MAX_DEPTH, Node, Scalar, Style, Value};
use super::yaml;

/// References resolved within one value of the sources, those inside of what they supply
/// included: the bound on a chain and on doubling.
const MAX_REFERENCES: usize = 1000;

/// References inside one another; less than [`MAX_REFERENCES`] because each level is a call.
const MAX_NESTING: usize = 32;

/// Bytes that the references of the whole configuration may supply.
const MAX_SUPPLIED_BYTES: usize = 16 << 20;

pub(crate) struct Expansion<'a> {
    inputs: &'a dyn Inputs,
    sources: &'a mut Sources,
    findings: &'a mut Findings,
    /// References being resolved, outermost first.
    active: Vec<String>,
    references_left: usize,
    bytes_left: usize,
}

/// What a reference supplied.
struct Supplied {
    /// `env:PORT`.
    name: String,
    text: String,
    /// An empty default is text, while an empty variable is no value.
    is_text: bool,
    /// Files have places of their own to point to.
    source: Option<SourceId>,
}

/// The reason is in the findings.
struct Refused;

/// One part of a scalar.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(String),
    /// What stands between `${` and the `}` that belongs to it.
    Reference(&'a str),
    /// `${` without its `}`.
    Unclosed,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(
        inputs: &'a dyn Inputs,
        sources: &'a mut Sources,
        findings: &'a mut Findings,
    ) -> Self {
        Expansion {
            inputs,
            sources,
            findings,
            active: Vec::new(),
            references_left: MAX_REFERENCES,
            bytes_left: MAX_SUPPLIED_BYTES,
        }
    }

    pub(crate) fn expand(&mut self, node: Node) -> Node {
        self.node(node, 1)
    }

    fn node(&mut self, node: Node, depth: usize) -> Node {
        let value = match node.value {
            Value::Scalar(ref scalar) if scalar.text.contains('$') => {
                if self.active.is_empty() {
                    self.references_left = MAX_REFERENCES;
                }
                let scalar = scalar.clone();
                return self
                    .scalar(&scalar, &node, depth)
                    .unwrap_or_else(|Refused| Node::new(Value::Broken, node.position));
            }
            Value::Sequence(items) => {
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                Value::Sequence(items.collect())
            }
            Value::Mapping(entries) => {
                let entries = entries.into_iter().map(|(key, mut entry)| {
                    entry.value = self.node(entry.value, depth + 1);
                    (key, entry)
                });
                Value::Mapping(entries.collect())
            }
            leaf => leaf,
        };
        Node { value, ..node }
    }

    fn scalar(&mut self, scalar: &Scalar, node: &Node, depth: usize) -> Result<Node, Refused> {
        let parts = split(&scalar.text);
        if let [Part::Reference(inner)] = parts[..] {
            return self.whole(inner, node, depth);
        }
        // A text with nothing but `$$` in it keeps its style.
        let style = match parts[..] {
            [Part::Text(_)] => scalar.style,
            _ => Style::Text,
        };
        let via = node.via.clone().or_else(|| first_name(&parts));
        let text = self.join(parts, &node.site())?;
        let value = Value::Scalar(Scalar { text, style });
        Ok(Node {
            via,
            ..Node::new(value, node.position)
        })
    }

    fn join(&mut self, parts: Vec<Part<'_>>, site: &Site) -> Result<String, Refused> {
        let mut joined = String::new();
        for part in parts {
            match part {
                Part::Text(text) => joined.push_str(&text),
                Part::Reference(inner) => {
                    let supplied = self.supply(inner, site)?;
                    let text = self.inside(&supplied, |expansion| {
                        expansion.join(split(&supplied.text), site)
                    })?;
                    joined.push_str(&text);
                }
                Part::Unclosed => {
                    self.findings
                        .error(site.clone(), "`${` has no closing `}`")
                        .help("write `${env:NAME}`, or `$${` for the text `${`");
                    return Err(Refused);
                }
            }
        }
        Ok(joined)
    }

    /// A reference that is all of a scalar.
    fn whole(&mut self, inner: &str, node: &Node, depth: usize) -> Result<Node, Refused> {
        let site = node.site();
        let supplied = self.supply(inner, &site)?;
        let mut result = parse_supplied(&supplied, node.position);
        if depth + result.depth() > MAX_DEPTH + 1 {
            let message = format!("`${{{inner}}}` nests deeper than {MAX_DEPTH} levels");
            self.findings.error(site, message);
            return Err(Refused);
        }
        // The outermost reference is the one that can be seen in the source. What is inside learns
        // its name before it is expanded, so that problems there tell it.
        let name = match &node.via {
            Some(via) => via.name.clone(),
            None => supplied.name.as_str().into(),
        };
        stamp_all(&mut result, &supplied, &name);
        result = self.inside(&supplied, |expansion| Ok(expansion.node(result, depth)))?;
        stamp_all(&mut result, &supplied, &name);
        Ok(result)
    }

    /// Runs `work` on what a reference supplied, while that reference may not be used again.
    fn inside<T>(
        &mut self,
        supplied: &Supplied,
        work: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.active.push(supplied.name.clone());
        let result = work(self);
        self.active.pop();
        result
    }

    /// What the reference with this content stands for, not yet looked through for more.
    fn supply(&mut self, inner: &str, site: &Site) -> Result<Supplied, Refused> {
        let (opaque, default) = split_default(inner);
        let at = Site {
            position: self.sources.narrow(site.position, &format!("${{{inner}}}")),
            via: site.via.clone(),
        };
        self.count(inner, &at)?;
        let opaque = self.nested(opaque, &at)?;
        let (scheme, rest) = match split_scheme(&opaque, Scheme::Env) {
            Ok(parts) => parts,
            Err(name) => {
                let message = format!("`{name}:` is no known scheme of a reference");
                self.findings.error(at, message).help(SCHEME_HELP);
                return Err(Refused);
            }
        };
        let supplied = match scheme {
            Scheme::Env => self.supply_env(rest, default, &at)?,
            Scheme::File => {
                let text =
                    read_text(self.inputs, rest).map_err(|message| self.refuse(&at, message))?;
                let source = self.sources.add(rest, SourceKind::Lines, &text);
                Supplied {
                    name: format!("file:{rest}"),
                    text: text.strip_suffix('\n').unwrap_or(&text).to_owned(),
                    is_text: false,
                    source: Some(source),
                }
            }
            Scheme::Yaml => Supplied {
                name: format!("yaml:{rest}"),
                text: rest.to_owned(),
                is_text: false,
                source: None,
            },
        };
        if self.active.contains(&supplied.name) {
            let message = format!("`{}` refers to itself", supplied.name);
            return Err(self.refuse(&at, message));
        }
        self.bytes_left = match self.bytes_left.checked_sub(supplied.text.len()) {
            Some(left) => left,
            None => {
                let message =
                    format!("references supply more than {MAX_SUPPLIED_BYTES} bytes in all");
                return Err(self.refuse(&at, message));
            }
        };
        Ok(supplied)
    }

    fn supply_env(
        &mut self,
        name: &str,
        default: Option<&str>,
        at: &Site,
    ) -> Result<Supplied, Refused> {
        let value = read_env(self.inputs, name).map_err(|message| self.refuse(at, message))?;
        let (text, is_text) = match (value, default) {
            (Some(text), _) => (text, false),
            // The default is looked at only where it is needed, so what it refers to may be unset
            // as long as the variable is set.
            (None, Some(default)) => (default.to_owned(), default.is_empty()),
            (None, None) => {
                let message = format!("the environment variable `{name}` is not set");
                self.findings.error(at.clone(), message).help(format!(
                    "set it, or give a default: `${{env:{name}:-value}}`"
                ));
                return Err(Refused);
            }
        };
        Ok(Supplied {
            name: format!("env:{name}"),
            text,
            is_text,
            source: None,
        })
    }

    fn refuse(&mut self, at: &Site, message: String) -> Refused {
        self.findings.error(at.clone(), message);
        Refused
    }

    fn count(&mut self, inner: &str, at: &Site) -> Result<(), Refused> {
        if self.active.len() >= MAX_NESTING {
            let message = format!("`${{{inner}}}` is the end of {MAX_NESTING} nested references");
            return Err(self.refuse(at, message));
        }
        match self.references_left.checked_sub(1) {
            Some(left) => self.references_left = left,
            None => {
                let message = format!("more than {MAX_REFERENCES} references in one value");
                return Err(self.refuse(at, message));
            }
        }
        Ok(())
    }

    /// Expands references inside of a reference: `${env:${env:NAME}}`.
    fn nested(&mut self, opaque: &str, at: &Site) -> Result<String, Refused> {
        if !opaque.contains('$') {
            return Ok(opaque.to_owned());
        }
        let nesting = Supplied {
            name: format!("${{{opaque}}}"),
            text: String::new(),
            is_text: true,
            source: None,
        };
        let text = self.inside(&nesting, |expansion| expansion.join(split(opaque), at))?;
        if text.contains('$') {
            let message = format!("`{opaque}` has a `$` that is no reference");
            return Err(self.refuse(at, message));
        }
        Ok(text)
    }
}

/// A value from what a reference supplied. Text that is no YAML is text, and so is what YAML takes
/// for text, as it stands.
fn parse_supplied(supplied: &Supplied, at: Position) -> Node {
    let mut ignored = Findings::default();
    let source = supplied.source.unwrap_or(SourceId::DEFAULT);
    let parsed = yaml::parse(&supplied.text, source, &mut ignored);
    let verbatim = || Value::Scalar(Scalar::text(supplied.text.as_str()));
    let mut node = match parsed {
        _ if supplied.is_text || ignored.has_errors() => Node::new(verbatim(), at),
        None => Node::new(Value::Scalar(Scalar::plain("")), at),
        Some(node) => match &node.value {
            Value::Scalar(scalar) if scalar.core() == Core::Text => Node::new(verbatim(), at),
            _ => node,
        },
    };
    if supplied.source.is_none() {
        node.for_each_mut(&mut |inner| inner.position = at);
        place_keys(&mut node, at);
    }
    node.position = at;
    node.via = Some(Via {
        name: supplied.name.as_str().into(),
        text: Some(supplied.text.as_str().into()),
    });
    node
}

fn place_keys(node: &mut Node, at: Position) {
    node.for_each_mut(&mut |inner| {
        if let Value::Mapping(entries) = &mut inner.value {
            entries.values_mut().for_each(|entry| entry.key = at);
        }
    });
}

/// Records what supplied a value and those in it. What a file supplied has places of its own.
fn stamp_all(node: &mut Node, supplied: &Supplied, name: &Arc<str>) {
    if supplied.source.is_some() {
        stamp(node, name);
    } else {
        node.for_each_mut(&mut |inner| stamp(inner, name));
    }
}

/// Keeps the text unless it still has references in it: then it is not what was meant.
fn stamp(node: &mut Node, name: &Arc<str>) {
    let text = node.via.take().and_then(|via| via.text);
    node.via = Some(Via {
        name: name.clone(),
        text: text.filter(|text| !text.contains("${")),
    });
}

/// The first reference of a text that is put together from parts, as `env:NAME`.
fn first_name(parts: &[Part<'_>]) -> Option<Via> {
    let inner = parts.iter().find_map(|part| match part {
        Part::Reference(inner) => Some(split_default(inner).0),
        Part::Text(_) | Part::Unclosed => None,
    })?;
    let scheme = if inner.contains(':') { "" } else { "env:" };
    Some(Via {
        name: format!("{scheme}{inner}").into(),
        text: None,
    })
}

/// Splits a scalar at its references and undoes `$$`.
fn split(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        literal.push_str(&rest[..dollar]);
        let run = &rest[dollar..];
        let count = run.len() - run.trim_start_matches('$').len();
        let after = &run[count..];
        let is_reference = count % 2 == 1 && after.starts_with('{');
        // Outside of a reference a `$` that is left over stands for itself.
        let literal_dollars = if is_reference {
            count / 2
        } else {
            count.div_ceil(2)
        };
        literal.extend(std::iter::repeat_n('$', literal_dollars));
        if !is_reference {
            rest = after;
            continue;
        }
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        let inner = &after[1..];
        match closing_brace(inner) {
            Some(end) => {
                parts.push(Part::Reference(&inner[..end]));
                rest = &inner[end + 1..];
            }
            None => {
                parts.push(Part::Unclosed);
                return parts;
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    parts
}

/// The `}` that belongs to a `${` just before `text`; braces in between go in pairs.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, char) in text.char_indices() {
        match char {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// Splits at the `:-` that is not inside of a nested reference.
fn split_default(inner: &str) -> (&str, Option<&str>) {
    let mut open = 0_usize;
    for (at, char) in inner.char_indices() {
        match char {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            ':' if open == 0 && inner[at..].starts_with(":-") => {
                return (&inner[..at], Some(&inner[at + 2..]));
            }
            _ => {}
        }
    }
    (inner, None)
}
