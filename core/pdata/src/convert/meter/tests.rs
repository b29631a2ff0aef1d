//! What meters are as metrics.

use proptest::prelude::*;

use super::*;

fn resource(chunk: &OtlpChunk) -> ResourceMetrics {
    ResourceMetrics::decode(chunk.body()).unwrap()
}

fn single(service: &str, name: &str, value: f64, labels: &[(&str, &str)]) -> MeterData {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    MeterData {
        metric: Some(Measured::SingleValue(MeterSingleValue {
            name: name.to_owned(),
            labels: labels.iter().map(label).collect(),
            value,
        })),
        service: service.to_owned(),
        service_instance: "one".to_owned(),
        timestamp: 1_700_000_000_000,
    }
}

fn histogram(buckets: &[(f64, i64)]) -> MeterHistogram {
    let bucket = |(bound, count): &(f64, i64)| MeterBucketValue {
        bucket: if bound.is_infinite() { 0.0 } else { *bound },
        count: *count,
        is_negative_infinity: bound.is_infinite(),
    };
    MeterHistogram {
        name: "latency".to_owned(),
        values: buckets.iter().map(bucket).collect(),
        ..MeterHistogram::default()
    }
}

fn converted(meter_data: Vec<MeterData>) -> Vec<OtlpChunk> {
    to_otlp(&MeterDataCollection { meter_data }.encode_to_vec()).unwrap()
}

#[test]
fn values_of_one_name_are_points_of_one_gauge() {
    let chunks = converted(vec![
        single("shop", "pool", 3.0, &[("state", "busy"), ("state", "idle")]),
        single("shop", "heap", 0.0, &[]),
        single("shop", "pool", 4.5, &[("state", "busy")]),
        single("cart", "pool", 1.0, &[]),
        MeterData::default(),
    ]);
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0].items(), 3);
    let shop = resource(&chunks[0]);
    let found = &shop.resource.as_ref().unwrap().attributes;
    assert_eq!(
        *found,
        [
            attribute(SERVICE_NAME, "shop"),
            attribute(SERVICE_INSTANCE_ID, "one")
        ]
    );
    let [pool, heap] = &shop.scope_metrics[0].metrics[..] else {
        panic!("two metrics are due: {shop:?}");
    };
    let Some(Data::Gauge(gauge)) = &pool.data else {
        panic!("a gauge is due: {pool:?}");
    };
    assert_eq!(
        gauge.data_points[0].attributes,
        [attribute("state", "idle")]
    );
    assert_eq!(
        gauge.data_points[0].time_unix_nano,
        1_700_000_000_000_000_000
    );
    let values = gauge.data_points.iter().map(|point| point.value.unwrap());
    assert!(values.eq([Value::AsDouble(3.0), Value::AsDouble(4.5)]));
    assert_eq!(heap.name, "heap");
}

#[test]
fn lower_bounds_become_upper_bounds() {
    let below_all = f64::NEG_INFINITY;
    type Case<'a> = (&'a [(f64, i64)], &'a [f64], &'a [u64]);
    let cases: [Case<'_>; 5] = [
        (
            &[(below_all, 5), (10.0, 2), (50.0, 1)],
            &[10.0, 50.0],
            &[5, 2, 1],
        ),
        // What the Java agent sends: no bucket for less than the first bound.
        (&[(0.0, 3), (100.0, 4)], &[0.0, 100.0], &[0, 3, 4]),
        (
            &[(50.0, 1), (below_all, 5), (10.0, 2)],
            &[10.0, 50.0],
            &[5, 2, 1],
        ),
        (
            &[(10.0, 1), (10.0, 2), (20.0, -3)],
            &[10.0, 20.0],
            &[0, 3, 0],
        ),
        (&[], &[], &[0]),
    ];
    for (buckets, bounds, counts) in cases {
        let point = histogram_point(&histogram(buckets), 7);
        assert_eq!(point.explicit_bounds, bounds, "{buckets:?}");
        assert_eq!(point.bucket_counts, counts, "{buckets:?}");
        assert_eq!(point.count, counts.iter().sum::<u64>());
    }
}

#[test]
fn a_histogram_is_cumulative() {
    let chunks = converted(vec![MeterData {
        metric: Some(Measured::Histogram(histogram(&[(1.0, 2)]))),
        ..MeterData::default()
    }]);
    let metric = &resource(&chunks[0]).scope_metrics[0].metrics[0];
    let Some(Data::Histogram(histogram)) = &metric.data else {
        panic!("a histogram is due: {metric:?}");
    };
    assert_eq!(
        histogram.aggregation_temporality(),
        AggregationTemporality::Cumulative
    );
}

#[test]
fn bytes_that_are_no_meters_are_refused() {
    assert!(to_otlp(b"\x0A\x7F").is_err());
}

proptest! {
    #[test]
    fn bounds_ascend_and_no_count_is_lost(
        buckets in prop::collection::vec((any::<f64>(), 0i64..1000), 0..12),
    ) {
        let total: i64 = buckets.iter().map(|(_, count)| count).sum();
        let point = histogram_point(&histogram(&buckets), 0);
        prop_assert!(point.explicit_bounds.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        prop_assert_eq!(point.count, total as u64);
    }
}
