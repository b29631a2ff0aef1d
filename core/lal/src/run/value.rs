//! Values as rules compute them, and Java's conversions between them.

use prost_reflect::DynamicMessage;

use crate::check::types::NumberType;
use crate::document::{Kind, Node};
use crate::java::text;

/// A value: small, and copied; all text is borrowed from the log, the rules or the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// Java's `BigInteger`, as it is written.
    Big(&'a str),
    Text(&'a str),
    Character(char),
    /// A map, a list or a date of a body.
    Node(Node<'a>),
    Json(Element<'a>),
    /// Of protobuf.
    Message(&'a DynamicMessage),
    /// A constant of an enum of protobuf, which is no text to Java.
    Constant(&'a str),
    /// Java's `String[]`.
    Texts(&'a [&'a str]),
}

/// A `JsonElement` of Gson.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) node: Node<'a>,
    /// Made of a map: Gson leaves out what is null in it.
    pub(crate) of_map: bool,
}

/// Why a rule cannot go on with a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a>(pub(crate) &'a str);

pub(crate) type Fallible<'a, T> = Result<T, Failure<'a>>;

/// A number of a type that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Integer(i32),
    Long(i64),
    Float(f32),
    Double(f64),
}

impl<'a> Value<'a> {
    pub(crate) fn of_node(node: Node<'a>) -> Value<'a> {
        match node.kind() {
            Kind::Null => Value::Null,
            Kind::Boolean(value) => Value::Boolean(value),
            Kind::Int(value) => Value::Integer(value),
            Kind::Long(value) => Value::Long(value),
            Kind::Double(value) => Value::Double(value),
            Kind::Number(text) => Value::Big(text),
            Kind::Text(text) => Value::Text(text),
            Kind::Date(_) | Kind::Map | Kind::List => Value::Node(node),
        }
    }

    /// There is text in it. Besides text only a message without fields prints as nothing.
    pub(crate) fn is_present(self) -> bool {
        match self {
            Value::Null => false,
            Value::Text(text) => !text.is_empty(),
            Value::Message(message) => message.fields().next().is_some(),
            _ => true,
        }
    }

    /// As `as Boolean` reads it.
    pub(crate) fn is_true(self) -> bool {
        match self {
            Value::Null => false,
            Value::Boolean(value) => value,
            Value::Text(text) => text.eq_ignore_ascii_case("true"),
            _ => true,
        }
    }

    /// `None` for text that is no number; what is neither text nor a number is 0.
    pub(crate) fn number(self, by: NumberType) -> Option<Number> {
        Some(match by {
            NumberType::Integer => Number::Integer(self.integer()?),
            NumberType::Long => Number::Long(self.long()?),
            NumberType::Float => Number::Float(self.float()?),
            NumberType::Double => Number::Double(self.double()?),
        })
    }

    fn integer(self) -> Option<i32> {
        Some(match self {
            Value::Integer(value) => value,
            Value::Long(value) => value as i32,
            Value::Float(value) => value as i32,
            Value::Double(value) => value as i32,
            Value::Big(digits) => text::narrow_to_long(digits) as i32,
            Value::Text(text) => return text::parse_int(text),
            _ => 0,
        })
    }

    fn long(self) -> Option<i64> {
        Some(match self {
            Value::Integer(value) => i64::from(value),
            Value::Long(value) => value,
            Value::Float(value) => value as i64,
            Value::Double(value) => value as i64,
            Value::Big(digits) => text::narrow_to_long(digits),
            Value::Text(text) => return text::parse_long(text),
            _ => 0,
        })
    }

    fn float(self) -> Option<f32> {
        Some(match self {
            Value::Integer(value) => value as f32,
            Value::Long(value) => value as f32,
            Value::Float(value) => value,
            Value::Double(value) => value as f32,
            Value::Big(text) | Value::Text(text) => return text::parse_float(text),
            _ => 0.0,
        })
    }

    fn double(self) -> Option<f64> {
        Some(match self {
            Value::Integer(value) => f64::from(value),
            Value::Long(value) => value as f64,
            Value::Float(value) => f64::from(value),
            Value::Double(value) => value,
            Value::Big(text) | Value::Text(text) => return text::parse_double(text),
            _ => 0.0,
        })
    }

    /// Java's `Number.doubleValue`; `None` for what is no `Number`.
    pub(crate) fn measured(self) -> Option<f64> {
        match self {
            Value::Integer(_)
            | Value::Long(_)
            | Value::Float(_)
            | Value::Double(_)
            | Value::Big(_) => self.double(),
            _ => None,
        }
    }

    /// Java's `Objects.equals`; maps, lists and JSON by what they print.
    pub(crate) fn equals(self, other: Value<'a>) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(one), Value::Boolean(other)) => one == other,
            (Value::Integer(one), Value::Integer(other)) => one == other,
            (Value::Long(one), Value::Long(other)) => one == other,
            // As their boxes compare: a NaN equals itself, the zeros differ.
            (Value::Float(one), Value::Float(other)) => one.total_cmp(&other).is_eq(),
            (Value::Double(one), Value::Double(other)) => one.total_cmp(&other).is_eq(),
            (Value::Big(one), Value::Big(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::Constant(one), Value::Constant(other)) => one == other,
            (Value::Message(one), Value::Message(other)) => one == other,
            (Value::Character(one), Value::Character(other)) => one == other,
            (Value::Node(one), Value::Node(other)) => printed(one) == printed(other),
            (Value::Json(one), Value::Json(other)) => printed(one.node) == printed(other.node),
            _ => false,
        }
    }
}

impl From<Number> for Value<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(value) => Value::Integer(value),
            Number::Long(value) => Value::Long(value),
            Number::Float(value) => Value::Float(value),
            Number::Double(value) => Value::Double(value),
        }
    }
}

fn printed(node: Node<'_>) -> String {
    let mut text = String::new();
    node.push_json(&mut text);
    text
}
