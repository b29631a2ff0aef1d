use std::sync::Arc;

use expect_test::expect;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Origin, json};

use super::*;

/// The rows of a request in JSON, one text each.
fn rows_of(signal: Signal, text: &str) -> Vec<String> {
    let wire = json::read(signal, text.as_bytes())
        .expect("the test's JSON is OTLP")
        .wire;
    let budget = Budget::new(wire.len());
    let received = receive(signal, wire.into(), InvalidUtf8::Refuse, &budget).expect("it is valid");
    lines(signal, received.chunks)
}

fn lines(signal: Signal, chunks: Vec<Chunk>) -> Vec<String> {
    let batch = Batch::new(signal, chunks, Arc::new(Origin::default()));
    let rows = of(&batch).expect("what was received decodes");
    assert_eq!(rows.len(), batch.items());
    let line = |row: Row| {
        let mark = if row.is_error { "!" } else { " " };
        format!(
            "{mark} {}|{}|{}|{}|{}",
            row.platform, row.service, row.page, row.what, row.latency
        )
    };
    rows.into_iter().map(line).collect()
}

#[test]
fn an_error_log_shows_its_kind_and_message() {
    let text = r#"{"resourceLogs":[{
        "resource":{"attributes":[
            {"key":"service.name","value":{"stringValue":"商城"}},
            {"key":"miniprogram.platform","value":{"stringValue":"wechat"}}]},
        "scopeLogs":[{"logRecords":[
            {"severityNumber":17,"body":{"stringValue":"network timeout"},"attributes":[
                {"key":"exception.type","value":{"stringValue":"promise"}},
                {"key":"miniprogram.page.path","value":{"stringValue":"pages/首页"}}]},
            {"severityNumber":9,"severityText":"INFO","body":{"intValue":"7"}},
            {}]}]}]}"#;
    expect![[r#"
        [
            "! wechat|商城|pages/首页|promise: network timeout|",
            "  wechat|商城||INFO 7|",
            "  wechat|商城|||",
        ]
    "#]]
    .assert_debug_eq(&rows_of(Signal::Logs, text));
}

#[test]
fn a_metric_shows_its_value_or_its_mean() {
    let text = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
        {"name":"miniprogram.route.duration","unit":"ms","gauge":{"dataPoints":[
            {"asInt":"161"},{"asDouble":2.25},{"asDouble":1234.5},{}]}},
        {"name":"miniprogram.request.duration","unit":"ms","histogram":{"dataPoints":[
            {"count":"2","sum":1328,"attributes":[
                {"key":"http.request.method","value":{"stringValue":"GET"}},
                {"key":"http.response.status_code","value":{"stringValue":"500"}}]},
            {"count":"1","sum":5},{"count":"0"}]}},
        {"name":"jobs","sum":{"dataPoints":[{"asInt":"3"}]}},
        {"name":"old","unit":"s","summary":{"dataPoints":[{"count":"4","sum":6}]}}]}]}]}"#;
    expect![[r#"
        [
            "  |||route.duration|161 ms",
            "  |||route.duration|2.2 ms",
            "  |||route.duration|1234 ms",
            "  |||route.duration|",
            "! |||request.duration GET 500|664 ms ×2",
            "  |||request.duration|5 ms",
            "  |||request.duration|",
            "  |||jobs|3",
            "  |||old|1.5 s ×4",
        ]
    "#]]
    .assert_debug_eq(&rows_of(Signal::Metrics, text));
}

#[test]
fn a_span_shows_its_name_and_duration() {
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"GET /",
         "startTimeUnixNano":"1000000000","endTimeUnixNano":"1012345678","status":{"code":2}}]}]}]}"#;
    expect![[r#"
        [
            "! |||GET /|12 ms",
        ]
    "#]]
    .assert_debug_eq(&rows_of(Signal::Traces, text));
}

#[test]
fn a_segment_shows_a_row_for_each_call() {
    let text = r#"{"service":"商城","spans":[
        {"operationName":"pages/首页","spanType":"Exit","peer":"api.example.com","isError":true,
         "startTime":1000,"endTime":1180,"tags":[
            {"key":"http.method","value":"POST"},{"key":"http.status_code","value":"502"},
            {"key":"miniprogram.platform","value":"wechat"}]},
        {"operationName":"pages/cart","startTime":1000,"endTime":1000}]}"#;
    let read = json::read_message(Kind::Segment.schema(), text.as_bytes());
    let message = read.expect("the test's JSON is a segment").wire.into();
    let segment = Chunk::Native(NativeChunk::from_checked(Kind::Segment, message, 0));
    expect![[r#"
        [
            "! wechat|商城|pages/首页|POST api.example.com 502|180 ms",
            "  |商城|pages/cart||0 ms",
        ]
    "#]]
    .assert_debug_eq(&lines(Signal::Traces, vec![segment]));
}
