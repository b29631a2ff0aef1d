//! What is in the file reads back, whatever a crash has left of it.

use engine::Exporter;
use engine::testkit::batch;
use pdata::{Batch, Signal};
use proptest::prelude::*;

use super::super::FileExporter;
use super::super::shared::SharedLog;
use super::fixture::{Fixture, JSON, PROTO, terms};
use crate::record::sample as agents;
use crate::record::{Encoding, Format, RECORD_MAX};
use crate::replay::{Content, Reader};

const FORMATS: [Format; 4] = [
    JSON,
    PROTO,
    Format {
        encoding: Encoding::Json,
        compressed: true,
    },
    Format {
        encoding: Encoding::Proto,
        compressed: true,
    },
];

/// Writes a batch as an exporter that was just built would.
async fn export(fixture: &Fixture, format: Format, batch: &Batch) {
    let log = SharedLog::new(fixture.open(terms(format)).unwrap());
    FileExporter { format, log }.export(batch).await.unwrap();
}

fn json(signal: Signal, request: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    pdata::json::write(signal, request, &mut text).unwrap();
    text
}

#[tokio::test]
async fn what_was_exported_is_replayed() {
    for format in FORMATS {
        let fixture = Fixture::new();
        for signal in Signal::OTLP {
            export(&fixture, format, &batch(signal, 5)).await;
        }
        let records: Vec<_> = Reader::open(&fixture.path, None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let replayed: Vec<_> = records
            .iter()
            .map(|record| match &record.content {
                Content::Otlp { signal, request } => (*signal, json(*signal, request)),
                Content::Native(_) => panic!("nothing of an agent was sent"),
            })
            .collect();
        let sent = [
            (
                Signal::Traces,
                json(Signal::Traces, &pdata::sample::spans(5)),
            ),
            (
                Signal::Metrics,
                json(Signal::Metrics, &pdata::sample::points(5)),
            ),
            (Signal::Logs, json(Signal::Logs, &pdata::sample::logs(5))),
        ];
        assert!(replayed == sent, "{format:?}");
    }
}

/// A batch of spans of OTLP and of segments, by turns.
fn mixed() -> Batch {
    let mut chunks = Vec::new();
    for _ in 0..2 {
        chunks.extend(agents::batch(Signal::Traces).into_chunks());
        chunks.extend(batch(Signal::Traces, 1).into_chunks());
    }
    Batch::new(Signal::Traces, chunks, Default::default())
}

#[tokio::test]
async fn a_batch_of_otlp_and_of_agents_becomes_a_record_of_each() {
    for format in FORMATS {
        let fixture = Fixture::new();
        export(&fixture, format, &mixed()).await;
        let records = Reader::open(&fixture.path, None).unwrap();
        let contents: Vec<_> = records.map(|record| record.unwrap().content).collect();
        let [Content::Otlp { signal, request }, Content::Native(messages)] = &contents[..] else {
            panic!("{format:?}: {contents:?}")
        };
        let sent = [pdata::sample::spans(1), pdata::sample::spans(1)].concat();
        assert!(json(*signal, request) == json(Signal::Traces, &sent));
        let ids: Vec<_> = messages.iter().map(|message| message.text(2)).collect();
        assert_eq!(ids, ["s", "s"], "{format:?}");
    }
}

#[tokio::test]
async fn messages_of_agents_are_a_line_that_people_can_read() {
    for signal in Signal::ALL {
        let fixture = Fixture::new();
        export(&fixture, JSON, &agents::batch(signal)).await;
        let mut messages = agents::messages();
        messages.retain(|(kind, _)| kind.signal() == signal);
        let messages = messages.iter();
        let messages = messages.map(|(kind, text)| format!(r#"{{"{}":{text}}}"#, kind.name()));
        let messages: Vec<_> = messages.collect();
        let line = format!("{{\"skywalking\":[{}]}}\n", messages.join(","));
        assert_eq!(String::from_utf8(fixture.content()).unwrap(), line);
    }
}

#[tokio::test]
async fn messages_in_protobuf_are_one_field_that_no_request_has() {
    let fixture = Fixture::new();
    export(&fixture, PROTO, &batch(Signal::Skywalking, 2)).await;
    // Field 30 holds two messages of kind 6, which are empty.
    let record = [0, 0, 0, 7, 0xF2, 0x01, 4, 0x32, 0, 0x32, 0];
    assert_eq!(fixture.content(), record);
}

#[tokio::test]
async fn a_batch_without_chunks_is_no_record() {
    let fixture = Fixture::new();
    let empty = Batch::new(Signal::Logs, Vec::new(), Default::default());
    export(&fixture, PROTO, &empty).await;
    assert_eq!(fixture.content(), b"");
}

#[test]
fn a_torn_end_is_moved_away_and_kept() {
    let fixture = Fixture::new();
    std::fs::write(&fixture.path, b"{first}\n{sec").unwrap();
    drop(fixture.open(terms(JSON)).unwrap());
    assert_eq!(fixture.content(), b"{first}\n");
    std::fs::write(&fixture.path, b"{first}\n{again").unwrap();
    drop(fixture.open(terms(JSON)).unwrap());
    let kept = [("data.json.torn".to_owned(), "{sec{again".to_owned())];
    assert_eq!(fixture.others(), kept);
}

#[test]
fn a_line_longer_than_one_block_is_found() {
    let fixture = Fixture::new();
    let long = [&b"{first}\n{"[..], &vec![b'x'; 200_000]].concat();
    std::fs::write(&fixture.path, &long).unwrap();
    drop(fixture.open(terms(JSON)).unwrap());
    assert_eq!(fixture.content(), b"{first}\n");
}

#[test]
fn zeros_that_a_loss_of_power_left_are_no_reason_to_refuse_the_file() {
    for format in [JSON, PROTO] {
        let fixture = Fixture::new();
        std::fs::write(&fixture.path, [0; 100]).unwrap();
        let mut log = fixture.open(terms(format)).unwrap();
        log.write(&[b"{first}\n"]).unwrap();
        assert_eq!(fixture.content(), b"{first}\n");
    }
}

#[test]
fn a_record_longer_than_any_may_be_is_refused_for_splitting() {
    use engine::component::Decision;

    let error = crate::record::EncodeError::TooLong(RECORD_MAX + 1);
    assert_eq!(super::super::refused(error).decision, Decision::Split);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_file_cut_anywhere_is_appended_to_without_damage(
        form in 0..FORMATS.len(),
        sizes in prop::collection::vec(1usize..4, 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let format = FORMATS[form];
        let fixture = Fixture::new();
        let mut file = Vec::new();
        let mut whole = vec![0];
        for items in sizes {
            file.extend(format.encode(&batch(Signal::Logs, items)).unwrap());
            whole.push(file.len());
        }
        let cut = cut.index(file.len() + 1);
        std::fs::write(&fixture.path, &file[..cut]).unwrap();

        let mut log = fixture.open(terms(format)).unwrap();
        let last = format.encode(&batch(Signal::Logs, 9)).unwrap();
        log.write(&[&last]).unwrap();

        let kept = whole.iter().filter(|end| **end <= cut).max().unwrap();
        let expected = [&file[..*kept], &last].concat();
        prop_assert!(fixture.content() == expected);
        let torn = std::fs::read(fixture.path.with_extension("json.torn")).unwrap_or_default();
        prop_assert!(torn == file[*kept..cut], "nothing is thrown away");
    }
}
