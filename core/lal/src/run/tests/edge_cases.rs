//! Edge cases of what OAP does with rules, by the numbers under which they were found. Not here: 27 and
//! 43, which are of OAP's storage; 37, which the `lal` processor's view of a record holds; 45, which
//! `pdata::skywalking` holds, where the first log of a stream names the service of the others.

use super::{Compatibility, heard, holds, holds_by, of_rule, rules, sent, value, value_by};

fn some(text: &str) -> Result<Option<String>, String> {
    Ok(Some(text.to_owned()))
}

#[test]
fn edge_case_01_what_is_missing_is_empty_and_never_null() {
    for missing in ["tag(\"missing\")", "sourceAttribute(\"missing\")"] {
        assert_eq!(value(missing, sent()), some(""));
        assert_eq!(holds(&format!("{missing} == null"), sent()), Ok(false));
        assert_eq!(holds(&format!("{missing} != null"), sent()), Ok(true));
        assert_eq!(holds(&format!("{missing} == \"\""), sent()), Ok(true));
    }
}

#[test]
fn edge_case_02_an_empty_value_adds_no_tag() {
    let filter = "extractor { tag 'x': sourceAttribute(\"missing\"), y: 'z' } sink {}";
    let filter = filter.replace(
        "'x': sourceAttribute(\"missing\"), y",
        "'x': sourceAttribute(\"missing\") tag y",
    );
    assert_eq!(
        of_rule(&filter, sent()),
        "0 keeps svc///GENERAL [y=z]\n0 done 1\nClaimed"
    );
}

#[test]
fn edge_case_03_tags_are_those_that_came_the_first_of_each_key() {
    let filter = "extractor { tag a: 'new' tag b: tag(\"a\") tag c: tag(\"k\") } sink {}";
    let log = sent().tagged("k", "1").tagged("k", "2");
    assert_eq!(
        of_rule(filter, log),
        "0 keeps svc///GENERAL [a=new, c=1]\n0 done 1\nClaimed"
    );
}

#[test]
fn edge_case_04_a_chain_on_a_tag_is_left_out() {
    let log = || sent().tagged("a", "y");
    assert_eq!(holds("tag(\"a\").startsWith(\"x\")", log()), Ok(true));
    assert_eq!(holds("!tag(\"a\").startsWith(\"x\")", sent()), Ok(true));
    assert_eq!(value("tag(\"a\").toUpperCase()", log()), some("y"));
    assert_eq!(
        value("(tag(\"a\") as String).toUpperCase()", log()),
        some("Y")
    );
    let by = Compatibility::Documented;
    assert_eq!(
        holds_by("tag(\"a\").startsWith(\"x\")", log(), by),
        Ok(false)
    );
    assert_eq!(value_by("tag(\"a\").toUpperCase()", log(), by), some("Y"));
}

#[test]
fn edge_case_05_negation_takes_all_to_its_right() {
    let log = || sent().tagged("b", "1");
    // !(a && b), not (!a) && b.
    assert_eq!(holds("!tag(\"b\") && tag(\"c\")", log()), Ok(true));
    assert_eq!(holds("(!tag(\"b\")) && tag(\"c\")", log()), Ok(false));
    let by = Compatibility::Documented;
    assert_eq!(holds_by("!tag(\"b\") && tag(\"c\")", log(), by), Ok(false));
}

