//! The values of attributes, and the text that one is where only text is possible.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use crate::json;

pub(super) fn as_str(value: &AnyValue) -> Option<&str> {
    match &value.value {
        Some(Value::StringValue(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn as_bytes(value: &AnyValue) -> Option<&[u8]> {
    match &value.value {
        Some(Value::BytesValue(bytes)) => Some(bytes),
        _ => None,
    }
}

/// An integer, or its text: there are stores that keep nothing but text.
pub(super) fn as_int(value: &AnyValue) -> Option<i64> {
    match &value.value {
        Some(Value::IntValue(value)) => Some(*value),
        Some(Value::StringValue(text)) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn is_true(value: &AnyValue) -> bool {
    match &value.value {
        Some(Value::BoolValue(value)) => *value,
        Some(Value::StringValue(text)) => text == "true",
        _ => false,
    }
}

/// The value of the first attribute with this key.
pub(super) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()
}

/// The text of the first attribute with this key, if that is a string and not empty.
pub(super) fn find_str<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    find(attributes, key)
        .and_then(as_str)
        .filter(|text| !text.is_empty())
}

/// Strings as they are, other single values as in JSON but for quotes, lists and maps as JSON.
pub(super) fn text(value: &AnyValue) -> Cow<'_, str> {
    match &value.value {
        None => Cow::Borrowed(""),
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        Some(value) => {
            let mut text = Vec::new();
            put(value, &mut text);
            let text = String::from_utf8(text).expect("made of text and digits");
            let quoted = text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            match quoted {
                // Base64, or a double's name: nothing in them is escaped.
                Some(plain) => Cow::Owned(plain.to_owned()),
                None => Cow::Owned(text),
            }
        }
    }
}

/// The text of an attribute's value.
pub(super) fn text_of(attribute: &KeyValue) -> Cow<'_, str> {
    attribute.value.as_ref().map_or(Cow::Borrowed(""), text)
}

/// Appends JSON. As deep as the value, which decoding has bounded.
fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::StringValue(text) => drop(json::quote(text.as_bytes(), out)),
        Value::BoolValue(true) => out.extend_from_slice(b"true"),
        Value::BoolValue(false) => out.extend_from_slice(b"false"),
        Value::IntValue(value) => json::integer(*value, out),
        Value::DoubleValue(value) => json::double(*value, out),
        Value::BytesValue(bytes) => {
            out.push(b'"');
            json::encode_base64(bytes, out);
            out.push(b'"');
        }
        Value::ArrayValue(list) => {
            out.push(b'[');
            separated(&list.values, out, |element, out| {
                put_any(Some(element), out)
            });
            out.push(b']');
        }
        Value::KvlistValue(list) => {
            out.push(b'{');
            separated(&list.values, out, |pair, out| {
                json::quote(pair.key.as_bytes(), out);
                out.push(b':');
                put_any(pair.value.as_ref(), out);
            });
            out.push(b'}');
        }
        // An index into a table that only profiles have.
        Value::StringValueStrindex(_) => out.extend_from_slice(b"null"),
    }
}

fn put_any(value: Option<&AnyValue>, out: &mut Vec<u8>) {
    match value.and_then(|value| value.value.as_ref()) {
        Some(value) => put(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn separated<T>(values: &[T], out: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put(value, out);
    }
}
