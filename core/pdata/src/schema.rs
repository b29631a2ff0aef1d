//! The OTLP messages as tables: numbers, names and kinds of all fields.
//!
//! The walk uses them to check what its fast paths do not know and to name the field in an error;
//! the JSON forms are driven by them alone. Source: the `.proto` files of
//! `opentelemetry-proto` 1.9; a test compares every table with their descriptors.

use crate::Signal;

mod common;
mod logs;
mod metrics;
mod trace;

pub use common::{ANY_VALUE, ARRAY_VALUE, KEY_VALUE, KEY_VALUE_LIST, RESOURCE, SCOPE};
pub use logs::{LOG_RECORD, LOGS_REQUEST, RESOURCE_LOGS, SCOPE_LOGS};
pub use metrics::{METRIC, METRICS_REQUEST, RESOURCE_METRICS, SCOPE_METRICS};
pub use trace::{RESOURCE_SPANS, SCOPE_SPANS, SPAN, TRACE_REQUEST};

/// No message has more fields, so that a walk can keep one bit or one entry for each.
pub const FIELDS_MAX: usize = 16;

/// One protobuf message.
#[derive(Debug)]
pub struct Message {
    /// The name in the `.proto` file, without its package.
    pub name: &'static str,
    /// Ascending by number.
    pub fields: &'static [Field],
}

impl Message {
    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    pub number: u32,
    /// The name in the `.proto` file, in snake_case.
    pub name: &'static str,
    /// The name in OTLP/JSON, in lowerCamelCase.
    pub json: &'static str,
    pub kind: Kind,
    pub repeated: bool,
    pub presence: Presence,
}

/// Whether a field that is there with its default value says more than one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It does not: the plain scalars of proto3, and lists.
    Implicit,
    /// It does: messages and `optional` scalars.
    Explicit,
    /// It does, and setting one member unsets the others. No message of OTLP has two oneofs, so
    /// the members need no name of their group.
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

impl Kind {
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
            Kind::String | Kind::Bytes | Kind::Id | Kind::Message(_) => WireType::Len,
        }
    }
}

/// The export request of a signal: field 1 repeats the resource-level message.
pub const fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACE_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
    }
}

/// The resource-level message of a signal: 1 the resource, 2 the scopes, 3 the schema URL.
pub const fn resource_level(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &RESOURCE_SPANS,
        Signal::Metrics => &RESOURCE_METRICS,
        Signal::Logs => &RESOURCE_LOGS,
    }
}

/// The scope-level message of a signal: 1 the scope, 2 spans, metrics or log records, 3 the schema URL.
pub const fn scope_level(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &SCOPE_SPANS,
        Signal::Metrics => &SCOPE_METRICS,
        Signal::Logs => &SCOPE_LOGS,
    }
}

const fn one(number: u32, name: &'static str, json: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        json,
        kind,
        repeated: false,
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
        presence: Presence::Implicit,
    }
}

#[cfg(test)]
mod tests;
