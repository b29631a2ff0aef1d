//! Messages pass as the bytes they came in; what a stream says once is written into each message.

use proptest::prelude::*;
use prost::Message as _;

use super::v3::{
    LogData, MeterData, MeterDataCollection, MeterSingleValue, SegmentCollection, SegmentObject,
    SpanObject, meter_data::Metric,
};
use super::*;
use crate::Signal;

fn unbounded() -> Budget {
    Budget::new(usize::MAX)
}

fn segment(id: &str, spans: usize) -> SegmentObject {
    SegmentObject {
        trace_id: "trace".to_owned(),
        trace_segment_id: id.to_owned(),
        spans: (0..spans as i32)
            .map(|span_id| SpanObject {
                span_id,
                parent_span_id: span_id - 1,
                operation_name: "/front".to_owned(),
                ..SpanObject::default()
            })
            .collect(),
        service: "shop".to_owned(),
        service_instance: "shop-1".to_owned(),
        ..SegmentObject::default()
    }
}

fn received(kind: Kind, message: Vec<u8>) -> NativeChunk {
    let received = receive(kind, message.into(), 7, InvalidUtf8::Repair, &unbounded());
    received.expect("it is valid").chunk
}

#[test]
fn every_kind_has_its_own_code_and_name_and_is_found_by_its_code() {
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(kind.code()), index + 1);
        assert_eq!(Kind::from_code(u32::from(kind.code())), Some(kind));
        let same_name = Kind::ALL
            .into_iter()
            .filter(|other| other.name() == kind.name());
        assert_eq!(same_name.count(), 1);
    }
    assert_eq!(Kind::from_code(0), None);
    assert_eq!(Kind::from_code(16), None);
}

#[test]
fn methods_without_the_package_are_otherwise_the_same() {
    let definitions = crate::definitions::compile();
    let old = definitions
        .file
        .iter()
        .filter(|file| file.package().is_empty());
    let old: Vec<_> = old.flat_map(|file| &file.service).collect();
    for kind in Kind::ALL {
        let Some(path) = kind.path_without_package() else {
            continue;
        };
        let (service, method) = path[1..].split_once('/').expect("two parts");
        assert_eq!(kind.path(), format!("/skywalking.v3.{service}/{method}"));
        let service = old.iter().find(|found| found.name() == service);
        let methods = &service.expect("the definitions have it").method;
        assert!(methods.iter().any(|found| found.name() == method), "{path}");
    }
}

/// Every method that a kind goes to is in the definitions, takes its message, and is a stream or not
/// as we say.
#[test]
fn methods_are_those_of_the_definitions() {
    let definitions = crate::definitions::compile();
    for kind in Kind::ALL {
        let (service, method) = kind.path()[1..].split_once('/').expect("two parts");
        let file = definitions.file.iter().find(|file| {
            let prefix = format!("{}.", file.package());
            let names = file.service.iter().map(|found| found.name());
            names
                .into_iter()
                .any(|name| service == format!("{prefix}{name}"))
        });
        let file = file.unwrap_or_else(|| panic!("no service {service}"));
        let methods = file
            .service
            .iter()
            .filter(|found| service.ends_with(found.name()));
        let mut methods = methods.flat_map(|found| &found.method);
        let found = methods.find(|found| found.name() == method);
        let found = found.unwrap_or_else(|| panic!("no method {method}"));
        let input = found.input_type().rsplit('.').next().expect("a name");
        assert_eq!(input, kind.schema().name, "{}", kind.path());
        assert_eq!(
            found.client_streaming(),
            kind.call() == Call::Stream,
            "{method}"
        );
    }
}

#[test]
fn a_message_is_kept_as_it_came_and_its_items_are_counted() {
    let wire = segment("s", 3).encode_to_vec();
    let chunk = received(Kind::Segment, wire.clone());
    assert_eq!(&chunk.message()[..], &wire[..]);
    assert_eq!((chunk.items(), chunk.arrived_unix_ms()), (3, 7));
    assert_eq!((chunk.text(2), chunk.instance()), ("s", "shop-1"));
    assert!(Chunk::Native(chunk).split_at(1).is_none());
}

#[test]
fn a_broken_message_is_refused_with_its_field() {
    let mut wire = segment("s", 1).encode_to_vec();
    wire.extend([0x1A, 0x7F, 0x08]);
    let at = wire.len() - 2;
    let error = receive(
        Kind::Segment,
        wire.into(),
        0,
        InvalidUtf8::Repair,
        &unbounded(),
    );
    let text = error.expect_err("the last span is cut off").to_string();
    assert_eq!(
        text,
        format!("`spans` at byte {at}: length 127 exceeds the 1 bytes left")
    );
}

