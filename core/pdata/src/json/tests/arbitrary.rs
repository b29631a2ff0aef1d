//! Random requests of the generated types.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::fmt::Debug;

use super::{Logs, Metrics, Traces};

/// How much of what the messages can hold is generated.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reach {
    Everything,
    /// Without what the serde of `opentelemetry-proto` cannot read: empty names and lists
    /// inside values and entities, doubles that JSON has no number for, and references into string tables.
    Oracle,
}

/// Elements in the lists that must not be empty.
fn least(reach: Reach) -> usize {
    usize::from(reach == Reach::Oracle)
}

fn list<T: Debug + 'static>(of: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Vec<T>> {
    vec(of, 0..3).boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[a-z.]{0,12}",
        1 => "[\\x00-\\x7F]{0,20}",
        1 => any::<String>(),
    ]
    .boxed()
}

fn id(len: usize) -> BoxedStrategy<Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(any::<u8>(), len)].boxed()
}

fn double(reach: Reach) -> BoxedStrategy<f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let finite = prop_oneof![
        NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE,
        any::<i32>().prop_map(f64::from),
        any::<i64>().prop_map(|value| value as f64),
    ];
    match reach {
        Reach::Oracle => finite
            .prop_filter("finite", |value| value.is_finite())
            .boxed(),
        Reach::Everything => prop_oneof![
            6 => finite,
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(f64::NEG_INFINITY),
        ]
        .boxed(),
    }
}

fn any_value(reach: Reach) -> BoxedStrategy<AnyValue> {
    let value = |value| AnyValue { value: Some(value) };
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        double(reach).prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ]
    .prop_map(value);
    let leaf = match reach {
        Reach::Oracle => leaf.boxed(),
        Reach::Everything => prop_oneof![
            8 => leaf,
            1 => Just(AnyValue { value: None }),
            1 => any::<i32>().prop_map(move |v| value(Value::StringValueStrindex(v))),
        ]
        .boxed(),
    };
    let least = least(reach);
    leaf.prop_recursive(4, 16, 3, move |inner| {
        let values = vec(inner.clone(), least..4);
        let members = vec(key_value(reach, inner), least..4);
        prop_oneof![
            values.prop_map(move |values| value(Value::ArrayValue(ArrayValue { values }))),
            members.prop_map(move |values| value(Value::KvlistValue(KeyValueList { values }))),
        ]
    })
    .boxed()
}

fn key_value(reach: Reach, value: BoxedStrategy<AnyValue>) -> BoxedStrategy<KeyValue> {
    let everything = reach == Reach::Everything;
    (text(), option::of(value), any::<i32>())
        .prop_map(move |(key, value, strindex)| KeyValue {
            key: if everything { key } else { format!("k{key}") },
            value,
            key_strindex: if everything { strindex } else { 0 },
        })
        .boxed()
}

fn attributes(reach: Reach) -> BoxedStrategy<Vec<KeyValue>> {
    list(key_value(reach, any_value(reach)))
}

fn resource(reach: Reach) -> BoxedStrategy<Option<Resource>> {
    let name = move || match reach {
        Reach::Everything => text(),
        Reach::Oracle => "[a-z]{1,4}".boxed(),
    };
    let names = || vec(name(), least(reach)..3);
    let entity = (name(), name(), names(), names()).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type,
            id_keys,
            description_keys,
        },
    );
    let resource = (attributes(reach), any::<u32>(), list(entity)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    );
    option::of(resource).boxed()
}

fn scope(reach: Reach) -> BoxedStrategy<Option<InstrumentationScope>> {
    let scope = (text(), text(), attributes(reach), any::<u32>()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    );
    option::of(scope).boxed()
}

fn log_record(reach: Reach) -> BoxedStrategy<LogRecord> {
    let times = any::<(u64, u64)>();
    let body = option::of(any_value(reach));
    let numbers = (-1..30i32, any::<u32>(), any::<u32>());
    (
        times,
        numbers,
        text(),
        body,
        attributes(reach),
        (id(16), id(8)),
        text(),
    )
        .prop_map(
            |(times, numbers, severity_text, body, attributes, ids, event_name)| LogRecord {
                time_unix_nano: times.0,
                observed_time_unix_nano: times.1,
                severity_number: numbers.0,
                severity_text,
                body,
                attributes,
                dropped_attributes_count: numbers.1,
                flags: numbers.2,
                trace_id: ids.0,
                span_id: ids.1,
                event_name,
            },
        )
        .boxed()
}

