//! Which variables can be seen, and what type they have.

use super::types::Type;

/// Variables that every path up to here has assigned.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    variables: Vec<(String, Type)>,
}

impl Scope {
    pub(super) fn get(&self, name: &str) -> Option<Type> {
        let mut newest = self.variables.iter().rev();
        newest.find(|it| it.0 == name).map(|it| it.1)
    }

    pub(super) fn assign(&mut self, name: &str, kind: Type) {
        self.variables.retain(|it| it.0 != name);
        self.variables.push((name.to_owned(), kind));
    }

    /// Leaves what both know.
    pub(super) fn join(&mut self, other: &Scope) {
        self.variables.retain(|it| other.get(&it.0).is_some());
    }
}
