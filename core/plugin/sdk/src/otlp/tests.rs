use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue as DecodedValue, KeyValue as Pair};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{self as decoded};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::tests::arbitrary::{KEYS, metrics, resource_logs, resource_spans};

/// Whether a view shows what the struct holds.
fn same_value(view: AnyValue<'_>, value: Option<&DecodedValue>) -> bool {
    match (view, value.and_then(|value| value.value.as_ref())) {
        (AnyValue::Empty, None) => true,
        (AnyValue::String(view), Some(Any::StringValue(value))) => view == value,
        (AnyValue::Bool(view), Some(Any::BoolValue(value))) => view == *value,
        (AnyValue::Int(view), Some(Any::IntValue(value))) => view == *value,
        (AnyValue::Double(view), Some(Any::DoubleValue(value))) => view == *value,
        (AnyValue::Bytes(view), Some(Any::BytesValue(value))) => view == value,
        (AnyValue::Array(view), Some(Any::ArrayValue(array))) => {
            let values = array.values.iter();
            view.values().count() == values.len()
                && view
                    .values()
                    .zip(values)
                    .all(|(view, value)| same_value(view, Some(value)))
        }
        (AnyValue::KeyValues(view), Some(Any::KvlistValue(list))) => {
            same(view.values(), &list.values)
        }
        _ => false,
    }
}

fn same<'a>(view: impl Iterator<Item = KeyValue<'a>>, pairs: &[Pair]) -> bool {
    let view: Vec<_> = view.collect();
    view.len() == pairs.len()
        && view.iter().zip(pairs).all(|(view, pair)| {
            view.key() == pair.key && same_value(view.value(), pair.value.as_ref())
        })
}

fn same_find(found: Option<AnyValue<'_>>, pairs: &[Pair], key: &str) -> bool {
    match (found, pairs.iter().find(|pair| pair.key == key)) {
        (None, None) => true,
        (Some(found), Some(pair)) => same_value(found, pair.value.as_ref()),
        _ => false,
    }
}

proptest! {
    #[test]
    fn spans_show_what_their_structs_hold(message in resource_spans()) {
        let bytes = message.encode_to_vec();
        let view = ResourceSpans::of(&bytes);
        let attributes = message.resource.as_ref().map_or(&[][..], |it| &it.attributes);
        prop_assert!(same(view.resource().attributes(), attributes));
        prop_assert_eq!(view.schema_url(), &message.schema_url);
        prop_assert_eq!(view.scopes().count(), message.scope_spans.len());
        for (view, scope) in view.scopes().zip(&message.scope_spans) {
            let named = scope.scope.clone().unwrap_or_default();
            prop_assert_eq!(view.scope().name(), &named.name);
            prop_assert_eq!(view.scope().version(), &named.version);
            prop_assert!(same(view.scope().attributes(), &named.attributes));
            prop_assert_eq!(view.scope().dropped_attributes_count(), named.dropped_attributes_count);
            prop_assert_eq!(view.schema_url(), &scope.schema_url);
        }
        let spans: Vec<_> = message.scope_spans.iter().flat_map(|scope| &scope.spans).collect();
        prop_assert_eq!(view.spans().count(), spans.len());
        for (view, span) in view.spans().zip(spans) {
            prop_assert_eq!(view.trace_id(), &span.trace_id);
            prop_assert_eq!(view.span_id(), &span.span_id);
            prop_assert_eq!(view.parent_span_id(), &span.parent_span_id);
            prop_assert_eq!(view.trace_state(), &span.trace_state);
            prop_assert_eq!(view.name(), &span.name);
            prop_assert_eq!(view.kind(), span.kind);
            prop_assert_eq!(view.flags(), span.flags);
            prop_assert_eq!(view.start_time_unix_nano(), span.start_time_unix_nano);
            prop_assert_eq!(view.end_time_unix_nano(), span.end_time_unix_nano);
            let status = span.status.clone().unwrap_or_default();
            prop_assert_eq!((view.status().code(), view.status().message()), (status.code, &*status.message));
            prop_assert_eq!(view.dropped_attributes_count(), span.dropped_attributes_count);
            prop_assert!(same(view.attributes(), &span.attributes));
            for key in KEYS.into_iter().chain(["absent"]) {
                prop_assert!(same_find(view.attribute(key), &span.attributes, key));
            }
            prop_assert_eq!(view.events().count(), span.events.len());
            for (view, event) in view.events().zip(&span.events) {
                prop_assert_eq!((view.time_unix_nano(), view.name()), (event.time_unix_nano, &*event.name));
                prop_assert!(same(view.attributes(), &event.attributes));
            }
            prop_assert_eq!(view.links().count(), span.links.len());
            for (view, link) in view.links().zip(&span.links) {
                prop_assert_eq!((view.trace_id(), view.span_id()), (&*link.trace_id, &*link.span_id));
                prop_assert_eq!((view.trace_state(), view.flags()), (&*link.trace_state, link.flags));
                prop_assert!(same(view.attributes(), &link.attributes));
            }
        }
    }

    #[test]
    fn logs_show_what_their_structs_hold(message in resource_logs()) {
        let bytes = message.encode_to_vec();
        let view = ResourceLogs::of(&bytes);
        let records = message.scope_logs.iter().flat_map(|scope| &scope.log_records);
        let records: Vec<_> = records.collect();
        prop_assert_eq!(view.log_records().count(), records.len());
        for (view, record) in view.log_records().zip(records) {
            prop_assert_eq!(view.time_unix_nano(), record.time_unix_nano);
            prop_assert_eq!(view.observed_time_unix_nano(), record.observed_time_unix_nano);
            prop_assert_eq!(view.severity_number(), record.severity_number);
            prop_assert_eq!(view.severity_text(), &record.severity_text);
            prop_assert_eq!(view.event_name(), &record.event_name);
            prop_assert_eq!(view.flags(), record.flags);
            prop_assert_eq!((view.trace_id(), view.span_id()), (&*record.trace_id, &*record.span_id));
            prop_assert!(same_value(view.body(), record.body.as_ref()));
            prop_assert!(same(view.attributes(), &record.attributes));
        }
    }

    #[test]
    fn points_of_every_kind_show_what_their_structs_hold(message in metrics()) {
        let bytes = message.encode_to_vec();
        let view = ResourceMetrics::of(&bytes);
        let metrics = message.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        let metrics: Vec<_> = metrics.collect();
        prop_assert_eq!(view.metrics().count(), metrics.len());
        for (view, metric) in view.metrics().zip(metrics) {
            prop_assert_eq!(view.name(), &metric.name);
            prop_assert_eq!((view.unit(), view.description()), (&*metric.unit, &*metric.description));
            let points: Vec<_> = view.data_points().collect();
            prop_assert!(same_points(&view, &points, metric.data.as_ref()), "{metric:?}");
        }
    }

    #[test]
    fn looking_at_any_bytes_ends(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let spans = ResourceSpans::of(&bytes);
        for span in spans.spans().chain([Span::of(&bytes)]) {
            let looked = (span.name(), span.kind(), span.flags(), span.status().message());
            prop_assert_eq!(looked, (span.name(), span.kind(), span.flags(), span.status().message()));
            prop_assert!(span.attribute("url.path").is_none_or(|value| value.as_str() != Some("\0url")));
            prop_assert!(span.events().count() + span.links().count() <= bytes.len());
        }
        for record in ResourceLogs::of(&bytes).log_records().chain([LogRecord::of(&bytes)]) {
            prop_assert!(record.attributes().count() <= bytes.len());
        }
        for metric in ResourceMetrics::of(&bytes).metrics() {
            prop_assert!(metric.data_points().count() <= bytes.len());
        }
    }
}

