//! Paths into a configuration: `receivers."otlp/x.y".protocols`, `exporters.otlp.headers[0]`.

use std::fmt;

use super::tree::{Entry, MAX_DEPTH, Node, Value, merge};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Key(String),
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Segment {
        Segment::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Segment {
        Segment::Index(index)
    }
}

/// Keys and list indices from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<Segment>);

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("a key is missing at character {0}")]
    MissingKey(usize),
    #[error("the quote at character {0} is not closed")]
    OpenQuote(usize),
    #[error("`[` at character {0} is not followed by a number and `]`")]
    BadIndex(usize),
    #[error("`.` or `[` is missing at character {0}")]
    MissingSeparator(usize),
    #[error("the path is deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl KeyPath {
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The same path from one key further out.
    #[must_use]
    pub fn under(mut self, key: &str) -> KeyPath {
        self.0.insert(0, key.into());
        self
    }

    pub(crate) fn push(&mut self, segment: impl Into<Segment>) {
        self.0.push(segment.into());
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) fn parse(text: &str) -> Result<KeyPath, PathError> {
        Self::read(text, &['.', '[']).map(|(path, _)| path)
    }

    /// The path before the first `=` that is not in quotes, and the byte after that `=`.
    pub(crate) fn parse_assignment(text: &str) -> Result<Option<(KeyPath, usize)>, PathError> {
        let (path, end) = Self::read(text, &['.', '[', '='])?;
        let assigned = text[end..].starts_with('=');
        Ok(assigned.then_some((path, end + 1)))
    }

    /// Reads up to the end or an unquoted `=`, if that is among the stops.
    fn read(text: &str, stops: &[char]) -> Result<(KeyPath, usize), PathError> {
        let mut path = KeyPath::default();
        let mut at = 0;
        loop {
            let (key, end) = read_key(text, at, stops)?;
            path.push(key);
            at = end;
            while text[at..].starts_with('[') {
                let (index, end) = read_index(text, at)?;
                path.push(index);
                at = end;
            }
            if path.0.len() > MAX_DEPTH {
                return Err(PathError::TooDeep);
            }
            match text[at..].chars().next() {
                Some('.') => at += 1,
                Some(next) if !stops.contains(&next) => {
                    return Err(PathError::MissingSeparator(column(text, at)));
                }
                _ => return Ok((path, at)),
            }
        }
    }
}

fn column(text: &str, byte: usize) -> usize {
    text[..byte].chars().count() + 1
}

fn read_key(text: &str, at: usize, stops: &[char]) -> Result<(Segment, usize), PathError> {
    let rest = &text[at..];
    if let Some(quoted) = rest.strip_prefix('"') {
        let close = quoted
            .find('"')
            .ok_or_else(|| PathError::OpenQuote(column(text, at)))?;
        return Ok((Segment::from(&quoted[..close]), at + close + 2));
    }
    let end = rest.find(stops).unwrap_or(rest.len());
    if end == 0 {
        return Err(PathError::MissingKey(column(text, at)));
    }
    Ok((Segment::from(&rest[..end]), at + end))
}

fn read_index(text: &str, at: usize) -> Result<(Segment, usize), PathError> {
    let bad = || PathError::BadIndex(column(text, at));
    let rest = &text[at + 1..];
    let close = rest.find(']').ok_or_else(bad)?;
    let index: usize = rest[..close].parse().map_err(|_| bad())?;
    Ok((Segment::Index(index), at + close + 2))
}

impl<S: Into<Segment>> FromIterator<S> for KeyPath {
    fn from_iter<I: IntoIterator<Item = S>>(segments: I) -> Self {
        KeyPath(segments.into_iter().map(Into::into).collect())
    }
}

/// Reads the dotted form; a text that is none is taken as one key, the empty one as the empty path.
impl From<&str> for KeyPath {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            return KeyPath::default();
        }
        KeyPath::parse(text).unwrap_or_else(|_| KeyPath::from_iter([text]))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            let dot = if position > 0 { "." } else { "" };
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if key.contains(['.', '[', '=', '"']) || key.is_empty() => {
                    write!(f, "{dot}\"{key}\"")?;
                }
                Segment::Key(key) => write!(f, "{dot}{key}")?,
            }
        }
        Ok(())
    }
}

/// Why a value cannot be put at a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssignError {
    #[error("`{path}` is a list; its items are named by a number, as in `{path}[0]`")]
    KeyInList { path: KeyPath },
    #[error("`{path}` is not a list, so it has no item {index}")]
    IndexOutsideList { path: KeyPath, index: usize },
    #[error("`{path}` has {length} items; [{length}] would add one, [{index}] is past that")]
    IndexPastEnd {
        path: KeyPath,
        length: usize,
        index: usize,
    },
}

/// Puts a value at `path` below `root`, making the mappings on the way. A list index replaces an
/// item or, just past the end, adds one. What is there already is merged with. The key of `entry`
/// is the place of the path.
pub(crate) fn assign(root: &mut Node, path: &KeyPath, entry: Entry) -> Result<(), AssignError> {
    let Entry { key: place, value } = entry;
    let mut node = root;
    for (depth, segment) in path.segments().iter().enumerate() {
        let walked = || KeyPath(path.segments()[..depth].to_vec());
        node = match segment {
            Segment::Key(key) => {
                if matches!(node.value, Value::Sequence(_)) {
                    return Err(AssignError::KeyInList { path: walked() });
                }
                let entries = node.become_mapping(place);
                let entry = entries.entry(key.clone()).or_insert_with(|| Entry {
                    key: place,
                    value: Node::empty_mapping(place),
                });
                if depth + 1 == path.segments().len() {
                    entry.key = place;
                }
                &mut entry.value
            }
            Segment::Index(index) => {
                let index = *index;
                let Value::Sequence(items) = &mut node.value else {
                    let path = walked();
                    return Err(AssignError::IndexOutsideList { path, index });
                };
                let length = items.len();
                if index > length {
                    let path = walked();
                    return Err(AssignError::IndexPastEnd {
                        path,
                        length,
                        index,
                    });
                }
                if index == length {
                    items.push(Node::empty_mapping(place));
                }
                &mut items[index]
            }
        };
    }
    merge(node, value);
    Ok(())
}
