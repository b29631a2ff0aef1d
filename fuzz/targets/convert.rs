//! Both conversions: a segment comes back from OTLP as it was; whatever spans there are, each is in one
//! segment and every segment has one first span; logs and meters become what they should be or
//! nothing.
#![no_main]

use std::collections::BTreeMap;

use fuzz::{assert_sound, prost_accepts_message, receive, receive_message, request_of};
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use pdata::convert::assemble::{self, Part, assemble, spans_of};
use pdata::convert::ids::Scheme;
use pdata::convert::places::{Place, Places};
use pdata::convert::segment::{MissingFirst, Options, Semconv, canonical, restore, to_otlp};
use pdata::convert::{log, meter};
use pdata::skywalking::Kind;
use pdata::{Chunk, OtlpChunk, Signal};
use prost::Message;

fuzz_target!(|input: &[u8]| {
    let Some((&[subject, choice], rest)) = input.split_first_chunk() else {
        return;
    };
    match subject % 5 {
        0 => segment(rest, options(choice)),
        1 => spans(rest),
        2 => native_log(rest, options(choice).ids),
        3 => records(rest),
        _ => meters(rest),
    }
});

fn options(choice: u8) -> Options {
    let semconv = [Semconv::None, Semconv::Add, Semconv::Replace];
    let ids = [Scheme::Hash, Scheme::Contrib];
    Options {
        semconv: semconv[usize::from(choice) % semconv.len()],
        ids: ids[usize::from(choice) / semconv.len() % ids.len()],
    }
}

/// The message as a receiver hands it on, if it is one.
fn received(kind: Kind, message: &[u8]) -> Option<Vec<u8>> {
    let received = receive_message(kind, message).ok()?;
    Some(received.chunk.message().to_vec())
}

#[track_caller]
fn assert_chunk(chunk: &OtlpChunk) {
    let (signal, items) = (chunk.signal(), chunk.items());
    assert_sound(signal, &request_of(&[Chunk::Otlp(chunk.clone())]), items);
}

fn segment(message: &[u8], options: Options) {
    let Some(message) = received(Kind::Segment, message) else {
        return;
    };
    let expected = canonical(&message).expect("the check at reception rules it out");
    assert_eq!(canonical(&expected).as_ref(), Ok(&expected));
    let Some(chunk) = to_otlp(&message, options).expect("as above") else {
        return;
    };
    assert_chunk(&chunk);
    let resource = ResourceSpans::decode(chunk.body()).expect("it is sound");
    let spans = spans_of(&resource).map(|scoped| scoped.span);
    let restored = restore(resource.resource.as_ref(), spans, MissingFirst::Keep);
    let segments: Vec<_> = restored.iter().map(|restored| &restored.segment).collect();
    assert_eq!(segments, [&expected]);
}

/// Knows no span but those of the call.
struct Nowhere;

impl Places for Nowhere {
    fn find(&self, _: &[u8], _: &[u8]) -> Option<Place> {
        None
    }

    fn record(&mut self, _: &[u8], _: &[u8], _: Place) {}
}

/// Every span is in one segment, and every segment has exactly one span with the number 0.
fn spans(request: &[u8]) {
    let Ok(received) = receive(Signal::Traces, request) else {
        return;
    };
    let resources = received.chunks.iter().map(|chunk| match chunk {
        Chunk::Otlp(chunk) => ResourceSpans::decode(chunk.body()).expect("it is sound"),
        Chunk::Native(_) => unreachable!("OTLP makes OTLP chunks"),
    });
    let resources: Vec<_> = resources.collect();
    let mut traces: BTreeMap<&[u8], Vec<Part<'_>>> = BTreeMap::new();
    for resource in &resources {
        let mut parts: BTreeMap<&[u8], Part<'_>> = BTreeMap::new();
        for scoped in spans_of(resource) {
            let part = parts.entry(&scoped.span.trace_id).or_default();
            part.resource = resource.resource.as_ref();
            part.spans.push(scoped);
        }
        for (trace_id, part) in parts {
            traces.entry(trace_id).or_default().push(part);
        }
    }
    for parts in traces.values() {
        let mut found: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
        for made in assemble(parts, &mut Nowhere, &assemble::Options::default()) {
            let spans = &made.segment.spans;
            assert_eq!(spans.iter().filter(|span| span.span_id == 0).count(), 1);
            assert!(made.sources.len() >= spans.len());
            found[made.part].extend(made.sources);
            let message = made.segment.encode_to_vec();
            assert!(prost_accepts_message(Kind::Segment, &message));
        }
        for (part, mut sources) in parts.iter().zip(found) {
            sources.sort_unstable();
            assert!(sources.into_iter().eq(0..part.spans.len()));
        }
    }
}

/// A native log becomes one record, and that a native log again.
fn native_log(message: &[u8], ids: Scheme) {
    let Some(message) = received(Kind::Log, message) else {
        return;
    };
    let chunk = log::to_otlp(&message, ids).expect("the check at reception rules it out");
    assert_eq!(chunk.items(), 1);
    assert_chunk(&chunk);
    let first = back(&chunk);
    assert_eq!(first.len(), 1);
    // What is not canonical becomes so once; then it stays.
    let again = log::to_otlp(&first[0], ids).expect("it is a log");
    assert_eq!(back(&again), first);
}

fn back(chunk: &OtlpChunk) -> Vec<Vec<u8>> {
    let logs = ResourceLogs::decode(chunk.body()).expect("it is sound");
    log::from_otlp(&logs, &log::Options::default(), &Nowhere)
}

/// Every record becomes a native log.
fn records(request: &[u8]) {
    let Ok(received) = receive(Signal::Logs, request) else {
        return;
    };
    for chunk in received.chunks.into_iter().filter_map(Chunk::into_otlp) {
        let mut logs = ResourceLogs::decode(chunk.body()).expect("it is sound");
        let all = log::from_otlp(&logs, &log::Options::default(), &Nowhere);
        assert_eq!(all.len(), chunk.items());
        for message in all {
            assert!(prost_accepts_message(Kind::Log, &message), "prost refuses it");
        }
        log::make_searchable(&mut logs);
        let again = log::from_otlp(&logs, &log::Options::default(), &Nowhere);
        assert_eq!(again.len(), chunk.items());
    }
}

fn meters(message: &[u8]) {
    let Some(message) = received(Kind::Meters, message) else {
        return;
    };
    let chunks = meter::to_otlp(&message).expect("the check at reception rules it out");
    chunks.iter().for_each(assert_chunk);
}
