//! Time per segment and per span for SkyWalking's JSON and for the conversions from and to OTLP.
//!
//! The segment has five spans, as a service has that is called, asks a cache and a database, and
//! calls another service: about 1.2 KB.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use pdata::convert::assemble::{self, Part, ScopedSpan, assemble};
use pdata::convert::places::{Place, Places};
use pdata::convert::segment::{self, MissingFirst, Options, Semconv};
use pdata::json;
use pdata::schema::skywalking::SEGMENT_OBJECT;
use pdata::skywalking::v3::{KeyStringValuePair, SegmentObject, SegmentReference, SpanObject};
use prost::Message;

const SPANS: u64 = 5;

fn sample() -> Vec<u8> {
    let pair = |(key, value): &(&str, &str)| KeyStringValuePair {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let span = |number: i32, name: &str, peer: &str, layer, tags: &[(&str, &str)]| SpanObject {
        span_id: number,
        parent_span_id: number.min(1) - 1,
        start_time: 1_700_000_000_000 + i64::from(number),
        end_time: 1_700_000_000_040,
        operation_name: name.to_owned(),
        peer: peer.to_owned(),
        span_type: number.min(1),
        span_layer: layer,
        component_id: 14,
        tags: tags.iter().map(pair).collect(),
        ..SpanObject::default()
    };
    let http = [
        ("http.method", "GET"),
        ("url", "http://stock.svc:8080/items/17"),
        ("http.status_code", "200"),
    ];
    let cache = [
        ("cache.type", "Redis"),
        ("cache.op", "read"),
        ("cache.cmd", "GET"),
    ];
    let sql = [
        ("db.type", "Mysql"),
        ("db.instance", "orders"),
        ("db.statement", "SELECT * FROM orders WHERE id = ?"),
    ];
    let id = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001";
    let mut spans = vec![
        span(4, "GET:/items/{id}", "stock.svc:8080", 3, &http),
        span(
            3,
            "Mysql/JDBI/PreparedStatement/executeQuery",
            "mysql.svc:3306",
            1,
            &sql,
        ),
        span(2, "Redisson/GET", "redis.svc:6379", 5, &cache),
        span(1, "Redisson/GET", "redis.svc:6379", 5, &cache),
        span(0, "GET:/orders/{id}", "10.0.0.7:51234", 3, &http),
    ];
    spans[4].refs.push(SegmentReference {
        trace_id: id.to_owned(),
        parent_trace_segment_id: "0d9c1a7fd52c4df58d77a6a9d2a7ff4e.31.16563474296420001".to_owned(),
        parent_span_id: 3,
        parent_service: "gateway".to_owned(),
        parent_service_instance: "gateway-0".to_owned(),
        parent_endpoint: "GET:/api/orders/{id}".to_owned(),
        network_address_used_at_peer: "orders.svc:8080".to_owned(),
        ..SegmentReference::default()
    });
    let segment = SegmentObject {
        trace_id: id.to_owned(),
        trace_segment_id: id.replace("0001", "0007"),
        spans,
        service: "orders".to_owned(),
        service_instance: "orders-7c9f@10.0.0.8".to_owned(),
        is_size_limited: false,
    };
    segment.encode_to_vec()
}

fn forms(c: &mut Criterion) {
    let wire = sample();
    let mut text = Vec::new();
    json::write_message(&SEGMENT_OBJECT, &wire, &mut text).expect("a valid segment");
    let mut group = c.benchmark_group("segment");
    group.throughput(Throughput::Elements(SPANS));
    group.bench_function(format!("json_read_{}_bytes", text.len()), |b| {
        b.iter(|| json::read_message(&SEGMENT_OBJECT, black_box(&text)).expect("a valid body"));
    });
    group.bench_function(format!("json_write_{}_bytes", wire.len()), |b| {
        b.iter(|| {
            let mut out = Vec::new();
            json::write_message(&SEGMENT_OBJECT, black_box(&wire), &mut out).expect("valid");
            out
        });
    });
    group.bench_function("prost_decode", |b| {
        b.iter(|| SegmentObject::decode(black_box(&wire[..])).expect("a valid segment"));
    });
    for (name, semconv) in [("none", Semconv::None), ("add", Semconv::Add)] {
        let options = Options {
            semconv,
            ..Options::default()
        };
        group.bench_function(format!("to_otlp_semconv_{name}"), |b| {
            b.iter(|| segment::to_otlp(black_box(&wire), options).expect("a valid segment"));
        });
    }
    let chunk = segment::to_otlp(&wire, Options::default()).expect("a valid segment");
    let chunk = chunk.expect("it has spans");
    let resource = ResourceSpans::decode(chunk.body()).expect("just made");
    group.bench_function("restore", |b| {
        b.iter(|| {
            let resource = black_box(&resource);
            let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
            segment::restore(resource.resource.as_ref(), spans, MissingFirst::Keep)
        });
    });
    group.finish();
}

/// Every round records the same places again.
#[derive(Default)]
struct Memory(HashMap<Vec<u8>, Place>);

impl Places for Memory {
    fn find(&self, _: &[u8], span_id: &[u8]) -> Option<Place> {
        self.0.get(span_id).cloned()
    }

    fn record(&mut self, _: &[u8], span_id: &[u8], place: Place) {
        self.0.insert(span_id.to_vec(), place);
    }
}

/// The same five spans as an OpenTelemetry SDK would have sent them.
fn native() -> Vec<Span> {
    let text = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue((*value).to_owned())),
        }),
        ..KeyValue::default()
    };
    let span = |number: u8, kind: SpanKind, name: &str, attributes: &[(&str, &str)]| Span {
        trace_id: vec![7; 16],
        span_id: vec![number; 8],
        parent_span_id: if number == 1 { vec![99; 8] } else { vec![1; 8] },
        name: name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: 1_700_000_000_000_000_000 + u64::from(number),
        end_time_unix_nano: 1_700_000_000_040_000_000,
        attributes: attributes.iter().map(text).collect(),
        ..Span::default()
    };
    let http = [
        ("http.request.method", "GET"),
        ("url.full", "http://stock.svc:8080/items/17"),
        ("http.response.status_code", "200"),
    ];
    let cache = [
        ("db.system.name", "redis"),
        ("db.operation.name", "GET"),
        ("server.address", "redis.svc"),
    ];
    let sql = [
        ("db.system.name", "mysql"),
        ("db.namespace", "orders"),
        ("db.query.text", "SELECT * FROM orders WHERE id = ?"),
        ("server.address", "mysql.svc"),
    ];
    vec![
        span(1, SpanKind::Server, "GET /orders/{id}", &http),
        span(2, SpanKind::Client, "GET", &cache),
        span(3, SpanKind::Client, "GET", &cache),
        span(4, SpanKind::Client, "SELECT orders", &sql),
        span(5, SpanKind::Client, "GET", &http),
    ]
}

fn assembling(c: &mut Criterion) {
    let spans = native();
    let resource = Resource::default();
    let part = Part {
        resource: Some(&resource),
        spans: spans
            .iter()
            .map(|span| ScopedSpan { scope: None, span })
            .collect(),
    };
    let parts = [part];
    let options = assemble::Options::default();
    let mut places = Memory::default();
    let mut group = c.benchmark_group("assemble");
    group.throughput(Throughput::Elements(SPANS));
    group.bench_function("five_spans", |b| {
        b.iter(|| {
            let made = assemble(black_box(&parts), &mut places, &options);
            made.iter()
                .map(|it| it.segment.encode_to_vec())
                .collect::<Vec<_>>()
        });
    });
    group.finish();
}

criterion_group!(benches, forms, assembling);
criterion_main!(benches);