pub(super) fn logs(reach: Reach) -> BoxedStrategy<Logs> {
    let scope_logs = (scope(reach), list(log_record(reach)), text()).prop_map(
        |(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        },
    );
    let resource_logs = (resource(reach), list(scope_logs), text()).prop_map(
        |(resource, scope_logs, schema_url)| ResourceLogs {
            resource,
            scope_logs,
            schema_url,
        },
    );
    list(resource_logs)
        .prop_map(|resource_logs| Logs { resource_logs })
        .boxed()
}

fn event(reach: Reach) -> BoxedStrategy<Event> {
    (any::<u64>(), text(), attributes(reach), any::<u32>())
        .prop_map(
            |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
                time_unix_nano,
                name,
                attributes,
                dropped_attributes_count,
            },
        )
        .boxed()
}

fn link(reach: Reach) -> BoxedStrategy<Link> {
    (
        id(16),
        id(8),
        text(),
        attributes(reach),
        any::<(u32, u32)>(),
    )
        .prop_map(
            |(trace_id, span_id, trace_state, attributes, numbers)| Link {
                trace_id,
                span_id,
                trace_state,
                attributes,
                dropped_attributes_count: numbers.0,
                flags: numbers.1,
            },
        )
        .boxed()
}

fn span(reach: Reach) -> BoxedStrategy<Span> {
    let status = (text(), -1..4i32).prop_map(|(message, code)| Status { message, code });
    let ids = (id(16), id(8), id(8));
    let lists = (attributes(reach), list(event(reach)), list(link(reach)));
    let numbers = any::<(u64, u64, u32, u32, u32, u32)>();
    (
        ids,
        (text(), text()),
        -1..8i32,
        lists,
        numbers,
        option::of(status),
    )
        .prop_map(|(ids, texts, kind, lists, numbers, status)| Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            trace_state: texts.0,
            name: texts.1,
            kind,
            start_time_unix_nano: numbers.0,
            end_time_unix_nano: numbers.1,
            attributes: lists.0,
            dropped_attributes_count: numbers.2,
            events: lists.1,
            dropped_events_count: numbers.3,
            links: lists.2,
            dropped_links_count: numbers.4,
            status,
            flags: numbers.5,
        })
        .boxed()
}

pub(super) fn traces(reach: Reach) -> BoxedStrategy<Traces> {
    let scope_spans =
        (scope(reach), list(span(reach)), text()).prop_map(|(scope, spans, schema_url)| {
            ScopeSpans {
                scope,
                spans,
                schema_url,
            }
        });
    let resource_spans = (resource(reach), list(scope_spans), text()).prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans {
            resource,
            scope_spans,
            schema_url,
        },
    );
    list(resource_spans)
        .prop_map(|resource_spans| Traces { resource_spans })
        .boxed()
}

fn exemplars(reach: Reach) -> BoxedStrategy<Vec<Exemplar>> {
    let value = prop_oneof![
        double(reach).prop_map(exemplar::Value::AsDouble),
        any::<i64>().prop_map(exemplar::Value::AsInt),
    ];
    let exemplar = (
        attributes(reach),
        any::<u64>(),
        id(8),
        id(16),
        option::of(value),
    )
        .prop_map(
            |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
                filtered_attributes,
                time_unix_nano,
                span_id,
                trace_id,
                value,
            },
        );
    list(exemplar)
}

fn number_point(reach: Reach) -> BoxedStrategy<NumberDataPoint> {
    let value = prop_oneof![
        double(reach).prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ];
    let numbers = any::<(u64, u64, u32)>();
    (
        attributes(reach),
        numbers,
        exemplars(reach),
        option::of(value),
    )
        .prop_map(|(attributes, numbers, exemplars, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano: numbers.0,
            time_unix_nano: numbers.1,
            exemplars,
            flags: numbers.2,
            value,
        })
        .boxed()
}

type Extremes = (Option<f64>, Option<f64>, Option<f64>);

fn extremes(reach: Reach) -> BoxedStrategy<Extremes> {
    let one = || option::of(double(reach));
    (one(), one(), one()).boxed()
}

