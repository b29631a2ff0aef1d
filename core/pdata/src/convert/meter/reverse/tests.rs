//! What metrics are as meters.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, ScopeMetrics, Sum, Summary,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;

use super::*;

/// A minute's beginning.
const NOW_MS: i64 = 1_795_219_200_000;

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(value: f64, time_unix_ms: i64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        time_unix_nano: time_unix_ms as u64 * 1_000_000,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn gauge(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points })
}

fn resource(metrics: Vec<Metric>) -> ResourceMetrics {
    let attributes = vec![
        attribute("service.name", "shop"),
        attribute("service.instance.id", "one"),
        attribute("host.name", "h"),
    ];
    ResourceMetrics {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    }
}

fn converted(metrics: Vec<Metric>, options: &Options) -> Vec<Vec<MeterData>> {
    let meters = from_otlp(&resource(metrics), options, NOW_MS);
    let collections = meters.collections.iter();
    let decoded = collections.map(|collection| MeterDataCollection::decode(&**collection));
    decoded
        .map(|collection| collection.unwrap().meter_data)
        .collect()
}

/// Each meter as `name{label=value,..} values`.
fn lines(meters: &[MeterData]) -> Vec<String> {
    let line = |meter: &MeterData| {
        assert_eq!((&*meter.service, &*meter.service_instance), ("shop", "one"));
        let (name, labels, values) = match meter.metric.as_ref().unwrap() {
            Measured::SingleValue(it) => (&it.name, &it.labels, it.value.to_string()),
            Measured::Histogram(it) => {
                let bucket = |bucket: &MeterBucketValue| match bucket.is_negative_infinity {
                    true => format!("..:{}", bucket.count),
                    false => format!("{}:{}", bucket.bucket, bucket.count),
                };
                let values: Vec<_> = it.values.iter().map(bucket).collect();
                (&it.name, &it.labels, values.join(" "))
            }
        };
        let labels = labels
            .iter()
            .map(|label| format!("{}={}", label.name, label.value));
        format!(
            "{name}{{{}}} {values}",
            labels.collect::<Vec<_>>().join(",")
        )
    };
    meters.iter().map(line).collect()
}

#[test]
fn numbers_keep_their_labels_under_names_that_oap_takes() {
    let attributes = vec![
        attribute("http.method", "GET"),
        attribute("http_method", "its twin"),
        attribute("service", "other"),
    ];
    let sum = Sum {
        data_points: vec![NumberDataPoint {
            value: Some(Value::AsInt(7)),
            ..number(0.0, NOW_MS, Vec::new())
        }],
        aggregation_temporality: AggregationTemporality::Delta.into(),
        is_monotonic: true,
    };
    let metrics = vec![
        metric(
            "pool.size",
            "",
            gauge(vec![number(3.5, NOW_MS, attributes)]),
        ),
        metric("sent", "", Data::Sum(sum)),
    ];
    let options = Options {
        resource_labels: vec!["host.name".to_owned(), "absent".to_owned()],
        ..Options::default()
    };
    let found = converted(metrics, &options);
    let expected = [
        "pool_size{http_method=GET,otlp_service=other,host_name=h} 3.5",
        "sent{host_name=h} 7",
    ];
    assert_eq!(lines(&found[0]), expected);
}

#[test]
fn histograms_are_named_by_lower_bounds_and_have_a_sum_and_a_count() {
    let point = HistogramDataPoint {
        time_unix_nano: NOW_MS as u64 * 1_000_000,
        count: 6,
        sum: Some(1.5),
        bucket_counts: vec![3, 2, 1],
        explicit_bounds: vec![0.25, 0.5],
        ..HistogramDataPoint::default()
    };
    let histogram = Data::Histogram(Histogram {
        data_points: vec![point],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    });
    let metrics = || vec![metric("http.duration", "s", histogram.clone())];
    let found = converted(metrics(), &Options::default());
    let expected = [
        "http_duration{} ..:3 0.25:2 0.5:1",
        "http_duration_sum{} 1.5",
        "http_duration_count{} 6",
    ];
    assert_eq!(lines(&found[0]), expected);
    let options = Options {
        milliseconds: true,
        ..Options::default()
    };
    let found = converted(metrics(), &options);
    let expected = [
        "http_duration{} ..:3 250:2 500:1",
        "http_duration_sum{} 1500",
    ];
    assert_eq!(lines(&found[0])[..2], expected);
}

#[test]
fn exponential_histograms_get_bounds() {
    let buckets = |offset, bucket_counts: &[u64]| {
        Some(Buckets {
            offset,
            bucket_counts: bucket_counts.to_vec(),
        })
    };
    let point = ExponentialHistogramDataPoint {
        count: 10,
        zero_count: 4,
        positive: buckets(1, &[2, 1]),
        negative: buckets(0, &[3]),
        ..ExponentialHistogramDataPoint::default()
    };
    let of = |point| {
        let histogram = ExponentialHistogram {
            data_points: vec![point],
            ..ExponentialHistogram::default()
        };
        metric("size", "", Data::ExponentialHistogram(histogram))
    };
    let found = converted(vec![of(point.clone())], &Options::default());
    let expected = ["size{} ..:0 -2:3 -1:4 2:2 4:1 8:0", "size_count{} 10"];
    assert_eq!(lines(&found[0]), expected);
    let many = ExponentialHistogramDataPoint {
        positive: buckets(0, &[1; BUCKETS_MAX + 1]),
        ..point.clone()
    };
    let far = ExponentialHistogramDataPoint {
        positive: buckets(i32::MAX, &[1]),
        ..point.clone()
    };
    let near = ExponentialHistogramDataPoint {
        scale: i32::MAX,
        ..point
    };
    for point in [many, far, near] {
        assert!(fault_of(&of(point)).is_some());
    }
}

