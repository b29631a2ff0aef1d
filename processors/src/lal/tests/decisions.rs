//! What becomes of a log by the end of its rules.

use super::*;

const FAILURES: &str = "skyferry_lal_failures_total";
const FILTERED: &str = "skyferry_lal_filtered_logs_total";
const UNCLAIMED: &str = "skyferry_lal_unclaimed_logs_total";

/// The layers and bodies of what is left of one log with these tags.
fn left(fixture: &Fixture, layer: &str, tags: &[(&str, &str)]) -> Vec<String> {
    let resource = [("service.name", "shop"), ("service.layer", layer)];
    let resource = if layer.is_empty() {
        &resource[..1]
    } else {
        &resource
    };
    let logs = fixture.logs(resource, vec![record(tags)]);
    let layers = logs.iter().flat_map(|logs| {
        let layer = resource_of(logs)
            .into_iter()
            .find(|it| it.0 == "service.layer");
        let layer = layer.map_or("", |(_, layer)| layer);
        vec![layer.to_owned(); records_of(logs).len()]
    });
    layers.collect()
}

#[test]
fn a_log_of_a_layer_without_rules_passes() {
    let fixture = Fixture::new(TAKE);
    for layer in ["MESH", "IOS", "GENERAL", "NOBODY_KNOWS"] {
        assert_eq!(left(&fixture, layer, &[("take", "x")]), [layer]);
    }
    assert_eq!(fixture.count(UNCLAIMED, ("processor", "lal")), 0.0);
}

#[test]
fn a_log_that_every_rule_for_its_layer_aborts_is_unclaimed_too() {
    let quiet = "
rules:
  - name: quiet
    layer: GENERAL
    dsl: 'filter { if (tag(\"noise\") != \"\") { abort {} } sink {} }'
";
    for (unclaimed, expected) in [
        ("keep", &["GENERAL"][..]),
        ("general", &["GENERAL"]),
        ("drop", &[]),
    ] {
        let fixture = Fixture::new(&format!("{quiet}unclaimed: {unclaimed}\n"));
        assert_eq!(left(&fixture, "GENERAL", &[]), ["GENERAL"]);
        assert_eq!(
            left(&fixture, "GENERAL", &[("noise", "1")]),
            expected,
            "{unclaimed}"
        );
        assert_eq!(fixture.count(UNCLAIMED, ("processor", "lal")), 1.0);
    }
}

#[test]
fn a_rule_is_rid_of_a_log_by_dropping_it() {
    let fixture = Fixture::new(
        "
rules:
  - name: quiet
    layer: GENERAL
    dsl: 'filter { if (tag(\"noise\") != \"\") { sink { dropper {} } } else { sink {} } }'
",
    );
    for layer in ["GENERAL", ""] {
        assert_eq!(left(&fixture, layer, &[]), [layer]);
        assert!(left(&fixture, layer, &[("noise", "1")]).is_empty());
    }
    assert_eq!(fixture.count(FILTERED, ("rule", "quiet")), 2.0);
}

#[test]
fn what_nobody_claims_is_kept_filed_or_dropped_and_always_counted() {
    for (unclaimed, expected) in [
        ("keep", &[""][..]),
        ("general", &["GENERAL"]),
        ("drop", &[]),
    ] {
        let fixture = Fixture::new(&format!("{TAKE}unclaimed: {unclaimed}\n"));
        for count in [1.0, 2.0] {
            assert_eq!(
                left(&fixture, "", &[("other", "x")]),
                expected,
                "{unclaimed}"
            );
            assert_eq!(fixture.count(UNCLAIMED, ("processor", "lal")), count);
        }
        assert_eq!(left(&fixture, "", &[("take", "x")]), ["IOS"]);
        assert_eq!(left(&fixture, "MESH", &[("other", "x")]), ["MESH"]);
        assert_eq!(fixture.count(UNCLAIMED, ("processor", "lal")), 2.0);
        let native = fixture.messages(&LogData {
            service: "shop".to_owned(),
            ..LogData::default()
        });
        let layers: Vec<_> = native.iter().map(|log| &*log.layer).collect();
        assert_eq!(layers, expected, "{unclaimed}");
    }
}

/// Fails on a log whose tag is no number, and has claimed it then.
const FRAGILE: &str = "
rules:
  - name: fragile
    layer: auto
    dsl: |
      filter {
        if (tag(\"number\") == \"\") { abort {} }
        extractor {
          layer \"IOS\"
          timestamp tag(\"number\")
        }
        sink {}
      }
";

#[test]
fn a_rule_that_fails_does_not_harm_the_log_unless_it_is_told_to() {
    for (on_error, expected) in [("keep", &[""][..]), ("drop", &[])] {
        let fixture = Fixture::new(&format!("{FRAGILE}on_error: {on_error}\n"));
        assert_eq!(left(&fixture, "", &[("number", "7")]), ["IOS"]);
        assert_eq!(fixture.count(FAILURES, ("rule", "fragile")), 0.0);
        assert_eq!(
            left(&fixture, "", &[("number", "x")]),
            expected,
            "{on_error}"
        );
        assert_eq!(fixture.count(FAILURES, ("rule", "fragile")), 1.0);
    }
}

#[test]
fn a_rule_that_fails_after_it_has_aborted_has_not_failed_on_the_log() {
    let rules = "
rules:
  - name: json
    layer: auto
    dsl: 'filter { json {} if (parsed.kind == \"mine\") { sink {} } }'
";
    for (unclaimed, expected) in [("keep", &[""][..]), ("drop", &[])] {
        let fixture = Fixture::new(&format!("{rules}unclaimed: {unclaimed}\n"));
        assert_eq!(left(&fixture, "", &[]), expected, "{unclaimed}");
        assert_eq!(fixture.count(UNCLAIMED, ("processor", "lal")), 1.0);
        assert_eq!(fixture.count(FAILURES, ("rule", "json")), 0.0);
    }
}

#[test]
fn a_rule_that_fails_does_not_harm_what_others_make_of_the_log() {
    let other = "
  - name: sturdy
    layer: auto
    dsl: 'filter { extractor { layer \"MESH\" } sink {} }'
";
    let fixture = Fixture::new(&format!("{FRAGILE}{other}"));
    assert_eq!(left(&fixture, "", &[("number", "x")]), ["MESH"]);
    let both = left(&fixture, "", &[("number", "7")]);
    assert_eq!(both, ["IOS", "MESH"], "each rule has its record");
}

#[test]
fn a_log_that_a_rule_keeps_twice_as_it_is_is_there_twice() {
    let fixture = Fixture::new(
        "
rules:
  - {name: twice, layer: K8S, dsl: 'filter { sink {} sink {} }'}
",
    );
    assert_eq!(left(&fixture, "K8S", &[]), ["K8S", "K8S"]);
    let log = LogData {
        service: "shop".to_owned(),
        layer: "K8S".to_owned(),
        timestamp: 7,
        ..LogData::default()
    };
    assert_eq!(fixture.messages(&log), [log.clone(), log]);
}
