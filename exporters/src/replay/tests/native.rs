//! Messages of SkyWalking's agents.

use pdata::NativeChunk;
use pdata::skywalking::Kind;
use pdata::wire::put_field;

use super::*;
use crate::record::{NATIVE_FIELD, sample as agents};

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [&length.to_be_bytes(), payload].concat()
}

/// A framed record with this envelope.
fn enveloped(envelope: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    put_field(&mut payload, NATIVE_FIELD, envelope);
    framed(&payload)
}

fn messages_of(record: Record) -> Vec<NativeChunk> {
    match record.content {
        Content::Native(messages) => messages,
        Content::Otlp { .. } => panic!("it is no request"),
    }
}

fn bytes(messages: &[NativeChunk]) -> Vec<(Kind, &[u8])> {
    let each = messages.iter();
    each.map(|message| (message.kind(), &message.message()[..]))
        .collect()
}

#[test]
fn reads_back_every_form_and_kind_as_it_was_sent() {
    for format in FORMATS {
        for signal in Signal::ALL {
            let file = format.encode(&agents::batch(signal)).unwrap();
            let mut read: Vec<Record> = reader(&file).map(Result::unwrap).collect();
            assert_eq!(read.len(), 1, "{format:?} {signal}");
            let record = read.remove(0);
            assert_eq!(record.earliest_unix_nano, Some(agents::TIME_UNIX_NANO));
            let mut sent = agents::chunks();
            sent.retain(|message| message.kind().signal() == signal);
            assert_eq!(bytes(&messages_of(record)), bytes(&sent), "{format:?}");
        }
    }
}

#[test]
fn knows_when_a_message_of_each_kind_happened() {
    for (kind, text) in agents::messages() {
        let line = format!(r#"{{"skywalking":[{{"{}":{text}}}]}}"#, kind.name());
        let record = reader(line.as_bytes()).next().unwrap().unwrap();
        let timeless = [Kind::InstanceProperties, Kind::InstancePing].contains(&kind);
        let expected = (!timeless).then_some(agents::TIME_UNIX_NANO);
        assert_eq!(record.earliest_unix_nano, expected, "{kind:?}");
    }
}

#[test]
fn a_record_without_messages_is_passed_over() {
    assert_eq!(outcomes(b"{\"skywalking\":[]}\n"), []);
    assert_eq!(outcomes(&enveloped(b"")), []);
}

#[test]
fn takes_lines_that_a_person_wrote() {
    let line = "\u{feff} { \"skywalking\" : [ {\"instance_ping\": {\"service\": \"a\\u00e9\"}} ], \"x\": 1 }";
    let record = reader(line.as_bytes()).next().unwrap().unwrap();
    assert_eq!(messages_of(record)[0].text(1), "aé");
}

#[track_caller]
fn damage(file: &[u8]) -> String {
    let read = outcomes(file);
    let [Err(error)] = &read[..] else {
        panic!("{read:?}")
    };
    error.clone()
}

#[test]
fn says_which_message_of_a_line_is_damaged() {
    for (line, error) in [
        (
            r#"{"skywalking":[{"log":{}},{"segment":{"spans":[{"spanId":"x"}]}}]}"#,
            "skywalking[1].segment.spans[0].spanId: expected a signed 32-bit integer as number or \
             string, found `\"x\"` at column 58",
        ),
        (
            r#"{"skywalking":[{"log":7}]}"#,
            "skywalking[0].log: expected an object, found `7` at column 23",
        ),
        (
            r#"{"skywalking":[{"metrics":{}}]}"#,
            "unknown kind `metrics`, expected one of `segment`, `log`, `meters`,",
        ),
        (r#"{"skywalking":[{}]}"#, "as its only name"),
        (
            r#"{"skywalking":[{"log":{},"log":{}}]}"#,
            "as its only name",
        ),
        (
            r#"{"skywalking":{"log":{}}}"#,
            "expected {\"skywalking\":[{\"segment\":{..}}, ..]}: ",
        ),
    ] {
        let found = damage(format!("{line}\n").as_bytes());
        assert!(found.contains(error), "{found}");
    }
}

#[test]
fn says_what_is_wrong_with_an_envelope() {
    for (envelope, error) in [
        (&[0x0A, 1, 0xFF][..], "message 0 is no segment: "),
        (
            &[0x82, 0x01, 0],
            "expected a message of a kind from 1 to 15, found `16`",
        ),
        (
            &[0x08, 1],
            "expected an envelope of messages and nothing behind it",
        ),
        (
            &[0x0A, 9],
            "expected an envelope of messages and nothing behind it",
        ),
    ] {
        let found = damage(&enveloped(envelope));
        assert!(found.contains(error), "{found}");
    }
    let mut payload = Vec::new();
    put_field(&mut payload, NATIVE_FIELD, b"");
    payload.push(0);
    let found = damage(&framed(&payload));
    assert!(found.contains("nothing behind it"), "{found}");
}

#[test]
fn text_that_is_not_utf_8_is_repaired_as_a_receiver_does() {
    // A heartbeat whose service is one broken byte.
    let read = reader(&enveloped(&[0x32, 3, 0x0A, 1, 0xFF]))
        .next()
        .unwrap();
    assert_eq!(messages_of(read.unwrap())[0].message()[..], *b"\x0A\x01?");
    let read = reader(b"{\"skywalking\":[{\"instance_ping\":{\"service\":\"\xFF\"}}]}").next();
    assert_eq!(messages_of(read.unwrap().unwrap())[0].text(1), "\u{FFFD}");
}

#[test]
fn records_of_agents_and_of_otlp_stand_in_one_file() {
    for format in FORMATS {
        let mut file = format.encode(&agents::batch(Signal::Traces)).unwrap();
        file.extend(format.encode(&batch(Signal::Logs, 2)).unwrap());
        file.extend(format.encode(&agents::batch(Signal::Skywalking)).unwrap());
        let signals = [Signal::Traces, Signal::Logs, Signal::Skywalking].map(Ok);
        assert_eq!(outcomes(&file), signals, "{format:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damage_costs_its_own_record_and_no_other(
        form in 0..FORMATS.len(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let format = FORMATS[form];
        let good = format.encode(&agents::batch(Signal::Skywalking)).unwrap();
        let mut damaged = good.clone();
        // Neither the length nor the line feed, without which the next record is not found.
        let content = PREFIX_LEN..damaged.len() - 1;
        let at = content.start + at.index(content.len());
        prop_assume!(byte != b'\n');
        damaged[at] = byte;
        let read = outcomes(&[&good[..], &damaged, &good].concat());
        prop_assert_eq!(&read[0], &Ok(Signal::Skywalking));
        prop_assert_eq!(read.last(), Some(&Ok(Signal::Skywalking)));
        prop_assert!(read.len() <= 3);
    }

    #[test]
    fn any_envelope_is_read_or_refused(envelope: Vec<u8>) {
        prop_assert!(outcomes(&enveloped(&envelope)).len() <= 1);
    }
}
