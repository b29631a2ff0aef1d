//! The numbered edge cases from 24 on: variables, JSON, parsers.

use super::{heard, holds, of_rule, rules, sent, value};

fn some(text: &str) -> Result<Option<String>, String> {
    Ok(Some(text.to_owned()))
}

/// What becomes of a log in `GENERAL` with this JSON, when an extractor has these statements.
#[track_caller]
fn extracted(statements: &str, body: &'static str) -> String {
    let filter = format!("json {{}} extractor {{ {statements} }} sink {{}}");
    of_rule(&filter, sent().json(body))
}

#[test]
fn edge_case_24_a_variable_of_the_filter_is_not_seen_inside() {
    let said = super::load_only("def a = 'x' extractor { tag b: a }");
    assert!(said.contains("there is no variable `a` here"), "{said}");
}

#[test]
fn edge_case_25_a_variable_of_no_type_compares_and_has_no_methods() {
    let filter = "def p = sourceAttribute(\"x\") if (p == 'y') { sink {} }";
    assert!(of_rule(filter, sent().from("x", "y")).contains("keeps"));
    let said = super::load_only("def p = sourceAttribute(\"x\") if (p.trim() == 'y') { sink {} }");
    assert!(said.contains("cannot resolve `trim`"), "{said}");
}

