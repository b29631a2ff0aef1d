//! YAML as SnakeYAML's safe constructor reads it: YAML 1.1 scalars, merge keys, bounded aliases.

mod scalar;

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Document, Item, Kind, Node, Range};

/// SnakeYAML's own limit.
const CODE_POINTS_MAX: usize = 3 << 20;
/// SnakeYAML's own limit.
const NESTING_MAX: usize = 50;
/// Aliases of collections; SnakeYAML's own limit.
const ALIASES_MAX: usize = 50;
/// What `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";
/// Nodes with those that aliases stand for; 50 aliases alone could be billions.
const NODES_MAX: usize = 100_000;

pub(super) fn parse(document: &mut Document, source: &str) -> Result<(), String> {
    if source.chars().nth(CODE_POINTS_MAX).is_some() {
        return Err(format!("more than {CODE_POINTS_MAX} characters"));
    }
    let options = granit_parser::options! {
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
    };
    let mut builder = Builder {
        document,
        anchors: HashMap::new(),
        open_anchors: Vec::new(),
        aliases: 0,
        documents: 0,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        let (event, _) = event.map_err(|error| {
            let line = error.marker().line();
            format!("broken YAML in line {line}: {}", error.kind())
        })?;
        builder.take(event)?;
    }
    match document.root().kind() {
        Kind::Map => Ok(()),
        _ => Err("a mapping is expected".to_owned()),
    }
}

struct Builder<'a> {
    document: &'a mut Document,
    /// Where the node of an anchor starts, once it is whole.
    anchors: HashMap<usize, usize>,
    /// The anchors of the collections that are open; 0 for none.
    open_anchors: Vec<usize>,
    aliases: usize,
    documents: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("a single document is expected".to_owned());
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let at = self.document.items.len();
                let item = self.scalar(&value, style, tag.as_deref())?;
                self.push(&[item])?;
                self.name(anchor, at);
            }
            Event::SequenceStart(_, anchor, tag) => {
                known(tag.as_deref(), "seq")?;
                self.open(Item::List(0), anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                known(tag.as_deref(), "map")?;
                self.open(Item::Map(0), anchor)?;
            }
            Event::SequenceEnd => self.close(),
            Event::MappingEnd => {
                self.merge()?;
                self.close();
            }
            Event::Alias(anchor) => self.alias(anchor)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, item: Item, anchor: usize) -> Result<(), String> {
        if self.document.open.len() >= NESTING_MAX {
            return Err(format!("nested deeper than {NESTING_MAX} levels"));
        }
        self.open_anchors.push(anchor);
        self.document.open(item)
    }

    fn close(&mut self) {
        let at = self.document.close();
        let anchor = self.open_anchors.pop();
        self.name(anchor.unwrap_or_default(), at);
    }

    fn name(&mut self, anchor: usize, at: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, at);
        }
    }

    fn push(&mut self, items: &[Item]) -> Result<(), String> {
        self.document.items.extend_from_slice(items);
        if self.document.items.len() > NODES_MAX {
            return Err(format!("more than {NODES_MAX} values, aliases counted"));
        }
        Ok(())
    }

    /// Sizes are relative, so that a node can be copied as it is.
    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let Some(&at) = self.anchors.get(&anchor) else {
            return Err("an alias stands inside of what it names".to_owned());
        };
        let items = self.document.items[at..at + self.document.size(at)].to_vec();
        if matches!(items.first(), Some(Item::Map(_) | Item::List(_))) {
            self.aliases += 1;
            if self.aliases > ALIASES_MAX {
                return Err(format!("more than {ALIASES_MAX} aliases of collections"));
            }
        }
        self.push(&items)
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<Item, String> {
        let item = match tag {
            None if style == ScalarStyle::Plain => scalar::implicit(value),
            None => None,
            Some(tag) => match (tag.handle(), tag.suffix()) {
                (CORE, "str") | ("!", "") | ("", "!") => None,
                (CORE, name) => Some(scalar::tagged(name, value)?),
                _ => return Err(unknown(tag)),
            },
        };
        Ok(match item {
            Some(scalar::Scalar::Item(item)) => item,
            Some(scalar::Scalar::Number(digits)) => Item::Number(self.text(&digits)),
            None => Item::Text(self.text(value)),
        })
    }

    fn text(&mut self, text: &str) -> Range {
        let start = self.document.text.len();
        self.document.text.push_str(text);
        Range::new(start, self.document.text.len())
    }

    /// Puts what `<<` names into the innermost mapping, in its place: the mapping's own keys win,
    /// then what is named first.
    fn merge(&mut self) -> Result<(), String> {
        let Some(&start) = self.document.open.last() else {
            return Ok(());
        };
        let mut at = start + 1;
        let mut entries = Vec::new();
        let mut is_merged = false;
        while at < self.document.items.len() {
            let value = at + self.document.size(at);
            let is_merge = self.node(at).as_text() == Some("<<");
            is_merged |= is_merge;
            entries.push((at, value, is_merge));
            at = value + self.document.size(value);
        }
        if !is_merged {
            return Ok(());
        }
        let own: Vec<&str> = entries
            .iter()
            .filter(|(.., is_merge)| !is_merge)
            .filter_map(|(key, ..)| self.node(*key).as_text())
            .collect();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        let mut seen: HashSet<&str> = own.iter().copied().collect();
        for (key, value, is_merge) in &entries {
            if !is_merge {
                merged.push((*key, *value));
                continue;
            }
            for map in self.merged_maps(*value)? {
                for (key, value) in map.entries() {
                    if key.as_text().is_none_or(|text| seen.insert(text)) {
                        merged.push((key.at, value.at));
                    }
                }
            }
        }
        let mut items = Vec::new();
        for at in merged.into_iter().flat_map(|(key, value)| [key, value]) {
            items.extend_from_slice(&self.document.items[at..at + self.document.size(at)]);
        }
        self.document.items.truncate(start + 1);
        self.push(&items)
    }

    /// `<<: *base` and `<<: [*first, *second]`.
    fn merged_maps(&self, at: usize) -> Result<Vec<Node<'_>>, String> {
        let node = self.node(at);
        let maps: Vec<Node<'_>> = match node.kind() {
            Kind::List => node.children().collect(),
            _ => vec![node],
        };
        if maps.iter().any(|map| map.kind() != Kind::Map) {
            return Err("`<<` takes a mapping or a list of mappings".to_owned());
        }
        Ok(maps)
    }

    fn node(&self, at: usize) -> Node<'_> {
        Node {
            document: self.document,
            at,
        }
    }
}

/// A collection's tag is its own or none.
fn known(tag: Option<&Tag>, name: &str) -> Result<(), String> {
    match tag {
        Some(tag) if (tag.handle(), tag.suffix()) != (CORE, name) => Err(unknown(tag)),
        _ => Ok(()),
    }
}

fn unknown(tag: &Tag) -> String {
    format!(
        "the tag `{}{}` is not taken: str, int, float, bool, null, timestamp, seq and map are",
        if tag.handle() == CORE {
            "!!"
        } else {
            tag.handle()
        },
        tag.suffix()
    )
}
