//! YAML text to a positioned tree, with what SnakeYAML makes of keys given twice.
//!
//! Reads the event stream with its own stack, so that nesting, aliases and the number of nodes are
//! bounded whatever the input.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan};

use crate::align::Text;
use crate::diagnostic::{Findings, Span};

const NESTING_MAX: usize = 32;
/// Nodes of one file, counted after aliases are put in.
const NODES_MAX: usize = 20_000;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Scalar(Text),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

/// The tree of the only document in `text`; `None` if it is empty or was refused.
pub(crate) fn parse(text: &str, source: u32, findings: &mut Findings) -> Option<Node> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
    };
    let mut builder = Builder {
        text,
        source,
        findings,
        offsets: Offsets::new(text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        documents: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let at = builder.offsets.byte(error.marker().index());
                let message = format!("broken YAML: {}", error.kind());
                let span = builder.span(at, at);
                builder.refuse(
                    span,
                    &message,
                    "a rule file is a YAML mapping with `rules:`",
                )
            }
        };
        taken.ok()?;
    }
    builder.root
}

/// Reading this source ends here; the reason is in the findings.
struct Stop;

/// The parser counts characters, we count bytes; its markers come nearly in order.
struct Offsets {
    /// Of each character, and one more for the end.
    bytes: Vec<usize>,
}

impl Offsets {
    fn new(text: &str) -> Offsets {
        let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        bytes.push(text.len());
        Offsets { bytes }
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes[character.min(self.bytes.len() - 1)]
    }
}

struct Builder<'a> {
    text: &'a str,
    source: u32,
    findings: &'a mut Findings,
    offsets: Offsets,
    stack: Vec<Frame>,
    /// Finished nodes by the parser's number of their anchor, with how many nodes they are.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

/// A collection that is still open.
struct Frame {
    anchor: usize,
    span: Span,
    /// Nodes of the source before this one.
    nodes_before: usize,
    items: Vec<Node>,
    is_mapping: bool,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, yaml: YamlSpan) -> Result<(), Stop> {
        let start = self.offsets.byte(yaml.start.index());
        let span = self.span(start, self.offsets.byte(yaml.end.index()));
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let help = "give each document a file of its own";
                    return self.refuse(span, "a second document starts here", help);
                }
            }
            Event::Scalar(value, style, anchor, _) => {
                let value = self.scalar(value.into_owned(), style, start);
                self.finish(Node { value, span }, anchor, 1)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open(anchor, span, false)?,
            Event::MappingStart(_, anchor, _) => self.open(anchor, span, true)?,
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let help = "end the anchored value first";
                    return self.refuse(span, "an alias stands inside of what it names", help);
                };
                self.nodes += size;
                self.finish(node, 0, size)?;
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor is called `{name}`");
                let help = format!("an anchor `&{name}` has to stand before `*{name}`");
                return self.refuse(span, &message, &help);
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&self, value: String, style: ScalarStyle, start: usize) -> Value {
        let is_plain = style == ScalarStyle::Plain;
        if is_plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL") {
            return Value::Null;
        }
        Value::Scalar(Text::new(value, style, self.text, self.source, start))
    }

    fn open(&mut self, anchor: usize, span: Span, is_mapping: bool) -> Result<(), Stop> {
        if self.stack.len() >= NESTING_MAX {
            let message = format!("nested deeper than {NESTING_MAX} levels");
            return self.refuse(span, &message, "rules need four levels");
        }
        self.stack.push(Frame {
            anchor,
            span,
            nodes_before: self.nodes,
            items: Vec::new(),
            is_mapping,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let size = self.nodes - frame.nodes_before + 1;
        let value = if frame.is_mapping {
            Value::Mapping(self.mapping(frame.items)?)
        } else {
            Value::Sequence(frame.items)
        };
        let node = Node {
            value,
            span: frame.span,
        };
        self.finish(node, frame.anchor, size)
    }

    /// Keys and values in turns to entries.
    fn mapping(&mut self, items: Vec<Node>) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let key_span = key.span;
            let key = match key.value {
                Value::Scalar(text) => text.value,
                _ => return self.refuse(key_span, "this is no key", "a key is a single word"),
            };
            if key == "<<" {
                merged.push(value);
                continue;
            }
            if let Some(at) = entries.iter().position(|entry| entry.key == key) {
                let message = format!("`{key}` is given twice: OAP takes this one");
                let report = self.findings.warning(key_span, message);
                report.help("take away the one that has no effect");
                entries.remove(at);
            }
            entries.push(Entry {
                key,
                key_span,
                value,
            });
        }
        for node in merged {
            self.merge(&mut entries, node)?;
        }
        Ok(entries)
    }

    /// `<<: *base` and `<<: [*first, *second]`; what is there already wins.
    fn merge(&mut self, entries: &mut Vec<Entry>, node: Node) -> Result<(), Stop> {
        let nodes = match node.value {
            Value::Sequence(nodes) => nodes,
            _ => vec![node],
        };
        for node in nodes {
            let Value::Mapping(below) = node.value else {
                let message = "`<<` takes a mapping or a list of mappings";
                return self.refuse(node.span, message, "for example `<<: *name`");
            };
            for entry in below {
                if entries.iter().all(|own| own.key != entry.key) {
                    entries.push(entry);
                }
            }
        }
        Ok(())
    }

    /// Puts a finished node of `size` nodes into the open collection, or on top.
    fn finish(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} values up to here, aliases counted");
            return self.refuse(
                node.span,
                &message,
                "put some of the rules into a second file",
            );
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            Some(frame) => frame.items.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn refuse<T>(&mut self, span: Span, message: &str, help: &str) -> Result<T, Stop> {
        self.findings.error(span, message).help(help);
        Err(Stop)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let offset = |at| u32::try_from(at).expect("a source is shorter than `SOURCE_BYTES_MAX`");
        Span {
            source: self.source,
            start: offset(start),
            end: offset(end.max(start)),
        }
    }
}
