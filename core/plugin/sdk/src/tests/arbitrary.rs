//! Messages of every shape, for properties.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::*;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prop::collection::vec;
use proptest::prelude::*;

/// Few, so that they meet.
pub(crate) const KEYS: [&str; 4] = ["url.path", "b", "c", ""];

pub(crate) fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        ".{0,12}".prop_map(|text| Some(Any::StringValue(text))),
        any::<bool>().prop_map(|value| Some(Any::BoolValue(value))),
        any::<i64>().prop_map(|value| Some(Any::IntValue(value))),
        (-1e9..1e9).prop_map(|value| Some(Any::DoubleValue(value))),
        vec(any::<u8>(), 0..5).prop_map(|bytes| Some(Any::BytesValue(bytes))),
    ];
    let leaf = leaf.prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 4, |inner| {
        let pair = (key(), inner.clone()).prop_map(|(key, value)| pair(key, value));
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| Any::ArrayValue(ArrayValue { values })),
            vec(pair, 0..4).prop_map(|values| Any::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..Default::default()
    }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(
        (key(), any_value()).prop_map(|(key, value)| pair(key, value)),
        0..4,
    )
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    prop::option::of(attributes().prop_map(|attributes| Resource {
        attributes,
        ..Default::default()
    }))
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = (".{0,5}", ".{0,5}", attributes(), any::<u32>());
    prop::option::of(
        scope.prop_map(|(name, version, attributes, dropped_attributes_count)| {
            InstrumentationScope {
                name,
                version,
                attributes,
                dropped_attributes_count,
            }
        }),
    )
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), len), Just(Vec::new())]
}

fn span() -> impl Strategy<Value = Span> {
    let event = (any::<u64>(), ".{0,5}", attributes());
    let event = event.prop_map(|(time_unix_nano, name, attributes)| Event {
        time_unix_nano,
        name,
        attributes,
        dropped_attributes_count: 0,
    });
    let link = (id(16), id(8), ".{0,5}", attributes(), any::<u32>());
    let link = link.prop_map(|(trace_id, span_id, trace_state, attributes, flags)| Link {
        trace_id,
        span_id,
        trace_state,
        attributes,
        dropped_attributes_count: 0,
        flags,
    });
    let status = (".{0,5}", 0..3).prop_map(|(message, code)| Status { message, code });
    let identity = (id(16), id(8), id(8), ".{0,8}", any::<u32>());
    let what = (".{0,150}", 0..6, any::<u64>(), any::<u64>());
    let parts = (
        attributes(),
        any::<u32>(),
        vec(event, 0..2),
        vec(link, 0..2),
        prop::option::of(status),
    );
    (identity, what, parts).prop_map(|(identity, what, parts)| Span {
        trace_id: identity.0,
        span_id: identity.1,
        parent_span_id: identity.2,
        trace_state: identity.3,
        flags: identity.4,
        name: what.0,
        kind: what.1,
        start_time_unix_nano: what.2,
        end_time_unix_nano: what.3,
        attributes: parts.0,
        dropped_attributes_count: parts.1,
        events: parts.2,
        links: parts.3,
        status: parts.4,
        ..Default::default()
    })
}

pub(crate) fn resource_spans() -> impl Strategy<Value = ResourceSpans> {
    let scope = (scope(), vec(span(), 0..3), ".{0,3}");
    let scope = scope.prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    });
    let message = (resource(), vec(scope, 0..3), ".{0,3}");
    message.prop_map(|(resource, scope_spans, schema_url)| ResourceSpans {
        resource,
        scope_spans,
        schema_url,
    })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let times = (any::<u64>(), any::<u64>(), any::<u32>());
    let severity = (0..25, ".{0,5}", ".{0,5}");
    let parts = (prop::option::of(any_value()), attributes(), id(16), id(8));
    (times, severity, parts).prop_map(|(times, severity, parts)| LogRecord {
        time_unix_nano: times.0,
        observed_time_unix_nano: times.1,
        flags: times.2,
        severity_number: severity.0,
        severity_text: severity.1,
        event_name: severity.2,
        body: parts.0,
        attributes: parts.1,
        trace_id: parts.2,
        span_id: parts.3,
        ..Default::default()
    })
}

