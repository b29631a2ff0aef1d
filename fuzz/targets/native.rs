//! Messages of agents: the walk takes exactly what prost takes, apart from text that it repairs, and
//! keeps every byte; what is written into the messages of a stream leaves them sound; an envelope
//! gives back what was put into it.
#![no_main]

use bytes::Bytes;
use fuzz::{budget, kind_and_rest, prost_accepts_message, receive_message};
use libfuzzer_sys::fuzz_target;
use pdata::otlp::InvalidUtf8;
use pdata::skywalking::v3::{LogData, MeterDataCollection, SegmentCollection};
use pdata::skywalking::{Kind, LogStream, NativeChunk, envelope, receive_segments};
use pdata::Chunk;
use prost::Message;

fuzz_target!(|input: &[u8]| {
    let Some((kind, message)) = kind_and_rest(input) else {
        return;
    };
    segments(message);
    let Ok(received) = receive_message(kind, message) else {
        assert!(!prost_accepts_message(kind, message), "refused what prost takes");
        return;
    };
    let sound = received.repaired == 0;
    assert_eq!(prost_accepts_message(kind, message), sound, "prost disagrees");
    let chunk = received.chunk;
    assert_eq!(&chunk.message()[..] == message, sound, "bytes were changed");
    assert_sound(&chunk);
    enveloped(&chunk);
    match kind {
        Kind::Log => logs(&chunk),
        Kind::Meters => meters(&chunk),
        _ => {}
    }
});

#[track_caller]
fn assert_sound(chunk: &NativeChunk) {
    let (kind, message) = (chunk.kind(), chunk.message());
    assert!(prost_accepts_message(kind, message), "prost refuses it");
    assert_eq!(receive_message(kind, message).expect("it is one").repaired, 0);
}

/// The input as a list of segments.
fn segments(collection: &[u8]) {
    let bytes = Bytes::copy_from_slice(collection);
    let received = receive_segments(bytes, 0, InvalidUtf8::Repair, &budget());
    let theirs = SegmentCollection::decode(collection);
    let Ok((chunks, repaired)) = received else {
        assert!(theirs.is_err(), "refused what prost takes");
        return;
    };
    assert_eq!(theirs.is_ok(), repaired == 0, "prost disagrees");
    if let Ok(theirs) = theirs {
        let items: usize = chunks.iter().map(Chunk::items).sum();
        let spans = theirs.segments.iter().map(|segment| segment.spans.len());
        assert_eq!((chunks.len(), items), (theirs.segments.len(), spans.sum()));
    }
}

fn enveloped(chunk: &NativeChunk) {
    let chunks = [Chunk::Native(chunk.clone()), Chunk::Native(chunk.clone())];
    let stored: Bytes = envelope::pieces(&chunks).concat().into();
    let opened = envelope::open(chunk.kind().signal(), &stored, 7).expect("we wrote it");
    assert_eq!(opened.len(), chunks.len());
    for opened in opened {
        let Chunk::Native(opened) = opened else {
            unreachable!("no OTLP was put in");
        };
        assert_eq!((opened.kind(), opened.message()), (chunk.kind(), chunk.message()));
        assert_eq!(opened.items(), chunk.items());
    }
    // Whatever a disk gives back is an envelope or is none.
    let _opened = envelope::open(chunk.kind().signal(), chunk.message(), 7);
}

/// In a stream that names its service once, a log that names none has that of the first.
fn logs(first: &NativeChunk) {
    let mut stream = LogStream::default();
    let budget = budget();
    let before = stream.normalise(first.clone(), &budget).expect("there is room");
    assert_eq!(before.message(), first.message());
    let nameless = NativeChunk::from_checked(Kind::Log, Bytes::new(), 0);
    let after = stream.normalise(nameless, &budget).expect("there is room");
    assert_sound(&after);
    assert_eq!(service(&after), service(first));
}

fn service(log: &NativeChunk) -> String {
    LogData::decode(&log.message()[..]).expect("it is sound").service
}

/// Every meter is in one unit, in order, and a unit is of one instance.
fn meters(collection: &NativeChunk) {
    let all = decoded(collection);
    let units = collection.clone().into_meter_units(&budget());
    let units = units.expect("there is room");
    let mut metrics = Vec::new();
    for unit in &units {
        assert_sound(unit);
        let meters = decoded(unit).meter_data;
        assert_eq!(unit.items(), meters.len());
        let of_one = |pair: &[_]| sender(&pair[0]) == sender(&pair[1]);
        assert!(meters.windows(2).all(of_one), "two instances in a unit");
        metrics.extend(meters.into_iter().map(|meter| meter.metric));
    }
    let expected = all.meter_data.into_iter().map(|meter| meter.metric);
    // As text: what is no number is unequal to itself.
    assert_eq!(format!("{metrics:?}"), format!("{:?}", expected.collect::<Vec<_>>()));
}

fn sender(meter: &pdata::skywalking::v3::MeterData) -> (&str, &str) {
    (&meter.service, &meter.service_instance)
}

fn decoded(collection: &NativeChunk) -> MeterDataCollection {
    MeterDataCollection::decode(&collection.message()[..]).expect("it is sound")
}