#[test]
fn summaries_are_quantiles_with_a_sum_and_a_count() {
    let quantile = |quantile, value| ValueAtQuantile { quantile, value };
    let summary = Data::Summary(Summary {
        data_points: vec![SummaryDataPoint {
            count: 2,
            sum: 9.0,
            quantile_values: vec![quantile(0.5, 4.0), quantile(0.99, 5.0)],
            ..SummaryDataPoint::default()
        }],
    });
    let found = converted(vec![metric("gc", "", summary)], &Options::default());
    let expected = [
        "gc{quantile=0.5} 4",
        "gc{quantile=0.99} 5",
        "gc_sum{} 9",
        "gc_count{} 2",
    ];
    assert_eq!(lines(&found[0]), expected);
}

#[test]
fn a_minute_is_a_collection_and_what_has_no_time_came_when_it_arrived() {
    let at = |time| number(1.0, time, Vec::new());
    let points = [NOW_MS + 61_000, 0, NOW_MS + 59_999].map(at);
    let found = converted(
        vec![metric("x", "", gauge(points.into()))],
        &Options::default(),
    );
    let times = found.iter().map(|meters| {
        let times = meters.iter().map(|meter| meter.timestamp - NOW_MS);
        times.collect::<Vec<_>>()
    });
    assert_eq!(times.collect::<Vec<_>>(), [vec![0, 59_999], vec![61_000]]);
}

#[test]
fn points_without_a_value_are_counted() {
    let flagged = NumberDataPoint {
        flags: DataPointFlags::NoRecordedValueMask as u32,
        ..number(0.0, NOW_MS, Vec::new())
    };
    let empty = NumberDataPoint::default();
    let metrics = vec![metric("x", "", gauge(vec![flagged, empty]))];
    let meters = from_otlp(&resource(metrics), &Options::default(), NOW_MS);
    assert_eq!((meters.collections.len(), meters.without_value), (0, 2));
}

#[test]
fn a_sum_of_unknown_temporality_has_no_form() {
    let sum = metric("x", "", Data::Sum(Sum::default()));
    assert!(fault_of(&sum).is_some_and(|fault| fault.contains("delta or cumulative")));
    assert_eq!(fault_of(&metric("x", "", gauge(Vec::new()))), None);
}

/// Meters as a client sends them: of one minute, labels of different names, buckets that ascend.
fn arbitrary_meters() -> impl Strategy<Value = Vec<MeterData>> {
    let labels = prop::collection::btree_map("[a-z_]{1,8}x", ".{0,8}", 0..4).prop_map(|labels| {
        let labels = labels.into_iter();
        labels
            .map(|(name, value)| Label { name, value })
            .collect::<Vec<_>>()
    });
    let single = ("[a-m]{1,4}", labels.clone(), -1e9..1e9_f64);
    let single = single.prop_map(|(name, labels, value)| {
        Measured::SingleValue(MeterSingleValue {
            name,
            labels,
            value,
        })
    });
    let bounds = prop::collection::btree_map(-1000..1000_i32, 0..1000_i64, 0..6);
    let histogram = ("[n-z]{1,4}", labels, 0..1000_i64, bounds);
    let histogram = histogram.prop_map(|(name, labels, below, bounds)| {
        let first = MeterBucketValue {
            count: below,
            is_negative_infinity: true,
            ..MeterBucketValue::default()
        };
        let rest = bounds.into_iter().map(|(bound, count)| MeterBucketValue {
            bucket: f64::from(bound),
            count,
            is_negative_infinity: false,
        });
        let values = std::iter::once(first).chain(rest).collect();
        Measured::Histogram(MeterHistogram {
            name,
            labels,
            values,
        })
    });
    let measured = prop_oneof![single, histogram];
    let meter = (measured, 0..MINUTE_MS).prop_map(|(metric, offset)| MeterData {
        metric: Some(metric),
        service: "shop".to_owned(),
        service_instance: "one".to_owned(),
        timestamp: NOW_MS + offset,
    });
    prop::collection::vec(meter, 1..12)
}

proptest! {
    #[test]
    fn meters_come_back_from_otlp_as_they_were(meters in arbitrary_meters()) {
        let collection = MeterDataCollection { meter_data: meters.clone() };
        let chunks = super::super::to_otlp(&collection.encode_to_vec()).unwrap();
        prop_assert_eq!(chunks.len(), 1);
        let metrics = ResourceMetrics::decode(chunks[0].body()).unwrap();
        let back = from_otlp(&metrics, &Options::default(), 0);
        prop_assert_eq!((back.collections.len(), back.without_value), (1, 0));
        let back = MeterDataCollection::decode(&*back.collections[0]).unwrap().meter_data;
        // OTLP counts a histogram as a whole, too.
        let is_count = |meter: &MeterData| match &meter.metric {
            Some(Measured::SingleValue(single)) => single.name.ends_with("_count"),
            _ => false,
        };
        let (counts, mut back): (Vec<_>, Vec<_>) = back.into_iter().partition(is_count);
        let is_histogram = |meter: &&MeterData| matches!(meter.metric, Some(Measured::Histogram(_)));
        prop_assert_eq!(counts.len(), meters.iter().filter(is_histogram).count());
        let mut meters = meters;
        // Metrics of one name are together on the way.
        for meters in [&mut meters, &mut back] {
            meters.sort_by_key(|meter| format!("{meter:?}"));
        }
        prop_assert_eq!(meters, back);
    }
}
