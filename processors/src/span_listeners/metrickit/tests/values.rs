//! What of a payload's values is used, and what becomes of the rest.

use proptest::prelude::*;

use super::*;

#[test]
fn a_value_that_is_no_amount_is_left_out_and_counted() {
    let cpu = ("metrickit.cpu.cpu_time", json!(1.5));
    let double = |text: &str| json!({"doubleValue": text});
    for (value, reason) in [
        (double("NaN"), "nan"),
        (double("Infinity"), "infinite"),
        (double("-Infinity"), "infinite"),
        (json!(-0.5), "negative"),
        (json!("fast"), "not_numeric"),
        (json!(true), "not_numeric"),
        (json!({}), "missing"),
        (json!(1e300), "too_large"),
    ] {
        let stage = stage(Names::Oap);
        let hang = ("metrickit.app_responsiveness.hang_time_average", value);
        let launch = (
            "metrickit.app_launch.time_to_first_draw_average",
            json!("x"),
        );
        let spans = vec![span("MXMetricPayload", &[hang, launch, cpu.clone()])];
        let points = stage.points(&request(&APP, spans));
        assert_eq!(points.len(), 1, "others of the same span are used");
        assert_eq!(
            only(&points, "metrickit_cpu_time").value,
            PointValue::Sum(1.5)
        );
        let expected = if reason == "not_numeric" { 2.0 } else { 1.0 };
        assert_eq!(invalid(&stage, reason), expected, "{reason}");
    }
}

#[test]
fn a_payload_without_any_usable_value_becomes_nothing_and_goes_nowhere() {
    let stage = stage(Names::Otlp);
    let derivation = stage.derive(&request(&APP, vec![span("MXMetricPayload", &[])]));
    assert!(derivation.main.is_none());
    assert!(points(&derivation).is_empty());
    assert!(derivation.derived.is_empty(), "nor an empty request");
}

#[test]
fn both_spellings_of_a_key_are_the_same_counter() {
    for key in [
        "metrickit.app_exit.foreground.memory_resource_limit_exit-count",
        "metrickit.app_exit.foreground.memory_resource_limit_exit_count",
        "metrickit.app_exit.background.bad_access-exit_count",
        "metrickit.app_exit.background.bad_access_exit_count",
    ] {
        let points = payload(Names::Otlp, &[(key, json!(3))]);
        let exits = only(&points, "ios.app.exits");
        assert_eq!(exits.value, PointValue::Sum(3.0));
        assert!(["memory_limit", "bad_access"].contains(&&*exits.attributes["exit.reason"]));
    }
    let twice = [
        (
            "metrickit.app_exit.background.bad_access-exit_count",
            json!(3),
        ),
        (
            "metrickit.app_exit.background.bad_access_exit_count",
            json!(4),
        ),
    ];
    let points = payload(Names::Otlp, &twice);
    assert_eq!(only(&points, "ios.app.exits").value.number(), 3.0);
}

#[test]
fn what_takes_longer_than_all_bounds_is_in_the_last_bucket_towards_oap() {
    let of = [(
        "metrickit.app_launch.time_to_first_draw_average",
        json!(31.5),
    )];
    let launch = payload(Names::Oap, &of);
    assert_eq!(
        bucket(only(&launch, "metrickit_app_launch_time_histogram")),
        30.0
    );
    let launch = payload(Names::Otlp, &of);
    assert_eq!(
        bucket(only(&launch, "ios.app.launch.duration")),
        f64::INFINITY
    );
}

#[test]
fn a_hostile_payload_does_not_grow_with_its_texts() {
    let long = "x".repeat(1 << 20);
    let of: Vec<_> = table::PAYLOAD
        .iter()
        .map(|row| match row.role {
            Role::Measures => (row.key, json!(1)),
            _ => (row.key, json!(long)),
        })
        .collect();
    let derivation = stage(Names::Otlp).derive(&request(&APP, vec![span("MXMetricPayload", &of)]));
    let bytes: usize = derivation.derived.iter().map(pdata::Batch::wire_len).sum();
    assert!(bytes < 64 << 10, "{bytes} bytes");
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_map(|bits| match bits.is_finite() {
            true => json!({"doubleValue": bits}),
            false => json!({"doubleValue": "NaN"}),
        }),
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|bool| json!(bool)),
        "\\PC{0,20}".prop_map(|text| json!(text)),
        Just(json!({})),
        Just(json!({"arrayValue": {"values": [{"intValue": 1}]}})),
    ]
}

proptest! {
    #[test]
    fn whatever_a_payload_holds_its_metrics_are_amounts(
        of in prop::collection::vec((0..table::PAYLOAD.len(), values()), 0..60),
        is_signpost: bool,
    ) {
        let (name, table) = match is_signpost {
            true => ("MXSignpostMetric", &table::SIGNPOST[..]),
            false => ("MXMetricPayload", &table::PAYLOAD[..]),
        };
        let of: Vec<_> = of
            .into_iter()
            .map(|(row, value)| (table[row % table.len()].key, value))
            .collect();
        let body = request(&APP, vec![span(name, &of)]);
        for names in [Names::Oap, Names::Otlp] {
            let derivation = stage(names).derive(&body);
            prop_assert!(derivation.main.is_none());
            for point in points(&derivation) {
                let number = point.value.number();
                prop_assert!((0.0..9.3e18).contains(&number), "{point:?}");
            }
        }
    }
}
