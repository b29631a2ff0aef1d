//! Which rules a log meets, and the decision table of automatic rules: sections 2 and 14.

use super::{Compatibility, heard, rules, rules_by, sent};

const KEEP: (&str, &str) = ("GENERAL", "sink {}");

#[test]
fn a_log_without_a_service_meets_no_rule() {
    let rules = rules(&[("auto", "sink {}"), KEEP]);
    let mut log = sent();
    log.metadata.service = "";
    assert_eq!(heard(&rules, &log), "WithoutService");
}

#[test]
fn a_log_of_a_layer_that_nobody_knows_meets_no_rule() {
    let rules = rules(&[("auto", "sink {}"), KEEP, ("GENERALS", "sink {}")]);
    for layer in ["GENERALS", "general", "UNDEFINED"] {
        assert_eq!(heard(&rules, &sent().layer(layer)), "UnknownLayer");
    }
}

#[test]
fn a_log_with_a_layer_meets_the_rules_of_that_layer() {
    let rules = rules(&[
        ("auto", "sink {}"),
        KEEP,
        ("IOS", "sink {}"),
        ("IOS", "abort {}"),
    ]);
    assert_eq!(
        heard(&rules, &sent().layer("IOS")),
        "2 keeps svc///IOS []\n2 done 1\n3 aborted\nClaimed"
    );
    assert_eq!(
        heard(&rules, &sent().layer("GENERAL")),
        "1 keeps svc///GENERAL []\n1 done 1\nClaimed"
    );
    assert_eq!(heard(&rules, &sent().layer("MYSQL")), "Unclaimed");
}

#[test]
fn without_automatic_rules_a_log_without_a_layer_is_general_and_stays_without() {
    let rules = rules(&[(
        "GENERAL",
        "extractor { tag layer: 'is ' + log.layer } sink {}",
    )]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 keeps svc/// [layer=is ]\n0 done 1\nClaimed"
    );
}

#[test]
fn a_log_without_a_time_is_of_now() {
    let rules = rules(&[(
        "auto",
        "extractor { layer 'IOS' tag at: log.timestamp } sink {}",
    )]);
    let mut log = sent();
    log.metadata.timestamp_ms = 0;
    assert_eq!(
        heard(&rules, &log),
        "0 keeps svc///IOS [at=1700000000000]\n0 done 1\nClaimed"
    );
}

#[test]
fn row_1_aborted_falls_back() {
    let rules = rules(&[("auto", "abort {}"), KEEP]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 aborted\n1 keeps svc/// []\n1 done 1\nClaimed"
    );
}

#[test]
fn row_2_saved_with_a_layer_is_stored() {
    let rules = rules(&[("auto", "extractor { layer 'IOS' } sink {}"), KEEP]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 keeps svc///IOS []\n0 done 1\nClaimed"
    );
}

#[test]
fn row_3_saved_without_a_layer_is_lost_and_claimed() {
    let rules = rules(&[("auto", "extractor { tag a: 'b' } sink {}"), KEEP]);
    assert_eq!(heard(&rules, &sent()), "0 without layer\nClaimed");
}

#[test]
fn row_4_dropped_is_claimed() {
    let dropper = "extractor { layer 'IOS' } sink { dropper {} }";
    let sampler = "extractor { layer 'IOS' } sink { sampler { rateLimit('a') { rpm 0 } } }";
    for filter in [dropper, sampler] {
        let rules = rules(&[("auto", filter), KEEP]);
        assert_eq!(heard(&rules, &sent()), "0 done 0\nClaimed");
    }
}

#[test]
fn row_5_no_sink_is_claimed_and_measured() {
    let rules = rules(&[("auto", "extractor { metrics { name 'm' value 3 } }"), KEEP]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 measures m None 3 at 0\n0 done 0\nClaimed"
    );
}

#[test]
fn row_6_an_error_claims_unless_the_rule_had_aborted() {
    let failing = "if (tag('n') > 1) { sink {} }";
    let claims = rules(&[("auto", failing), KEEP]);
    let failed = "0 failed: `` is no whole number of 32 bits";
    assert_eq!(heard(&claims, &sent()), format!("{failed}\nClaimed"));

    let aborted = format!("abort {{}} {failing}");
    let falls_back = rules(&[("auto", &*aborted), KEEP]);
    let general = "1 keeps svc/// []\n1 done 1";
    assert_eq!(
        heard(&falls_back, &sent()),
        format!("{failed}\n{general}\nClaimed")
    );

    let stored = format!("extractor {{ layer 'IOS' }} sink {{}} {failing}");
    let stored = rules(&[("auto", &*stored), KEEP]);
    assert_eq!(
        heard(&stored, &sent()),
        format!("0 keeps svc///IOS []\n{failed}\nClaimed")
    );

    let documented = rules_by(&[("auto", failing), KEEP], Compatibility::Documented);
    assert_eq!(
        heard(&documented, &sent()),
        format!("{failed}\n{general}\nClaimed")
    );
}

#[test]
fn row_7_a_rule_for_another_input_never_meets_a_log() {
    let rules = rules(&[(
        "MESH",
        "extractor { tag a: parsed.response.responseCode } sink {}",
    )]);
    assert_eq!(heard(&rules, &sent().layer("MESH")), "Unclaimed");
}

#[test]
fn one_claim_is_enough_and_every_rule_is_asked() {
    let rules = rules(&[
        ("auto", "abort {}"),
        ("auto", "sink { dropper {} }"),
        ("auto", "abort {}"),
        KEEP,
    ]);
    assert_eq!(
        heard(&rules, &sent()),
        "0 aborted\n1 done 0\n2 aborted\nClaimed"
    );
}

#[test]
fn a_general_log_of_its_own_meets_no_automatic_rule() {
    let rules = rules(&[("auto", "sink {}")]);
    assert_eq!(heard(&rules, &sent().layer("GENERAL")), "Unclaimed");
}

#[test]
fn rules_of_one_log_see_each_other_through_the_layer_only() {
    let first = "json {} extractor { service 'A' instance 'B' endpoint 'C' layer 'IOS' tag k: 'v' } sink {}";
    let second = "extractor { tag service: log.service, layer: log.layer, k: tag('k'), \
                  body: log.body.getText().getText() } sink {}";
    let rules = rules(&[("auto", first), ("auto", second)]);
    assert_eq!(
        heard(&rules, &sent().text("{}")),
        "0 keeps A/B/C/IOS [k=v] json\n0 done 1\n\
         1 keeps svc///IOS [service=svc, layer=IOS, body={}]\n1 done 1\nClaimed"
    );
}

#[test]
fn a_rule_that_is_called_alone_is_not_automatic() {
    use super::{Claim, Heard, NOW, RuleId, Scratch};
    let rules = rules(&[("auto", "abort {}"), ("auto", "sink {}")]);
    let mut outcome = Heard::default();
    let runner = rules.runner().only(RuleId(1));
    let claim = runner.run(&sent(), NOW, &mut Scratch::default(), &mut outcome);
    assert_eq!(claim, Claim::Claimed);
    assert_eq!(outcome.lines, ["1 keeps svc/// []", "1 done 1"]);
}
