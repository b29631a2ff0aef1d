//! One tree for what a body holds: JSON as Jackson and Gson read it, YAML as SnakeYAML does.
//!
//! The nodes lie in one vector in the order of the text, each collection in front of what is in it,
//! and all text is in one buffer: a document that is read again and again allocates nothing. Nothing
//! here recurses over what a sender wrote but the printing, which [`NESTING_MAX`] bounds.

mod gson;
mod json;
mod print;
mod yaml;

/// Deepest nesting of a body; Jackson's own limit.
pub(crate) const NESTING_MAX: usize = 1000;
/// Longest body, so that offsets fit 32 bits whatever is unescaped behind it.
pub(crate) const BODY_BYTES_MAX: usize = 256 << 20;
/// What one long body leaves behind for the next: bytes of text, and nodes.
const KEPT_MAX: usize = 1 << 20;

/// A parsed body; keeps its memory when it is used again.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The source, then what had to be unescaped.
    text: String,
    items: Vec<Item>,
    /// Collections that are open while a body is read: their places in `items`.
    open: Vec<usize>,
}

/// A node; a map's keys and values lie in turns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Number(Range),
    Date(i64),
    Text(Range),
    /// How many items the map is, with its own.
    Map(u32),
    List(u32),
}

/// Bytes of the document's text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    start: u32,
    end: u32,
}

impl Range {
    fn new(start: usize, end: usize) -> Range {
        let offset = |at| u32::try_from(at).expect("a body is at most `BODY_BYTES_MAX` long");
        Range {
            start: offset(start),
            end: offset(end),
        }
    }

    fn length(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A value of a document. A `Null` is a value; what is not there is no node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    document: &'a Document,
    at: usize,
}

/// What a node holds, by the Java type that OAP sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    /// A number as it is written: an integer beyond 64 bits, and every number of Gson.
    Number(&'a str),
    /// Milliseconds since the epoch.
    Date(i64),
    Text(&'a str),
    Map,
    List,
}

impl Document {
    /// Reads an object as Jackson's `ObjectMapper` reads a `Map`; what follows it is not looked at.
    /// The document is empty, its root null, after an error.
    pub(crate) fn parse_json(&mut self, text: &str) -> Result<(), String> {
        self.parse(text, json::parse)
    }

    /// Reads any value as `JsonParser.parseString` does, which is lenient.
    pub(crate) fn parse_gson(&mut self, text: &str) -> Result<(), String> {
        self.parse(text, gson::parse)
    }

    /// Reads a mapping as SnakeYAML's safe constructor does.
    pub(crate) fn parse_yaml(&mut self, text: &str) -> Result<(), String> {
        self.parse(text, yaml::parse)
    }

    fn parse(
        &mut self,
        text: &str,
        read: fn(&mut Document, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        self.clear();
        if text.len() > BODY_BYTES_MAX {
            return Err(format!(
                "the body has {} bytes, more than {BODY_BYTES_MAX}",
                text.len()
            ));
        }
        self.text.push_str(text);
        let result = read(self, text);
        if result.is_err() {
            self.clear();
        }
        result
    }

    fn clear(&mut self) {
        self.text.clear();
        self.items.clear();
        self.open.clear();
        self.text.shrink_to(KEPT_MAX);
        self.items.shrink_to(KEPT_MAX / size_of::<Item>());
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node {
            document: self,
            at: 0,
        }
    }

    fn text(&self, range: Range) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }

    /// Starts a collection, whose size is not known yet.
    fn open(&mut self, item: Item) -> Result<(), String> {
        if self.open.len() >= NESTING_MAX {
            return Err(format!("nested deeper than {NESTING_MAX} levels"));
        }
        self.open.push(self.items.len());
        self.items.push(item);
        Ok(())
    }

    /// Ends the innermost collection; its place.
    fn close(&mut self) -> usize {
        let at = self.open.pop().expect("what closes was opened");
        let size = u32::try_from(self.items.len() - at).expect("there are fewer items than bytes");
        self.items[at] = match self.items[at] {
            Item::Map(_) => Item::Map(size),
            _ => Item::List(size),
        };
        at
    }

    /// How many items the node at `at` is.
    fn size(&self, at: usize) -> usize {
        match self.items.get(at) {
            Some(Item::Map(size) | Item::List(size)) => *size as usize,
            _ => 1,
        }
    }
}

impl<'a> Node<'a> {
    pub(crate) fn kind(self) -> Kind<'a> {
        let Some(item) = self.document.items.get(self.at) else {
            return Kind::Null;
        };
        match *item {
            Item::Null => Kind::Null,
            Item::Boolean(value) => Kind::Boolean(value),
            Item::Int(value) => Kind::Int(value),
            Item::Long(value) => Kind::Long(value),
            Item::Double(value) => Kind::Double(value),
            Item::Number(range) => Kind::Number(self.document.text(range)),
            Item::Date(unix_ms) => Kind::Date(unix_ms),
            Item::Text(range) => Kind::Text(self.document.text(range)),
            Item::Map(_) => Kind::Map,
            Item::List(_) => Kind::List,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(crate) fn as_text(self) -> Option<&'a str> {
        match self.kind() {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of the last of the keys that are this text; `None` if this is no map.
    pub(crate) fn get(self, key: &str) -> Option<Node<'a>> {
        let document = self.document;
        let Some(Item::Map(size)) = document.items.get(self.at) else {
            return None;
        };
        let end = self.at + *size as usize;
        let mut found = None;
        let mut name = self.at + 1;
        while name < end {
            let value = name + document.size(name);
            // Most keys differ in length: their text is not looked at.
            if let Item::Text(range) = document.items[name]
                && range.length() == key.len()
                && document.text(range) == key
            {
                found = Some(Node {
                    document,
                    at: value,
                });
            }
            name = value + document.size(value);
        }
        found
    }

    /// An element of a list; `None` if this is none, or it is shorter.
    pub(crate) fn at(self, index: usize) -> Option<Node<'a>> {
        match self.kind() {
            Kind::List => self.children().nth(index),
            _ => None,
        }
    }

    /// Elements of a list, distinct keys of a map; 0 of all else.
    pub(crate) fn len(self) -> usize {
        match self.kind() {
            Kind::List => self.children().count(),
            Kind::Map => self.entries().len(),
            _ => 0,
        }
    }

    /// What a collection holds, keys and values of a map in turns.
    fn children(self) -> impl Iterator<Item = Node<'a>> {
        let document = self.document;
        let end = self.at + document.size(self.at);
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let node = (at < end).then_some(Node { document, at })?;
            at += document.size(at);
            Some(node)
        })
    }
}

#[cfg(test)]
mod tests;