fn temporality(number: i32) -> Temporality {
    match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    }
}

fn same_points(view: &Metric<'_>, points: &[DataPoint<'_>], data: Option<&Data>) -> bool {
    let times = view.aggregation_temporality();
    let (kind, expected) = match data {
        None => return view.kind().is_none() && points.is_empty(),
        Some(Data::Gauge(data)) => {
            let same = same_numbers(points, &data.data_points);
            (MetricKind::Gauge, same && times == Temporality::Unspecified)
        }
        Some(Data::Sum(data)) => {
            let same = same_numbers(points, &data.data_points);
            let same = same && view.is_monotonic() == data.is_monotonic;
            (
                MetricKind::Sum,
                same && times == temporality(data.aggregation_temporality),
            )
        }
        Some(Data::Histogram(data)) => {
            let same = same_histograms(points, &data.data_points);
            (
                MetricKind::Histogram,
                same && times == temporality(data.aggregation_temporality),
            )
        }
        Some(Data::ExponentialHistogram(data)) => (
            MetricKind::ExponentialHistogram,
            same_exponentials(points, &data.data_points),
        ),
        Some(Data::Summary(data)) => (
            MetricKind::Summary,
            same_summaries(points, &data.data_points),
        ),
    };
    expected && view.kind() == Some(kind)
}