fn histogram_point(reach: Reach) -> BoxedStrategy<HistogramDataPoint> {
    let numbers = any::<(u64, u64, u64, u32)>();
    let buckets = (list(any::<u64>()), list(double(reach)));
    (
        attributes(reach),
        numbers,
        buckets,
        exemplars(reach),
        extremes(reach),
    )
        .prop_map(
            |(attributes, numbers, buckets, exemplars, extremes)| HistogramDataPoint {
                attributes,
                start_time_unix_nano: numbers.0,
                time_unix_nano: numbers.1,
                count: numbers.2,
                sum: extremes.0,
                bucket_counts: buckets.0,
                explicit_bounds: buckets.1,
                exemplars,
                flags: numbers.3,
                min: extremes.1,
                max: extremes.2,
            },
        )
        .boxed()
}

fn exponential_point(reach: Reach) -> BoxedStrategy<ExponentialHistogramDataPoint> {
    let buckets = || {
        let buckets = (any::<i32>(), list(any::<u64>()));
        option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets {
            offset,
            bucket_counts,
        }))
    };
    let numbers = (any::<(u64, u64, u64, u64, i32, u32)>(), double(reach));
    let buckets = (buckets(), buckets());
    (
        attributes(reach),
        numbers,
        buckets,
        exemplars(reach),
        extremes(reach),
    )
        .prop_map(
            |(attributes, (numbers, zero_threshold), buckets, exemplars, extremes)| {
                ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano: numbers.0,
                    time_unix_nano: numbers.1,
                    count: numbers.2,
                    sum: extremes.0,
                    scale: numbers.4,
                    zero_count: numbers.3,
                    positive: buckets.0,
                    negative: buckets.1,
                    flags: numbers.5,
                    exemplars,
                    min: extremes.1,
                    max: extremes.2,
                    zero_threshold,
                }
            },
        )
        .boxed()
}

fn summary_point(reach: Reach) -> BoxedStrategy<SummaryDataPoint> {
    let quantile = (double(reach), double(reach))
        .prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let numbers = (any::<(u64, u64, u64, u32)>(), double(reach));
    (attributes(reach), numbers, list(quantile))
        .prop_map(
            |(attributes, (numbers, sum), quantile_values)| SummaryDataPoint {
                attributes,
                start_time_unix_nano: numbers.0,
                time_unix_nano: numbers.1,
                count: numbers.2,
                sum,
                quantile_values,
                flags: numbers.3,
            },
        )
        .boxed()
}

fn data(reach: Reach) -> BoxedStrategy<metric::Data> {
    let temporality = || -1..4i32;
    prop_oneof![
        list(number_point(reach))
            .prop_map(|data_points| metric::Data::Gauge(Gauge { data_points })),
        (list(number_point(reach)), temporality(), any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| metric::Data::Sum(Sum {
                data_points,
                aggregation_temporality,
                is_monotonic,
            })
        ),
        (list(histogram_point(reach)), temporality()).prop_map(
            |(data_points, aggregation_temporality)| metric::Data::Histogram(Histogram {
                data_points,
                aggregation_temporality,
            })
        ),
        (list(exponential_point(reach)), temporality()).prop_map(
            |(data_points, aggregation_temporality)| {
                metric::Data::ExponentialHistogram(ExponentialHistogram {
                    data_points,
                    aggregation_temporality,
                })
            }
        ),
        list(summary_point(reach))
            .prop_map(|data_points| metric::Data::Summary(Summary { data_points })),
    ]
    .boxed()
}

pub(super) fn metrics(reach: Reach) -> BoxedStrategy<Metrics> {
    let texts = (text(), text(), text());
    let metric = (texts, attributes(reach), option::of(data(reach))).prop_map(
        |((name, description, unit), metadata, data)| Metric {
            name,
            description,
            unit,
            metadata,
            data,
        },
    );
    let scope_metrics =
        (scope(reach), list(metric), text()).prop_map(|(scope, metrics, schema_url)| {
            ScopeMetrics {
                scope,
                metrics,
                schema_url,
            }
        });
    let resource_metrics = (resource(reach), list(scope_metrics), text()).prop_map(
        |(resource, scope_metrics, schema_url)| ResourceMetrics {
            resource,
            scope_metrics,
            schema_url,
        },
    );
    list(resource_metrics)
        .prop_map(|resource_metrics| Metrics { resource_metrics })
        .boxed()
}
