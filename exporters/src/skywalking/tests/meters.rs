//! Metrics of OTLP as meters.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use pdata::{Decoded, OtlpChunk};

use super::*;

const MINUTE_MS: u64 = 60_000;

/// A gauge with a point for each of these times.
fn gauge(name: &str, times_unix_ms: &[u64]) -> Metric {
    let points = times_unix_ms.iter().map(|time| NumberDataPoint {
        time_unix_nano: time * 1_000_000,
        value: Some(Number::AsDouble(1.0)),
        ..NumberDataPoint::default()
    });
    Metric {
        name: name.to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: points.collect(),
        })),
        ..Metric::default()
    }
}

fn metrics(instance: &str, metrics: Vec<Metric>) -> Chunk {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    };
    Chunk::Otlp(OtlpChunk::from_decoded(Decoded::Metrics(ResourceMetrics {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", "shop"),
                attribute("service.instance.id", instance),
            ],
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    })))
}

fn names(call: &Call<'_>) -> Vec<String> {
    let sets = call
        .messages
        .iter()
        .map(|set| MeterDataCollection::decode(&**set));
    let meters = sets.flat_map(|set| set.expect("it is valid").meter_data);
    let names = meters.map(|meter| match meter.metric {
        Some(pdata::skywalking::v3::meter_data::Metric::SingleValue(single)) => single.name,
        other => panic!("a value is due: {other:?}"),
    });
    names.collect()
}

#[test]
fn metrics_become_sets_of_one_instance_and_minute_that_stay_together() {
    let exporter =
        exporter_of("{endpoints: ['a:1', 'b:1'], tls: {insecure: true}, metrics: meter}");
    let batch = batch(vec![
        metrics("one", vec![gauge("heap.used", &[NOW, NOW + MINUTE_MS])]),
        metrics("two", vec![gauge("heap.used", &[NOW])]),
        metrics("one", vec![gauge("threads", &[NOW])]),
    ]);
    let plan = exporter.plan(&batch, NOW);
    let expected = [("collectBatch", vec![0, 2]), ("collectBatch", vec![1])];
    assert_eq!(calls(&plan), expected);
    assert_eq!(plan.calls[0].messages.len(), 3);
    let expected = ["heap_used", "heap_used", "threads"];
    assert_eq!(names(&plan.calls[0]), expected);
    assert_ne!(plan.calls[0].home, plan.calls[1].home);
}

#[test]
fn a_metric_that_has_no_form_is_refused_by_name_and_its_neighbours_go() {
    let sum = Metric {
        name: "sent".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: vec![NumberDataPoint::default()],
            ..Sum::default()
        })),
        ..Metric::default()
    };
    let batch = batch(vec![metrics("one", vec![sum, gauge("heap", &[NOW])])]);
    let exporter = exporter_of("{endpoint: 'a:1', tls: {insecure: true}, metrics: meter}");
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(names(&plan.calls[0]), ["heap"]);
    let [(0, refused)] = &plan.refused[..] else {
        panic!("one part is due: {:?}", plan.refused.len());
    };
    assert_eq!(refused.items(), 1);
    assert!(plan.fault.starts_with("metric `sent`"), "{}", plan.fault);
    assert_eq!(
        plain().plan(&batch, NOW).refused.len(),
        0,
        "OTLP may say it"
    );
}

#[test]
fn points_without_a_value_are_counted_with_their_call_or_without_one() {
    let empty = |points| Metric {
        name: "heap".to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint::default(); points],
        })),
        ..Metric::default()
    };
    let batch = batch(vec![
        metrics("one", vec![empty(2)]),
        metrics("one", vec![empty(3), gauge("heap", &[NOW])]),
    ]);
    let exporter = exporter_of("{endpoint: 'a:1', tls: {insecure: true}, metrics: meter}");
    let plan = exporter.plan(&batch, NOW);
    assert_eq!(plan.dropped, [("no_recorded_value", 2)]);
    assert_eq!(plan.calls.len(), 1);
    assert_eq!(plan.calls[0].left_out, Some(("no_recorded_value", 3)));
}
