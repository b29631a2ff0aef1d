//! Writing protobuf by hand: fields at their defaults are left out, as every encoder of proto3 does.

use crate::schema::WireType;
use crate::wire::{fill_varint, key, put_field, put_varint, varint_len};

/// Appends a message whose `content` is written in place.
pub(super) fn nested(out: &mut Vec<u8>, number: u32, content: impl FnOnce(&mut Vec<u8>)) {
    put_varint(out, key(number, WireType::Len));
    let length_at = out.len();
    out.push(0);
    let start = out.len();
    content(out);
    let length = out.len() - start;
    let width = varint_len(length as u64);
    if width > 1 {
        // The one byte that was left is too few.
        out.resize(out.len() + width - 1, 0);
        out.copy_within(start..start + length, length_at + width);
    }
    fill_varint(&mut out[length_at..length_at + width], length as u64);
}

pub(super) fn text(out: &mut Vec<u8>, number: u32, text: &str) {
    bytes(out, number, text.as_bytes());
}

pub(super) fn bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_field(out, number, bytes);
    }
}

/// Appends an integer or an enumeration.
pub(super) fn integer(out: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        put_varint(out, key(number, WireType::Varint));
        put_varint(out, value as u64);
    }
}

pub(super) fn flag(out: &mut Vec<u8>, number: u32, value: bool) {
    integer(out, number, value.into());
}

pub(super) fn fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_varint(out, key(number, WireType::Fixed64));
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// The value of an attribute, as one of the members of `AnyValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    fn len(self) -> usize {
        match self {
            Value::Text(text) => delimited_len(text.len()),
            Value::Bytes(bytes) => delimited_len(bytes.len()),
            Value::Bool(_) => 2,
            Value::Int(value) => 1 + varint_len(value as u64),
        }
    }

    /// Appends an `AnyValue`, in which defaults are written: a member that is set says something.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Value::Text(text) => put_field(out, 1, text.as_bytes()),
            Value::Bytes(bytes) => put_field(out, 7, bytes),
            Value::Bool(value) => out.extend_from_slice(&[2 << 3, u8::from(value)]),
            Value::Int(value) => {
                out.push(3 << 3);
                put_varint(out, value as u64);
            }
        }
    }
}

/// Of a field with a number below 16.
fn delimited_len(content: usize) -> usize {
    1 + varint_len(content as u64) + content
}

/// Appends a `KeyValue` as the field of this number, which is below 16.
pub(super) fn attribute(out: &mut Vec<u8>, number: u32, name: &str, value: Value<'_>) {
    debug_assert!(number < 16);
    let value_len = value.len();
    let length = delimited_len(name.len()) + delimited_len(value_len);
    out.reserve(delimited_len(length));
    if length < 0x80 {
        // Nearly all of them: each length is one byte, and known.
        let tag = (number << 3 | WireType::Len.code()) as u8;
        out.extend_from_slice(&[tag, length as u8, 0x0A, name.len() as u8]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&[0x12, value_len as u8]);
        match value {
            Value::Text(text) => {
                out.extend_from_slice(&[0x0A, text.len() as u8]);
                out.extend_from_slice(text.as_bytes());
            }
            value => value.put(out),
        }
        return;
    }
    put_varint(out, key(number, WireType::Len));
    put_varint(out, length as u64);
    put_field(out, 1, name.as_bytes());
    put_varint(out, key(2, WireType::Len));
    put_varint(out, value_len as u64);
    value.put(out);
}

/// [`attribute`] with a text that may be empty, which is left out.
pub(super) fn text_attribute(out: &mut Vec<u8>, number: u32, name: &str, text: &str) {
    if !text.is_empty() {
        attribute(out, number, name, Value::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, KeyValueList};
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    proptest! {
        #[test]
        fn an_attribute_is_encoded_as_prost_encodes_it(
            name in "[a-z.]{0,150}",
            text in "\\PC{0,150}",
            int: i64,
            which in 0..4,
        ) {
            let (ours, theirs) = match which {
                0 => (Value::Text(&text), Any::StringValue(text.clone())),
                1 => (Value::Int(int), Any::IntValue(int)),
                2 => (Value::Bool(int > 0), Any::BoolValue(int > 0)),
                _ => (Value::Bytes(text.as_bytes()), Any::BytesValue(text.clone().into_bytes())),
            };
            let mut out = Vec::new();
            attribute(&mut out, 1, &name, ours);
            let list = KeyValueList {
                values: vec![KeyValue {
                    key: name,
                    value: Some(AnyValue { value: Some(theirs) }),
                    ..KeyValue::default()
                }],
            };
            // An empty key is written here, and means the same.
            prop_assert_eq!(KeyValueList::decode(&out[..]).unwrap(), list);
        }

        #[test]
        fn a_nested_message_has_its_length_before_it(len in 0..40_000usize) {
            let mut out = b"before".to_vec();
            nested(&mut out, 3, |out| out.extend((0..len).map(|byte| byte as u8)));
            let mut expected = b"before".to_vec();
            let content: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
            put_field(&mut expected, 3, &content);
            prop_assert_eq!(out, expected);
        }
    }
}
