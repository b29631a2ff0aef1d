//! The messages of OTLP and SkyWalking as tables: numbers, names and kinds of all fields.
//!
//! The walk uses them to check what its fast paths do not know and to name the field in an error;
//! the JSON forms are driven by them alone. Sources: the `.proto` files of
//! `opentelemetry-proto` 1.9 and those in `proto/skywalking`; a test compares every table with
//! their descriptors.

use crate::Signal;

mod common;
mod logs;
mod metrics;
pub mod skywalking;
mod trace;

pub use common::{ANY_VALUE, ARRAY_VALUE, KEY_VALUE, KEY_VALUE_LIST, RESOURCE, SCOPE};
pub use logs::{LOG_RECORD, LOGS_REQUEST, RESOURCE_LOGS, SCOPE_LOGS};
pub use metrics::{METRIC, METRICS_REQUEST, RESOURCE_METRICS, SCOPE_METRICS};
pub use trace::{RESOURCE_SPANS, SCOPE_SPANS, SPAN, TRACE_REQUEST};

/// No message has more fields, so that a walk can keep one bit or one entry for each.
pub const FIELDS_MAX: usize = 18;

/// One protobuf message.
#[derive(Debug)]
pub struct Message {
    /// The name in the `.proto` file, without its package.
    pub name: &'static str,
    /// Ascending by number.
    pub fields: &'static [Field],
    /// What to do at each tag below 256 (fields 1 to 31), so that the walk needs one load per field.
    steps: [Step; 256],
}

/// How the walk passes a field; derived from its [`Kind`] where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Not known by its tag: look the field up in the table.
    Lookup,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    Message,
    /// A message that is one item of its signal.
    Item,
    /// A `KeyValue`, most often with a short string value.
    Attribute,
}

/// A [`Pass`] and the index of its field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) pass: Pass,
    pub(crate) field: u8,
}

impl Message {
    const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let mut steps = [Step {
            pass: Pass::Lookup,
            field: 0,
        }; 256];
        let mut index = 0;
        while index < fields.len() {
            let field = &fields[index];
            let tag = field.number << 3 | field.kind.wire_type().code();
            if tag < 256 {
                steps[tag as usize] = Step {
                    pass: field.pass,
                    field: index as u8,
                };
            }
            index += 1;
        }
        Message {
            name,
            fields,
            steps,
        }
    }

    /// What to do at a field with this tag.
    #[inline]
    pub(crate) fn step(&self, tag: u8) -> Step {
        self.steps[usize::from(tag)]
    }

    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    pub number: u32,
    /// The name in the `.proto` file: in snake_case for OTLP, as in JSON for SkyWalking.
    pub name: &'static str,
    /// The name in JSON, in lowerCamelCase.
    pub json: &'static str,
    pub kind: Kind,
    pub repeated: bool,
    pub(crate) pass: Pass,
    pub presence: Presence,
}

/// Whether a field that is there with its default value says more than one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does not: the plain scalars of proto3, and lists.
    Implicit,
    /// It does: messages and `optional` scalars.
    Explicit,
    /// It does, and setting one member unsets the others. No message has two oneofs, so the members
    /// need no name of their group.
    Oneof,
}

/// What a field holds, and with that its wire type and its JSON form.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    Enum(&'static [EnumValue]),
    String,
    /// Base64 in JSON.
    Bytes,
    /// Trace and span ids: bytes on the wire, hexadecimal in JSON (OTLP's deviation from proto3 JSON).
    Id,
    Message(&'static Message),
    /// On the wire a list of entries, each a message of 1 the key and 2 the value, both strings; in
    /// JSON an object. Such a field is repeated.
    Map(&'static Message),
}

/// Name and number of an enumeration's value.
pub type EnumValue = (&'static str, i32);

/// Protobuf's wire types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    Varint,
    Fixed64,
    Len,
    Fixed32,
}

impl WireType {
    /// The number in a field's tag.
    pub const fn code(self) -> u32 {
        match self {
            WireType::Varint => 0,
            WireType::Fixed64 => 1,
            WireType::Len => 2,
            WireType::Fixed32 => 5,
        }
    }
}

impl Kind {
    /// The message that one value of this kind is on the wire.
    pub(crate) const fn message(self) -> Option<&'static Message> {
        match self {
            Kind::Message(message) | Kind::Map(message) => Some(message),
            _ => None,
        }
    }

    const fn pass(self) -> Pass {
        match self {
            Kind::String => Pass::Text,
            Kind::Bytes | Kind::Id => Pass::Bytes,
            Kind::Message(_) | Kind::Map(_) => Pass::Message,
            _ => match self.wire_type() {
                WireType::Varint => Pass::Varint,
                WireType::Fixed64 => Pass::Fixed64,
                WireType::Fixed32 => Pass::Fixed32,
                WireType::Len => Pass::Bytes,
            },
        }
    }

    /// The wire type of one value of this kind (a packed list is [`WireType::Len`] instead).
    pub const fn wire_type(self) -> WireType {
        match self {
            Kind::Bool
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Enum(_) => WireType::Varint,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => WireType::Fixed64,
            Kind::Fixed32 => WireType::Fixed32,
            Kind::String | Kind::Bytes | Kind::Id | Kind::Message(_) | Kind::Map(_) => {
                WireType::Len
            }
        }
    }
}

/// The export request of a signal: field 1 repeats the resource-level message.
pub const fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACE_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// The resource-level message of a signal: 1 the resource, 2 the scopes, 3 the schema URL.
pub const fn resource_level(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &RESOURCE_SPANS,
        Signal::Metrics => &RESOURCE_METRICS,
        Signal::Logs => &RESOURCE_LOGS,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// The scope-level message of a signal: 1 the scope, 2 spans, metrics or log records, 3 the schema URL.
pub const fn scope_level(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &SCOPE_SPANS,
        Signal::Metrics => &SCOPE_METRICS,
        Signal::Logs => &SCOPE_LOGS,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

const fn one(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        json,
        kind,
        repeated: false,
        pass: kind.pass(),
        presence: match kind {
            Kind::Message(_) => Presence::Explicit,
            _ => Presence::Implicit,
        },
    }
}

const fn optional(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        presence: Presence::Explicit,
        ..one(number, name, json, kind)
    }
}

const fn oneof(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        presence: Presence::Oneof,
        ..one(number, name, json, kind)
    }
}

const fn many(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        json,
        kind,
        repeated: true,
        pass: kind.pass(),
        presence: Presence::Implicit,
    }
}

/// A repeated message of which each occurrence is one item: a span, a data point, a log record.
const fn items(
    number: u32,
    name: &'static str,
    json: &'static str,
    message: &'static Message,
) -> Field {
    Field {
        pass: Pass::Item,
        ..many(number, name, json, Kind::Message(message))
    }
}

#[cfg(test)]
mod tests;
