//! The table is whole, and people read the one that is used.

use std::collections::BTreeSet;
use std::fmt::Write;

use expect_test::expect_file;
use pdata::Signal;

use super::*;
use crate::span_listeners::listener::Kind;
use crate::span_listeners::testkit::batch_of;

#[test]
fn the_table_has_every_attribute_of_the_sdk_and_no_other() {
    let batch = batch_of(Signal::Traces, &recorded("example", 0));
    let pdata::Chunk::Otlp(chunk) = &batch.chunks()[0] else {
        panic!("it is OTLP");
    };
    let scope = chunk.scopes().next().expect("one scope");
    let span = scope.records().next().expect("one span");
    let sent: BTreeSet<_> = span.attributes().map(|it| it.key).collect();
    let known: BTreeSet<_> = table::PAYLOAD.iter().map(|row| row.key).collect();
    assert_eq!(known.len(), 57);
    assert_eq!(sent, known);
}

/// What an attribute is for, for people.
fn purpose(role: Role) -> &'static str {
    match role {
        Role::Measures => "measured",
        Role::Device => "label: device",
        Role::Os => "label: system version",
        Role::Version | Role::Build => "label: version (OTLP names)",
        Role::IsMixed => "label: version is `mixed` (OTLP names)",
        Role::SignpostName | Role::SignpostCategory => "label",
        Role::Unused => "not used",
    }
}

fn described(series: &[&Series]) -> String {
    let described = series.iter().map(|series| {
        let Metric {
            name,
            unit,
            labels,
            kind,
        } = series.metric;
        let kind = match kind {
            Kind::Sum => "sum",
            Kind::Gauge => "mean",
            Kind::Maximum => "max",
            Kind::Histogram { .. } => "histogram",
        };
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, it)| format!("{key}={it}"))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let factor = match series.factor {
            1.0 => String::new(),
            factor => format!(", x {factor}"),
        };
        format!("`{name}{labels}` {unit}, {kind}{factor}")
    });
    described.collect::<Vec<_>>().join("; ")
}

#[test]
fn the_table_that_people_read_is_the_one_that_is_used() {
    let mut text = String::from(ABOUT_THE_TABLE);
    for row in table::PAYLOAD.iter().chain(&table::SIGNPOST) {
        let of = |names| described(&row.series(names).collect::<Vec<_>>());
        let line = (row.key, purpose(row.role), of(Names::Oap), of(Names::Otlp));
        let (key, purpose, oap, otlp) = line;
        writeln!(text, "| `{key}` | {purpose} | {oap} | {otlp} |").expect("text takes text");
    }
    expect_file!["../../../../../docs/metrickit.md"].assert_eq(&text);
}

const ABOUT_THE_TABLE: &str = "\
# What becomes of MetricKit's attributes

Sums and histograms are deltas over the day of the span, so those of many devices can be added. A mean
is a gauge: each device's is a point, and the fleet's is their mean. A max is a gauge of which the
largest counts. Towards OAP a metric is of the kind that OAP's rule for it asks for: of downloads and
uploads it takes the mean, where SWIP-11 and the OTLP names have the sum.

Within one submission OAP's rules do what stands here; of the submissions of a minute they then take
the mean. So one submission for each service and minute (`delta_merge`) shows what is true: the three
devices of SWIP-11 have 3 exits in one submission, and 1 in three.

| attribute | is | `names: oap` | `names: otlp` |
|---|---|---|---|
";
