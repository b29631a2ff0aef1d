use engine::config::read_text;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pdata::skywalking::Kind;
use pdata::skywalking::v3::{KeyStringValuePair, SegmentObject, SpanObject, SpanType};
use pdata::{Decoded, NativeChunk, Origin};
use proptest::prelude::*;
use prost::Message;

use super::*;

/// 2026-11-21T00:00:00Z.
const MIDNIGHT_MS: i64 = 1_795_219_200_000;

struct Fixture {
    histogram: RequestHistogram,
    metrics: Metrics,
}

impl Fixture {
    fn new(config: &str) -> Fixture {
        let (config, _) = read_text::<Config>(config).expect("the schema takes it");
        let metrics = Metrics::new();
        Fixture {
            histogram: RequestHistogram::new("request_histogram", &config, &metrics),
            metrics,
        }
    }

    /// What is derived from chunks that arrive so many seconds after midnight; the chunks go on.
    fn derive(&self, chunks: Vec<Chunk>, seconds: u64) -> Vec<ResourceMetrics> {
        let signal = chunks[0].signal();
        let origin = Origin {
            arrived_unix_nano: (MIDNIGHT_MS as u64 / 1000 + seconds) * 1_000_000_000,
            ..Origin::default()
        };
        let batch = Batch::new(signal, chunks, Arc::new(origin));
        let before: Vec<_> = batch.chunks().iter().map(address).collect();
        let Derivation { main, derived } = self.histogram.derive(batch);
        let main = main.expect("spans and metrics go on");
        let after: Vec<_> = main.chunks().iter().map(address).collect();
        assert_eq!(after, before, "not a byte of them is copied");
        assert!(derived.len() <= 1);
        let chunks = derived.into_iter().flat_map(|batch| {
            assert_eq!(batch.signal(), Signal::Metrics);
            batch.into_chunks()
        });
        let metrics = chunks.flat_map(|chunk| {
            let chunk = chunk.into_otlp().expect("metrics are OTLP");
            let request = ExportMetricsServiceRequest::decode(&chunk.framed()[..]);
            request.expect("it is a request").resource_metrics
        });
        metrics.collect()
    }

    fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics.value(name, labels).unwrap_or_default()
    }
}

fn address(chunk: &Chunk) -> *const u8 {
    match chunk {
        Chunk::Otlp(chunk) => chunk.framed().as_ptr(),
        Chunk::Native(chunk) => chunk.message().as_ptr(),
    }
}

/// The only histogram, with its checks of what all of them have.
fn points(metrics: &ResourceMetrics) -> &[HistogramDataPoint] {
    let [scope] = &metrics.scope_metrics[..] else {
        panic!("one scope: {metrics:?}");
    };
    let [metric] = &scope.metrics[..] else {
        panic!("one metric: {metrics:?}");
    };
    assert_eq!((&*metric.name, &*metric.unit), (NAME, "ms"));
    let Some(Data::Histogram(histogram)) = &metric.data else {
        panic!("a histogram: {metric:?}");
    };
    let delta = i32::from(AggregationTemporality::Delta);
    assert_eq!(histogram.aggregation_temporality, delta);
    &histogram.data_points
}

fn text(value: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(value.to_owned())),
    }
}

fn int(value: i64) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::IntValue(value)),
    }
}

fn pairs(attributes: Attributes<'_>) -> Vec<KeyValue> {
    let attributes = attributes.into_iter();
    let pairs = attributes.map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    });
    pairs.collect()
}

/// `key=value` of each attribute.
fn said(attributes: &[KeyValue]) -> Vec<String> {
    let said = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        let Some(any_value::Value::StringValue(value)) = value else {
            panic!("the SDK's attributes are texts: {attribute:?}");
        };
        format!("{}={value}", attribute.key)
    });
    said.collect()
}

