//! Conditions.

use super::{Compatibility, holds, holds_by, load_only, sent};

const BODY: &str = r#"{"i": 5, "d": 5.7, "t": "5", "big": 18446744073709551617, "nan": "NaN", "z": 0,
    "empty": "", "flag": true, "m": {}, "list": []}"#;

#[track_caller]
fn check(cases: &[(&str, bool)]) {
    for (condition, expected) in cases {
        let found = holds(condition, sent().json(BODY).tagged("n", "400"));
        assert_eq!(found, Ok(*expected), "{condition}");
    }
}

#[test]
fn a_value_alone_asks_for_text() {
    check(&[
        ("parsed.i", true),
        ("parsed.z", true),
        ("parsed.empty", false),
        ("parsed.none", false),
        ("parsed.m", true),
        ("parsed.list", true),
        ("tag(\"n\")", true),
        ("tag(\"none\")", false),
        ("log.service", true),
        ("log.layer == 'GENERAL'", true),
        ("log.endpoint", false),
        ("parsed.empty as Boolean", false),
        ("parsed.m as Boolean", true),
        ("parsed.none as Long", false),
    ]);
}

#[test]
fn equality_goes_by_types() {
    check(&[
        ("parsed.i == \"5\"", false),
        ("parsed.i as String == \"5\"", true),
        ("parsed.t == \"5\"", true),
        ("\"5\" == parsed.t", true),
        ("parsed.t == parsed.i", false),
        ("parsed.t == parsed.i as String", false),
        ("parsed.i == parsed.i", true),
        ("parsed.none == null", true),
        ("parsed.none != null", false),
        ("parsed.i != null", true),
        ("parsed.none == parsed.other", true),
        ("parsed.none == \"null\"", false),
        ("parsed.big == parsed.big", true),
        ("log.service == \"svc\"", true),
        ("log.service != \"svc\"", false),
        ("parsed.m == parsed.list", false),
    ]);
    let documented = |condition| holds_by(condition, sent().json(BODY), Compatibility::Documented);
    assert_eq!(documented("parsed.t == parsed.i as String"), Ok(true));
}

#[test]
fn numbers_compare_in_the_type_that_both_sides_make() {
    check(&[
        ("parsed.d == 5", true),
        ("parsed.d == 5.7", true),
        ("parsed.d > 5", false),
        ("parsed.d > 5.0", true),
        ("parsed.d >= parsed.i", true),
        ("parsed.d > parsed.i", false),
        ("tag(\"n\") >= 400", true),
        ("400 <= tag(\"n\")", true),
        ("tag(\"n\") as Integer < 400.5", true),
        ("parsed.i as Double < 5.5", true),
        ("parsed.none < 1", true),
        ("parsed.m == 0", true),
        ("parsed.flag < 1", true),
        ("parsed.big == 1L", true),
        ("(parsed.i as Long) + 1 == 6", true),
        ("(parsed.i as Long) == (parsed.d as Integer)", true),
        ("parsed.nan as Double == parsed.nan as Double", false),
        ("parsed.nan as Double != parsed.nan as Double", true),
        ("parsed.nan as Double < 1", false),
        // An `int` literal makes an `int` of a time in milliseconds.
        ("log.timestamp > 999", true),
    ]);
    for (condition, part) in [
        ("parsed.empty > 1", "`` is no whole number"),
        ("log.service == 1", "`svc` is no whole number"),
        (
            "parsed.t > 1 && log.service < 2",
            "`svc` is no whole number",
        ),
    ] {
        let error = holds(condition, sent().json(BODY)).expect_err(condition);
        assert!(error.contains(part), "{condition}: {error}");
    }
}

#[test]
fn an_untyped_time_narrows_to_the_type_of_the_literal() {
    let at = |unix_ms: i64, condition: &str| {
        let mut log = sent();
        log.metadata.timestamp_ms = unix_ms;
        holds(condition, log)
    };
    // 2^32 + 7 as an `int` is 7.
    assert_eq!(at(4_294_967_303, "log.timestamp < 8"), Ok(true));
    assert_eq!(at(4_294_967_303, "log.timestamp < 8L"), Ok(false));
}

