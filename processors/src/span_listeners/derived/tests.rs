use engine::component::Derivation;
use pdata::{Batch, Signal};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::span_listeners::testkit::{
    DAY_END, Point, PointValue, batch_of, points, resources, span, traces,
};

const MINUTE: u64 = NANOS_PER_MINUTE;

static SUM: Metric<'_> = Metric {
    name: "sum",
    unit: "1",
    labels: &[],
    kind: Kind::Sum,
};
static LABELLED: Metric<'_> = Metric {
    labels: &[("label", "x")],
    ..SUM
};
static GAUGE: Metric<'_> = Metric {
    name: "gauge",
    kind: Kind::Gauge,
    ..SUM
};
static MAXIMUM: Metric<'_> = Metric {
    name: "maximum",
    kind: Kind::Maximum,
    ..SUM
};

fn histogram(is_capped: bool) -> Metric<'static> {
    Metric {
        name: "histogram",
        kind: Kind::Histogram {
            bounds: &[1.0, 2.0],
            is_capped,
        },
        ..SUM
    }
}

fn measured<'a>(ends: u64, by: &'a str, values: &[(Metric<'static>, f64)]) -> Measured<'a> {
    Measured {
        window: Window {
            start: ends - 10,
            end: ends,
        },
        attributes: vec![("by", by.into())],
        values: values.to_vec(),
    }
}

fn derivation(measured: Vec<Measured<'_>>) -> Derivation {
    let resource = [
        ("service.name", json!("shop")),
        ("device.id", json!("6F1C9C0E")),
        ("os.name", json!("iOS")),
    ];
    let body = traces(&resource, &[("scope", vec![span("a", &[])])]);
    let source = batch_of(Signal::Traces, &body);
    let mut derived = Derived::default();
    measured.into_iter().for_each(|it| derived.add(it));
    let Chunk::Otlp(chunk) = &source.chunks()[0] else {
        panic!("it is OTLP");
    };
    let chunks = derived.into_chunks(chunk);
    Derivation {
        main: None,
        derived: vec![Batch::new(Signal::Metrics, chunks, source.origin().clone())],
    }
}

fn add(measured: Vec<Measured<'_>>) -> Vec<Point> {
    points(&derivation(measured))
}

#[test]
fn spans_of_equal_attributes_make_one_point() {
    let points = add(vec![
        measured(
            DAY_END + 5,
            "a",
            &[(SUM, 2.0), (GAUGE, 2.0), (MAXIMUM, 2.0)],
        ),
        measured(DAY_END, "a", &[(SUM, 3.0), (GAUGE, 1.0), (MAXIMUM, 1.0)]),
        measured(DAY_END, "b", &[(SUM, 7.0)]),
        measured(DAY_END, "a", &[(LABELLED, 9.0)]),
    ]);
    let values: Vec<_> = points
        .iter()
        .map(|point| {
            (
                &*point.metric,
                &*point.attributes["by"],
                point.value.number(),
            )
        })
        .collect();
    let expected = [
        ("sum", "a", 5.0),
        ("sum", "a", 9.0),
        ("sum", "b", 7.0),
        ("gauge", "a", 1.0),
        ("maximum", "a", 2.0),
    ];
    assert_eq!(values, expected);
    assert_eq!(points[0].times, [DAY_END - 10, DAY_END + 5]);
    assert_eq!(points[1].attributes["label"], "x");
}

#[test]
fn a_bucket_holds_what_is_not_above_its_bound() {
    let counts = |is_capped: bool, numbers: &[f64]| {
        let metric = histogram(is_capped);
        let all = numbers
            .iter()
            .map(|it| measured(DAY_END, "a", &[(metric, *it)]));
        let points = add(all.collect());
        assert_eq!(points.len(), 1);
        match points[0].value.clone() {
            PointValue::Histogram {
                counts,
                bounds,
                sum,
            } => {
                assert_eq!(bounds, [1.0, 2.0]);
                assert_eq!(sum, numbers.iter().sum::<f64>());
                counts
            }
            other => panic!("{other:?} is no histogram"),
        }
    };
    assert_eq!(counts(false, &[0.0, 1.0, 1.5, 2.0, 2.1]), [2, 2, 1]);
    assert_eq!(counts(true, &[0.0, 1.0, 1.5, 2.0, 2.1]), [2, 3, 0]);
}

#[test]
fn minutes_are_told_apart_and_only_so_many() {
    let all = (0..100).map(|n| measured(DAY_END + n * MINUTE, "a", &[(SUM, 1.0)]));
    let derivation = derivation(all.collect());
    assert_eq!(resources(&derivation).len(), MINUTES_MAX);
    let points = points(&derivation);
    let total: f64 = points.iter().map(|point| point.value.number()).sum();
    assert_eq!(total, 100.0, "what has no minute of its own is not lost");
    for point in &points[..MINUTES_MAX - 1] {
        assert_eq!(point.value.number(), 1.0);
    }
}

#[test]
fn of_the_resource_is_kept_what_the_app_is() {
    let points = add(vec![measured(DAY_END, "a", &[(SUM, 1.0)])]);
    let resource = &points[0].resource;
    assert_eq!(resource.len(), 2, "{resource:?}");
    assert_eq!(
        (&*resource["service.name"], &*resource["os.name"]),
        ("shop", "iOS")
    );
}

#[test]
fn long_texts_are_cut_between_characters() {
    let long = "花".repeat(200);
    let points = add(vec![measured(DAY_END, &long, &[(SUM, 1.0)])]);
    assert_eq!(points[0].attributes["by"], "花".repeat(85));
}

#[test]
fn what_is_no_finite_number_is_nothing() {
    for number in [f64::NAN, f64::INFINITY] {
        assert!(add(vec![measured(DAY_END, "a", &[(SUM, number)])]).is_empty());
    }
}

/// What all points of each series add up to: sums, and each bucket of histograms.
fn totals(points: &[Point]) -> BTreeMap<(String, String), Vec<f64>> {
    let mut totals: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for point in points {
        let mut numbers = vec![point.value.number()];
        if let PointValue::Histogram { counts, .. } = &point.value {
            numbers.extend(counts.iter().map(|count| *count as f64));
        }
        let series = (point.metric.clone(), point.attributes["by"].clone());
        let total = totals.entry(series).or_insert(vec![0.0; numbers.len()]);
        total
            .iter_mut()
            .zip(numbers)
            .for_each(|(total, it)| *total += it);
    }
    totals
}

proptest! {
    /// Whole numbers, so that the order of adding does not matter.
    #[test]
    fn spans_add_up_to_the_same_in_one_request_as_in_many(
        spans in prop::collection::vec((0_u64..200, 0_usize..4, 0_u32..5), 1..40),
    ) {
        let names = ["a", "b", "c", "d"];
        let all: Vec<_> = spans
            .iter()
            .map(|(minute, by, number)| {
                let number = f64::from(*number);
                let values = [(SUM, number), (histogram(false), number)];
                measured(DAY_END + minute * MINUTE, names[*by], &values)
            })
            .collect();
        let whole = derivation(all.clone());
        prop_assert!(resources(&whole).len() <= MINUTES_MAX);
        let apart: Vec<_> = all.into_iter().flat_map(|span| add(vec![span])).collect();
        prop_assert_eq!(totals(&points(&whole)), totals(&apart));
    }
}
