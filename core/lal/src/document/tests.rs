use proptest::prelude::*;
use serde_json::Value;

use super::{Document, Kind, Node};

mod yaml;

fn json(text: &str) -> Result<Document, String> {
    let mut document = Document::default();
    document.parse_json(text).map(|()| document)
}

fn gson(text: &str) -> Result<Document, String> {
    let mut document = Document::default();
    document.parse_gson(text).map(|()| document)
}

fn java(node: Node<'_>) -> String {
    let mut text = String::new();
    node.push_java(&mut text);
    text
}

/// Of the root, as `toString` of Gson.
#[track_caller]
fn printed(document: Result<Document, String>) -> String {
    let mut text = String::new();
    document.unwrap().root().push_json(&mut text);
    text
}

#[track_caller]
fn refusal(document: Result<Document, String>) -> String {
    document.map(|it| java(it.root())).unwrap_err()
}

/// As another reader has it.
fn value(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::Boolean(value) => Value::from(value),
        Kind::Int(value) => Value::from(value),
        Kind::Long(value) => Value::from(value),
        Kind::Double(value) => Value::from(value),
        Kind::Number(digits) => serde_json::from_str(digits).unwrap(),
        Kind::Text(text) => Value::from(text),
        Kind::List => node.children().map(value).collect(),
        Kind::Map => {
            let text = |key: Node<'_>| key.as_text().expect("JSON's keys are text").to_owned();
            let entries = node.entries().into_iter();
            let entries = entries.map(|(key, entry)| (text(key), value(entry)));
            Value::Object(entries.collect())
        }
        Kind::Date(_) => panic!("JSON has no dates"),
    }
}

