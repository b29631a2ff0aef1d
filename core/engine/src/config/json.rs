//! Between trees and JSON.

use serde_json::{Number, Value as Json};

use super::position::Position;
use super::secret::REDACTED;
use super::tree::{Core, Entry, Mapping, Node, Scalar, Value};

/// What becomes of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    Exposed,
    Redacted,
}

pub(crate) fn to_json(node: &Node, secrets: Secrets) -> Json {
    match &node.value {
        Value::Scalar(scalar) if node.secret && secrets == Secrets::Redacted => {
            match scalar.core() {
                Core::Null => Json::Null,
                _ => REDACTED.into(),
            }
        }
        Value::Scalar(scalar) => scalar_to_json(scalar),
        Value::Sequence(items) => {
            Json::Array(items.iter().map(|item| to_json(item, secrets)).collect())
        }
        Value::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, entry)| (key.clone(), to_json(&entry.value, secrets)));
            Json::Object(entries.collect())
        }
        Value::Broken => Json::Null,
    }
}

fn scalar_to_json(scalar: &Scalar) -> Json {
    let text = || Json::from(scalar.text.as_str());
    match scalar.core() {
        Core::Null => Json::Null,
        Core::Bool(value) => value.into(),
        Core::Integer(number) => u64::try_from(number)
            .map(Json::from)
            .or_else(|_| i64::try_from(number).map(Json::from))
            .unwrap_or_else(|_| text()),
        Core::Float(number) => Number::from_f64(number).map_or_else(text, Json::Number),
        Core::Text => text(),
    }
}

/// Defaults as a tree. Empty values are left out: written down, an empty value would say "present".
pub(crate) fn from_json(json: &Json) -> Option<Node> {
    let value = match json {
        Json::Null => return None,
        Json::String(text) => Value::Scalar(Scalar::text(text.as_str())),
        Json::Bool(value) => Value::Scalar(Scalar::plain(value.to_string())),
        Json::Number(number) => Value::Scalar(Scalar::plain(number.to_string())),
        Json::Array(items) => Value::Sequence(items.iter().filter_map(from_json).collect()),
        Json::Object(entries) => {
            let entries = entries.iter().filter_map(|(name, json)| {
                let entry = Entry {
                    key: Position::DEFAULT,
                    value: from_json(json)?,
                };
                Some((name.clone(), entry))
            });
            Value::Mapping(entries.collect::<Mapping>())
        }
    };
    Some(Node::new(value, Position::DEFAULT))
}
