use super::*;
use crate::load::{Compatibility, Source, load};

fn source(text: &str) -> Source {
    Source {
        name: "x.yaml".to_owned(),
        text: text.to_owned(),
    }
}

const RULES: &str = r#"
rules:
  - name: lines
    layer: auto
    dsl: |
      filter {
        text { regexp '^(?<level>[A-Z]+) (?<code>\d+) ' }
        extractor {
          layer "GENERAL"
          tag level: parsed.level, k: tag("k"), a: sourceAttribute("a")
          tag code: parsed.code as Long
          instance log.traceContext.traceId
          metrics { name "lines" value 2.5 timestamp log.timestamp as Long }
        }
        sink { dropper {} }
      }
  - name: numbers
    layer: GENERAL
    dsl: |
      filter {
        json {}
        if (parsed.n as Long > 1) { sink {} }
      }
"#;

/// What is different for the inputs of `data`, after what was found in it.
fn reports(data: &str) -> String {
    let loaded = load(&[source(RULES)], Compatibility::Oap);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    let rules = Rules::compile(loaded);
    let read = read(&source(data));
    let mut text = String::new();
    for finding in &read.findings {
        text += &format!("{finding}");
    }
    let mut scratch = Scratch::default();
    for case in &read.cases {
        let report = case.run(&rules, &mut scratch);
        if !report.passed() {
            text += &format!("{} {} line {}\n{report}", case.rule, case.number, case.line);
        }
    }
    text
}

#[test]
fn a_rule_that_does_what_is_expected_has_no_differences() {
    let data = r#"
lines:
  - service: shop
    trace-id: t1
    trace-segment-id: s1
    span-id: 3
    timestamp: 5
    body-type: text
    body: "WARN 12 x"
    tags: {k: v, k2: w}
    source-attributes: {a: b}
    expect:
      save: false
      abort: false
      layer: GENERAL
      service: shop
      instance: t1
      endpoint: ""
      traceId: t1
      segmentId: s1
      spanId: 3
      timestamp: 5
      contentType: TEXT
      noDropReason: true
      tag.level: WARN
      tag.k: v
      tag.k2: ""
      tag.a: b
      tag.code: 12
      outputField.serviceInstance: t1
      metrics.lines: 2.5
  - body-type: none
    expect: {abort: true, save: true, dropReason: did not match, timestamp: 0}
numbers:
  body-type: text
  body: '{"n": "x"}'
  expect: {error: "`x`", contentType: JSON}
"#;
    assert_eq!(reports(data), "");
}

#[test]
fn differences_say_what_was_expected_and_what_came() {
    let data = "lines:\n  - body-type: text\n    body: WARN 12 x\n    \
                expect: {save: true, tag.level: ERROR, outputField.latency: 1, metrics.x: 1, error: boom}\n\
                numbers:\n  body-type: json\n  body: '{\"n\": \"x\"}'\n\
                gone: {expect: {save: true}}\n";
    expect_test::expect![[r#"
        lines 1 line 2
          save                 expected  `true`
                               actual    `false`
          tag.level            expected  `ERROR`
                               actual    `WARN`
          outputField.latency  expected  `1`
                               actual    the output has no such field
          metrics.x            expected  `1`
                               actual    no sample
          error                expected  with `boom`
                               actual    none
        numbers 1 line 6
          error  expected  none
                 actual    `x` is no whole number of 64 bits
        gone 1 line 8
          rule  expected  `gone`
                actual    there is no such rule, or it has errors
    "#]]
    .assert_eq(&reports(data));
}

#[test]
fn findings_about_data_say_where_and_what() {
    let data = "lines:\n  - extra-log: {proto-class: x}\n  - expect: {tagg.a: 1}\n  - body-typ: text\n  \
                - timestamp: soon\n  - body-type: xml\n  - tags: [a]\n  - body: {a: 1}\n  - 5\n  \
                - expect: {sampledTrace.latency: 1}\n";
    let found = reports(data);
    for expected in [
        "`extra-log` needs `proto-class` and `proto-json`",
        "nothing checks `tagg.a`",
        "an input has no key `body-typ`",
        "`soon` is no whole number that fits",
        "`xml` is no type of a body",
        "keys with their values are expected",
        "`body` is a single value",
        "an input is a mapping",
        "warning: OAP does not check this; it is checked here",
        "x.yaml:10:",
        "sampledTrace.latency  expected  `1`",
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}

#[test]
fn a_single_input_may_be_json() {
    let log = input(&source(
        r#"{"service": "a", "layer": "GENERAL", "endpoint": "/x"}"#,
    ))
    .unwrap();
    assert_eq!(
        (&*log.service, &*log.layer, &*log.endpoint),
        ("a", "GENERAL", "/x")
    );
    let findings = input(&source("")).unwrap_err();
    assert_eq!(findings[0].message, "there is nothing to read");
    assert!(input(&source("a: [")).is_err());
}

proptest::proptest! {
    #[test]
    fn any_data_ends_in_cases_or_located_findings(text in "[a-z:{}\\[\\] \n'\"#&*|-]{0,80}") {
        let read = read(&source(&text));
        for finding in read.findings {
            proptest::prop_assert!(finding.line >= 1);
        }
    }
}