#[test]
fn numbers_have_the_types_of_jackson() {
    let kinds = [
        ("0", Kind::Int(0)),
        ("-0", Kind::Int(0)),
        ("2147483647", Kind::Int(i32::MAX)),
        ("2147483648", Kind::Long(2_147_483_648)),
        ("-9223372036854775808", Kind::Long(i64::MIN)),
        ("9223372036854775808", Kind::Number("9223372036854775808")),
        ("1.0", Kind::Double(1.0)),
        ("1e2", Kind::Double(100.0)),
        ("1e999", Kind::Double(f64::INFINITY)),
    ];
    for (number, kind) in kinds {
        let document = json(&format!("{{\"n\": {number}}}")).unwrap();
        assert_eq!(document.root().get("n").unwrap().kind(), kind, "{number}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_and_keeps_the_first_place() {
    let document = json(r#"{"a": 1, "b": 2, "a": [3, {}]}"#).unwrap();
    let root = document.root();
    assert_eq!(java(root.get("a").unwrap()), "[3, {}]");
    assert_eq!(java(root), "{a=[3, {}], b=2}");
    assert_eq!(root.len(), 2);
}

#[test]
fn what_follows_the_object_is_not_read() {
    assert_eq!(printed(json("{\"a\": null} } [x")), r#"{"a":null}"#);
}

#[test]
fn only_an_object_is_taken_at_the_top() {
    for text in ["[1]", "1", "\"a\"", "null"] {
        let error = refusal(json(text));
        assert_eq!(error, "an object `{..}` is expected at byte 0", "{text}");
    }
    assert_eq!(refusal(json(" \n")), "there is no content at byte 2");
}

#[test]
fn refusals_say_where_and_what() {
    let cases = [
        ("{\"a\": tru}", "a value is expected at byte 6"),
        (
            "{\"a\": 1 \"b\"",
            "a comma or the end of the collection is expected at byte 8",
        ),
        ("{\"a\": 1,}", "a quoted key is expected at byte 8"),
        ("{\"a\": [1,]}", "a value is expected at byte 9"),
        ("{'a': 1}", "a quoted key is expected at byte 1"),
        (
            "{\"a\": 01}",
            "a number without leading zeros is expected at byte 6",
        ),
        ("{\"a\": 1.}", "a digit is expected at byte 8"),
        (
            "{\"a\": \"x\ny\"}",
            "a control character has to be escaped at byte 8",
        ),
        (
            "{\"a\": \"\\x\"}",
            "no such escape: one of `\"\\/bfnrtu` is expected at byte 7",
        ),
        (
            "{\"a\": \"\\u12",
            "four hexadecimal digits are expected in `\\u....` at byte 7",
        ),
        ("{\"a\": \"x", "the text ends inside of quotes at byte 8"),
        (
            "{\"a\": [",
            "the text ends inside of a collection at byte 7",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(json(text)), expected, "{text}");
    }
}

#[test]
fn a_refused_document_is_null_and_the_next_one_is_read() {
    let mut document = Document::default();
    document.parse_json("{\"a\": [1, {\"b\"").unwrap_err();
    assert!(document.root().is_null());
    document.parse_json("{\"a\": 1}").unwrap();
    assert_eq!(java(document.root()), "{a=1}");
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let document = json(&nested(999)).unwrap();
    assert_eq!(java(document.root()), nested(999).replace("\"a\": ", "a="));
    assert_eq!(
        refusal(json(&nested(1000))),
        "nested deeper than 1000 levels"
    );
    let open = "[".repeat(100_000);
    assert_eq!(refusal(gson(&open)), "nested deeper than 1000 levels");
}

#[test]
fn escapes_are_read_and_half_pairs_replaced() {
    let document = json(r#"{"k\u0065y": "\"\\\/\b\f\n\r\té\ud83d\ude00\ud83dx\ude00"}"#).unwrap();
    let text = document.root().get("key").unwrap().as_text();
    assert_eq!(text, Some("\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}x\u{fffd}"));
}

#[test]
fn lists_are_read_by_index_and_texts_are_none() {
    let document = json(r#"{"a": ["p", {"b": true}, 2.5], "t": "x"}"#).unwrap();
    let list = document.root().get("a").unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!(java(list.at(1).unwrap()), "{b=true}");
    assert_eq!(java(list), "[p, {b=true}, 2.5]");
    assert!(list.at(3).is_none());
    assert!(list.get("b").is_none());
    let text = document.root().get("t").unwrap();
    assert!(text.at(0).is_none() && text.get("x").is_none());
    assert_eq!(text.len(), 0);
}

#[test]
fn gson_is_lenient() {
    let cases = [
        (r#"{"a": 1.50, "b": 1e2}"#, r#"{"a":1.50,"b":1e2}"#),
        (
            "{a: 'it\\'s', b = x; c => TRUE}",
            r#"{"a":"it's","b":"x","c":true}"#,
        ),
        ("[1,,2,]", "[1,null,2,null]"),
        ("// one\n/* two */ {} \n", "{}"),
        (")]}'\n[01, NaN]", r#"["01","NaN"]"#),
        ("hello", r#""hello""#),
        ("  ", "null"),
        ("null and more", "null"),
        ("\"a\tb\\u2028\"", r#""a\tb\u2028""#),
        ("{\"a\":1,\"a\":2}", r#"{"a":2}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(printed(gson(text)), expected, "{text}");
    }
}

#[test]
fn gson_refuses_what_it_cannot_guess() {
    let cases = [
        ("hello world", "the text goes on behind the value at byte 5"),
        ("{} # x", "the text goes on behind the value at byte 2"),
        ("{\"a\":1}}", "the text goes on behind the value at byte 7"),
        ("{\"a\":1,}", "a key is expected at byte 7"),
        ("{\"a\":}", "a value is expected at byte 5"),
        ("{\"a\" 1}", "a colon is expected behind the key at byte 5"),
        (
            "[1 2]",
            "a comma or the end of the list is expected at byte 3",
        ),
        ("{", "a key is expected at byte 1"),
        ("/* x", "the text ends inside of a comment at byte 0"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(gson(text)), expected, "{text}");
    }
}

#[test]
fn gson_prints_what_jackson_read() {
    let document = json(r#"{"a": 1.0, "b": "q\"\n", "c": [null, true], "d": 1e10}"#);
    assert_eq!(
        printed(document),
        r#"{"a":1.0,"b":"q\"\n","c":[null,true],"d":1.0E10}"#
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-100..100_i32).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[\u{0}-\u{7f}]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-c\"\\\\é]{0,3}", inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A valid document with a piece of it put elsewhere, so that most are broken somewhere inside.
fn damaged(text: &str, from: usize, to: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut damaged = characters.clone();
    let moved = characters[from % characters.len()];
    damaged.insert(to % (characters.len() + 1), moved);
    damaged.into_iter().collect()
}

/// Without what Jackson does not read.
fn first_object(text: &str) -> Result<Value, serde_json::Error> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match objects.next() {
        Some(Ok(value)) if !value.is_object() => serde_json::from_str("not an object"),
        Some(value) => value,
        None => serde_json::from_str(""),
    }
}

proptest! {
    #[test]
    fn valid_json_reads_as_another_reader_reads_it(inner in any_json(), is_pretty: bool) {
        let object = serde_json::json!({ "a": inner });
        let text = if is_pretty {
            serde_json::to_string_pretty(&object)
        } else {
            serde_json::to_string(&object)
        };
        let text = text.unwrap();
        prop_assert_eq!(&value(json(&text).unwrap().root()), &object);
        let lenient = gson(&text).unwrap();
        let mut again = String::new();
        lenient.root().push_json(&mut again);
        prop_assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), object);
    }

    #[test]
    fn broken_json_is_broken_for_another_reader(inner in any_json(), from: usize, to: usize) {
        let text = serde_json::json!({ "a": inner }).to_string();
        let text = damaged(&text, from, to);
        match (json(&text), first_object(&text)) {
            (Ok(document), Ok(object)) => prop_assert_eq!(value(document.root()), object),
            // Half pairs and huge exponents are Java's own.
            (Ok(_), Err(error)) => {
                let error = error.to_string();
                let is_known = ["surrogate", "hex escape", "number out of range"];
                prop_assert!(is_known.iter().any(|it| error.contains(it)), "{} {}", error, text);
            }
            (Err(error), Ok(_)) => prop_assert!(false, "{} {}", error, text),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn any_text_ends_in_a_value_or_a_reason(text in ".{0,200}", junk in "[\\[\\]{}\":,'a1.\\\\/*#&!<|>? \n-]{0,60}") {
        let mut document = Document::default();
        for text in [&text, &junk, &format!("{{{junk}"), &format!("a: {junk}")] {
            for read in [Document::parse_json, Document::parse_gson, Document::parse_yaml] {
                match read(&mut document, text) {
                    Ok(()) => {
                        java(document.root());
                        let mut printed = String::new();
                        document.root().push_json(&mut printed);
                    }
                    Err(reason) => prop_assert!(!reason.is_empty()),
                }
            }
        }
    }
}
