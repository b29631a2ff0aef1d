//! What JSON looks like, and which bytes have none.

use super::*;
use crate::wire::{self, put_field, put_varint};

/// A request around `record`, the bytes of a log record.
fn around_record(record: &[u8]) -> Vec<u8> {
    nested(&[1, 2, 2], record)
}

/// `content` inside of messages, under these field numbers from the outermost.
fn nested(numbers: &[u32], content: &[u8]) -> Vec<u8> {
    numbers
        .iter()
        .rev()
        .fold(content.to_vec(), |content, number| {
            let mut outer = Vec::new();
            put_field(&mut outer, *number, &content);
            outer
        })
}

#[track_caller]
fn malformed(wire: &[u8]) -> String {
    let mut out = b"kept".to_vec();
    let error = write(Signal::Logs, wire, &mut out).unwrap_err();
    assert_eq!(out, b"kept");
    error.to_string()
}

#[test]
fn a_request_in_parts_is_written_as_one() {
    let bodies = include_str!("../../../testdata/json/alipay-logs.jsonl").lines();
    let parts: Vec<Vec<u8>> = bodies
        .map(|body| read(Signal::Logs, body.as_bytes()).unwrap().wire)
        .collect();
    let mut out = Vec::new();
    write_parts(Signal::Logs, parts.iter().map(Vec::as_slice), &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        written(Signal::Logs, &parts.concat())
    );
    assert_eq!(written(Signal::Logs, b""), "{}");
}

#[test]
fn what_is_read_from_the_written_form_is_written_the_same() {
    let body = include_str!("../../../testdata/json/wechat-metrics.jsonl");
    for body in body.lines() {
        let text = written(
            Signal::Metrics,
            &read(Signal::Metrics, body.as_bytes()).unwrap().wire,
        );
        let again = read(Signal::Metrics, text.as_bytes()).unwrap();
        assert_eq!(written(Signal::Metrics, &again.wire), text);
    }
}

#[test]
fn occurrences_of_a_field_are_gathered_from_between_others() {
    let mut record = Vec::new();
    put_field(&mut record, 6, b"\x0A\x01a");
    put_field(&mut record, 3, b"first");
    put_field(&mut record, 6, b"\x0A\x01b");
    put_field(&mut record, 5, b"\x0A\x01x");
    put_field(&mut record, 3, b"last");
    put_field(&mut record, 99, b"unknown");
    // The second body takes the place of the first one's value.
    put_field(&mut record, 5, b"\x18\x07");
    assert_eq!(
        written(Signal::Logs, &around_record(&record)),
        with_record(
            r#"{"severityText":"last","body":{"intValue":"7"},"attributes":[{"key":"a"},{"key":"b"}]}"#
        )
    );
}

#[test]
fn explicit_defaults_are_left_out_where_they_say_nothing() {
    // Flags 0, an empty event name, and an empty string as the body.
    let record = b"\x45\0\0\0\0\x62\x00\x2A\x02\x0A\x00";
    let text = written(Signal::Logs, &around_record(record));
    assert_eq!(text, with_record(r#"{"body":{"stringValue":""}}"#));
}

#[test]
fn lists_are_read_packed_or_not() {
    // Bucket counts and an explicit bound, both ways in one point.
    let mut point = Vec::new();
    put_field(
        &mut point,
        6,
        &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],
    );
    put_varint(&mut point, 7 << 3 | 1);
    point.extend_from_slice(&2.5f64.to_le_bytes());
    put_varint(&mut point, 6 << 3 | 1);
    point.extend_from_slice(&3u64.to_le_bytes());
    put_field(&mut point, 8, b"");
    let wire = nested(&[1, 2, 2, 9, 1], &point);
    assert_eq!(
        written(Signal::Metrics, &wire),
        with_metric(
            r#"{"histogram":{"dataPoints":[{"bucketCounts":["1","2","3"],"explicitBounds":[2.5],"exemplars":[{}]}]}}"#
        )
    );
    // A packed list without elements is no list.
    let wire = nested(&[1, 2, 2, 9, 1, 6], b"");
    assert_eq!(
        written(Signal::Metrics, &wire),
        with_metric(r#"{"histogram":{"dataPoints":[{}]}}"#)
    );
}

#[test]
fn groups_and_unknown_fields_are_left_out() {
    // Group 1000 with a group 3 and a string inside; then event name `a`.
    let record = b"\xC3\x3E\x1B\x1C\x12\x01\x00\xC4\x3E\x62\x01a";
    let text = written(Signal::Logs, &around_record(record));
    assert_eq!(text, with_record(r#"{"eventName":"a"}"#));
}

#[test]
fn doubles_are_as_short_as_they_can_be() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0.0"),
        (341.0, "341"),
        (-2.5, "-2.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1000000000000000.0"),
        (1e300, "1e+300"),
        (5e-324, "5e-324"),
        (f64::NAN, "\"NaN\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        let mut value_message = vec![4 << 3 | 1];
        value_message.extend_from_slice(&value.to_le_bytes());
        let wire = around_record(&nested(&[5], &value_message));
        let expected = with_record(&format!(r#"{{"body":{{"doubleValue":{text}}}}}"#));
        assert_eq!(written(Signal::Logs, &wire), expected);
    }
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    for (record, says) in [
        (
            &b"\x0D\0\0\0\0"[..],
            "`LogRecord.time_unix_nano` has the wrong wire type",
        ),
        (b"\x28\x01", "`LogRecord.body` has the wrong wire type"),
        (
            b"\x30\x01",
            "`LogRecord.attributes` has the wrong wire type",
        ),
        (b"\x62\x01\xFF", "`LogRecord.event_name` is not UTF-8"),
        (
            b"\x62\x05a",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x09\x00",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x02\x00",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x0F",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x1C",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x1B\x24",
            "a field of `LogRecord` is cut short or has an invalid key, length or group",
        ),
        (
            b"\x2A\x02\x08\x01",
            "`AnyValue.string_value` has the wrong wire type",
        ),
    ] {
        assert_eq!(malformed(&around_record(record)), says, "{record:?}");
        assert!(
            Logs::decode(&around_record(record)[..]).is_err(),
            "{record:?}"
        );
    }
    let cut_packed = nested(&[1, 2, 2, 9, 1, 6], b"\x01");
    let error = write(Signal::Metrics, &cut_packed, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error,
        Malformed::Framing {
            message: "HistogramDataPoint"
        }
    );
}

#[test]
fn messages_that_nest_too_deep_are_refused_as_prost_refuses_them() {
    let lists = |levels: usize| {
        let value = nested(&[5, 1].repeat(levels), b"\x18\x01");
        around_record(&nested(&[5], &value))
    };
    let deepest = (wire::NESTING_MAX as usize - 4) / 2;
    assert!(Logs::decode(&lists(deepest)[..]).is_ok());
    written(Signal::Logs, &lists(deepest));
    for levels in [deepest + 1, 1000] {
        assert!(Logs::decode(&lists(levels)[..]).is_err());
        assert_eq!(malformed(&lists(levels)), Malformed::TooDeep.to_string());
    }
    let groups = [vec![0x1B; 100_000], vec![0x1C; 100_000]].concat();
    malformed(&around_record(&groups));
}
