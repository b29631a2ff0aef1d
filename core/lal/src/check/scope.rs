//! What is known of a value before anything runs, and which variables can be seen.

use crate::tree::Cast;

/// A value's type, as far as a rule's text tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    /// `int` of a Java method, which nothing but arithmetic takes.
    Primitive,
    /// Gson's, of `toJson` and `toJsonArray`.
    Json,
    /// Java's `Object`: it has no methods of its own.
    Object,
    /// Of a Java class that only OAP knows.
    Foreign,
}

impl Type {
    pub(super) fn of_cast(cast: &Cast) -> Type {
        match cast {
            Cast::String => Type::Text,
            Cast::Long => Type::Long,
            Cast::Integer => Type::Integer,
            Cast::Double => Type::Double,
            Cast::Float => Type::Float,
            Cast::Boolean => Type::Boolean,
            Cast::Class(_) => Type::Foreign,
        }
    }

    /// A number's rank in Java's promotion.
    fn rank(self) -> Option<usize> {
        match self {
            Type::Integer | Type::Primitive => Some(0),
            Type::Long => Some(1),
            Type::Float => Some(2),
            Type::Double => Some(3),
            _ => None,
        }
    }

    pub(super) fn is_number(self) -> bool {
        self.rank().is_some()
    }

    /// Of two numbers the type that both become; `None` if one is no number.
    pub(super) fn promoted(self, other: Type) -> Option<Type> {
        let ranks = [Type::Integer, Type::Long, Type::Float, Type::Double];
        let rank = self.rank()?.max(other.rank()?);
        ranks.get(rank).copied()
    }

    /// What a method of a text gives.
    pub(super) fn of_text_method(name: &str) -> Type {
        match name {
            "startsWith" | "endsWith" | "contains" | "equals" | "equalsIgnoreCase" | "isEmpty"
            | "matches" => Type::Boolean,
            "length" | "indexOf" | "lastIndexOf" | "compareTo" | "hashCode" => Type::Primitive,
            "substring" | "replace" | "replaceAll" | "replaceFirst" | "toUpperCase"
            | "toLowerCase" | "trim" | "concat" | "toString" => Type::Text,
            _ => Type::Foreign,
        }
    }
}

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
