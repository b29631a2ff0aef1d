//! Names to slots: variables of a block, keys and documents of all rules.

use crate::check::types::Type;

/// What all rules share, each key once.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) tags: Vec<Box<str>>,
    pub(super) source_attributes: Vec<Box<str>>,
    pub(super) documents: usize,
    pub(super) patterns: usize,
}

impl Keys {
    pub(super) fn tag(&mut self, key: &str) -> usize {
        slot(&mut self.tags, key)
    }

    pub(super) fn source_attribute(&mut self, key: &str) -> usize {
        slot(&mut self.source_attributes, key)
    }

    pub(super) fn document(&mut self) -> usize {
        next(&mut self.documents)
    }

    pub(super) fn pattern(&mut self) -> usize {
        next(&mut self.patterns)
    }
}

fn next(count: &mut usize) -> usize {
    *count += 1;
    *count - 1
}

/// The index of `name`, which is added if it is new.
pub(super) fn slot(names: &mut Vec<Box<str>>, name: &str) -> usize {
    let found = names.iter().position(|it| **it == *name);
    found.unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    })
}

/// Variables of one block: of the filter, an extractor or a sink. The checks see to it that each is
/// assigned before it is read, whatever path leads there.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    variables: Vec<(Box<str>, Type)>,
    /// Slots that an enclosing block has taken.
    offset: usize,
}

impl Scope {
    /// For a block that sees none of these variables.
    pub(super) fn inner(&self) -> Scope {
        Scope {
            variables: Vec::new(),
            offset: self.end(),
        }
    }

    /// Slots taken so far.
    pub(super) fn end(&self) -> usize {
        self.offset + self.variables.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<(usize, Type)> {
        let at = self.variables.iter().position(|it| *it.0 == *name)?;
        Some((self.offset + at, self.variables[at].1))
    }

    pub(super) fn kind(&self, name: &str) -> Option<Type> {
        self.get(name).map(|it| it.1)
    }

    /// The variable's slot; a name keeps its slot when it is assigned again.
    pub(super) fn assign(&mut self, name: &str, kind: Type) -> usize {
        match self.variables.iter().position(|it| *it.0 == *name) {
            Some(at) => {
                self.variables[at].1 = kind;
                self.offset + at
            }
            None => {
                self.variables.push((name.into(), kind));
                self.end() - 1
            }
        }
    }
}
