//! The positioned tree: what the configuration says, before anybody knows what it means.

use indexmap::IndexMap;

use super::position::{Position, Site, Via};

/// Deepest nesting of a configuration, also after references and aliases are put in. It bounds
/// every recursion over a tree.
pub(crate) const MAX_DEPTH: usize = 64;

/// Keys in the order they were written.
pub(crate) type Mapping = IndexMap<String, Entry>;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) position: Position,
    pub(crate) via: Option<Via>,
    /// Set by the schema check; such a value is never shown.
    pub(crate) secret: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Mapping),
    /// Something wrong was found here and reported. Nothing complains about it again.
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Position,
    pub(crate) value: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Written bare: the text decides the type.
    Plain,
    /// Quoted, a block scalar, or put together from parts: always text.
    Text,
}

/// What a scalar is by the core schema of YAML 1.2.2, section 10.3.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Core {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text,
}

impl Scalar {
    pub(crate) fn plain(text: impl Into<String>) -> Scalar {
        Scalar {
            text: text.into(),
            style: Style::Plain,
        }
    }

    pub(crate) fn text(text: impl Into<String>) -> Scalar {
        Scalar {
            text: text.into(),
            style: Style::Text,
        }
    }

    pub(crate) fn core(&self) -> Core {
        match self.style {
            Style::Text => Core::Text,
            Style::Plain => plain_core(&self.text),
        }
    }
}

fn plain_core(text: &str) -> Core {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Core::Null,
        "true" | "True" | "TRUE" => Core::Bool(true),
        "false" | "False" | "FALSE" => Core::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Core::Float(f64::NAN),
        _ => number(text).unwrap_or(Core::Text),
    }
}

fn number(text: &str) -> Option<Core> {
    if let Some(digits) = text.strip_prefix("0o") {
        let octal = digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        return octal.then(|| i128::from_str_radix(digits, 8).ok().map(Core::Integer))?;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        return hex.then(|| i128::from_str_radix(digits, 16).ok().map(Core::Integer))?;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
        return Some(Core::Float(sign * f64::INFINITY));
    }
    // Rust reads `inf` and `nan` as floats, YAML does not.
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if unsigned.bytes().all(|digit| digit.is_ascii_digit()) {
        // An integer past 128 bits is still a number, which no field has room for.
        return Some(
            text.parse()
                .map_or(Core::Float(f64::INFINITY), Core::Integer),
        );
    }
    text.parse().ok().map(Core::Float)
}

impl Node {
    pub(crate) fn new(value: Value, position: Position) -> Node {
        Node {
            value,
            position,
            via: None,
            secret: false,
        }
    }

    pub(crate) fn empty_mapping(position: Position) -> Node {
        Node::new(Value::Mapping(Mapping::new()), position)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.core() == Core::Null)
    }

    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The entries of a mapping; anything else is replaced by an empty one.
    pub(crate) fn become_mapping(&mut self, position: Position) -> &mut Mapping {
        if self.mapping().is_none() {
            *self = Node::empty_mapping(position);
        }
        match &mut self.value {
            Value::Mapping(entries) => entries,
            _ => unreachable!("anything else was just replaced"),
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.mapping()?.get(key)
    }

    pub(crate) fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        match &mut self.value {
            Value::Mapping(entries) => entries.get_mut(key),
            _ => None,
        }
    }

    pub(crate) fn sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(crate) fn scalar_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    pub(crate) fn site(&self) -> Site {
        Site {
            position: self.position,
            via: self.via.as_ref().map(|via| via.name.clone()),
        }
    }

    /// Where to point when this value is wrong: at a scalar itself, at the key of anything that
    /// spans lines or was left empty.
    pub(crate) fn site_under(&self, key: Option<Position>) -> Site {
        let own = self.site();
        let is_collection = matches!(self.value, Value::Mapping(_) | Value::Sequence(_));
        let points_at_key = self.position.width == 0 || (is_collection && self.via.is_none());
        match key {
            Some(position) if points_at_key => Site { position, ..own },
            _ => own,
        }
    }

    /// Nodes in this tree, itself included.
    pub(crate) fn size(&self) -> usize {
        1 + self.children().map(Node::size).sum::<usize>()
    }

    /// 1 for a scalar.
    pub(crate) fn depth(&self) -> usize {
        1 + self.children().map(Node::depth).max().unwrap_or(0)
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        let (items, entries) = match &self.value {
            Value::Sequence(items) => (Some(items), None),
            Value::Mapping(entries) => (None, Some(entries)),
            Value::Scalar(_) | Value::Broken => (None, None),
        };
        let values = entries.into_iter().flatten().map(|(_, entry)| &entry.value);
        items.into_iter().flatten().chain(values)
    }

    /// Calls `change` on every node, parents first.
    pub(crate) fn for_each_mut(&mut self, change: &mut impl FnMut(&mut Node)) {
        change(self);
        match &mut self.value {
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.for_each_mut(change)),
            Value::Mapping(entries) => entries
                .values_mut()
                .for_each(|entry| entry.value.for_each_mut(change)),
            Value::Scalar(_) | Value::Broken => {}
        }
    }
}

/// Puts `over` on top of `base`: mappings are joined key by key, anything else is replaced whole.
/// So an empty value takes away what an earlier source said, and a list is never appended to.
pub(crate) fn merge(base: &mut Node, over: Node) {
    match (&mut base.value, over) {
        (
            Value::Mapping(below),
            Node {
                value: Value::Mapping(above),
                ..
            },
        ) => {
            for (key, entry) in above {
                match below.get_mut(&key) {
                    Some(existing) => {
                        existing.key = entry.key;
                        merge(&mut existing.value, entry.value);
                    }
                    None => {
                        below.insert(key, entry);
                    }
                }
            }
        }
        (_, over) => *base = over,
    }
}
