use std::sync::atomic::AtomicUsize;

use engine::ack::{Settle, Settlement};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use pdata::Budget;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::skywalking::v3::SegmentObject;
use pdata::skywalking::{Kind, NativeChunk};
use prost::Message;

use super::*;

fn window() -> Spans {
    let options = Options::default();
    Spans::new(Arc::default(), options, &Metrics::new(), "skywalking")
}

/// Counts the records that were settled as done.
#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>);

impl Settle for Done {
    fn settle(self: Box<Self>, settlement: Settlement) {
        if settlement == Settlement::Done {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Done {
    fn token(&self) -> AckToken {
        AckToken::new(Box::new(self.clone()))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn span(trace: u8, id: u8, parent: u8, kind: SpanKind) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: match parent {
            0 => Vec::new(),
            parent => vec![parent; 8],
        },
        name: format!("operation {id}"),
        kind: kind as i32,
        start_time_unix_nano: 1_795_219_200_000_000_000,
        end_time_unix_nano: 1_795_219_200_005_000_000,
        attributes: match kind {
            SpanKind::Client => vec![attribute("server.address", "back:8080")],
            _ => Vec::new(),
        },
        ..Span::default()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn record(service: &str, spans: Vec<Span>, token: AckToken) -> Record {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", service)],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let request = Bytes::from(request.encode_to_vec());
    let budget = Budget::new(usize::MAX);
    let received = receive(Signal::Traces, request, InvalidUtf8::Refuse, &budget);
    let chunks = received.expect("it is valid").chunks;
    Record {
        batch: Batch::new(Signal::Traces, chunks, Arc::default()),
        token,
    }
}

fn taken(window: &mut Spans, is_end: bool) -> VecDeque<Record> {
    let mut ready = VecDeque::new();
    window.take(Instant::now(), is_end, &mut ready);
    ready
}

fn segments(record: &Record) -> Vec<SegmentObject> {
    let chunks = record.batch.chunks().iter();
    let segments = chunks.map(|chunk| match chunk {
        Chunk::Native(chunk) => SegmentObject::decode(&**chunk.message()).expect("it is one"),
        Chunk::Otlp(_) => panic!("it was made a segment"),
    });
    segments.collect()
}

#[tokio::test(start_paused = true)]
async fn two_services_spans_of_one_trace_become_segments_that_know_each_other() {
    let mut window = window();
    let done = Done::default();
    let server = span(1, 2, 1, SpanKind::Server);
    window.push(record("back", vec![server], done.token()), Instant::now());
    tokio::time::advance(SILENCE / 2).await;
    let client = span(1, 1, 0, SpanKind::Client);
    window.push(record("front", vec![client], done.token()), Instant::now());
    tokio::time::advance(SILENCE / 2).await;
    assert!(
        taken(&mut window, false).is_empty(),
        "it was silent for a second only"
    );
    assert_eq!(window.items(), 2);
    tokio::time::advance(SILENCE).await;
    let mut ready = taken(&mut window, false);
    let record = ready.pop_front().expect("it is due");
    assert!(ready.is_empty());
    assert_eq!((window.items(), record.batch.items()), (0, 2));
    let segments = segments(&record);
    let back = segments.iter().find(|segment| segment.service == "back");
    let back = back.expect("it is there");
    let reference = &back.spans[0].refs[0];
    assert_eq!(reference.parent_service, "front");
    assert_eq!(reference.network_address_used_at_peer, "back:8080");
    assert_eq!(done.count(), 0, "nothing is delivered yet");
    record.token.done();
    assert_eq!(done.count(), 2);
    assert_eq!(window.bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_trace_that_never_rests_is_not_waited_for_longer_than_ten_seconds() {
    let mut window = window();
    let began = Instant::now();
    let done = Done::default();
    let mut id = 0;
    loop {
        id += 1;
        let spans = vec![span(1, id, 0, SpanKind::Internal)];
        window.push(record("a", spans, done.token()), Instant::now());
        if !taken(&mut window, false).is_empty() {
            break;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(began.elapsed(), AGE_MAX);
}

#[tokio::test(start_paused = true)]
async fn traces_of_one_request_are_apart_and_the_request_ends_with_the_last() {
    let mut window = window();
    let done = Done::default();
    let spans = vec![
        span(1, 1, 0, SpanKind::Server),
        span(2, 2, 0, SpanKind::Server),
    ];
    window.push(record("a", spans, done.token()), Instant::now());
    let ready = taken(&mut window, true);
    assert_eq!(ready.len(), 2);
    for (index, record) in ready.into_iter().enumerate() {
        assert_eq!(done.count(), 0, "of {index} traces");
        record.token.done();
    }
    assert_eq!(done.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn native_segments_do_not_wait() {
    let mut window = window();
    let segment = SegmentObject {
        spans: vec![Default::default()],
        ..SegmentObject::default()
    };
    let message = Bytes::from(segment.encode_to_vec());
    let chunk = NativeChunk::from_checked(Kind::Segment, message.clone(), 0);
    let batch = Batch::new(Signal::Traces, vec![Chunk::Native(chunk)], Arc::default());
    let done = Done::default();
    let token = done.token();
    window.push(Record { batch, token }, Instant::now());
    let mut ready = taken(&mut window, false);
    let record = ready.pop_front().expect("it does not wait");
    let Chunk::Native(chunk) = &record.batch.chunks()[0] else {
        panic!("it is native")
    };
    assert_eq!(chunk.message(), &message);
    record.token.done();
    assert_eq!((window.items(), done.count()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_window_lets_the_oldest_trace_go_first() {
    let mut window = window();
    let done = Done::default();
    let mut large = span(1, 1, 0, SpanKind::Internal);
    large.name = "n".repeat(BYTES_MAX / 2);
    for trace in 1..=3 {
        let span = Span {
            trace_id: vec![trace; 16],
            ..large.clone()
        };
        window.push(record("a", vec![span], done.token()), Instant::now());
    }
    assert!(!window.has_room());
    let ready = taken(&mut window, false);
    let traces: Vec<String> = ready
        .iter()
        .map(|record| segments(record)[0].trace_id.clone())
        .collect();
    assert_eq!(traces, ["01".repeat(16), "02".repeat(16)]);
    assert!(window.has_room());
}

#[tokio::test(start_paused = true)]
async fn a_span_that_came_twice_is_sent_once_and_its_copy_counted() {
    let mut window = window();
    let done = Done::default();
    for _ in 0..2 {
        let spans = vec![span(1, 1, 0, SpanKind::Server)];
        window.push(record("a", spans, done.token()), Instant::now());
    }
    let ready = taken(&mut window, true);
    assert_eq!(ready[0].batch.items(), 1);
    let ended = Ended {
        reason: "repeated",
        items: 1,
    };
    assert_eq!((window.ended(), window.ended()), (vec![ended], Vec::new()));
    assert_eq!(window.items(), 0);
}
