//! What rules write: extractors, and the outputs of sinks.

use super::{heard, kept_at, of_rule, rules, sent};
use crate::{End, Outcome, Output, Record, RuleId, Sample, Scratch};

/// The last record, and how the rule ended.
#[derive(Default)]
struct Kept {
    record: String,
    end: String,
}

impl Outcome for Kept {
    fn record(&mut self, _: RuleId, record: &Record<'_>) {
        let trace = record.metadata.trace;
        self.record = match record.output {
            Output::Log => format!("{}/{}/{}", trace.trace_id, trace.segment_id, trace.span_id),
            Output::SlowSql(it) => format!("{it:?} {}", record.metadata.layer),
            Output::SampledTrace(it) => format!("{it:?}"),
        };
    }

    fn sample(&mut self, _: RuleId, _: &Sample<'_>) {}

    fn end(&mut self, _: RuleId, end: End<'_>) {
        self.end = super::ending(end);
    }
}

#[track_caller]
fn kept(layer: &str, filter: &str, log: super::Sent) -> Kept {
    let rules = rules(&[(layer, filter)]);
    let mut kept = Kept::default();
    let layer = layer.split(' ').next().unwrap_or_default().to_owned();
    let log = log.layer(Box::leak(layer.into_boxed_str()));
    rules.run(&log, super::NOW, &mut Scratch::default(), &mut kept);
    kept
}

#[test]
fn what_a_rule_does_not_write_stays_as_it_came() {
    let mut log = sent();
    log.metadata.trace.trace_id = "t";
    log.metadata.trace.segment_id = "s";
    log.metadata.trace.span_id = 3;
    assert_eq!(kept("GENERAL", "sink {}", log.clone()).record, "t/s/3");
    let one = "extractor { segmentId 'other' } sink {}";
    assert_eq!(kept("GENERAL", one, log.clone()).record, "t/other/3");
    let all = "extractor { traceId 'T' segmentId 'S' spanId '7' } sink {}";
    assert_eq!(kept("GENERAL", all, log.clone()).record, "T/S/7");
    let number = "extractor { spanId (1 + 1) } sink {}";
    assert_eq!(kept("GENERAL", number, log.clone()).record, "t/s/2");
    let below_zero = "extractor { spanId '-1' } sink {}";
    assert_eq!(kept("GENERAL", below_zero, log.clone()).record, "t/s/3");
    let text = "extractor { spanId 'x' } sink {}";
    assert_eq!(
        kept("GENERAL", text, log).end,
        "failed: `x` is no id of a span"
    );
}

#[test]
fn a_field_takes_the_type_of_its_setter_and_not_the_cast() {
    let filter = "extractor { service 'x' as Integer instance 7 endpoint 1.0 } sink {}";
    assert!(of_rule(filter, sent()).contains("keeps x/7/1.0/GENERAL"));
    assert_eq!(
        kept_at("extractor { timestamp 1.9 } sink {}", sent()),
        Ok(1)
    );
    let null = "json {} extractor { timestamp parsed.none } sink {}";
    assert_eq!(kept_at(null, sent().json("{}")), Ok(1000));
}

#[test]
fn a_layer_is_text_and_seen_at_once() {
    let filter = "extractor { layer 7 tag l: log.layer } sink {}";
    assert!(of_rule(filter, sent()).contains("keeps svc///7 [l=7]"));
}

#[test]
fn fields_of_a_log_have_other_names_too() {
    let filter = "extractor { serviceInstance 'i' } sink {}";
    assert!(of_rule(filter, sent()).contains("keeps svc/i//GENERAL"));
}

#[test]
fn tags_of_numbers_print_what_the_cast_makes() {
    let filter = "json {} extractor { tag a: parsed.none as Long, b: parsed.none as Boolean, \
                  c: parsed.d as Integer, d: parsed.none } sink {}";
    let said = of_rule(filter, sent().json(r#"{"d": 1.5}"#));
    assert!(said.contains("[a=0, b=false, c=1]"), "{said}");
}

#[test]
fn a_sample_needs_a_number() {
    let of = |value: &str| {
        let filter = format!("json {{}} extractor {{ metrics {{ name n value {value} }} }}");
        of_rule(
            &filter,
            sent().json(r#"{"t": "7", "d": 1.5, "big": 18446744073709551616}"#),
        )
    };
    assert!(of("parsed.t as Long").contains("measures n None 7 at 0"));
    assert!(of("parsed.d as Integer").contains("measures n None 1 at 0"));
    assert!(of("parsed.d").contains("measures n None 1.5 at 0"));
    assert!(of("parsed.big").contains("measures n None 18446744073709552000 at 0"));
    for none in ["parsed.t", "parsed.none", "parsed.t as Double"] {
        assert!(
            of(none).contains("failed: the value of a sample is no number"),
            "{none}"
        );
    }
    let empty = of_rule("extractor { metrics { name 'm' } }", sent());
    assert!(empty.contains("measures m None 0 at 0"), "{empty}");
    let repeated = "extractor { metrics { name 'm' name parsed.x labels a: '1', a: '2' \
                    timestamp log.timestamp as Long value 1 } }";
    let said = of_rule(&format!("json {{}} {repeated}"), sent().json("{}"));
    assert!(
        said.contains("measures parsed Some([(\"a\", \"2\")]) 1 at 1000"),
        "{said}"
    );
}

#[test]
fn a_slow_statement_needs_an_id_a_statement_and_a_time() {
    let filter = "json {} extractor { layer parsed.layer id parsed.id statement parsed.sql \
                  latency parsed.ms } sink {}";
    let of = |body: &'static str| kept("MYSQL SlowSQL", filter, sent().json(body));
    let full = of(r#"{"layer": "MYSQL", "id": "q1", "sql": "select 1", "ms": "1500"}"#);
    assert_eq!(
        full.record,
        "SlowSql { id: \"q1\", statement: \"select 1\", latency_ms: 1500 } MYSQL"
    );
    for (body, missing) in [
        (r#"{"layer": "MYSQL", "sql": "s", "ms": 1}"#, "id"),
        (r#"{"layer": "MYSQL", "id": "a", "ms": 1}"#, "statement"),
        (
            r#"{"layer": "MYSQL", "id": "a", "sql": "s", "ms": 0.9}"#,
            "latency",
        ),
    ] {
        let lost = of(body);
        assert_eq!(
            (lost.record, lost.end),
            (String::new(), format!("without {missing}"))
        );
    }
    let unknown = of(r#"{"layer": "NOPE"}"#);
    assert_eq!(unknown.end, "failed: there is no layer `NOPE`");
    let text = of(r#"{"layer": "MYSQL", "ms": "soon"}"#);
    assert_eq!(text.end, "failed: `soon` is no whole number of 64 bits");
}

const TRACE: &str = "json {} extractor { traceId parsed.t uri parsed.uri latency parsed.ms reason parsed.reason \
     processId ProcessRegistry.generateVirtualLocalProcess(log.service, log.serviceInstance) \
     destProcessId ProcessRegistry.generateVirtualRemoteProcess(parsed.service as String, 'i' as String, '10.0.0.1:80') \
     componentId 129 detectPoint parsed.at instance 'i' } sink {}";

#[test]
fn a_sampled_trace_needs_all_of_its_fields() {
    let of = |body: &'static str| kept("K8S_SERVICE SampledTrace", TRACE, sent().json(body));
    let full = of(r#"{"t": "t1", "uri": "/a", "ms": 5, "reason": "slow", "at": "client"}"#).record;
    for part in [
        "uri: \"/a\"",
        "reason: \"SLOW\"",
        "latency_ms: 5",
        "component_id: 129",
        "detect_point: \"CLIENT\"",
    ] {
        assert!(full.contains(part), "{full}");
    }
    let no_trace = of(r#"{"uri": "/a", "ms": 5, "reason": "slow", "at": "client"}"#);
    assert_eq!(no_trace.end, "without traceId");
    let no_uri = of(r#"{"t": "t1", "ms": 5, "reason": "slow", "at": "client"}"#);
    assert_eq!(no_uri.end, "failed: a sampled trace needs a valid `uri`");
    let no_reason = of(r#"{"t": "t1", "at": "client"}"#);
    assert_eq!(no_reason.end, "failed: null is no constant");
    let no_such = of(r#"{"t": "t1", "reason": "slowly", "at": "client"}"#);
    assert_eq!(
        no_such.end,
        "failed: `slowly` is none of `SLOW`, `STATUS_4XX`, `STATUS_5XX`"
    );
}

#[test]
fn an_output_takes_only_its_own_fields() {
    for (layer, statement, part) in [
        (
            "MYSQL SlowSQL",
            "instance 'a'",
            "`SlowSQL` has no field `instance`",
        ),
        ("MYSQL SlowSQL", "uri 'a'", "`SlowSQL` has no field `uri`"),
        ("MYSQL SlowSQL", "tag a: 'b'", "`SlowSQL` has no tags"),
        (
            "GENERAL Log",
            "statement 'a'",
            "`Log` has no field `statement`",
        ),
        (
            "GENERAL Nope",
            "service 'a'",
            "the output type `Nope` is not known",
        ),
    ] {
        let (layer, output) = layer.split_once(' ').expect("both are given");
        let text = format!(
            "rules:\n  - name: a\n    layer: {layer}\n    outputType: {output}\n    dsl: 'filter {{ extractor {{ {} }} }}'\n",
            statement.replace('\'', "\"")
        );
        let name = "rules.yaml".to_owned();
        let loaded = crate::load(&[crate::Source { name, text }], crate::Compatibility::Oap);
        let found: String = loaded.findings.iter().map(ToString::to_string).collect();
        assert!(found.contains(part), "{statement}: {found}");
        assert!(loaded.rules.is_empty());
    }
}

#[test]
fn two_sinks_keep_two_records() {
    let filter = "sink {} extractor { tag a: 'b' } sink { dropper {} } sink { enforcer {} }";
    assert_eq!(
        of_rule(filter, sent()),
        "0 keeps svc///GENERAL []\n0 keeps svc///GENERAL [a=b]\n0 done 2\nClaimed"
    );
}

#[test]
fn limits_are_of_one_rule_unless_the_documentation_decides() {
    let filter = "sink { sampler { rateLimit('same') { rpm 1 } } }";
    let all = [("GENERAL", filter), ("GENERAL", filter)];
    let log = sent().layer("GENERAL");
    let own = rules(&all);
    assert_eq!(heard(&own, &log).matches("keeps").count(), 2);
    assert_eq!(heard(&own, &log).matches("keeps").count(), 0);
    let shared = super::rules_by(&all, super::Compatibility::Documented);
    assert_eq!(heard(&shared, &log).matches("keeps").count(), 1);
}