#[test]
fn broken_text_is_repaired_in_a_copy_of_the_same_length() {
    let mut log = LogData {
        service: "abc".to_owned(),
        ..LogData::default()
    }
    .encode_to_vec();
    let last = log.len() - 1;
    log[last] = 0xFF;
    let repaired = receive(
        Kind::Log,
        log.clone().into(),
        0,
        InvalidUtf8::Repair,
        &unbounded(),
    );
    let repaired = repaired.expect("it can be repaired");
    assert_eq!((repaired.repaired, repaired.chunk.text(2)), (1, "ab?"));
    let refused = receive(Kind::Log, log.into(), 0, InvalidUtf8::Refuse, &unbounded());
    assert!(refused.is_err());
}

#[test]
fn a_collection_is_cut_into_its_segments() {
    let collection = SegmentCollection {
        segments: vec![segment("a", 1), segment("b", 2)],
    };
    let wire = Bytes::from(collection.encode_to_vec());
    let cut = receive_segments(wire, 1, InvalidUtf8::Repair, &unbounded());
    let (chunks, repaired) = cut.expect("it is valid");
    assert_eq!(repaired, 0);
    let items: Vec<usize> = chunks.iter().map(Chunk::items).collect();
    assert_eq!(items, [1, 2]);
    let Chunk::Native(second) = &chunks[1] else {
        panic!("it is native")
    };
    assert_eq!(
        &second.message()[..],
        &collection.segments[1].encode_to_vec()[..]
    );
}

fn log(service: &str, endpoint: &str) -> LogData {
    LogData {
        timestamp: 1,
        service: service.to_owned(),
        endpoint: endpoint.to_owned(),
        ..LogData::default()
    }
}

#[test]
fn the_first_logs_service_is_that_of_the_logs_without_one() {
    let mut stream = LogStream::default();
    let sent = [
        log("", "a"),
        log("shop", "b"),
        log("", "c"),
        log("other", "d"),
    ];
    let services = sent.map(|log| {
        let chunk = received(Kind::Log, log.encode_to_vec());
        let chunk = stream
            .normalise(chunk, &unbounded())
            .expect("there is room");
        let read = LogData::decode(&**chunk.message()).expect("it is valid");
        assert_eq!(
            LogData {
                service: log.service.clone(),
                ..read.clone()
            },
            log
        );
        read.service
    });
    assert_eq!(services, ["", "shop", "shop", "other"]);
}

fn meter(name: &str, service: &str, instance: &str, timestamp: i64) -> MeterData {
    MeterData {
        service: service.to_owned(),
        service_instance: instance.to_owned(),
        timestamp,
        metric: Some(Metric::SingleValue(MeterSingleValue {
            name: name.to_owned(),
            labels: Vec::new(),
            value: 1.0,
        })),
    }
}

fn read_meters(chunk: &NativeChunk) -> Vec<MeterData> {
    let collection = MeterDataCollection::decode(&**chunk.message());
    collection.expect("it is valid").meter_data
}

