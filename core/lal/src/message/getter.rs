//! Getters of the classes that Java's compiler for protobuf makes, as far as rules can use what
//! they give.

use prost_reflect::{FieldDescriptor, Kind};

use super::Class;
use crate::check::methods::Parameter;
use crate::check::types::{NumberType, Type};
use crate::tree::{Segment, SegmentKind};

/// What a getter reads of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The default if it is not set.
    Value,
    /// An enum's number.
    Number,
    Presence,
    /// Of elements or entries.
    Count,
    Element,
    ContainsKey,
    EntryOrDefault,
    EntryOrThrow,
}

/// A getter that a class has.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) field: FieldDescriptor,
    pub(crate) reading: Reading,
    pub(crate) takes: &'static [Parameter],
    pub(crate) gives: Type,
}

/// The getter of this name with `count` arguments.
pub(crate) fn getter(class: Class, name: &str, count: usize) -> Option<Found> {
    class
        .descriptor()
        .fields()
        .flat_map(|field| getters(&field))
        .find_map(|(own, found)| (own == name && found.takes.len() == count).then_some(found))
}

/// The names of all getters of a class, each once.
pub(crate) fn names(class: Class) -> Vec<String> {
    let fields = class.descriptor().fields();
    fields
        .flat_map(|field| getters(&field))
        .map(|it| it.0)
        .collect()
}

/// The getter that a field of a rule stands for: `getName()`, and of a variable also `name()`.
pub(crate) fn field(class: Class, name: &str) -> Option<Found> {
    let mut letters = name.chars();
    let first = letters.next()?.to_ascii_uppercase();
    let getter_name = format!("get{first}{}", letters.as_str());
    getter(class, &getter_name, 0)
}

/// What the fields that the segments start with give, and how many they are; the place of the first
/// that the class does not have.
pub(crate) fn leading(class: Class, segments: &[Segment]) -> Result<(Type, usize), (Type, usize)> {
    let mut kind = Type::Message(class);
    for (at, segment) in segments.iter().enumerate() {
        let SegmentKind::Field(name) = &segment.kind else {
            return Ok((kind, at));
        };
        kind = match kind {
            Type::Message(class) => match field(class, name) {
                // OAP boxes what the last of them gives.
                Some(found) => found.gives.boxed(),
                None => return Err((kind, at)),
            },
            _ => return Err((kind, at)),
        };
    }
    Ok((kind, segments.len()))
}

fn getters(field: &FieldDescriptor) -> Vec<(String, Found)> {
    let name = java_name(field.name());
    let mut getters = Vec::new();
    let mut add = |name: String, reading, takes, gives| {
        let field = field.clone();
        let found = Found {
            field,
            reading,
            takes,
            gives,
        };
        getters.push((name, found));
    };
    let integer = Type::Primitive(NumberType::Integer);
    if let Some(value) = map_value(field) {
        add(format!("get{name}Count"), Reading::Count, &[], integer);
        let key: &[Parameter] = &[Parameter::Text];
        add(
            format!("contains{name}"),
            Reading::ContainsKey,
            key,
            Type::Boolean,
        );
        if let Some(gives) = type_of(&value) {
            add(
                format!("get{name}OrThrow"),
                Reading::EntryOrThrow,
                key,
                gives,
            );
            if gives == Type::Text {
                add(
                    format!("get{name}OrDefault"),
                    Reading::EntryOrDefault,
                    &[Parameter::Text, Parameter::Text],
                    gives,
                );
            }
        }
        return getters;
    }
    let gives = type_of(&field.kind());
    if field.is_list() {
        add(format!("get{name}Count"), Reading::Count, &[], integer);
        if let Some(gives) = gives {
            add(
                format!("get{name}"),
                Reading::Element,
                &[Parameter::Integer],
                gives,
            );
        }
        return getters;
    }
    if let Some(gives) = gives {
        add(format!("get{name}"), Reading::Value, &[], gives);
    }
    if gives == Some(Type::Enum) {
        add(format!("get{name}Value"), Reading::Number, &[], integer);
    }
    if field.supports_presence() {
        add(format!("has{name}"), Reading::Presence, &[], Type::Boolean);
    }
    getters
}

/// The values of a map whose keys are text.
fn map_value(field: &FieldDescriptor) -> Option<Kind> {
    match field.kind() {
        Kind::Message(entry) if entry.is_map_entry() => Some(entry.map_entry_value_field().kind()),
        _ => None,
    }
}

/// `None` for bytes, which nothing in a rule takes.
fn type_of(kind: &Kind) -> Option<Type> {
    Some(match kind {
        Kind::Double => Type::Primitive(NumberType::Double),
        Kind::Float => Type::Primitive(NumberType::Float),
        // Java has no unsigned numbers.
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => {
            Type::Primitive(NumberType::Integer)
        }
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => {
            Type::Primitive(NumberType::Long)
        }
        Kind::Bool => Type::Boolean,
        Kind::String => Type::Text,
        Kind::Bytes => return None,
        Kind::Message(message) => Type::Message(Class::of(message)),
        Kind::Enum(_) => Type::Enum,
    })
}

/// `tls_ja3_hash` is `TlsJa3Hash`; a letter behind a digit is a capital too.
fn java_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut is_capital = true;
    for letter in field.chars() {
        if letter == '_' {
            is_capital = true;
            continue;
        }
        name.push(if is_capital {
            letter.to_ascii_uppercase()
        } else {
            letter
        });
        is_capital = letter.is_ascii_digit();
    }
    name
}
