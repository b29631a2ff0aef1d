//! Everything in a request, one field on each line, driven by the tables of [`pdata::schema`].
//!
//! What has passed the reception nests [`pdata::wire::NESTING_MAX`] deep at most, which bounds the
//! recursion here.

use pdata::schema::{ANY_VALUE, Field, KEY_VALUE, Kind, Message, WireType};
use pdata::wire::{self, Fields, Value};

use super::text::Text;

/// Adds the fields of `message`, each on a line `level` levels in.
pub(super) fn fields(message: &'static Message, bytes: &[u8], level: usize, text: &mut Text) {
    let mut last = None;
    let mut count = 0;
    for found in Fields::of(bytes) {
        if text.is_full() {
            return;
        }
        let again = last == Some(found.number);
        last = Some(found.number);
        count = if again { count + 1 } else { 1 };
        let Some(field) = message.field(found.number) else {
            text.line(level);
            text.push(format_args!("(unknown field {}) ", found.number));
            text.push_hex(found.raw);
            continue;
        };
        match (field.kind, found.value) {
            (Kind::Message(pair), Value::Len(content)) if is(pair, &KEY_VALUE) => {
                if !again {
                    text.line(level);
                    text.push(field.name);
                }
                text.line(level + 1);
                key_value(content, text);
            }
            (Kind::Message(inner), Value::Len(content)) if !is(inner, &ANY_VALUE) => {
                text.line(level);
                text.push(field.name);
                if field.repeated {
                    text.push(format_args!(" #{count}"));
                }
                fields(inner, content, level + 1, text);
            }
            (_, value) => {
                text.line(level);
                text.push(format_args!("{}: ", field.name));
                scalar_or_list(field, value, text);
            }
        }
    }
}

fn is(message: &'static Message, other: &'static Message) -> bool {
    std::ptr::eq(message, other)
}

fn scalar_or_list(field: &Field, value: Value<'_>, text: &mut Text) {
    match value {
        Value::Len(packed) if field.repeated && field.kind.wire_type() != WireType::Len => {
            let mut rest = packed;
            text.push("[");
            while let Some((value, behind)) = unpack(field.kind, rest) {
                if rest.len() < packed.len() {
                    text.push(", ");
                }
                if text.is_full() {
                    return;
                }
                scalar(field, value, text);
                rest = behind;
            }
            text.push("]");
        }
        value => scalar(field, value, text),
    }
}

/// The first element of a packed list, and the rest.
fn unpack(kind: Kind, packed: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match kind.wire_type() {
        WireType::Varint => {
            let (value, behind) = wire::varint(packed, 0)?;
            Some((Value::Varint(value), packed.get(behind..)?))
        }
        WireType::Fixed64 => {
            let (bytes, rest) = packed.split_first_chunk()?;
            Some((Value::Fixed64(u64::from_le_bytes(*bytes)), rest))
        }
        WireType::Fixed32 => {
            let (bytes, rest) = packed.split_first_chunk()?;
            Some((Value::Fixed32(u32::from_le_bytes(*bytes)), rest))
        }
        WireType::Len => None,
    }
}

fn scalar(field: &Field, value: Value<'_>, text: &mut Text) {
    match (field.kind, value) {
        (Kind::Message(_), Value::Len(content)) => any_value(content, text),
        (Kind::String, Value::Len(content)) => text.push_quoted(&String::from_utf8_lossy(content)),
        (_, Value::Len(content)) => text.push_hex(content),
        (Kind::Bool, Value::Varint(value)) => text.push(value != 0),
        (Kind::Enum(values), Value::Varint(value)) => {
            let number = value as i32;
            text.push(number);
            if let Some((name, _)) = values.iter().find(|(_, known)| *known == number) {
                text.push(format_args!(" {name}"));
            }
        }
        (Kind::Sint32, Value::Varint(value)) => {
            text.push((value >> 1) as i64 ^ -((value & 1) as i64));
        }
        (Kind::Int32 | Kind::Int64, Value::Varint(value)) => text.push(value as i64),
        (_, Value::Varint(value)) => text.push(value),
        (Kind::Double, Value::Fixed64(bits)) => text.push(f64::from_bits(bits)),
        (Kind::Sfixed64, Value::Fixed64(value)) => text.push(value as i64),
        (_, Value::Fixed64(time)) if field.name.ends_with("_unix_nano") => text.push_time(time),
        (_, Value::Fixed64(value)) => text.push(value),
        (_, Value::Fixed32(value)) => text.push(value),
        (_, Value::Group) => text.push("(group)"),
    }
}

fn key_value(pair: &[u8], text: &mut Text) {
    let content = |number| {
        Fields::of(pair).find_map(|field| match field.value {
            Value::Len(content) if field.number == number => Some(content),
            _ => None,
        })
    };
    let key = String::from_utf8_lossy(content(1).unwrap_or_default());
    text.push_received(&key, super::text::VALUE_MAX);
    text.push(": ");
    any_value(content(2).unwrap_or_default(), text);
}

/// Adds a value with its type.
fn any_value(value: &[u8], text: &mut Text) {
    // The last member of a oneof counts.
    let Some(member) = Fields::of(value).last() else {
        return text.push("empty");
    };
    match (member.number, member.value) {
        (1, Value::Len(content)) => {
            text.push("string ");
            text.push_quoted(&String::from_utf8_lossy(content));
        }
        (2, Value::Varint(value)) => text.push(format_args!("bool {}", value != 0)),
        (3, Value::Varint(value)) => text.push(format_args!("int {}", value as i64)),
        (4, Value::Fixed64(bits)) => text.push(format_args!("double {}", f64::from_bits(bits))),
        (5, Value::Len(list)) => elements("array", ["[", "]"], list, text, any_value),
        (6, Value::Len(list)) => elements("map", ["{", "}"], list, text, key_value),
        (7, Value::Len(content)) => {
            text.push("bytes ");
            text.push_hex(content);
        }
        (number, _) => text.push(format_args!("(unknown type {number})")),
    }
}

fn elements(
    name: &str,
    brackets: [&str; 2],
    list: &[u8],
    text: &mut Text,
    element: fn(&[u8], &mut Text),
) {
    text.push(format_args!("{name} {}", brackets[0]));
    for (index, field) in Fields::of(list).enumerate() {
        if text.is_full() {
            return;
        }
        if let Value::Len(content) = field.value {
            text.push(if index > 0 { ", " } else { "" });
            element(content, text);
        }
    }
    text.push(brackets[1]);
}