#[test]
fn edge_case_06_false_and_zero_are_true() {
    let log = || sent().json(r#"{"f": false, "n": 0, "t": "false"}"#);
    for field in ["f", "n", "t"] {
        assert_eq!(holds(&format!("parsed.{field}"), log()), Ok(true));
    }
    assert_eq!(holds("parsed.f as Boolean", log()), Ok(false));
    assert_eq!(holds("parsed.t as Boolean", log()), Ok(false));
    assert_eq!(holds("parsed.n as Boolean", log()), Ok(true));
    assert_eq!(
        holds_by("parsed.f", log(), Compatibility::Documented),
        Ok(false)
    );
}

#[test]
fn edge_case_07_a_number_is_no_text_and_a_literal_truncates() {
    let of = |n: &'static str| sent().json(n);
    assert_eq!(holds("parsed.n == \"5\"", of(r#"{"n": 5}"#)), Ok(false));
    for n in [
        r#"{"n": 5}"#,
        r#"{"n": 5.0}"#,
        r#"{"n": 5.7}"#,
        r#"{"n": "5"}"#,
    ] {
        assert_eq!(holds("parsed.n == 5", of(n)), Ok(true), "{n}");
    }
    assert!(holds("parsed.n == 5", of(r#"{"n": "5.7"}"#)).is_err());
    assert_eq!(holds("parsed.n > 5", of(r#"{"n": 5.7}"#)), Ok(false));
    assert_eq!(holds("parsed.n > 5.5", of(r#"{"n": 5.7}"#)), Ok(true));
}

#[test]
fn edge_case_08_what_is_missing_is_zero_and_empty_text_throws() {
    let log = || sent().json("{}");
    for condition in [
        "parsed.missing < 4",
        "parsed.missing <= 0",
        "parsed.missing == 0",
    ] {
        assert_eq!(holds(condition, log()), Ok(true), "{condition}");
    }
    assert!(holds("tag(\"missing\") < 4", log()).is_err());
}

#[test]
fn edge_case_09_null_is_not_empty_text() {
    assert_eq!(
        holds("parsed.x as String != \"\"", sent().json("{}")),
        Ok(true)
    );
}

#[test]
fn edge_case_10_true_and_false_are_no_values() {
    for condition in ["true", "parsed.f == true", "parsed.f == false"] {
        let loaded = super::load_only(&format!("json {{}} if ({condition}) {{ sink {{}} }}"));
        assert!(
            loaded.contains("are no values here"),
            "{condition}: {loaded}"
        );
    }
}

#[test]
fn edge_case_11_only_the_id_of_a_limit_is_interpolated() {
    assert_eq!(value("\"${log.service}\"", sent()), some("${log.service}"));
    let filter = "sink { sampler { rateLimit(\"${tag('k')}\") { rpm 1 } } }";
    let rules = rules(&[("GENERAL", filter)]);
    let verdict = |key: &'static str| {
        heard(&rules, &sent().layer("GENERAL").tagged("k", key)).contains("keeps")
    };
    assert_eq!(
        [verdict("a"), verdict("a"), verdict("b")],
        [true, false, true]
    );
}

#[test]
fn edge_case_12_two_backslashes_are_two() {
    let of = |pattern: &str| {
        let filter =
            format!("text {{ regexp {pattern} }} extractor {{ tag d: parsed.d }} sink {{}}");
        of_rule(&filter, sent().text("a7")).contains("[d=7]")
    };
    assert!(of(r"'(?<d>\d)'"));
    assert!(of(r"$/(?<d>\d)/$"));
    assert!(!of(r"'(?<d>\\d)'"));
}

#[test]
fn edge_case_13_patterns_search_anywhere() {
    let of = |pattern: &str, text: &'static str| {
        let filter = format!("text {{ regexp '{pattern}' }} sink {{}}");
        of_rule(&filter, sent().text(text)).contains("keeps")
    };
    assert!(of("b", "abc"));
    assert!(!of("^b", "abc"));
    assert!(!of("a.c", "a\nc"));
    assert!(of("(?s)a.c", "a\nc"));
}

#[test]
fn edge_case_14_an_abort_in_an_extractor_or_a_sink_is_ignored() {
    let extractor = "extractor { if (log.service) { abort {} } } sink {}";
    let sink = "sink { if (log.service) { abort {} } }";
    for filter in [extractor, sink] {
        assert_eq!(
            of_rule(filter, sent()),
            "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
        );
        let documented = super::rules_by(&[("GENERAL", filter)], Compatibility::Documented);
        assert_eq!(
            heard(&documented, &sent().layer("GENERAL")),
            "0 aborted\nUnclaimed"
        );
    }
}

#[test]
fn edge_case_15_a_nested_if_beside_others_is_lost_in_a_sink() {
    let filter = "sink { if (log.service) { enforcer {} if (log.service) { dropper {} } } }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
    let documented = super::rules_by(&[("GENERAL", filter)], Compatibility::Documented);
    assert_eq!(
        heard(&documented, &sent().layer("GENERAL")),
        "0 done 0\nClaimed"
    );
}

#[test]
fn edge_case_16_limits_first_then_ifs_and_the_last_verdict_wins() {
    let filter = "sink { sampler { if (log.service) { rateLimit('yes') { rpm 9 } } \
                  rateLimit('no') { rpm 0 } } }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
    let documented = super::rules_by(&[("GENERAL", filter)], Compatibility::Documented);
    assert_eq!(
        heard(&documented, &sent().layer("GENERAL")),
        "0 done 0\nClaimed"
    );
}

#[test]
fn edge_case_17_the_last_word_in_a_sink_counts() {
    let kept = "sink { dropper {} sampler { rateLimit('a') { rpm 1 } } }";
    assert_eq!(
        of_rule(kept, sent()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
    let always = "sink { sampler { rateLimit('a') { rpm 0 } } enforcer {} }";
    assert_eq!(
        of_rule(always, sent()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
}

#[test]
fn edge_case_18_a_sink_stores_what_is_there() {
    let filter = "sink {} extractor { tag a: 'b' }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///GENERAL []\n0 done 1\nClaimed"
    );
}

#[test]
fn edge_case_19_metrics_need_no_sink() {
    let rules = rules(&[
        ("auto", "extractor { metrics { name 'm' value 1 } }"),
        ("GENERAL", "sink {}"),
    ]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 measures m None 1 at 0\n0 done 0\nClaimed"
    );
}

#[test]
fn edge_case_20_two_rules_that_claim_store_twice() {
    let rules = rules(&[
        ("auto", "extractor { layer 'IOS' } sink {}"),
        ("auto", "sink {}"),
    ]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 keeps svc///IOS []\n0 done 1\n1 keeps svc///IOS []\n1 done 1\nClaimed"
    );
}

#[test]
fn edge_case_21_a_rule_that_fails_suppresses_the_fallback() {
    let rules = rules(&[("auto", "if (tag('n') > 1) {}"), ("GENERAL", "sink {}")]);
    let heard = heard(&rules, &sent());
    assert_eq!(heard, "0 failed: `` is no whole number of 32 bits\nClaimed");
}

#[test]
fn edge_case_22_a_layer_is_not_taken_back_by_an_abort() {
    let rules = rules(&[
        ("auto", "extractor { layer 'X' } abort {}"),
        ("GENERAL", "sink {}"),
    ]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 aborted\n1 keeps svc///X []\n1 done 1\nClaimed"
    );
}

#[test]
fn edge_case_23_a_log_takes_any_layer() {
    let filter = "extractor { layer 'no such' } sink {}";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///no such []\n0 done 1\nClaimed"
    );
}