fn call(millis: i64, tags: &[(&str, &str)]) -> SpanObject {
    let tags = tags.iter().map(|(key, value)| KeyStringValuePair {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    SpanObject {
        parent_span_id: -1,
        start_time: MIDNIGHT_MS + 1000,
        end_time: MIDNIGHT_MS + 1000 + millis,
        operation_name: "pages/index/index".to_owned(),
        peer: "api.example.com".to_owned(),
        span_type: SpanType::Exit.into(),
        tags: tags.collect(),
        ..SpanObject::default()
    }
}

const GET: [(&str, &str); 4] = [
    ("http.method", "GET"),
    ("url", "https://api.example.com/api/users/42?full=1"),
    ("http.status_code", "200"),
    ("miniprogram.platform", "wechat"),
];

fn segment(service: &str, spans: Vec<SpanObject>) -> Chunk {
    let segment = SegmentObject {
        service: service.to_owned(),
        service_instance: "v1".to_owned(),
        spans,
        ..SegmentObject::default()
    };
    let message = segment.encode_to_vec().into();
    Chunk::Native(NativeChunk::from_checked(Kind::Segment, message, 0))
}

type Attributes<'a> = Vec<(&'a str, AnyValue)>;

/// A chunk of spans with these kinds, times in nanoseconds after midnight, and attributes.
fn spans(platform: &str, spans: Vec<(i32, [u64; 2], Attributes<'_>)>) -> Chunk {
    let midnight = MIDNIGHT_MS as u64 * 1_000_000;
    let spans = spans
        .into_iter()
        .map(|(kind, [start, end], attributes)| Span {
            kind,
            start_time_unix_nano: midnight + start,
            end_time_unix_nano: midnight + end,
            attributes: pairs(attributes),
            ..Span::default()
        });
    let resource = vec![
        ("service.name", text("shop")),
        ("service.version", text("1.2.0")),
        ("miniprogram.platform", text(platform)),
        ("os.name", text("Android")),
    ];
    let resource_spans = ResourceSpans {
        resource: Some(Resource {
            attributes: pairs(resource),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: spans.collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    Chunk::Otlp(OtlpChunk::from_decoded(Decoded::Traces(resource_spans)))
}

/// Metrics of a service, one of them with this name.
fn own_metrics(service: &str, name: &str) -> Chunk {
    let metric = |name: &str| Metric {
        name: name.to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint::default()],
            ..Histogram::default()
        })),
        ..Metric::default()
    };
    let metrics = ResourceMetrics {
        resource: Some(Resource {
            attributes: pairs(vec![("service.name", text(service))]),
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics: vec![metric("miniprogram.app_launch.duration"), metric(name)],
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    };
    Chunk::Otlp(OtlpChunk::from_decoded(Decoded::Metrics(metrics)))
}

#[test]
fn calls_of_a_segment_become_points_as_the_sdk_has_them() {
    let fixture = Fixture::new("path_groups: [/api/users/*]");
    let failed = [
        ("http.method", "upload"),
        ("url", "https://api.example.com/files"),
        ("error.message", "timeout"),
        ("miniprogram.platform", "wechat"),
    ];
    let spans = vec![call(131, &GET), call(1197, &GET), call(10, &failed)];
    let derived = fixture.derive(vec![segment("shop", spans)], 2);
    let [metrics] = &derived[..] else {
        panic!("one resource: {derived:?}");
    };
    let resource = metrics.resource.as_ref().expect("it has one");
    assert_eq!(
        said(&resource.attributes),
        [
            "service.name=shop",
            "service.instance.id=v1",
            "miniprogram.platform=wechat"
        ]
    );
    let [get, upload] = points(metrics) else {
        panic!("two series: {metrics:?}");
    };
    assert_eq!(
        said(&get.attributes),
        [
            "http.request.method=GET",
            "http.response.status_code=200",
            "server.address=api.example.com",
            "miniprogram.page.path=pages/index/index",
            "url.path.group=/api/users/*"
        ]
    );
    assert_eq!((get.count, get.sum), (2, Some(1328.0)));
    assert_eq!(get.bucket_counts, [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
    let sdk = [10., 25., 50., 100., 250., 500., 1000., 2500., 5000., 10000.];
    assert_eq!(get.explicit_bounds, sdk);
    let start = MIDNIGHT_MS as u64 + 1000;
    assert_eq!(get.start_time_unix_nano, start * 1_000_000);
    assert_eq!(get.time_unix_nano, (start + 1197) * 1_000_000);
    let attributes = said(&upload.attributes);
    assert_eq!(attributes[0], "http.request.method=UPLOAD");
    assert_eq!(attributes[1], "http.response.status_code=0");
    assert_eq!(attributes[4], "url.path.group=_OTHER");
    // A bound belongs to the bucket below it.
    assert_eq!(upload.bucket_counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let counted = "skyferry_request_histogram_requests_total";
    let ungrouped = "skyferry_request_histogram_ungrouped_requests_total";
    assert_eq!(fixture.count(counted, &[]), 3.0);
    assert_eq!(fixture.count(ungrouped, &[]), 1.0);
}

#[test]
fn client_spans_tell_it_in_new_and_old_names() {
    let fixture = Fixture::new("path_groups: [/api/users/*]");
    let new = vec![
        ("http.request.method", text("GET")),
        ("http.response.status_code", int(404)),
        ("server.address", text("api.example.com")),
        ("miniprogram.page.path", text("pages/index/index")),
        ("url.full", text("https://other.example.com/api/users/7")),
    ];
    let old = vec![
        ("http.status_code", text("404")),
        ("http.method", text("GET")),
        ("net.peer.name", text("api.example.com")),
        ("miniprogram.page.path", text("pages/index/index")),
        ("http.target", text("/api/users/7?a=b")),
    ];
    let millis = 1_000_000;
    let chunk = spans(
        "alipay",
        vec![
            (3, [5, 5 + 30 * millis], new.clone()),
            (3, [5, 5 + 31 * millis], old),
            // Neither a client's, nor HTTP.
            (2, [5, 6], new),
            (3, [5, 6], vec![("db.system.name", text("mysql"))]),
        ],
    );
    let derived = fixture.derive(vec![chunk], 2);
    let [metrics] = &derived[..] else {
        panic!("one resource: {derived:?}");
    };
    let resource = metrics.resource.as_ref().expect("it has one");
    assert_eq!(
        said(&resource.attributes),
        [
            "service.name=shop",
            "service.version=1.2.0",
            "miniprogram.platform=alipay"
        ]
    );
    let [point] = points(metrics) else {
        panic!("one series: {metrics:?}");
    };
    assert_eq!(
        said(&point.attributes),
        [
            "http.request.method=GET",
            "http.response.status_code=404",
            "server.address=api.example.com",
            "miniprogram.page.path=pages/index/index",
            "url.path.group=/api/users/*"
        ]
    );
    assert_eq!((point.count, point.sum), (2, Some(61.0)));
    assert_eq!(point.bucket_counts, [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn nothing_is_derived_from_others_than_mini_programs() {
    let fixture = Fixture::new("{}");
    let get = vec![("http.request.method", text("GET"))];
    let mut entry = call(5, &GET);
    entry.span_type = SpanType::Entry.into();
    for chunk in [
        spans("", vec![(3, [5, 6], get)]),
        segment("server", vec![call(5, &GET[..3])]),
        segment("shop", vec![call(5, &GET[1..])]),
        segment("shop", vec![entry]),
        segment("shop", vec![]),
    ] {
        assert_eq!(fixture.derive(vec![chunk], 0), []);
    }
    let counted = "skyferry_request_histogram_requests_total";
    assert_eq!(fixture.count(counted, &[]), 0.0);
}

#[test]
fn requests_without_a_duration_are_counted_apart() {
    let fixture = Fixture::new("{}");
    let mut never = call(0, &GET);
    never.start_time = 0;
    let mut before_1970 = call(0, &GET);
    before_1970.start_time = i64::MIN;
    let spans = vec![call(-1, &GET), never, before_1970];
    assert_eq!(fixture.derive(vec![segment("shop", spans)], 0), []);
    let labels = [("reason", "no_duration")];
    let skipped = "skyferry_request_histogram_skipped_requests_total";
    assert_eq!(fixture.count(skipped, &labels), 3.0);
}

#[test]
fn a_service_that_sends_its_own_histogram_is_left_out_until_it_stops() {
    let fixture = Fixture::new("own_histogram_expires: 10m");
    let request = || vec![segment("shop", vec![call(5, &GET), call(6, &GET)])];
    assert_eq!(fixture.derive(request(), 0).len(), 1);
    assert_eq!(fixture.derive(vec![own_metrics("shop", "another")], 1), []);
    assert_eq!(fixture.derive(request(), 1).len(), 1);
    assert_eq!(fixture.derive(vec![own_metrics("shop", NAME)], 2), []);
    assert_eq!(fixture.derive(request(), 2), []);
    let other = vec![segment("mall", vec![call(5, &GET)])];
    assert_eq!(fixture.derive(other, 2).len(), 1);
    assert_eq!(fixture.derive(request(), 601), []);
    let labels = [("reason", "own_histogram")];
    let skipped = "skyferry_request_histogram_skipped_requests_total";
    assert_eq!(fixture.count(skipped, &labels), 4.0);
    assert_eq!(fixture.derive(request(), 602).len(), 1);
}

#[test]
fn a_batch_makes_one_resource_for_each_service_and_minute() {
    let fixture = Fixture::new("{}");
    let mut later = call(5, &GET);
    later.start_time += 59_000;
    later.end_time += 59_000;
    let chunks = vec![
        segment("shop", vec![call(5, &GET)]),
        segment("mall", vec![call(5, &GET)]),
        segment("shop", vec![call(7, &GET), later]),
    ];
    let derived = fixture.derive(chunks, 61);
    let counts: Vec<_> = derived
        .iter()
        .map(|metrics| {
            let resource = metrics.resource.as_ref().expect("it has one");
            let [point] = points(metrics) else {
                panic!("one series: {metrics:?}");
            };
            (said(&resource.attributes).remove(0), point.count)
        })
        .collect();
    let expected = [("mall", 1), ("shop", 2), ("shop", 1)];
    let expected = expected.map(|(name, count)| (format!("service.name={name}"), count));
    assert_eq!(counts, expected);
}

proptest! {
    /// Whatever the bounds, every request is in the bucket it belongs to.
    #[test]
    fn buckets_are_those_of_the_durations(
        durations in prop::collection::vec(0i64..20_000, 1..50),
        bounds in prop::collection::btree_set(1u32..15_000, 1..12),
    ) {
        let bounds: Vec<_> = bounds.into_iter().collect();
        let fixture = Fixture::new(&format!("bounds: {bounds:?}"));
        let spans = durations.iter().map(|millis| call(*millis, &GET)).collect();
        let derived = fixture.derive(vec![segment("shop", spans)], 0);
        prop_assert_eq!(derived.len(), 1);
        let [point] = points(&derived[0]) else {
            panic!("one series: {derived:?}");
        };
        let mut expected = vec![0; bounds.len() + 1];
        for millis in &durations {
            let below = bounds.iter().filter(|bound| i64::from(**bound) < *millis);
            expected[below.count()] += 1;
        }
        prop_assert_eq!(&point.bucket_counts, &expected);
        prop_assert_eq!(point.count, durations.len() as u64);
        prop_assert_eq!(point.sum, Some(durations.iter().sum::<i64>() as f64));
    }
}
