use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What serde_json makes of the same text.
fn same(ours: &Json, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Json::Int(ours), Value::Number(theirs)) => theirs.as_i64() == Some(*ours),
        (Json::Float(ours), Value::Number(theirs)) => theirs.as_f64() == Some(*ours),
        (Json::String(ours), Value::String(theirs)) => ours == theirs,
        (Json::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Json::Object(_), Value::Object(theirs)) => theirs
            .iter()
            .all(|(key, value)| ours.get(key).is_some_and(|found| same(found, value))),
        _ => false,
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000i32..1_000_000).prop_map(|number| Value::from(f64::from(number) / 64.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_as_serde_reads_them(value in value()) {
        for text in [value.to_string(), format!("{value:#}")] {
            let ours = parse(&text).expect("it is valid");
            prop_assert!(same(&ours, &value), "{ours:?}");
        }
    }

    #[test]
    fn what_serde_refuses_is_refused_and_nothing_else(
        text in r#"[\[\]{}:," 0-9.eE+\\untrfalse-]{0,24}"#,
    ) {
        let theirs = serde_json::from_str::<Value>(&text);
        // Serde refuses halves of surrogate pairs and numbers beyond a double's range.
        let is_special = theirs.as_ref().is_err_and(|error| {
            let error = error.to_string();
            error.contains("surrogate") || error.contains("out of range") || error.contains("hex escape")
        });
        prop_assert!(is_special || parse(&text).is_ok() == theirs.is_ok(), "{:?} {theirs:?}", parse(&text));
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, error) in [
        ("", "expected a value at byte 0"),
        ("{\"a\" 1}", "expected `:` at byte 5"),
        ("[1 2]", "expected `,` or `]` at byte 3"),
        ("\"a", "expected `\"` at byte 2"),
        ("01", "expected a number without a leading zero at byte 0"),
        ("{} x", "expected the end at byte 3"),
        ("\"\\u12\"", "expected four hexadecimal digits at byte 3"),
    ] {
        assert_eq!(parse(text), Err(error.to_owned()), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        parse(&deep),
        Err("expected at most 64 levels at byte 64".to_owned())
    );
}

#[test]
fn characters_beyond_the_first_plane_are_put_together() {
    let text = r#""\ud83d\ude00 \ud83d \u00e4""#;
    assert_eq!(
        parse(text),
        Ok(Json::String("\u{1F600} \u{FFFD} \u{e4}".to_owned()))
    );
}