pub(crate) fn resource_logs() -> impl Strategy<Value = ResourceLogs> {
    let scope = (scope(), vec(log_record(), 0..3));
    let scope = scope.prop_map(|(scope, log_records)| ScopeLogs {
        scope,
        log_records,
        ..Default::default()
    });
    (resource(), vec(scope, 0..3)).prop_map(|(resource, scope_logs)| ResourceLogs {
        resource,
        scope_logs,
        ..Default::default()
    })
}

fn double() -> impl Strategy<Value = f64> {
    -1e12..1e12
}

fn number_points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let number = prop_oneof![
        Just(None),
        any::<i64>().prop_map(|value| Some(Number::AsInt(value))),
        double().prop_map(|value| Some(Number::AsDouble(value))),
    ];
    let point = (attributes(), any::<u64>(), any::<u64>(), number);
    let point = point.prop_map(|(attributes, start, time, value)| NumberDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        value,
        ..Default::default()
    });
    vec(point, 0..3)
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let buckets = (vec(any::<u64>(), 0..4), vec(double(), 0..3));
    let ends = prop::option::of((double(), double(), double()));
    let point = (attributes(), any::<u64>(), any::<u64>(), buckets, ends);
    point.prop_map(
        |(attributes, time, count, buckets, ends)| HistogramDataPoint {
            attributes,
            time_unix_nano: time,
            count,
            bucket_counts: buckets.0,
            explicit_bounds: buckets.1,
            sum: ends.map(|ends| ends.0),
            min: ends.map(|ends| ends.1),
            max: ends.map(|ends| ends.2),
            ..Default::default()
        },
    )
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let buckets = || {
        let buckets = (any::<i32>(), vec(any::<u64>(), 0..4));
        prop::option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets {
            offset,
            bucket_counts,
        }))
    };
    let numbers = (any::<u64>(), any::<u64>(), any::<i32>(), double());
    let point = (attributes(), numbers, buckets(), buckets());
    point.prop_map(
        |(attributes, numbers, positive, negative)| ExponentialHistogramDataPoint {
            attributes,
            time_unix_nano: numbers.0,
            zero_count: numbers.1,
            scale: numbers.2,
            zero_threshold: numbers.3,
            positive,
            negative,
            ..Default::default()
        },
    )
}

fn summary_point() -> impl Strategy<Value = SummaryDataPoint> {
    let quantile = (0.0..1.0, double());
    let quantile = quantile.prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let point = (attributes(), any::<u64>(), double(), vec(quantile, 0..3));
    point.prop_map(
        |(attributes, count, sum, quantile_values)| SummaryDataPoint {
            attributes,
            count,
            sum,
            quantile_values,
            ..Default::default()
        },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let sum = (number_points(), 0..3, any::<bool>());
    let histogram = (vec(histogram_point(), 0..3), 0..3);
    let exponential = (vec(exponential_point(), 0..3), 0..3);
    prop_oneof![
        number_points().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        sum.prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic,
            })
        ),
        histogram.prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            })
        }),
        exponential.prop_map(|(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points,
                aggregation_temporality,
            })
        }),
        vec(summary_point(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

pub(crate) fn metrics() -> impl Strategy<Value = ResourceMetrics> {
    let metric = (".{0,9}", ".{0,3}", ".{0,3}", prop::option::of(data()));
    let metric = metric.prop_map(|(name, description, unit, data)| Metric {
        name,
        description,
        unit,
        data,
        ..Default::default()
    });
    let scope = (scope(), vec(metric, 0..3));
    let scope = scope.prop_map(|(scope, metrics)| ScopeMetrics {
        scope,
        metrics,
        ..Default::default()
    });
    (resource(), vec(scope, 0..3)).prop_map(|(resource, scope_metrics)| ResourceMetrics {
        resource,
        scope_metrics,
        ..Default::default()
    })
}
