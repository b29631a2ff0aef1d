//! Protobuf's text format, as Java's `toString` of a message prints it.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, Kind, MapKey, Value};

use crate::java::text::{push_double, push_float};

/// Prints the fields that are set, in the order of their numbers, each on a line. Depth is bounded by
/// the decoder; no field is begun behind `limit` bytes, as what is nested deep prints long.
pub(crate) fn push_text(to: &mut String, message: &DynamicMessage, limit: usize) {
    Printer { to, limit }.fields(message, 0);
}

struct Printer<'t> {
    to: &'t mut String,
    limit: usize,
}

impl Printer<'_> {
    fn fields(&mut self, message: &DynamicMessage, indent: usize) {
        for (field, value) in message.fields() {
            let kind = field.kind();
            match value {
                Value::List(elements) => {
                    for element in elements {
                        self.field(field.name(), &kind, element, indent);
                    }
                }
                Value::Map(entries) => {
                    let Kind::Message(entry) = &kind else {
                        continue;
                    };
                    let (key_kind, value_kind) = (
                        entry.map_entry_key_field().kind(),
                        entry.map_entry_value_field().kind(),
                    );
                    let mut entries: Vec<(&MapKey, &Value)> = entries.iter().collect();
                    entries.sort_by_key(|it| it.0);
                    for (key, value) in entries {
                        self.open(field.name(), indent);
                        self.field("key", &key_kind, &Value::from(key.clone()), indent + 1);
                        self.field("value", &value_kind, value, indent + 1);
                        self.close(indent);
                    }
                }
                value => self.field(field.name(), &kind, value, indent),
            }
        }
    }

    fn field(&mut self, name: &str, kind: &Kind, value: &Value, indent: usize) {
        if self.to.len() > self.limit {
            return;
        }
        if let Value::Message(message) = value {
            self.open(name, indent);
            self.fields(message, indent + 1);
            self.close(indent);
            return;
        }
        self.indent(indent);
        self.to.push_str(name);
        self.to.push_str(": ");
        push_scalar(self.to, kind, value);
        self.to.push('\n');
    }

    fn open(&mut self, name: &str, indent: usize) {
        self.indent(indent);
        self.to.push_str(name);
        self.to.push_str(" {\n");
    }

    fn close(&mut self, indent: usize) {
        self.indent(indent);
        self.to.push_str("}\n");
    }

    fn indent(&mut self, indent: usize) {
        self.to.extend(std::iter::repeat_n("  ", indent));
    }
}

fn push_scalar(to: &mut String, kind: &Kind, value: &Value) {
    let written = match value {
        Value::Bool(value) => write!(to, "{value}"),
        Value::I32(value) => write!(to, "{value}"),
        Value::I64(value) => write!(to, "{value}"),
        Value::U32(value) => write!(to, "{value}"),
        Value::U64(value) => write!(to, "{value}"),
        Value::F32(value) => {
            push_float(to, *value);
            Ok(())
        }
        Value::F64(value) => {
            push_double(to, *value);
            Ok(())
        }
        Value::String(text) => push_quoted(to, text.as_bytes()),
        Value::Bytes(bytes) => push_quoted(to, bytes),
        Value::EnumNumber(number) => match kind {
            Kind::Enum(it) => match it.get_value(*number) {
                Some(value) => write!(to, "{}", value.name()),
                None => write!(to, "UNKNOWN_ENUM_VALUE_{}_{number}", it.name()),
            },
            _ => Ok(()),
        },
        Value::Message(_) | Value::List(_) | Value::Map(_) => Ok(()),
    };
    written.expect("a `String` takes all that is written");
}

/// What is not ASCII in octal digits, byte by byte.
fn push_quoted(to: &mut String, bytes: &[u8]) -> std::fmt::Result {
    to.push('"');
    for byte in bytes {
        match byte {
            0x07 => to.push_str("\\a"),
            0x08 => to.push_str("\\b"),
            0x0b => to.push_str("\\v"),
            0x0c => to.push_str("\\f"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            b'\\' | b'\'' | b'"' => {
                to.push('\\');
                to.push(char::from(*byte));
            }
            0x20..=0x7e => to.push(char::from(*byte)),
            _ => write!(to, "\\{byte:03o}")?,
        }
    }
    to.push('"');
    Ok(())
}