#[test]
fn meters_of_a_stream_inherit_what_the_first_one_says() {
    let mut stream = MeterStream::default();
    let sent = [
        meter("a", "shop", "shop-1", 9),
        meter("b", "", "", 0),
        meter("c", "", "", 10),
        meter("d", "", "shop-2", 0),
    ];
    let units: Vec<MeterUnit> = sent
        .iter()
        .filter_map(|meter| stream.push(meter.encode_to_vec().into()))
        .collect();
    let last = stream.take().expect("one is open");
    assert!(stream.take().is_none());
    let chunks = units.into_iter().chain([last]);
    let chunks = chunks.map(|unit| unit.into_chunk(1, &unbounded()).expect("there is room"));
    let read: Vec<Vec<MeterData>> = chunks.map(|chunk| read_meters(&chunk)).collect();
    let expected = [
        vec![
            meter("a", "shop", "shop-1", 9),
            meter("b", "shop", "shop-1", 9),
            meter("c", "shop", "shop-1", 10),
        ],
        vec![meter("d", "shop", "shop-2", 10)],
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_complete_collection_of_one_instance_stays_as_it_is() {
    let collection = MeterDataCollection {
        meter_data: vec![meter("a", "s", "i", 1), meter("b", "s", "i", 1)],
    };
    let chunk = received(Kind::Meters, collection.encode_to_vec());
    let units = chunk.clone().into_meter_units(&unbounded());
    let [unit] = &units.expect("there is room")[..] else {
        panic!("it is one unit")
    };
    assert_eq!(unit.message().as_ptr(), chunk.message().as_ptr());
    let split = chunk.split_at(1).expect("it has two meters");
    assert_eq!(split.map(|half| read_meters(&half).len()), [1, 1]);
}

#[test]
fn a_collection_of_several_instances_becomes_one_of_each() {
    let collection = MeterDataCollection {
        meter_data: vec![
            meter("a", "s", "i", 1),
            meter("b", "", "", 0),
            meter("c", "s", "j", 2),
        ],
    };
    let chunk = received(Kind::Meters, collection.encode_to_vec());
    let units = chunk.into_meter_units(&unbounded()).expect("there is room");
    let read: Vec<_> = units.iter().map(read_meters).collect();
    let expected = [
        vec![meter("a", "s", "i", 1), meter("b", "s", "i", 1)],
        vec![meter("c", "s", "j", 2)],
    ];
    assert_eq!(read, expected);
}

#[test]
fn without_memory_nothing_is_rewritten() {
    let mut stream = LogStream::default();
    let none = Budget::new(0);
    let first = received(Kind::Log, log("shop", "a").encode_to_vec());
    assert!(stream.normalise(first, &none).is_ok());
    let second = received(Kind::Log, log("", "b").encode_to_vec());
    let refused = stream.normalise(second, &none);
    assert!(matches!(refused, Err(ReceiveError::Overloaded(_))));
}

fn message(kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Segment => segment("x", 2).encode_to_vec(),
        Kind::Log => log("s", "e").encode_to_vec(),
        Kind::Meters => MeterDataCollection {
            meter_data: vec![meter("m", "s", "i", 1); 3],
        }
        .encode_to_vec(),
        // No field is required, so no bytes are a message of any kind.
        _ => Vec::new(),
    }
}

#[test]
fn an_envelope_gives_back_every_chunk_and_takes_nothing_else() {
    for signal in Signal::ALL {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.signal() == signal);
        let chunks: Vec<Chunk> = kinds
            .map(|kind| Chunk::Native(received(kind, message(kind))))
            .collect();
        let envelope = Bytes::from(envelope::pieces(&chunks).concat());
        let opened = envelope::open(signal, &envelope, 7).expect("it was just made");
        assert_eq!(opened.len(), chunks.len());
        for (opened, chunk) in opened.iter().zip(&chunks) {
            let (Chunk::Native(opened), Chunk::Native(chunk)) = (opened, chunk) else {
                panic!("they are native")
            };
            assert_eq!(opened.kind(), chunk.kind());
            assert_eq!(opened.message(), chunk.message());
            assert_eq!(opened.items(), chunk.items());
            assert_eq!(opened.arrived_unix_ms(), 7);
        }
        let other = Signal::ALL[(signal as usize + 1) % Signal::ALL.len()];
        assert!(envelope::open(other, &envelope, 7).is_none());
    }
}

#[test]
fn an_envelope_holds_otlp_beside_native_chunks() {
    let request = Bytes::from(crate::sample::logs(3));
    let budget = unbounded();
    let otlp = crate::otlp::receive(Signal::Logs, request, InvalidUtf8::Repair, &budget);
    let mut chunks = otlp.expect("it is valid").chunks;
    chunks.push(Chunk::Native(received(Kind::Log, message(Kind::Log))));
    let envelope = Bytes::from(envelope::pieces(&chunks).concat());
    let opened = envelope::open(Signal::Logs, &envelope, 0).expect("it was just made");
    let items = |chunks: &[Chunk]| chunks.iter().map(Chunk::items).collect::<Vec<_>>();
    assert_eq!(items(&opened), items(&chunks));
}

proptest! {
    #[test]
    fn whatever_bytes_an_envelope_has_opening_it_ends(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        signal in prop::sample::select(&Signal::ALL),
    ) {
        let _ = envelope::open(signal, &bytes.into(), 0);
    }

    /// What the walk lets pass, the generated types read; and they read nothing that it refuses, but
    /// for text.
    #[test]
    fn the_walk_agrees_with_the_generated_types(
        cut in any::<prop::sample::Index>(),
        changed in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut wire = segment("s", 2).encode_to_vec();
        let at = changed.index(wire.len());
        wire[at] = byte;
        wire.truncate(cut.index(wire.len()) + 1);
        let theirs = SegmentObject::decode(&wire[..]);
        let ours = receive(Kind::Segment, wire.into(), 0, InvalidUtf8::Refuse, &unbounded());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
    }
}