#[test]
fn edge_case_26_empty_text_overrides_and_null_does_not() {
    let log = || {
        let mut log = sent().json("{}");
        log.metadata.instance = "one";
        log
    };
    let empty = "json {} extractor { instance sourceAttribute(\"x\") } sink {}";
    assert_eq!(
        of_rule(empty, log()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
    let null = "json {} extractor { instance parsed.x } sink {}";
    assert_eq!(
        of_rule(null, log()),
        "0 keeps svc/one//GENERAL []\n0 done 1\nClaimed"
    );
}

#[test]
fn edge_case_28_the_body_wins_for_parsed_and_metadata_for_log() {
    let statements = "tag p: parsed.service, l: log.service";
    assert!(extracted(statements, r#"{"service": "B"}"#).contains("[p=B, l=svc]"));
    assert!(extracted(statements, r#"{"service": null}"#).contains("[p=svc, l=svc]"));
    assert!(extracted("tag t: parsed.timestamp", "{}").contains("[t=1000]"));
}

#[test]
fn edge_case_29_keys_with_dots_are_reached_through_json() {
    let body = r#"{"parent": {"a.b": "c"}, "x-y": "z"}"#;
    let parent = "def c = toJson(parsed.parent) tag a: c?.get(\"a.b\")?.getAsString()";
    assert!(extracted(parent, body).contains("[a=c]"));
    let whole = "def c = toJson(log.body.getText().getText()) tag a: c?.get('x-y')?.getAsString()";
    let filter = format!("extractor {{ {whole} }} sink {{}}");
    assert!(of_rule(&filter, sent().text(body)).contains("[a=z]"));
}

#[test]
fn edge_case_30_the_whole_of_parsed_makes_no_json() {
    let whole = "def c = toJson(parsed) tag a: c?.get('k')?.getAsString(), b: 'x'";
    assert!(extracted(whole, r#"{"k": "v"}"#).contains("[b=x]"));
    let text = "def c = toJson(parsed.t) tag a: c?.get('k')?.getAsString()";
    assert!(extracted(text, r#"{"t": "{\"k\": \"v\"}"}"#).contains("[a=v]"));
}

#[test]
fn edge_case_31_json_of_no_object_is_null_and_of_no_json_an_error() {
    let of = |text: &'static str| {
        let filter =
            "extractor { def c = toJson(tag('t')) if (c == null) { tag a: 'null' } } sink {}";
        of_rule(filter, sent().tagged("t", text))
    };
    assert!(of("[1]").contains("[a=null]"));
    assert!(of("7").contains("[a=null]"));
    assert!(of("").contains("[a=null]"));
    assert!(of("{\"a\"").contains("failed: no JSON"));
    assert!(of("{}").contains("[]"));
}

#[test]
fn edge_case_32_an_element_prints_its_quotes() {
    let body = r#"{"l": ["p", "q"]}"#;
    let statements = "def z = toJsonArray(parsed.l) tag a: z[1], b: z[1]?.getAsString()";
    assert!(extracted(statements, body).contains("[a=\"q\", b=q]"));
}

#[test]
fn edge_case_33_a_date_that_is_none_keeps_the_time_and_a_number_that_is_none_throws() {
    let at = |statement: &str, t: &'static str| {
        let filter = format!("extractor {{ timestamp {statement} }} sink {{}}");
        super::kept_at(&filter, sent().tagged("t", t))
    };
    assert_eq!(at("tag('t'), \"yyyy-MM-dd\"", "1970-01-02"), Ok(86_400_000));
    assert_eq!(at("tag('t'), \"yyyy-MM-dd\"", "soon"), Ok(1000));
    assert_eq!(at("tag('t'), \"yyyy-MM-dd\"", ""), Ok(1000));
    assert_eq!(at("tag('t'), \"\"", "77"), Ok(77));
    assert_eq!(at("tag('t'), \"\"", "x"), Ok(1000));
    assert_eq!(at("tag('t')", "77"), Ok(77));
    assert_eq!(at("tag('t')", "0"), Ok(1000));
    assert!(at("tag('t')", "x").is_err());
}

#[test]
fn edge_case_34_a_date_without_a_zone_is_of_utc() {
    let filter = "extractor { timestamp '2020-01-01 00:00:00', 'yyyy-MM-dd HH:mm:ss' } sink {}";
    assert_eq!(super::kept_at(filter, sent()), Ok(1_577_836_800_000));
}

#[test]
fn edge_case_35_a_sample_without_a_time_is_of_1970() {
    let filter = "extractor { metrics { name 'm' labels a: 'b' value 1 } }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 measures m Some([(\"a\", \"b\")]) 1 at 0\n0 done 0\nClaimed"
    );
}

#[test]
fn edge_case_36_an_empty_label_stays_and_null_does_not() {
    let metrics =
        "metrics { name 'm' labels a: tag('x'), b: parsed.x, c: parsed.y value parsed.y }";
    assert!(
        extracted(metrics, r#"{"y": 2.5}"#)
            .contains("measures m Some([(\"a\", \"\"), (\"c\", \"2.5\")]) 2.5 at 0")
    );
}

#[test]
fn edge_case_38_a_text_that_is_read_as_json_is_stored_as_json_by_that_rule() {
    let rules = rules(&[("GENERAL", "json {} sink {}"), ("GENERAL", "sink {}")]);
    assert_eq!(
        heard(&rules, &sent().layer("GENERAL").text("{}")),
        "0 keeps svc///GENERAL [] json\n0 done 1\n1 keeps svc///GENERAL []\n1 done 1\nClaimed"
    );
}

#[test]
fn edge_case_39_yaml_never_reads_a_text() {
    let said = of_rule("yaml {} sink {}", sent().text("a: 1"));
    assert!(said.starts_with("0 aborted: yaml parse failed: "), "{said}");
    let mut log = sent();
    log.body = crate::Body::Yaml("a: 1".into());
    let filter = "yaml {} extractor { tag a: parsed.a } sink {}";
    assert!(of_rule(filter, log).contains("[a=1]"));
}

#[test]
fn edge_case_40_no_body_is_no_json() {
    let said = of_rule("json {} sink {}", sent());
    assert!(said.starts_with("0 aborted: json parse failed: "), "{said}");
}

#[test]
fn edge_case_41_text_sees_nothing_of_a_body_that_became_json() {
    let filter = "json {} text { regexp 'a' } sink {}";
    let said = of_rule(filter, sent().text(r#"{"a": 1}"#));
    assert_eq!(
        said,
        "0 aborted: text parser: regexp did not match the log body\nUnclaimed"
    );
}

#[test]
fn edge_case_42_rules_of_a_layer_do_not_see_each_others_tags_or_bodies() {
    let first = "json {} extractor { tag a: 'b' } sink {}";
    let second =
        "text { regexp '(?<all>.*)' } extractor { tag a: tag('a'), t: parsed.all } sink {}";
    let rules = rules(&[("GENERAL", first), ("GENERAL", second)]);
    let said = heard(&rules, &sent().layer("GENERAL").text("{}"));
    assert!(said.contains("1 keeps svc///GENERAL [t={}]"), "{said}");
}

#[test]
fn edge_case_44_a_test_behind_a_question_mark_asks_for_null_only() {
    let of = |condition: &str| {
        let statements = format!("def c = toJson(parsed.c) if ({condition}) {{ tag a: 'b' }}");
        extracted(&statements, r#"{"c": {"k": 1}}"#).contains("[a=b]")
    };
    assert!(of("c?.has('k')"));
    assert!(of("c?.has('other')"));
    assert!(!of("c.has('other')"));
    assert!(of("c.has('k')"));
}

#[test]
fn a_body_is_parsed_without_harm_when_it_is_none() {
    let filter =
        "json { abortOnFailure false } extractor { tag s: parsed.service, x: parsed.x.y } sink {}";
    assert_eq!(
        of_rule(filter, sent().text("nope")),
        "0 keeps svc///GENERAL [s=svc]\n0 done 1\nClaimed"
    );
    let text = "text { regexp '(?<a>x)' abortOnFailure false } extractor { tag a: parsed.a, b: 'c' } sink {}";
    assert!(of_rule(text, sent().text("nope")).contains("[b=c]"));
}

#[test]
fn a_group_that_the_pattern_lacks_is_an_error_and_one_that_took_no_part_is_null() {
    let of = |group: &str| {
        let filter = format!(
            "text {{ regexp '(?<a>x)|(?<b>y)' }} extractor {{ tag v: parsed.{group} }} sink {{}}"
        );
        of_rule(&filter, sent().text("y"))
    };
    assert!(of("b").contains("[v=y]"));
    assert!(of("a").contains("[]"));
    assert!(of("c").contains("failed: "));
}

#[test]
fn nested_keys_end_in_null_where_there_is_no_map() {
    let log = || sent().json(r#"{"a": {"b": {"c": 7}}, "t": "x"}"#);
    assert_eq!(value("parsed.a.b.c", log()), some("7"));
    assert_eq!(value("parsed.a", log()), some("{b={c=7}}"));
    for missing in [
        "parsed.a.x.c",
        "parsed.t.b",
        "parsed?.service?.b",
        "parsed.n.o.p",
    ] {
        assert_eq!(value(missing, log()), Ok(None), "{missing}");
    }
    assert_eq!(holds("parsed.a == parsed.a", log()), Ok(true));
    assert_eq!(holds("parsed.a.b == parsed.a", log()), Ok(false));
}