fn same_numbers(views: &[DataPoint<'_>], points: &[decoded::NumberDataPoint]) -> bool {
    views.len() == points.len()
        && views.iter().zip(points).all(|(view, point)| {
            let DataPoint::Number(number) = view else {
                return false;
            };
            let value = match point.value {
                None => None,
                Some(Number::AsInt(value)) => Some(NumberValue::Int(value)),
                Some(Number::AsDouble(value)) => Some(NumberValue::Double(value)),
            };
            number.value() == value
                && view.start_time_unix_nano() == point.start_time_unix_nano
                && view.time_unix_nano() == point.time_unix_nano
                && same(view.attributes(), &point.attributes)
        })
}

fn same_histograms(views: &[DataPoint<'_>], points: &[decoded::HistogramDataPoint]) -> bool {
    views.len() == points.len()
        && views.iter().zip(points).all(|(view, point)| {
            let DataPoint::Histogram(histogram) = view else {
                return false;
            };
            histogram.count() == point.count
                && histogram.sum() == point.sum
                && (histogram.min(), histogram.max()) == (point.min, point.max)
                && histogram
                    .bucket_counts()
                    .eq(point.bucket_counts.iter().copied())
                && histogram
                    .explicit_bounds()
                    .eq(point.explicit_bounds.iter().copied())
                && same(view.attributes(), &point.attributes)
        })
}

fn same_exponentials(
    views: &[DataPoint<'_>],
    points: &[decoded::ExponentialHistogramDataPoint],
) -> bool {
    views.len() == points.len()
        && views.iter().zip(points).all(|(view, point)| {
            let DataPoint::ExponentialHistogram(histogram) = view else {
                return false;
            };
            let buckets = |view: metrics::Buckets<'_>, buckets: Option<_>| {
                let buckets: decoded::exponential_histogram_data_point::Buckets =
                    buckets.unwrap_or_default();
                view.offset() == buckets.offset
                    && view
                        .bucket_counts()
                        .eq(buckets.bucket_counts.iter().copied())
            };
            histogram.scale() == point.scale
                && histogram.zero_count() == point.zero_count
                && histogram.zero_threshold() == point.zero_threshold
                && buckets(histogram.positive(), point.positive.clone())
                && buckets(histogram.negative(), point.negative.clone())
                && same(view.attributes(), &point.attributes)
        })
}

fn same_summaries(views: &[DataPoint<'_>], points: &[decoded::SummaryDataPoint]) -> bool {
    views.len() == points.len()
        && views.iter().zip(points).all(|(view, point)| {
            let DataPoint::Summary(summary) = view else {
                return false;
            };
            let quantiles = point.quantile_values.iter();
            (summary.count(), summary.sum()) == (point.count, point.sum)
                && summary
                    .quantile_values()
                    .eq(quantiles.map(|it| (it.quantile, it.value)))
                && same(view.attributes(), &point.attributes)
        })
}

#[test]
fn of_a_key_that_is_written_twice_the_last_counts_as_everywhere() {
    use crate::wire::put_len;
    let mut pair = Vec::new();
    put_len(&mut pair, 1, b"url.path");
    put_len(&mut pair, 2, &[0x0A, 1, b'/']);
    put_len(&mut pair, 1, b"hidden");
    let mut span = Vec::new();
    put_len(&mut span, 9, &pair);
    let span = Span::of(&span);
    assert_eq!(span.attribute("hidden"), Some(AnyValue::String("/")));
    assert_eq!(span.attribute("url.path"), None);
}

#[test]
fn derived_metrics_are_what_opentelemetry_reads() {
    let interval = Interval {
        start_time_unix_nano: 5,
        time_unix_nano: 9,
    };
    let attributes = [("http.route", AnyValue::from("/a"))];
    let mut recorded = Bounds::new(&[1.0, 10.0]);
    [0.5, 1.0, 7.0, 99.0]
        .into_iter()
        .for_each(|value| recorded.record(value));
    let message = MetricsMessage::new(&[("service.name", "shop".into())])
        .sum(Sum::new("redactions", "{redaction}").point(interval, &attributes, 3))
        .gauge(Gauge::new("depth", "1").point(9, &[], 0.5))
        .histogram(Histogram::new("took", "ms").point(interval, &attributes, &recorded))
        .finish("redact");
    let message = decoded::ResourceMetrics::decode(&message[..]).expect("it is valid");
    let resource = message.resource.expect("it has one");
    assert_eq!(resource.attributes[0].key, "service.name");
    let scope = &message.scope_metrics[0];
    assert_eq!(
        scope.scope.as_ref().map(|scope| &*scope.name),
        Some("redact")
    );
    let [sum, gauge, histogram] = &scope.metrics[..] else {
        panic!("{scope:?}")
    };
    assert_eq!((&*sum.name, &*sum.unit), ("redactions", "{redaction}"));
    let Some(Data::Sum(sum)) = &sum.data else {
        panic!("{sum:?}")
    };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (1, true));
    let point = &sum.data_points[0];
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (5, 9));
    assert_eq!(
        (point.value, &*point.attributes[0].key),
        (Some(Number::AsInt(3)), "http.route")
    );
    let Some(Data::Gauge(gauge)) = &gauge.data else {
        panic!("{gauge:?}")
    };
    assert_eq!(gauge.data_points[0].value, Some(Number::AsDouble(0.5)));
    let Some(Data::Histogram(histogram)) = &histogram.data else {
        panic!("{histogram:?}")
    };
    let point = &histogram.data_points[0];
    assert_eq!(
        (point.count, point.sum, &point.bucket_counts[..]),
        (4, Some(107.5), &[2, 1, 1][..])
    );
    assert_eq!((point.min, point.max), (Some(0.5), Some(99.0)));
    assert_eq!(point.explicit_bounds, [1.0, 10.0]);
}
