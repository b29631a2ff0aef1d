//! What an OAP would lose without a word is found.

use pdata::Signal;
use pdata::skywalking::v3::{
    KeyStringValuePair, MeterDataCollection, SegmentObject, SegmentReference, SpanLayer, SpanType,
};
use serde_json::{Value, json};

use super::rules;
use crate::harness::Export;
use crate::harness::oap::frames::{Status, code, frame};
use crate::harness::oap::lints::Rule;
use crate::harness::oap::methods::{
    LOGS, METER_SETS, METERS, OTLP_LOGS, OTLP_METRICS, OTLP_TRACES, SEGMENTS,
};
use crate::harness::oap::numbered::{self, Numbers, tag};
use crate::harness::oap::{Generation, Habits, Oap};
use crate::skywalking::client::Grpc;

/// A segment with one fault for each rule about segments.
fn faulty_segment(change: impl FnOnce(&mut SegmentObject)) -> SegmentObject {
    let mut segment = numbered::segment(1);
    change(&mut segment);
    segment
}

fn tags_on(layer: SpanLayer, tags: Vec<KeyStringValuePair>) -> SegmentObject {
    faulty_segment(|segment| {
        let span = &mut segment.spans[0];
        span.set_span_layer(layer);
        span.tags = tags;
    })
}

#[tokio::test]
async fn finds_in_segments_what_an_oap_would_lose_or_misread() {
    let twice = || vec![tag("cache.type", "Redis"), tag("cache.type", "Redis")];
    let cases = [
        (
            faulty_segment(|it| it.spans.clear()),
            Some(Rule::OneSpanZero),
        ),
        (
            faulty_segment(|it| it.spans[0].span_id = 1),
            Some(Rule::OneSpanZero),
        ),
        (
            faulty_segment(|it| it.spans.push(it.spans[0].clone())),
            Some(Rule::OneSpanZero),
        ),
        (
            tags_on(SpanLayer::Cache, twice()),
            Some(Rule::UniqueCacheTags),
        ),
        (tags_on(SpanLayer::Http, twice()), None),
        (
            tags_on(SpanLayer::Http, vec![tag("x-le", "[]")]),
            Some(Rule::LogicEndpointIsObject),
        ),
        (tags_on(SpanLayer::Http, vec![tag("x-le", "{}")]), None),
        (
            tags_on(SpanLayer::Mq, vec![tag("transmission.latency", "soon")]),
            Some(Rule::LatencyIsNumber),
        ),
        (
            tags_on(SpanLayer::Mq, vec![tag("transmission.latency", "12")]),
            None,
        ),
        (
            faulty_segment(|it| it.spans[0].refs.push(SegmentReference::default())),
            Some(Rule::ParentHasName),
        ),
        (
            faulty_segment(|it| {
                it.spans[0].refs.push(SegmentReference::default());
                it.spans[0].set_span_type(SpanType::Exit);
            }),
            None,
        ),
    ];
    for (segment, expected) in cases {
        let oap = Oap::start();
        let client = Grpc::connect(oap.address()).await;
        let sent = client.call(SEGMENTS, [segment.clone()]).await;
        sent.expect("an OAP takes it without a word");
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(rules(&oap), expected, "{segment:?}");
    }
}

#[tokio::test]
async fn finds_what_streams_and_sets_mix_up_and_what_comes_again() {
    let oap = Oap::start();
    let client = Grpc::connect(oap.address()).await;
    let mut other = numbered::log(2);
    other.service = "other".to_owned();
    let logs = [numbered::log(1), other];
    client.call(LOGS, logs).await.expect("it is taken");
    let mut silent = numbered::meter(2);
    silent.service.clear();
    silent.service_instance.clear();
    let stream = [numbered::meter(1), silent.clone()];
    client.call(METERS, stream).await.expect("it is taken");
    assert_eq!(rules(&oap), [Rule::OneServiceInLogStream]);
    let set = MeterDataCollection {
        meter_data: vec![silent],
    };
    client.call(METER_SETS, [set]).await.expect("it is taken");
    for _ in 0..2 {
        let sent = client.call(SEGMENTS, [numbered::segment(1)]);
        sent.await.expect("it is taken");
    }
    assert_eq!(
        rules(&oap),
        [
            Rule::OneServiceInLogStream,
            Rule::OneInstanceInMeterSet,
            Rule::SegmentOnce
        ]
    );
    let calls = oap.calls();
    let seen = Numbers::of(calls.segments()).compare(&[1].into());
    assert_eq!(seen.doubled, [1]);
    assert_eq!(
        Numbers::of(calls.meters()).compare(&[1, 2].into()).doubled,
        [2]
    );
}

