use std::io::Write;
use std::sync::Arc;

use engine::testkit::batch;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Batch, Budget, Origin, Signal, sample};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::record::{Encoding, Format, PREFIX_LEN, RECORD_MAX};

mod native;

const FORMATS: [Format; 4] = [
    format(Encoding::Json, false),
    format(Encoding::Json, true),
    format(Encoding::Proto, false),
    format(Encoding::Proto, true),
];

const fn format(encoding: Encoding, compressed: bool) -> Format {
    Format {
        encoding,
        compressed,
    }
}

/// The request a batch was cut from.
fn sent(signal: Signal, items: usize) -> Vec<u8> {
    sample::request(signal, items)
}

/// One log record with nothing but a body, which may be a span's name too.
fn body_alone() -> Batch {
    let record = LogRecord {
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue("hello".to_owned())),
        }),
        ..Default::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![record],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    let request = request.encode_to_vec().into();
    let received = receive(Signal::Logs, request, InvalidUtf8::Refuse, &Budget::new(0)).unwrap();
    Batch::new(Signal::Logs, received.chunks, Arc::new(Origin::default()))
}

fn proto(batch: &Batch) -> Vec<u8> {
    format(Encoding::Proto, false).encode(batch).unwrap()
}

fn reader(file: &[u8]) -> Reader<&[u8]> {
    Reader::new(file, None).expect("memory can be read")
}

/// The signal of a record's request, or of its first message.
fn signal(record: &Record) -> Signal {
    match &record.content {
        Content::Otlp { signal, .. } => *signal,
        Content::Native(messages) => messages[0].kind().signal(),
    }
}

#[track_caller]
fn request(record: &Record) -> &[u8] {
    match &record.content {
        Content::Otlp { request, .. } => request,
        Content::Native(_) => panic!("it is no request"),
    }
}

/// What a file yields: the signals of its records, and errors as text.
fn outcomes(file: &[u8]) -> Vec<Result<Signal, String>> {
    let text = |read: Result<Record, ReadError>| match read {
        Ok(record) => Ok(signal(&record)),
        Err(error) => Err(error.to_string()),
    };
    reader(file).map(text).collect()
}

#[test]
fn reads_back_every_form_and_signal_as_it_was_sent() {
    for format in FORMATS {
        let mut file = Vec::new();
        for signal in Signal::OTLP {
            file.extend(format.encode(&batch(signal, 7)).unwrap());
        }
        let records: Vec<Record> = reader(&file).map(Result::unwrap).collect();
        assert_eq!(records.len(), 3, "{format:?}");
        for (record, expected) in records.iter().zip(Signal::OTLP) {
            assert_eq!(signal(record), expected, "{format:?}");
            // Lengths in what was read from JSON are padded; decoded it is the same.
            assert_eq!(
                decoded(expected, request(record)),
                decoded(expected, &sent(expected, 7)),
                "{format:?} {expected}"
            );
            assert_eq!(record.earliest_unix_nano, Some(1_795_219_200_000_000_000));
        }
    }
}

