//! What a body may look like, and what is said about one that may not.

use super::*;
use crate::wire;

/// The request read from `body`, in its canonical JSON form.
#[track_caller]
fn canonical(signal: Signal, body: impl AsRef<[u8]>) -> String {
    match read(signal, body.as_ref()) {
        Ok(read) => written(signal, &read.wire),
        Err(error) => panic!("refused: {error}"),
    }
}

#[track_caller]
fn refusal(signal: Signal, body: impl AsRef<[u8]>) -> String {
    match read(signal, body.as_ref()) {
        Ok(read) => panic!("accepted as {}", written(signal, &read.wire)),
        Err(error) => error.to_string(),
    }
}

fn is_as_the_oracle_reads<R: Request>(bodies: &str) {
    for body in bodies.lines() {
        let read = read(R::SIGNAL, body.as_bytes()).unwrap();
        assert_eq!(read.repaired, 0);
        let oracle: R = serde_json::from_str(body).unwrap();
        assert_eq!(R::decode(&read.wire[..]).unwrap(), oracle, "{body}");
        let again: R = serde_json::from_str(&written(R::SIGNAL, &read.wire)).unwrap();
        assert_eq!(again, oracle, "{body}");
    }
}

#[test]
fn recorded_bodies_read_as_the_oracle_reads_them() {
    is_as_the_oracle_reads::<Logs>(include_str!("../../../testdata/json/alipay-logs.jsonl"));
    is_as_the_oracle_reads::<Logs>(include_str!("../../../testdata/json/wechat-logs.jsonl"));
    is_as_the_oracle_reads::<Metrics>(include_str!("../../../testdata/json/alipay-metrics.jsonl"));
    is_as_the_oracle_reads::<Metrics>(include_str!("../../../testdata/json/wechat-metrics.jsonl"));
}

/// The cases of a file: a line, and behind `= ` on the next one what becomes of it.
fn cases(file: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = file
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    std::iter::from_fn(move || {
        let case = lines.next()?;
        let outcome = lines.next().and_then(|line| line.strip_prefix("= "));
        Some((
            case,
            outcome.unwrap_or_else(|| panic!("no `= ` behind {case}")),
        ))
    })
}

#[test]
fn log_records_read_in_every_form_that_senders_use() {
    for (record, same_as) in cases(include_str!("../../../testdata/json/records.txt")) {
        let found = canonical(Signal::Logs, with_record(record));
        assert_eq!(found, with_record(same_as), "{record}");
    }
}

#[test]
fn metrics_read_in_every_form_that_senders_use() {
    for (metric, same_as) in cases(include_str!("../../../testdata/json/metrics.txt")) {
        let found = canonical(Signal::Metrics, with_metric(metric));
        assert_eq!(found, with_metric(same_as), "{metric}");
    }
}

