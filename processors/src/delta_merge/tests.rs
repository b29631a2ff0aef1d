//! What leaves a window, by what came into it.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine::aggregate::Window;
use engine::config::read_text;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
    Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Decoded, Origin};
use prost::Message;
use telemetry::Metrics;

use super::*;

mod limits;

/// The begin of a window, and a time in it.
const START_MS: u64 = 1_790_000_040_000;
const NOW_MS: u64 = START_MS + 20_000;
const MINUTE_MS: u64 = 60_000;
const BOUNDS: [f64; 4] = [50.0, 100.0, 250.0, 500.0];

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// What one device sends.
struct Device {
    attributes: Vec<KeyValue>,
    metrics: Vec<Metric>,
}

impl Device {
    fn of(service: &str, instance: &str) -> Self {
        let attributes = [
            ("service.name", service),
            ("service.instance.id", instance),
            ("miniprogram.platform", "wechat"),
            ("device.model.name", "of this device alone"),
        ];
        Device {
            attributes: attributes.map(|(key, value)| attribute(key, value)).into(),
            metrics: Vec::new(),
        }
    }

    fn with(mut self, name: &str, data: Data) -> Self {
        self.metrics.push(Metric {
            name: name.to_owned(),
            data: Some(data),
            ..Metric::default()
        });
        self
    }

    /// A request to a page for each duration.
    fn requests(self, page: &str, durations: &[f64]) -> Self {
        self.requests_at(NOW_MS, page, durations)
    }

    fn requests_at(self, at_ms: u64, page: &str, durations: &[f64]) -> Self {
        let mut bucket_counts = vec![0; BOUNDS.len() + 1];
        for duration in durations {
            bucket_counts[BOUNDS.partition_point(|bound| bound < duration)] += 1;
        }
        let point = HistogramDataPoint {
            attributes: vec![attribute("page", page)],
            time_unix_nano: at_ms * 1_000_000,
            count: durations.len() as u64,
            sum: Some(durations.iter().sum()),
            bucket_counts,
            explicit_bounds: BOUNDS.to_vec(),
            ..HistogramDataPoint::default()
        };
        self.with(
            "miniprogram.request.duration",
            Data::Histogram(Histogram {
                data_points: vec![point],
                aggregation_temporality: 1,
            }),
        )
    }

    fn gauge(self, name: &str, value: f64) -> Self {
        let data_points = vec![number(Value::AsDouble(value))];
        self.with(name, Data::Gauge(Gauge { data_points }))
    }

    fn sum(self, name: &str, value: Value) -> Self {
        self.with(
            name,
            Data::Sum(Sum {
                data_points: vec![number(value)],
                aggregation_temporality: 1,
                is_monotonic: true,
            }),
        )
    }

