//! Values of attributes as OAP's receiver prints them for rules.
//!
//! Source: OAP's `OpenTelemetryLogHandler`, which takes protobuf's own text of an array.

use std::borrow::Cow;
use std::fmt::Write;

use pdata::view::AttributeValue;
use pdata::wire::{Fields, Value};

/// Bytes after which the text of an array ends: nested arrays are indented, so that a small one may
/// have a very long text.
const ARRAY_TEXT_BYTES_MAX: usize = 64 << 10;

/// Strings as they are, numbers as Java prints them, an array as protobuf's text; of maps, bytes and
/// what has no value nothing.
pub(super) fn text(value: AttributeValue<'_>) -> Cow<'_, str> {
    match value {
        AttributeValue::String(text) => Cow::Borrowed(text),
        AttributeValue::Bool(true) => Cow::Borrowed("true"),
        AttributeValue::Bool(false) => Cow::Borrowed("false"),
        AttributeValue::Int(value) => Cow::Owned(value.to_string()),
        AttributeValue::Double(value) => {
            let mut text = String::new();
            lal::push_double(&mut text, value);
            Cow::Owned(text)
        }
        AttributeValue::Array(array) => {
            let mut printer = Printer::default();
            printer.array(array);
            Cow::Owned(printer.text)
        }
        AttributeValue::Empty | AttributeValue::Bytes(_) | AttributeValue::KeyValues(_) => {
            Cow::Borrowed("")
        }
    }
}

/// Writes protobuf's text format. As deep as the message, which the check at reception has bounded.
#[derive(Default)]
struct Printer {
    text: String,
    depth: usize,
}

impl Printer {
    /// An `ArrayValue` or a `KeyValueList`: both have one list of messages.
    fn array(&mut self, message: &[u8]) {
        self.each(message, |printer, element| {
            printer.block("values", |printer| printer.any_value(element));
        });
    }

    fn key_values(&mut self, message: &[u8]) {
        self.each(message, |printer, pair| {
            printer.block("values", |printer| {
                for field in Fields::of(pair) {
                    match (field.number, field.value) {
                        (1, Value::Len(key)) => printer.quoted("key", key),
                        (2, Value::Len(value)) => {
                            printer.block("value", |printer| printer.any_value(value));
                        }
                        _ => {}
                    }
                }
            });
        });
    }

    fn each(&mut self, message: &[u8], mut print: impl FnMut(&mut Self, &[u8])) {
        for field in Fields::of(message) {
            if self.text.len() >= ARRAY_TEXT_BYTES_MAX {
                return;
            }
            if let (1, Value::Len(element)) = (field.number, field.value) {
                print(self, element);
            }
        }
    }

    fn any_value(&mut self, message: &[u8]) {
        match AttributeValue::of(message) {
            AttributeValue::Empty => {}
            AttributeValue::String(text) => self.quoted("string_value", text.as_bytes()),
            AttributeValue::Bytes(bytes) => self.quoted("bytes_value", bytes),
            AttributeValue::Array(array) => self.block("array_value", |it| it.array(array)),
            AttributeValue::KeyValues(map) => self.block("kvlist_value", |it| it.key_values(map)),
            value @ AttributeValue::Bool(_) => self.line("bool_value", &text(value)),
            value @ AttributeValue::Int(_) => self.line("int_value", &text(value)),
            value @ AttributeValue::Double(_) => self.line("double_value", &text(value)),
        }
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    fn block(&mut self, name: &str, print: impl FnOnce(&mut Self)) {
        self.indent();
        self.text.push_str(name);
        self.text.push_str(" {\n");
        self.depth += 1;
        print(self);
        self.depth -= 1;
        self.indent();
        self.text.push_str("}\n");
    }

    fn line(&mut self, name: &str, value: &str) {
        self.indent();
        writeln!(self.text, "{name}: {value}").expect("writing to a `String` does not fail");
    }

    fn quoted(&mut self, name: &str, bytes: &[u8]) {
        let mut quoted = String::with_capacity(bytes.len() + 2);
        quoted.push('"');
        for &byte in bytes.iter().take(ARRAY_TEXT_BYTES_MAX) {
            let escaped = match byte {
                0x07 => "\\a",
                0x08 => "\\b",
                0x0B => "\\v",
                0x0C => "\\f",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                b'\\' => "\\\\",
                b'\'' => "\\'",
                b'"' => "\\\"",
                0x20..=0x7E => {
                    quoted.push(char::from(byte));
                    continue;
                }
                _ => {
                    write!(quoted, "\\{byte:03o}").expect("writing to a `String` does not fail");
                    continue;
                }
            };
            quoted.push_str(escaped);
        }
        quoted.push('"');
        self.line(name, &quoted);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
    use prost::Message;

    use super::*;

    fn any(value: Any) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn printed(value: Any) -> String {
        text(AttributeValue::of(&any(value).encode_to_vec())).into_owned()
    }

    fn array(values: Vec<AnyValue>) -> Any {
        Any::ArrayValue(ArrayValue { values })
    }

    #[test]
    fn single_values_print_as_java_prints_them() {
        for (value, expected) in [
            (Any::StringValue("a\"b".to_owned()), "a\"b"),
            (Any::BoolValue(true), "true"),
            (Any::IntValue(-5), "-5"),
            (Any::DoubleValue(1.0), "1.0"),
            (Any::DoubleValue(1e10), "1.0E10"),
            (Any::BytesValue(vec![1]), ""),
            (Any::KvlistValue(KeyValueList::default()), ""),
        ] {
            assert_eq!(printed(value), expected);
        }
        assert_eq!(text(AttributeValue::Empty), "");
    }

    #[test]
    fn an_array_prints_as_protobufs_text() {
        let map = KeyValueList {
            values: vec![KeyValue {
                key: "k".to_owned(),
                value: Some(any(Any::IntValue(2))),
                ..KeyValue::default()
            }],
        };
        let list = array(vec![
            any(Any::StringValue("x'\n花".to_owned())),
            any(array(vec![any(Any::DoubleValue(0.5))])),
            AnyValue::default(),
            any(Any::KvlistValue(map)),
            any(Any::BoolValue(false)),
        ]);
        expect_test::expect![[r#"
            values {
              string_value: "x\'\n\350\212\261"
            }
            values {
              array_value {
                values {
                  double_value: 0.5
                }
              }
            }
            values {
            }
            values {
              kvlist_value {
                values {
                  key: "k"
                  value {
                    int_value: 2
                  }
                }
              }
            }
            values {
              bool_value: false
            }
        "#]]
        .assert_eq(&printed(list));
    }

    #[test]
    fn the_text_of_a_nested_array_ends_somewhere() {
        let mut nested = any(array(vec![AnyValue::default(); 2000]));
        for _ in 0..60 {
            nested = any(array(vec![nested]));
        }
        let text = printed(nested.value.expect("it is there"));
        assert!((ARRAY_TEXT_BYTES_MAX..2 * ARRAY_TEXT_BYTES_MAX).contains(&text.len()));
    }
}