#[test]
fn repeated_numbers_are_packed_even_when_their_length_takes_two_bytes() {
    let counts = vec![r#""1""#; 40].join(",");
    let metric = format!(r#"{{"histogram":{{"dataPoints":[{{"bucketCounts":[{counts}]}}]}}}}"#);
    let wire = read(Signal::Metrics, with_metric(&metric).as_bytes())
        .unwrap()
        .wire;
    let mut packed = Vec::new();
    wire::put_field(&mut packed, 6, &1u64.to_le_bytes().repeat(40));
    assert!(wire.ends_with(&packed));
}

#[test]
fn an_empty_object_is_an_empty_request() {
    for body in [
        "{}",
        " {} ",
        "\u{feff}{}",
        r#"{"resourceLogs":[]}"#,
        r#"{"resourceLogs":null}"#,
    ] {
        let read = read(Signal::Logs, body.as_bytes()).unwrap();
        assert!(read.wire.is_empty(), "{body}");
    }
}

#[test]
fn text_that_is_not_unicode_is_repaired_and_counted() {
    for (name, repaired, count) in [
        (&b"plain"[..], "plain", 0),
        ("\u{4e16}\u{754c}".as_bytes(), "\u{4e16}\u{754c}", 0),
        (br"\ud83d\ude00", "\u{1f600}", 0),
        (br"\ufffd", "\u{fffd}", 0),
        (br"a\ud83db", "a\u{fffd}b", 1),
        (br"\ude00\ud83d", "\u{fffd}\u{fffd}", 1),
        (br"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}", 1),
        (br"\ud83d\u0041", "\u{fffd}A", 1),
        (b"\xED\xA0\xBD", "\u{fffd}", 1),
        (b"a\xFFb", "a?b", 1),
        (b"\xE4\xB8", "??", 1),
        (b"\xE4\xB8\xE4\xB8\x96", "??\u{4e16}", 1),
        (b"\xC0\xAF\xF5", "???", 1),
    ] {
        let record = [br#"{"eventName":""#, name, br#""}"#].concat();
        let (before, after) = {
            let body = with_record("#");
            let (before, after) = body.split_once('#').unwrap();
            (before.to_owned(), after.to_owned())
        };
        let body = [before.as_bytes(), &record, after.as_bytes()].concat();
        let read = read(Signal::Logs, &body).unwrap();
        let expected = with_record(&format!(r#"{{"eventName":"{repaired}"}}"#));
        assert_eq!(written(Signal::Logs, &read.wire), expected, "{name:?}");
        assert_eq!(read.repaired, count, "{name:?}");
    }
}

#[track_caller]
fn is_refused(record: &str, says: &str) {
    let place = "resourceLogs[0].scopeLogs[0].logRecords[0]";
    let separator = if says.starts_with("expected") {
        ": "
    } else {
        "."
    };
    let found = refusal(Signal::Logs, with_record(record));
    assert_eq!(found, format!("{place}{separator}{says}"), "{record}");
}

#[test]
fn a_refusal_names_the_field_what_was_expected_and_the_position() {
    for (record, says) in cases(include_str!("../../../testdata/json/refusals.txt")) {
        is_refused(record, says);
    }
    is_refused(
        "{\"flags\":1\n\n  \"body\":{}}",
        "expected `,` or `}`, found `\"body\"` at line 3 column 3",
    );
    is_refused(
        "{\"eventName\":\"a\nb\"}",
        "eventName: expected control characters to be escaped, found the byte 0x0A at line 1 column 62",
    );
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for (body, says) in [
        (
            "",
            "expected an object, found the end of the body at line 1 column 1",
        ),
        (
            " \n",
            "expected an object, found the end of the body at line 2 column 1",
        ),
        (
            "\u{feff}",
            "expected an object, found the end of the body at line 1 column 4",
        ),
        (
            "null",
            "expected an object, found `null` at line 1 column 1",
        ),
        ("[]", "expected an object, found a list at line 1 column 1"),
        (
            "\0",
            "expected an object, found the byte 0x00 at line 1 column 1",
        ),
        (
            "{} {}",
            "expected the end of the body, found an object at line 1 column 4",
        ),
        (
            "{",
            "expected a name in double quotes, found the end of the body at line 1 column 2",
        ),
        (
            "{\"a",
            "expected `\"` at the end of a string, found the end of the body at line 1 column 4",
        ),
        (
            r#"{"resourceLogs":[null,1]}"#,
            "resourceLogs[1]: expected an object, found `1` at line 1 column 23",
        ),
    ] {
        assert_eq!(refusal(Signal::Logs, body), says, "{body:?}");
    }
}

#[test]
fn an_error_gives_its_parts() {
    let error = read(Signal::Traces, b"{\n\"resourceSpans\":0}").unwrap_err();
    assert_eq!(error.path(), "resourceSpans");
    assert_eq!((error.offset(), error.line(), error.column()), (18, 2, 17));
    assert!(matches!(error.problem(), Problem::Unexpected { .. }));
}

/// A log body of any values, `levels` lists deep.
fn nested_lists(levels: usize) -> String {
    let before = r#"{"arrayValue":{"values":["#.repeat(levels);
    let after = "]}}".repeat(levels);
    with_record(&format!(r#"{{"body":{before}{{"intValue":1}}{after}}}"#))
}

#[test]
fn messages_nest_as_deep_as_prost_allows_and_no_deeper() {
    // Request, resource, scope and record stand around the outermost value; each list adds two.
    let deepest = (wire::NESTING_MAX as usize - 4) / 2;
    let wire = read(Signal::Logs, nested_lists(deepest).as_bytes())
        .unwrap()
        .wire;
    Logs::decode(&wire[..]).unwrap();
    let text = written(Signal::Logs, &wire);
    assert_eq!(
        text,
        nested_lists(deepest).replace(r#"Value":1"#, r#"Value":"1""#)
    );

    let error = read(Signal::Logs, nested_lists(deepest + 1).as_bytes()).unwrap_err();
    assert_eq!(*error.problem(), Problem::TooDeep);
    let error = read(Signal::Logs, nested_lists(100_000).as_bytes()).unwrap_err();
    assert_eq!(*error.problem(), Problem::TooDeep);
}

#[test]
fn what_is_unknown_nests_deep_but_not_without_end() {
    let unknown = |levels: usize| {
        let (before, after) = ("[{\"a\":".repeat(levels / 2), "}]".repeat(levels / 2));
        format!(r#"{{"new":{before}0{after}}}"#)
    };
    let most = UNKNOWN_NESTING_MAX as usize;
    assert_eq!(canonical(Signal::Traces, unknown(most)), "{}");
    let error = read(Signal::Traces, unknown(most + 2).as_bytes()).unwrap_err();
    assert_eq!(*error.problem(), Problem::UnknownTooDeep);
    let error = read(Signal::Traces, unknown(1_000_000).as_bytes()).unwrap_err();
    assert_eq!(*error.problem(), Problem::UnknownTooDeep);
}
