//! YAML text to a positioned tree.
//!
//! Reads the event stream with its own stack, so that nesting, aliases and the number of nodes
//! are bounded whatever the input. Does not look into references (`${..}`).

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};

use super::diagnostic::Findings;
use super::position::{Position, SourceId, to_u32, to_usize};
use super::tree::{Entry, MAX_DEPTH, Mapping, Node, Scalar, Value};

/// Nodes of one source, counted after aliases are put in.
const MAX_NODES: usize = 100_000;

const MERGE_KEY: &str = "<<";

/// The tree of the only document in `text`; `None` if it is empty or was refused.
pub(crate) fn parse(text: &str, source: SourceId, findings: &mut Findings) -> Option<Node> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        text,
        source,
        findings,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = builder.position_at(error.marker().line(), error.marker().col());
                builder.hide_behind(at);
                report_syntax(builder.findings, at, error.kind());
                return None;
            }
        };
        if builder.take(event, span).is_err() {
            return None;
        }
    }
    builder.root
}

/// Reading this source ends here; the reason is in the findings.
struct Stop;

struct Builder<'a> {
    text: &'a str,
    source: SourceId,
    findings: &'a mut Findings,
    stack: Vec<Frame>,
    /// Finished nodes by the parser's number of their anchor.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

/// A collection that is still open.
struct Frame {
    anchor: usize,
    position: Position,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Mapping,
        key: Option<Key>,
        /// What `<<` named, first one first; explicit keys win over all of it.
        merged: Vec<Node>,
    },
}

struct Key {
    text: String,
    position: Position,
    merges: bool,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let position = self.position(span);
        match event {
            Event::DocumentStart(..) => self.start_document(position)?,
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text.into_owned(), style, tag.as_deref(), position);
                self.finish(node, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", position);
                self.open(anchor, position, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", position);
                let content = Content::Mapping {
                    entries: Mapping::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(anchor, position, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let node = self.alias(anchor, position)?;
                self.finish(node, 0)?;
            }
            Event::UnresolvedAlias(name) => {
                self.findings
                    .error(position, format!("no anchor is called `{name}`"))
                    .help(format!("an anchor `&{name}` has to stand before `*{name}`"));
                self.finish(Node::new(Value::Broken, position), 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn start_document(&mut self, position: Position) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents < 2 {
            return Ok(());
        }
        self.findings
            .error(position, "a second document starts here")
            .help("give each document its own `--config`, or join them");
        Err(Stop)
    }

    fn open(&mut self, anchor: usize, position: Position, content: Content) -> Result<(), Stop> {
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(position);
        }
        self.stack.push(Frame {
            anchor,
            position,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping {
                mut entries,
                merged,
                ..
            } => {
                for node in merged {
                    self.merge_below(&mut entries, node);
                }
                Value::Mapping(entries)
            }
        };
        self.finish(Node::new(value, frame.position), frame.anchor)
    }

    /// Puts a finished node where it belongs: into the open collection, as key or value, or on top.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.findings.error(
                node.position,
                format!("the configuration has more than {MAX_NODES} values here, aliases counted"),
            );
            return Err(Stop);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                entries,
                key,
                merged,
            } => match key.take() {
                None => *key = Some(read_key(node, self.findings)),
                Some(found) if found.merges => merged.push(node),
                Some(found) => insert(entries, found, node, self.findings),
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, position: Position) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.findings
                .error(position, "an alias cannot stand inside of what it names");
            return Ok(Node::new(Value::Broken, position));
        };
        // `finish` counts the topmost node.
        self.nodes += node.size() - 1;
        if self.stack.len() + node.depth() > MAX_DEPTH {
            self.too_deep(position)?;
        }
        Ok(node)
    }

    fn too_deep<T>(&mut self, position: Position) -> Result<T, Stop> {
        self.findings
            .error(position, format!("nested deeper than {MAX_DEPTH} levels"));
        Err(Stop)
    }

    /// `<<: *base` and `<<: [*first, *second]`; the first that has a key wins.
    fn merge_below(&mut self, entries: &mut Mapping, node: Node) {
        match node.value {
            Value::Mapping(below) => {
                for (key, entry) in below {
                    entries.entry(key).or_insert(entry);
                }
            }
            Value::Sequence(items) if items.iter().all(|item| item.mapping().is_some()) => {
                for item in items {
                    self.merge_below(entries, item);
                }
            }
            Value::Broken => {}
            _ => {
                self.findings
                    .error(node.position, "`<<` takes a mapping or a list of mappings")
                    .help("for example `<<: *name`, where `&name` marks a mapping");
            }
        }
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        position: Position,
    ) -> Node {
        let scalar = match tag.map(|tag| tag.core_suffix()) {
            None if style == ScalarStyle::Plain => Scalar::plain(text),
            None | Some(Some("str")) => Scalar::text(text),
            Some(Some("int" | "float" | "bool" | "null")) => Scalar::plain(text),
            Some(_) => {
                self.unknown_tag(tag, position);
                return Node::new(Value::Broken, position);
            }
        };
        Node::new(Value::Scalar(scalar), position)
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, expected: &str, position: Position) {
        if tag.is_some_and(|tag| tag.core_suffix() != Some(expected)) {
            self.unknown_tag(tag, position);
        }
    }

