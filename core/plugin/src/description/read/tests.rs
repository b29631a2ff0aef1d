use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::description::Segments;

fn whole() -> serde_json::Value {
    json!({
        "name": "redact", "version": "1.2.3", "summary": "hides numbers",
        "signals": ["traces", "logs"], "emits": ["metrics"], "segments": "native",
        "parallel": true, "resident": true, "schema": {"type": "object"}, "of_later": [1],
    })
}

/// What is told when `key` of a good description has this value.
fn told(key: &str, value: serde_json::Value) -> String {
    let mut description = whole();
    description[key] = value;
    read(description.to_string().as_bytes()).unwrap_err()
}

#[test]
fn reads_every_key_and_ignores_those_of_later_versions() {
    let description = read(whole().to_string().as_bytes()).unwrap();
    assert_eq!(
        description,
        Description {
            name: "redact".to_owned(),
            version: "1.2.3".to_owned(),
            summary: "hides numbers".to_owned(),
            signals: vec![Signal::Traces, Signal::Logs],
            emits: vec![Signal::Metrics],
            segments: Segments::Native,
            parallel: true,
            resident: true,
            schema: Some(json!({"type": "object"})),
        }
    );
}

#[test]
fn three_keys_are_enough() {
    let least = br#"{"name": "a", "version": "1", "signals": ["logs"]}"#;
    let description = read(least).unwrap();
    assert!(!description.parallel && !description.resident && description.schema.is_none());
    assert_eq!(description.segments, Segments::Otlp);
}

#[test]
fn names_the_field_that_is_wrong() {
    for name in [
        json!(""),
        json!("Red act"),
        json!("ä"),
        json!("x".repeat(65)),
    ] {
        assert!(told("name", name).starts_with("`name` is `"));
    }
    let cases = [
        (
            "name",
            json!(7),
            "`name`: invalid type: integer `7`, expected a string",
        ),
        ("version", json!(""), "`version` is empty"),
        (
            "version",
            json!("1\n2"),
            "`version` is `1\\n2`, and may hold no control",
        ),
        (
            "version",
            json!("1".repeat(65)),
            "`version` has `65` bytes, and may have `64`",
        ),
        (
            "summary",
            json!("s".repeat(1025)),
            "`summary` has `1025` bytes",
        ),
        ("signals", json!([]), "`signals` is empty"),
        (
            "signals",
            json!(["logs", "logs"]),
            "`signals` names a signal twice",
        ),
        (
            "signals",
            json!(["logs", "profiles"]),
            "`signals[1]`: unknown variant `profiles`, expected one of `traces`, `metrics`, `logs`",
        ),
        ("emits", json!("metrics"), "`emits`: invalid type"),
        (
            "emits",
            json!(["logs", "logs"]),
            "`emits` names a signal twice",
        ),
        (
            "segments",
            json!("raw"),
            "`segments`: unknown variant `raw`",
        ),
        ("parallel", json!("yes"), "`parallel`: invalid type"),
        ("schema", json!("object"), "`schema` is not a JSON Schema"),
    ];
    for (key, value, start) in cases {
        let told = told(key, value);
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn refuses_what_is_no_json_object() {
    let deep = "[".repeat(100_000);
    let long = vec![b' '; DESCRIPTION_BYTES_MAX + 1];
    let cases: [(&[u8], &str); 7] = [
        (b"", "EOF while parsing a value"),
        (b"{}", "missing field `name`"),
        (
            b"[1]",
            "`[0]`: invalid type: integer `1`, expected a string",
        ),
        (b"{\"name\": \"a\"", "EOF while parsing an object"),
        (b"\xff{}", "it is not UTF-8"),
        (deep.as_bytes(), "invalid type"),
        (&long, "it has `1048577` bytes, and may have `1048576`"),
    ];
    for (json, expected) in cases {
        let told = read(json).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    let trailing = format!("{}{{}}", whole());
    assert!(
        read(trailing.as_bytes())
            .unwrap_err()
            .contains("trailing characters")
    );
}

#[test]
fn a_schema_of_any_depth_has_an_answer() {
    let deep = "[".repeat(100_000);
    let json = format!(r#"{{"name":"a","version":"1","signals":["logs"],"schema":{deep}"#);
    let told = read(json.as_bytes()).unwrap_err();
    assert!(told.contains("recursion limit exceeded"), "{told}");
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(json in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&json).is_err());
    }
}