/// As canonical JSON, which is equal if the requests are.
fn decoded(signal: Signal, request: &[u8]) -> String {
    let mut text = Vec::new();
    pdata::json::write(signal, request, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn skips_damaged_lines_and_says_where_they_are() {
    let good = format(Encoding::Json, false)
        .encode(&batch(Signal::Logs, 1))
        .unwrap();
    let good = String::from_utf8(good).unwrap();
    let file = format!("{good}{{\"foo\":1}}\n\n{{\"resourceSpans\":[7]}}\n{good}{{\"resourceLo");
    let read = outcomes(file.as_bytes());
    let first = good.len();
    assert_eq!(read[0], Ok(Signal::Logs));
    assert_eq!(
        read[1],
        Err(format!(
            "line 2 at byte {first}: expected an object that begins with `resourceSpans`, \
             `resourceMetrics`, `resourceLogs` or `skywalking`"
        ))
    );
    let error = read[2].clone().unwrap_err();
    assert!(
        error.starts_with(&format!("line 4 at byte {}: resourceSpans[0]", first + 11)),
        "{error}"
    );
    assert_eq!(read[3], Ok(Signal::Logs));
    let error = read[4].clone().unwrap_err();
    assert!(
        error.ends_with("the file ends 12 bytes into a record"),
        "{error}"
    );
    assert_eq!(read.len(), 5);
}

#[test]
fn counts_what_it_read_and_what_it_skipped() {
    let good = format(Encoding::Json, false)
        .encode(&batch(Signal::Logs, 1))
        .unwrap();
    let file = [&good[..], b"nonsense\n", &good, b"{"].concat();
    let mut reader = reader(&file);
    reader.by_ref().for_each(drop);
    assert_eq!(
        reader.tally(),
        Tally {
            records: 2,
            damaged: 2
        }
    );
    assert!(reader.next().is_none());
}

#[test]
fn takes_a_last_line_without_its_line_feed() {
    let good = format(Encoding::Json, false)
        .encode(&batch(Signal::Logs, 1))
        .unwrap();
    assert_eq!(outcomes(&good[..good.len() - 1]), [Ok(Signal::Logs)]);
}

#[test]
fn goes_on_behind_a_damaged_record_whose_length_is_right() {
    let good = proto(&batch(Signal::Traces, 2));
    let mut broken = good.clone();
    broken[4..8].fill(0xFF);
    let file = [&good[..], &broken, &good].concat();
    let read = outcomes(&file);
    let place = format!("record 2 at byte {}", good.len());
    let error = format!("{place}: is no request of traces, metrics or logs");
    assert_eq!(read, [Ok(Signal::Traces), Err(error), Ok(Signal::Traces)]);
}

#[test]
fn ends_at_a_length_no_record_has() {
    let good = proto(&batch(Signal::Traces, 2));
    for length in [0, RECORD_MAX as u32 + 1] {
        let file = [&good[..], &length.to_be_bytes(), &good].concat();
        let read = outcomes(&file);
        assert_eq!(read.len(), 2);
        let error = read[1].clone().unwrap_err();
        assert!(
            error.contains(&format!("found {length}; the rest")),
            "{error}"
        );
    }
}

#[test]
fn says_that_a_file_is_of_another_kind() {
    let whole = zstd::encode_all(&b"{}"[..], 0).unwrap();
    let read = outcomes(&whole);
    assert!(
        read[0].as_ref().unwrap_err().contains("zstd -d"),
        "{read:?}"
    );
    let read = outcomes(b"PK\x03\x04........");
    assert!(
        read[0].as_ref().unwrap_err().contains("neither"),
        "{read:?}"
    );
    assert_eq!(read.len(), 1);
    assert_eq!(outcomes(b""), []);
}

#[test]
fn a_bomb_costs_no_more_than_a_record_may() {
    let zeros = io::Read::take(io::repeat(b'{'), RECORD_MAX as u64 + 1);
    let bomb = zstd::encode_all(zeros, 0).unwrap();
    let length = (bomb.len() as u32).to_be_bytes();
    let read = outcomes(&[&length[..], &bomb].concat());
    assert!(
        read[0].as_ref().unwrap_err().contains("is longer than"),
        "{read:?}"
    );
}

#[test]
fn skips_what_may_be_of_several_signals_rather_than_guess() {
    let file = proto(&body_alone());
    let read = outcomes(&file);
    assert_eq!(
        read,
        [Err(
            "record 1 at byte 0: may be a request of traces or logs; say which signal the file \
              holds"
                .to_owned()
        )]
    );
}

#[test]
fn the_callers_word_or_the_files_name_decides_what_is_unclear() {
    let file = proto(&body_alone());
    let told = Reader::new(&file[..], Some(Signal::Logs)).unwrap();
    let signals: Vec<Signal> = told.map(|record| signal(&record.unwrap())).collect();
    assert_eq!(signals, [Signal::Logs]);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prod-logs-2.bin");
    std::fs::write(&path, [file, proto(&batch(Signal::Metrics, 1))].concat()).unwrap();
    let named = Reader::open(&path, None).unwrap();
    let signals: Vec<Signal> = named.map(|record| signal(&record.unwrap())).collect();
    assert_eq!(
        signals,
        [Signal::Logs, Signal::Metrics],
        "the name only breaks a tie"
    );
}

#[test]
fn a_record_that_is_not_of_the_signal_told_is_damaged() {
    let file = proto(&batch(Signal::Metrics, 1));
    let mut told = Reader::new(&file[..], Some(Signal::Logs)).unwrap();
    let error = told.next().unwrap().unwrap_err().to_string();
    assert!(
        error.starts_with("record 1 at byte 0: is no request of logs: "),
        "{error}"
    );
}

#[test]
fn lists_rotated_files_before_the_one_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.json");
    for name in [
        "data.json",
        "data-2026-11-21T10-00-00.000.json",
        "data-2026-11-20T10-00-00.000.json",
        "other.json",
    ] {
        std::fs::File::create(directory.path().join(name))
            .unwrap()
            .write_all(b"")
            .unwrap();
    }
    let names: Vec<_> = series(&path).unwrap();
    let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(
        names,
        [
            "data-2026-11-20T10-00-00.000.json",
            "data-2026-11-21T10-00-00.000.json",
            "data.json"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_cut_anywhere_yields_its_whole_records_and_at_most_one_torn(
        form in 0..FORMATS.len(),
        sizes in prop::collection::vec(1usize..4, 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = Vec::new();
        let mut ends = Vec::new();
        for items in sizes {
            file.extend(FORMATS[form].encode(&batch(Signal::Logs, items)).unwrap());
            ends.push(file.len());
        }
        let cut = cut.index(file.len() + 1);
        let read = outcomes(&file[..cut]);
        let good = read.iter().take_while(|read| read.is_ok()).count();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        // A line that misses only its line feed is whole too.
        let ended = ends.iter().filter(|end| **end <= cut + 1).count();
        prop_assert!(good == whole || (FORMATS[form] == FORMATS[0] && good == ended));
        prop_assert!(read.len() - good <= 1);
    }

    #[test]
    fn reads_any_bytes_without_panicking(head in 0u8..3, bytes: Vec<u8>) {
        let head: &[u8] = match head {
            0 => b"",
            1 => b"{",
            _ => &[0, 0, 0, 9],
        };
        let file = [head, &bytes].concat();
        let read = outcomes(&file);
        prop_assert!(read.len() <= file.len());
    }
}