#[test]
fn and_binds_tighter_than_or_and_both_stop_early() {
    check(&[
        ("parsed.i || parsed.none && parsed.none", true),
        ("(parsed.i || parsed.none) && parsed.none", false),
        // Were the right side asked, the rule would fail.
        ("parsed.i || tag(\"none\") > 1", true),
        ("parsed.none && tag(\"none\") > 1", false),
        ("!parsed.none", true),
        ("(!parsed.none) && parsed.i", true),
        ("!parsed.i || parsed.i", false),
    ]);
}

#[test]
fn a_java_boolean_is_itself_and_a_variable_of_one_is_not() {
    check(&[
        ("(parsed.t as String).startsWith('5')", true),
        ("(parsed.t as String).startsWith('6')", false),
        ("(parsed.none as Boolean)", false),
        ("(parsed.flag as Boolean)", true),
        ("log.body.hasJson()", true),
        ("log.body.hasText()", false),
    ]);
    let variable = |compatibility| {
        let filter = "def b = parsed.none as Boolean if (b) { sink {} }";
        let filter = format!("json {{}} {filter}");
        let rules = super::rules_by(&[("GENERAL", &*filter)], compatibility);
        super::heard(&rules, &sent().json(BODY).layer("GENERAL")).contains("keeps")
    };
    assert!(variable(Compatibility::Oap));
    assert!(!variable(Compatibility::Documented));
}

#[test]
fn a_pattern_that_cannot_be_used_does_not_load() {
    for (statement, part) in [
        ("text { regexp '(?<a>x' }", "offset"),
        ("text { regexp '(?<a>.)(?=b)' }", "offset"),
        ("text { regexp '(a)\\1' }", "offset"),
        (
            "extractor { timestamp log.service, 'yyyy bb' }",
            "SimpleDateFormat",
        ),
        ("extractor { tag a: ('x').replaceAll('[', '') }", "offset"),
        (
            "extractor { tag a: ('x').split(':') }",
            "the address of an array",
        ),
        (
            "extractor { def a = toJson(tag('a'), 'b') }",
            "`toJson` takes one value",
        ),
        (
            "extractor { def a = tag('a') as my.Class }",
            "nothing is known of the Java class `my.Class`",
        ),
    ] {
        let said = load_only(statement);
        assert!(
            said.contains("error: ") && said.contains(part),
            "{statement}: {said}"
        );
    }
}

#[test]
fn what_java_cannot_compile_does_not_load() {
    for (condition, part) in [
        ("(parsed.t as String).length() > 3", "cannot be compared"),
        (
            "(parsed.t as String).nope()",
            "a text has no method `nope` here",
        ),
        (
            "(parsed.t as String).startsWith()",
            "does not take 0 arguments",
        ),
        (
            "(parsed.t as String).startsWith(parsed.i)",
            "the method takes a text here",
        ),
        (
            "(parsed.t as String).substring('1') == 'x'",
            "the method takes a whole number here",
        ),
        (
            "(parsed.t as String)?.startsWith('5')",
            "OAP cannot compile `?.startsWith(..)` here",
        ),
        ("(parsed.t as String).matches('(?=a)')", "look"),
        (
            "(parsed.t as String).split(parsed.t as String)[0] == 'a'",
            "has to be a quoted text",
        ),
        (
            "(parsed.t as String)[0] == '5'",
            "an index cannot follow this value",
        ),
        (
            "(parsed.t as String).length == 5",
            "is no field of this value",
        ),
        ("parsed", "`parsed` as a whole is no value"),
        ("log", "`log` as a whole is no value"),
        ("log.tags", "tags cannot be read as a message"),
        ("log.service.trim().x == 'a'", "is no field of this value"),
    ] {
        let said = load_only(&format!("json {{}} if ({condition}) {{ sink {{}} }}"));
        assert!(said.contains(part), "{condition}: {said}");
    }
}