    fn batch(self) -> Batch {
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource {
                    attributes: self.attributes,
                    ..Resource::default()
                }),
                scope_metrics: vec![ScopeMetrics {
                    metrics: self.metrics,
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        let request = Bytes::from(request.encode_to_vec());
        let received = receive(
            Signal::Metrics,
            request,
            InvalidUtf8::Repair,
            &Budget::new(1 << 20),
        );
        let chunks = received.expect("it is valid").chunks;
        Batch::new(Signal::Metrics, chunks, Arc::new(Origin::default()))
    }
}

fn number(value: Value) -> NumberDataPoint {
    NumberDataPoint {
        time_unix_nano: NOW_MS * 1_000_000,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

/// A processor with its window.
struct Rig {
    processor: DeltaMerge,
    merger: Box<dyn Merger>,
    metrics: Metrics,
}

impl Rig {
    fn new(config: &str) -> Self {
        let (config, _) = read_text::<Config>(config).expect("the text is valid");
        let metrics = Metrics::new();
        let processor = DeltaMerge {
            config: Arc::new(config),
            tally: Tally::new(&metrics, "delta_merge"),
        };
        let merger = processor.merger();
        Rig {
            processor,
            merger,
            metrics,
        }
    }

    /// Gives what passes at once.
    fn take(&mut self, device: Device) -> Option<Batch> {
        let Division { pass, held } = self.processor.divide(device.batch());
        if let Some(held) = held {
            self.merger.fold(&held, NOW_MS);
        }
        pass
    }

    fn close(&mut self) -> Vec<ResourceMetrics> {
        let batches = self.merger.close(Window {
            start_unix_ms: START_MS,
            end_unix_ms: START_MS + MINUTE_MS,
        });
        decoded(&batches)
    }

    fn counted(&self, outcome: &str) -> u64 {
        let line = format!("outcome=\"{outcome}\"");
        let text = self.metrics.render();
        let found = text.lines().find(|text| text.contains(&line));
        let value = found.and_then(|line| line.rsplit(' ').next());
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }
}

fn decoded(batches: &[Batch]) -> Vec<ResourceMetrics> {
    let chunks = batches.iter().flat_map(Batch::chunks).cloned();
    let chunks = chunks.filter_map(Chunk::into_otlp);
    chunks
        .map(|mut chunk| match chunk.decoded_mut() {
            Decoded::Metrics(resource) => resource.clone(),
            other => panic!("not metrics: {other:?}"),
        })
        .collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

fn metrics(resource: &ResourceMetrics) -> BTreeMap<String, Data> {
    let metrics = resource
        .scope_metrics
        .iter()
        .flat_map(|scope| &scope.metrics);
    metrics
        .map(|metric| {
            (
                metric.name.clone(),
                metric.data.clone().expect("it has data"),
            )
        })
        .collect()
}

fn gauge_values(data: &Data) -> Vec<f64> {
    let Data::Gauge(gauge) = data else {
        panic!("not a gauge: {data:?}");
    };
    let values = gauge.data_points.iter().map(|point| match point.value {
        Some(Value::AsDouble(value)) => value,
        Some(Value::AsInt(value)) => value as f64,
        None => panic!("a point without a value"),
    });
    values.collect()
}

#[test]
fn ten_devices_with_a_request_each_are_ten_requests_of_one_service() {
    let mut rig = Rig::new("{}");
    let durations = [
        10.0, 40.0, 60.0, 70.0, 80.0, 90.0, 95.0, 99.0, 240.0, 5000.0,
    ];
    for (device, duration) in durations.iter().enumerate() {
        let device =
            Device::of("shop", &format!("device-{device}")).requests("index", &[*duration]);
        assert!(rig.take(device).is_none(), "all of it is merged");
    }
    let submissions = rig.close();
    let [submission] = &submissions[..] else {
        panic!("one service, one submission: {submissions:?}");
    };
    let resource = &submission.resource.as_ref().expect("it has one").attributes;
    assert_eq!(text(resource, "service.name").as_deref(), Some("shop"));
    assert_eq!(
        text(resource, "miniprogram.platform").as_deref(),
        Some("wechat")
    );
    assert_eq!(resource.len(), 2, "nothing of a device: {resource:?}");
    let metrics = metrics(submission);
    let Data::Histogram(histogram) = &metrics["miniprogram.request.duration"] else {
        panic!("it stays a histogram");
    };
    assert_eq!(histogram.aggregation_temporality, 1);
    assert_eq!(
        histogram.data_points.len(),
        10,
        "instances are told apart by their points"
    );
    let mut buckets = vec![0; BOUNDS.len() + 1];
    for point in &histogram.data_points {
        assert!(text(&point.attributes, "service.instance.id").is_some());
        assert_eq!(text(&point.attributes, "page").as_deref(), Some("index"));
        let times = (point.start_time_unix_nano, point.time_unix_nano);
        let end = START_MS + MINUTE_MS - 1;
        assert_eq!(
            times,
            (START_MS * 1_000_000, end * 1_000_000),
            "one minute for all"
        );
        for (all, count) in buckets.iter_mut().zip(&point.bucket_counts) {
            *all += count;
        }
    }
    assert_eq!(buckets, [2, 6, 1, 0, 1]);
    assert!(
        rig.close().is_empty(),
        "a window that nothing came in is nothing"
    );
}

#[test]
fn without_an_instance_on_the_points_the_fleet_is_one_series() {
    let mut rig = Rig::new("{point_attributes: []}");
    for device in 0..100 {
        rig.take(Device::of("shop", &format!("{device}")).requests("index", &[60.0, 200.0]));
    }
    let submissions = rig.close();
    let Data::Histogram(histogram) = &metrics(&submissions[0])["miniprogram.request.duration"]
    else {
        panic!("it stays a histogram");
    };
    let [point] = &histogram.data_points[..] else {
        panic!("one series");
    };
    assert_eq!(point.bucket_counts, [0, 100, 100, 0, 0]);
    assert_eq!((point.count, point.sum), (200, Some(26_000.0)));
}

#[test]
fn services_and_platforms_stay_apart() {
    let mut rig = Rig::new("{}");
    let mut alipay = Device::of("shop", "c").requests("index", &[60.0]);
    alipay.attributes[2] = attribute("miniprogram.platform", "alipay");
    rig.take(alipay);
    rig.take(Device::of("shop", "a").requests("index", &[60.0]));
    rig.take(Device::of("bank", "b").requests("index", &[60.0]));
    assert_eq!(rig.close().len(), 3);
}

#[test]
fn gauges_leave_as_points_or_as_their_mean_with_statistics() {
    for (config, expected) in [
        (
            "{point_attributes: []}",
            vec![("launch", vec![850.0, 1200.0, 900.0])],
        ),
        (
            "{point_attributes: [], gauges: mean, gauge_statistics: true}",
            vec![
                ("launch", vec![2950.0 / 3.0]),
                ("launch.count", vec![3.0]),
                ("launch.max", vec![1200.0]),
                ("launch.min", vec![850.0]),
            ],
        ),
        (
            "{point_attributes: [], max_gauge_values: 2}",
            vec![("launch", vec![2950.0 / 3.0])],
        ),
    ] {
        let mut rig = Rig::new(config);
        for (device, value) in [("a", 850.0), ("b", 1200.0), ("c", 900.0)] {
            rig.take(Device::of("app", device).gauge("launch", value));
        }
        let submissions = rig.close();
        let found = metrics(&submissions[0]);
        let found: Vec<_> = found
            .iter()
            .map(|(name, data)| (&**name, gauge_values(data)))
            .collect();
        assert_eq!(found, expected, "{config}");
    }
}

#[test]
fn what_is_excluded_cumulative_or_passed_by_choice_goes_on_at_once() {
    let mut rig = Rig::new("{gauges: pass}");
    let cumulative = Data::Sum(Sum {
        data_points: vec![number(Value::AsInt(1))],
        aggregation_temporality: 2,
        is_monotonic: true,
    });
    let device = Device::of("shop", "a")
        .requests("index", &[60.0])
        .gauge("launch", 1.0)
        .with("total", cumulative);
    let passed = rig.take(device).expect("two of three pass");
    let passed = decoded(&[passed]);
    let names: Vec<_> = metrics(&passed[0]).into_keys().collect();
    assert_eq!(names, ["launch", "total"]);
    let attributes = &passed[0].resource.as_ref().expect("it has one").attributes;
    assert_eq!(attributes.len(), 4, "what passes keeps its resource");
    let mut rig = Rig::new("{}");
    let paint = Device::of("shop", "a").gauge("miniprogram.first_paint.time", 1.79e12);
    assert!(
        rig.take(paint).is_some(),
        "a point in time is not to be averaged"
    );
    assert!(rig.close().is_empty());
}

#[test]
fn sums_are_whole_as_long_as_they_can_be() {
    let mut rig = Rig::new("{point_attributes: []}");
    for (device, value) in [("a", Value::AsInt(1)), ("b", Value::AsInt(41))] {
        rig.take(
            Device::of("shop", device)
                .sum("errors", value)
                .sum("bytes", Value::AsInt(i64::MAX))
                .sum("broken", Value::AsDouble(f64::NAN)),
        );
    }
    let submissions = rig.close();
    let metrics = metrics(&submissions[0]);
    let value = |name: &str| match &metrics[name] {
        Data::Sum(sum) => sum.data_points[0].value,
        other => panic!("not a sum: {other:?}"),
    };
    assert_eq!(value("errors"), Some(Value::AsInt(42)));
    assert_eq!(value("bytes"), Some(Value::AsDouble(2.0 * i64::MAX as f64)));
    assert!(
        !metrics.contains_key("broken"),
        "what is no number is in nothing"
    );
    assert_eq!(rig.counted("invalid"), 2);
}

#[test]
fn a_histogram_of_nothing_is_never_sent() {
    let mut rig = Rig::new("{}");
    rig.take(Device::of("shop", "a").requests("index", &[]));
    assert!(rig.close().is_empty());
}
