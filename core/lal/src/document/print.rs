//! Nodes as text: Java's `toString`, and Gson's.

use std::collections::HashMap;
use std::fmt::Write;

use super::{Kind, Node};
use crate::java::{date, text};

impl<'a> Node<'a> {
    /// As `String.valueOf` prints it: maps as `{k=v}`, lists as `[1, 2]`, a null as `null`.
    pub(crate) fn push_java(self, to: &mut String) {
        match self.kind() {
            Kind::Null => to.push_str("null"),
            Kind::Boolean(value) => to.push_str(if value { "true" } else { "false" }),
            Kind::Int(value) => push_integer(to, i64::from(value)),
            Kind::Long(value) => push_integer(to, value),
            Kind::Double(value) => text::push_double(to, value),
            Kind::Number(text) | Kind::Text(text) => to.push_str(text),
            Kind::Date(unix_ms) => date::push_date(to, unix_ms),
            Kind::Map => {
                to.push('{');
                for (index, (key, value)) in self.entries().into_iter().enumerate() {
                    to.push_str(if index > 0 { ", " } else { "" });
                    key.push_java(to);
                    to.push('=');
                    value.push_java(to);
                }
                to.push('}');
            }
            Kind::List => {
                to.push('[');
                for (index, value) in self.children().enumerate() {
                    to.push_str(if index > 0 { ", " } else { "" });
                    value.push_java(to);
                }
                to.push(']');
            }
        }
    }

    /// As `JsonElement.toString` prints it: JSON without blanks, text in quotes.
    pub(crate) fn push_json(self, to: &mut String) {
        match self.kind() {
            Kind::Text(text) => push_quoted(to, text),
            Kind::Date(unix_ms) => {
                to.push('"');
                date::push_date(to, unix_ms);
                to.push('"');
            }
            Kind::Map => {
                to.push('{');
                for (index, (key, value)) in self.entries().into_iter().enumerate() {
                    to.push_str(if index > 0 { "," } else { "" });
                    push_quoted(to, &key.java());
                    to.push(':');
                    value.push_json(to);
                }
                to.push('}');
            }
            Kind::List => {
                to.push('[');
                for (index, value) in self.children().enumerate() {
                    to.push_str(if index > 0 { "," } else { "" });
                    value.push_json(to);
                }
                to.push(']');
            }
            _ => self.push_java(to),
        }
    }

    /// A map's entries as a Java map has them: each key once, where it came first, with the value
    /// that came last.
    pub(super) fn entries(self) -> Vec<(Node<'a>, Node<'a>)> {
        let mut entries: Vec<(Node<'a>, Node<'a>)> = Vec::new();
        let mut places = HashMap::new();
        let mut children = self.children();
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            // The text `1` is another key than the number.
            let place = places.entry((key.as_text().is_some(), key.java()));
            let at = *place.or_insert(entries.len());
            match entries.get_mut(at) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        entries
    }

    fn java(self) -> String {
        let mut text = String::new();
        self.push_java(&mut text);
        text
    }
}

fn push_integer(to: &mut String, value: i64) {
    write!(to, "{value}").expect("writing to a `String` does not fail");
}

/// As Gson's writer quotes when it is not told to be safe in HTML.
fn push_quoted(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => to.extend(['\\', character]),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\u{c}' => to.push_str("\\f"),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => {
                let code = u32::from(character);
                write!(to, "\\u{code:04x}").expect("writing to a `String` does not fail");
            }
            _ => to.push(character),
        }
    }
    to.push('"');
}
