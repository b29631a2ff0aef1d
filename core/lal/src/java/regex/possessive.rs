//! Possessive quantifiers, which give nothing back.
//!
//! Where what follows cannot be what is repeated, giving back never helps: then the plain quantifier
//! finds the same. Sets of characters are compared to know that.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// A character that was repeated possessively, and nothing has followed yet.
#[derive(Clone)]
pub(super) struct Pending {
    /// Of the quantifier.
    pub(super) offset: usize,
    characters: ClassUnicode,
}

impl Pending {
    /// `atom` is translated.
    pub(super) fn new(offset: usize, atom: &str) -> Pending {
        Pending {
            offset,
            characters: characters(atom),
        }
    }

    pub(super) fn is_disjoint(&self, atom: &str) -> bool {
        let mut both = self.characters.clone();
        both.intersect(&characters(atom));
        both.ranges().is_empty()
    }
}

/// All of Unicode if it is not known.
fn characters(atom: &str) -> ClassUnicode {
    let all = || ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)]);
    let Ok(hir) = regex_syntax::parse(atom) else {
        return all();
    };
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => class,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => ClassUnicode::new(text.chars().map(|it| ClassUnicodeRange::new(it, it))),
            Err(_) => all(),
        },
        _ => all(),
    }
}
