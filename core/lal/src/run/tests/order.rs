//! Order of evaluation, and what a rule that has aborted still does, row by row.

use super::{heard, of_rule, rules, sent};

#[test]
fn statements_run_in_the_order_in_which_they_are_written() {
    let filter = "extractor { tag a: '1' } if (log.service) { extractor { tag b: '2' } } \
                  extractor { tag a: '3', c: '4' } sink {}";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///GENERAL [a=1, b=2, a=3, c=4]\n0 done 1\nClaimed"
    );
}

#[test]
fn an_aborted_rule_reads_no_body() {
    // Were it read, the value would be there.
    let filter = "abort {} json {} if (parsed.a) { sink {} }";
    let log = sent().json(r#"{"a": 1}"#);
    assert_eq!(
        of_rule(filter, log),
        "0 failed: `parsed` is read, and no parser has read a body\nUnclaimed"
    );
    let text = "abort {} text { regexp '(?<a>.)' } extractor { tag a: parsed.a } sink {}";
    assert_eq!(of_rule(text, sent().text("x")), "0 aborted\nUnclaimed");
}

#[test]
fn an_aborted_rule_skips_extractors_and_sinks() {
    let filter = "if (log.service) { abort {} } extractor { metrics { name 'm' value 1 } } sink {}";
    assert_eq!(of_rule(filter, sent()), "0 aborted\nUnclaimed");
}

#[test]
fn an_aborted_rule_still_defines_variables() {
    let filter = "abort {} def a = 1 / 0";
    assert_eq!(
        of_rule(filter, sent()),
        "0 failed: a division by zero\nUnclaimed"
    );
}

#[test]
fn an_aborted_rule_still_decides_conditions() {
    let filter = "abort {} if (tag('n') > 1) { sink {} }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 failed: `` is no whole number of 32 bits\nUnclaimed"
    );
}

#[test]
fn an_abort_keeps_the_first_reason_that_was_given() {
    let filter = "json {} abort {} json {}";
    assert_eq!(
        of_rule(filter, sent()),
        "0 aborted: json parse failed: there is no content at byte 0\nUnclaimed"
    );
}

#[test]
fn an_abort_does_not_stop_the_block_it_stands_in() {
    let filter = "if (log.service) { abort {} extractor { tag a: 'b' } } sink {}";
    assert_eq!(of_rule(filter, sent()), "0 aborted\nUnclaimed");
    let before = "extractor { metrics { name 'm' value 2 } } abort {}";
    assert_eq!(
        of_rule(before, sent()),
        "0 measures m None 2 at 0\n0 aborted\nUnclaimed"
    );
}

#[test]
fn a_failure_ends_its_rule_and_no_other() {
    let failing = "extractor { tag a: 1 / 0 } sink {}";
    let rules = rules(&[("GENERAL", failing), ("GENERAL", "sink {}")]);
    assert_eq!(
        heard(&rules, &sent().layer("GENERAL")),
        "0 failed: a division by zero\n1 keeps svc///GENERAL []\n1 done 1\nClaimed"
    );
}
