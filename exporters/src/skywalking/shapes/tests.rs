use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, ScopeMetrics, Summary, SummaryDataPoint,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Chunk, Signal};

use super::*;

fn chunk(keys: &[&str], metrics: Vec<Metric>) -> OtlpChunk {
    let attributes = keys.iter().map(|key| KeyValue {
        key: (*key).to_owned(),
        ..KeyValue::default()
    });
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    let request = Bytes::from(request.encode_to_vec());
    let budget = Budget::new(usize::MAX);
    let received = receive(Signal::Metrics, request, InvalidUtf8::Refuse, &budget);
    let Some(Chunk::Otlp(chunk)) = received.expect("it is valid").chunks.pop() else {
        panic!("it is OTLP")
    };
    chunk
}

fn metric(name: &str, data: Option<Data>) -> Metric {
    Metric {
        name: name.to_owned(),
        data,
        ..Metric::default()
    }
}

fn gauge(name: &str, value: f64) -> Metric {
    let point = NumberDataPoint {
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    };
    let data_points = vec![point];
    metric(name, Some(Data::Gauge(Gauge { data_points })))
}

fn histogram(name: &str, counts: Vec<u64>, sum: f64) -> Metric {
    let point = HistogramDataPoint {
        bucket_counts: counts,
        sum: Some(sum),
        ..HistogramDataPoint::default()
    };
    let histogram = Histogram {
        data_points: vec![point],
        ..Histogram::default()
    };
    metric(name, Some(Data::Histogram(histogram)))
}

fn names(chunk: &OtlpChunk) -> Vec<String> {
    let metrics = ResourceMetrics::decode(chunk.body()).expect("it is valid");
    let metrics = metrics.scope_metrics.into_iter();
    let metrics = metrics.flat_map(|scope| scope.metrics);
    metrics.map(|metric| metric.name).collect()
}

#[test]
fn what_a_backend_takes_is_left_alone() {
    let sound = chunk(
        &["a", "b"],
        vec![gauge("g", 0.0), histogram("h", vec![1], 2.0)],
    );
    assert!(sort(&sound, MetricsForm::Otlp).is_none());
}

#[test]
fn bad_metrics_are_taken_out_and_the_first_is_named() {
    let summary = Summary {
        data_points: vec![SummaryDataPoint {
            sum: f64::INFINITY,
            ..SummaryDataPoint::default()
        }],
    };
    let mixed = vec![
        gauge("good", 1.0),
        gauge("nan", f64::NAN),
        histogram("empty", Vec::new(), 0.0),
        histogram("endless", vec![1], f64::NEG_INFINITY),
        metric("summary", Some(Data::Summary(summary))),
        histogram("fine", vec![1], 0.0),
    ];
    let sorted = sort(&chunk(&["a"], mixed), MetricsForm::Otlp).expect("four are bad");
    assert_eq!(sorted.fault, "metric `nan`: a value is not a finite number");
    let sound = sorted.sound.expect("two are good");
    let unsound = sorted.unsound.expect("four are bad");
    assert_eq!(names(&sound), ["good", "fine"]);
    assert_eq!(names(&unsound), ["nan", "empty", "endless", "summary"]);
    assert_eq!((sound.items(), unsound.items()), (2, 4));
}

#[test]
fn a_metric_without_data_holds_no_item_and_is_only_left_out() {
    let bare = vec![gauge("good", 1.0), metric("bare", None)];
    let sorted = sort(&chunk(&["a"], bare), MetricsForm::Otlp).expect("one is bad");
    assert!(sorted.unsound.is_none());
    assert_eq!(names(&sorted.sound.expect("one is good")), ["good"]);
}

#[test]
fn a_resource_that_says_a_thing_twice_is_bad_as_a_whole() {
    let twice = chunk(&["a", "b", "a"], vec![gauge("g", 1.0)]);
    let sorted = sort(&twice, MetricsForm::Otlp).expect("it is bad");
    assert!(sorted.sound.is_none());
    assert_eq!(sorted.fault, "the resource has the attribute `a` twice");
}