    fn unknown_tag(&mut self, tag: Option<&Tag>, position: Position) {
        let name = tag.map(Tag::original).unwrap_or_default();
        self.findings
            .error(position, format!("the tag `{name}` means nothing here"))
            .help("write the value without a tag; quotes make it text");
    }

    /// An error up to the first `:` of a line is about indentation; the value behind it has no part in
    /// that and could be a secret.
    fn hide_behind(&mut self, at: Position) {
        let index = to_usize(at.line).saturating_sub(1);
        let line = self.text.lines().nth(index).unwrap_or_default();
        let Some((key, value)) = line.split_once(": ") else {
            return;
        };
        let colon = key.chars().count() + 1;
        if to_usize(at.column) <= colon {
            self.findings.hide_place(Position {
                column: to_u32(colon + 2),
                width: to_u32(value.chars().count()),
                ..at
            });
        }
    }

    fn position(&self, span: Span) -> Position {
        let start = self.position_at(span.start.line(), span.start.col());
        let width = if span.end.line() == span.start.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            let line = self.text.lines().nth(span.start.line().saturating_sub(1));
            let length = line.unwrap_or_default().trim_end().chars().count();
            length.saturating_sub(span.start.col())
        };
        Position {
            width: to_u32(width),
            ..start
        }
    }

    fn position_at(&self, line: usize, column: usize) -> Position {
        Position {
            source: self.source,
            line: to_u32(line.max(1)),
            column: to_u32(column + 1),
            width: 0,
        }
    }
}

fn read_key(node: Node, findings: &mut Findings) -> Key {
    let position = node.position;
    let Value::Scalar(scalar) = node.value else {
        if !matches!(node.value, Value::Broken) {
            findings.error(position, "a key has to be a single value");
        }
        return Key {
            text: String::new(),
            position,
            merges: false,
        };
    };
    Key {
        merges: scalar == Scalar::plain(MERGE_KEY),
        text: scalar.text,
        position,
    }
}

fn insert(entries: &mut Mapping, key: Key, value: Node, findings: &mut Findings) {
    if let Some(first) = entries.get(&key.text) {
        let line = first.key.line;
        findings.hide(&value);
        findings
            .error(
                key.position,
                format!("the key `{}` is given twice", key.text),
            )
            .note(format!("it is first given on line {line}"))
            .help("join the two, or give one of them another name");
        return;
    }
    let entry = Entry {
        key: key.position,
        value,
    };
    entries.insert(key.text, entry);
}

fn report_syntax(findings: &mut Findings, at: Position, kind: &ErrorKind) {
    let tab_help = "indent with spaces; YAML does not allow tabs there";
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => findings
            .error(at, "a tab stands where only spaces may")
            .help(tab_help),
        ErrorKind::UnclosedQuotedScalar => findings
            .error(at, "a quoted text is not closed")
            .help("end it with the same quote it starts with"),
        ErrorKind::InvalidQuotedScalarIndent => findings
            .error(at, "a quoted text goes on here, and is not indented")
            .help("a quote further up may not be closed"),
        ErrorKind::InvalidColonPlacement => findings
            .error(at, "a `:` stands where none may")
            .help("a bracket further up may not be closed"),
        ErrorKind::ExpectedBlockMappingKey => findings
            .error(at, "a key is expected here")
            .help("keys of one mapping start in the same column"),
        ErrorKind::UnclosedFlowCollection { open } => {
            findings.error(at, format!("`{open}` is not closed"))
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            findings.error(at, format!("`{open}` is closed by `{close}`"))
        }
        ErrorKind::RecursionLimitExceeded => {
            findings.error(at, format!("nested deeper than {MAX_DEPTH} levels"))
        }
        ErrorKind::MappingValueNotAllowed => findings
            .error(at, "a `:` that starts no value here")
            .help("quote the text if the `:` belongs to it, or check the indentation"),
        ErrorKind::UnexpectedCharacter { character } => findings
            .error(at, format!("`{character}` cannot start a value"))
            .help("quote the text it belongs to"),
        other => findings.error(at, format!("broken YAML: {other}")),
    };
}
