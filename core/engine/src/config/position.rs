//! Where things were written: sources, and places in them.

use std::sync::Arc;

/// Index of a source in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceId(u32);

impl SourceId {
    /// The source of values nobody wrote: the components' defaults.
    pub(crate) const DEFAULT: SourceId = SourceId(0);
}

/// The place of a key or a value. Lines and columns count from 1, columns and widths in characters.
///
/// `width` is what the value takes of its first line, 0 for a value that was left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) source: SourceId,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) width: u32,
}

impl Position {
    pub(crate) const DEFAULT: Position = Position::start_of(SourceId::DEFAULT);

    pub(crate) const fn start_of(source: SourceId) -> Position {
        Position {
            source,
            line: 1,
            column: 1,
            width: 0,
        }
    }
}

/// How the places of a source are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// By line and column: files, environment variables, `yaml:` arguments.
    Lines,
    /// By name alone: one `--set` is one line.
    Argument,
}

#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    kind: SourceKind,
}

/// Every text the configuration was read from, and which places in them hold secrets.
#[derive(Debug)]
pub(crate) struct Sources {
    list: Vec<Source>,
    secrets: Vec<Position>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        let default = Source {
            name: "default".to_owned(),
            text: String::new(),
            kind: SourceKind::Argument,
        };
        Sources {
            list: vec![default],
            secrets: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: &str, kind: SourceKind, text: &str) -> SourceId {
        let id = u32::try_from(self.list.len()).expect("the number of sources is bounded");
        self.list.push(Source {
            name: name.to_owned(),
            text: text.to_owned(),
            kind,
        });
        SourceId(id)
    }

    pub(crate) fn hide(&mut self, secrets: Vec<Position>) {
        self.secrets.extend(secrets);
    }

    pub(crate) fn name(&self, id: SourceId) -> &str {
        &self.source(id).name
    }

    pub(crate) fn kind(&self, id: SourceId) -> SourceKind {
        self.source(id).kind
    }

    /// The text of one line, or `None` past the end.
    pub(crate) fn line(&self, id: SourceId, line: u32) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.source(id).text.lines().nth(index)
    }

    /// Secret places on one line, first one first.
    pub(crate) fn secrets_on(&self, id: SourceId, line: u32) -> Vec<Position> {
        let mut found: Vec<Position> = self
            .secrets
            .iter()
            .filter(|secret| secret.source == id && secret.line == line && secret.width > 0)
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// `base.yaml:12`, or the name alone where there is one line only.
    pub(crate) fn short_place(&self, position: Position) -> String {
        match self.kind(position.source) {
            SourceKind::Lines => format!("{}:{}", self.name(position.source), position.line),
            SourceKind::Argument => self.name(position.source).to_owned(),
        }
    }

    /// Narrows the place of a scalar to the first occurrence of `part` in it, where it can be seen
    /// on the scalar's first line.
    pub(crate) fn narrow(&self, position: Position, part: &str) -> Position {
        let Some(line) = self.line(position.source, position.line) else {
            return position;
        };
        let skip = to_usize(position.column).saturating_sub(1);
        let Some((start, _)) = line.char_indices().nth(skip) else {
            return position;
        };
        let Some(found) = line[start..].find(part) else {
            return position;
        };
        let before = line[start..start + found].chars().count();
        Position {
            column: position.column.saturating_add(to_u32(before)),
            width: to_u32(part.chars().count()),
            ..position
        }
    }

    fn source(&self, id: SourceId) -> &Source {
        &self.list[to_usize(id.0)]
    }
}

/// What supplied a value that its place only refers to, as in `${env:PORT}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Via {
    /// `env:PORT`, `file:token.txt`.
    pub(crate) name: Arc<str>,
    /// The text as supplied, on the topmost node only: a field of text takes this and not what
    /// YAML makes of it.
    pub(crate) text: Option<Arc<str>>,
}

/// A place together with what supplied the value there.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) position: Position,
    pub(crate) via: Option<Arc<str>>,
}

impl From<Position> for Site {
    fn from(position: Position) -> Site {
        Site {
            position,
            via: None,
        }
    }
}

/// Lines and columns past 4 billion are beyond the size bound of a source.
pub(crate) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(crate) fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