/// An OTLP request in JSON as protobuf.
fn otlp(path: &'static str, request: Value) -> (&'static str, Vec<u8>) {
    let signal = match path {
        OTLP_TRACES => Signal::Traces,
        OTLP_METRICS => Signal::Metrics,
        _ => Signal::Logs,
    };
    let export = Export::from_json(signal, request.to_string().as_bytes());
    let message = export.expect("it is OTLP/JSON").to_protobuf();
    (path, frame(&message).to_vec())
}

fn resource(keys: &[&str]) -> Value {
    let attributes = keys.iter();
    let attributes = attributes.map(|key| json!({"key": key, "value": {"stringValue": "x"}}));
    json!({"attributes": attributes.collect::<Vec<_>>()})
}

async fn export(habits: Habits, (path, body): (&str, Vec<u8>)) -> (Result<(), u16>, Oap) {
    let oap = Oap::start_with(habits);
    let client = Grpc::connect(oap.address()).await;
    let answer = client.send(path, body).await;
    (answer.map(|_| ()).map_err(|Status { code, .. }| code), oap)
}

#[tokio::test]
async fn otlp_that_an_oap_fails_at_is_stored_as_far_as_it_stores_it() {
    let named = || resource(&["service.name"]);
    let gauge = json!({"name": "g", "gauge": {"dataPoints": [{"asInt": "1"}]}});
    let metrics =
        |metric: &Value| json!({"resource": named(), "scopeMetrics": [{"metrics": [metric]}]});
    let empty = json!({"name": "nothing"});
    let request = json!({"resourceMetrics": [metrics(&gauge), metrics(&empty), metrics(&gauge)]});
    let (answer, oap) = export(Habits::default(), otlp(OTLP_METRICS, request)).await;
    assert_eq!(answer, Err(code::UNKNOWN));
    assert_eq!(oap.calls().exports().map(|it| it.items()).sum::<usize>(), 1);
    assert!(rules(&oap).contains(&Rule::Otlp));

    let log = |resource: Value| {
        let record = json!({"body": {"stringValue": "x"}});
        json!({"resource": resource, "scopeLogs": [{"logRecords": [record]}]})
    };
    let request =
        json!({"resourceLogs": [log(named()), log(resource(&["service.name", "a", "a"]))]});
    let (answer, oap) = export(Habits::default(), otlp(OTLP_LOGS, request)).await;
    assert_eq!(answer, Err(code::UNKNOWN));
    assert_eq!(oap.calls().exports().count(), 0);

    let three = || json!({"resourceLogs": [log(named()), log(named()), log(named())]});
    for (generation, stored) in [(Generation::Ten, 2), (Generation::Eleven, 3)] {
        let habits = Habits {
            generation,
            ..Habits::default()
        };
        let (answer, oap) = export(habits, otlp(OTLP_LOGS, three())).await;
        assert_eq!(answer, Ok(()));
        assert_eq!(
            oap.calls().exports().map(|it| it.items()).sum::<usize>(),
            stored
        );
        assert_eq!(rules(&oap), [Rule::Otlp]);
    }
    let habits = Habits {
        has_zipkin: false,
        ..Habits::default()
    };
    let (answer, _) = export(habits, otlp(OTLP_TRACES, json!({}))).await;
    assert_eq!(answer, Err(code::UNKNOWN));
}
