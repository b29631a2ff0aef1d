use skyferry_plugin_sdk::otlp::{NumberValue, ResourceLogs, ResourceMetrics, ResourceSpans};
use skyferry_plugin_sdk::testing::{Bench, log, logs, metrics, point, span, spans};
use skyferry_plugin_sdk::{Kind, otlp};

use super::*;

fn bench(config: &str) -> Bench<Redact> {
    Bench::new(config).unwrap()
}

/// What becomes of a message of which one stays.
#[track_caller]
fn after(config: &str, kind: Kind, message: &[u8]) -> Vec<u8> {
    let mut processed = bench(config).process(kind, message).unwrap();
    assert_eq!(processed.messages.len(), 1);
    processed.messages.remove(0)
}

#[test]
fn page_paths_and_names_lose_their_phone_numbers() {
    let before = spans([
        span("GET /user/13912345678")
            .attribute("url.path", "/user/13912345678")
            .attribute("order.id", "13912345678")
            .attribute("server.port", 443),
        span("GET /"),
    ]);
    let expected = spans([
        span("GET /user/***")
            .attribute("url.path", "/user/***")
            .attribute("order.id", "13912345678")
            .attribute("server.port", 443),
        span("GET /"),
    ]);
    assert_eq!(after("{}", Kind::Traces, &before), expected);
}

#[test]
fn what_has_no_phone_number_goes_on_untouched() {
    let bench = bench("{}");
    let messages = [
        (
            Kind::Traces,
            spans([span("GET /").attribute("url.path", "/")]),
        ),
        (Kind::Logs, logs([log("started in 13 ms")])),
        (
            Kind::Metrics,
            metrics("requests", [point(1).attribute("http.route", "/")]),
        ),
    ];
    for (kind, message) in messages {
        assert!(bench.process(kind, &message).unwrap().is_unchanged);
    }
    assert_eq!(bench.counter("redactions"), 0);
}

#[test]
fn log_bodies_lose_them_also_deep_inside() {
    let before =
        logs([log("sent to +8613912345678").attribute("url.full", "https://a/13912345678")]);
    let expected = logs([log("sent to #").attribute("url.full", "https://a/#")]);
    assert_eq!(after(r##"{"mask": "#"}"##, Kind::Logs, &before), expected);
    let after = after("{}", Kind::Logs, &logs([log("plain"), log("13912345678")]));
    let bodies = ResourceLogs::of(&after);
    let bodies: Vec<_> = bodies.log_records().map(|record| record.body()).collect();
    assert_eq!(
        bodies,
        [
            otlp::AnyValue::String("plain"),
            otlp::AnyValue::String("***")
        ]
    );
}

#[test]
fn attributes_of_points_lose_them() {
    let before = metrics(
        "requests",
        [point(1).attribute("http.route", "/u/13912345678")],
    );
    let expected = metrics("requests", [point(1).attribute("http.route", "/u/***")]);
    assert_eq!(after("{}", Kind::Metrics, &before), expected);
}

#[test]
fn spans_of_dropped_routes_are_gone_and_with_the_last_the_message() {
    let health = || span("GET /health").attribute("http.route", "/health");
    let config = r#"{"drop_routes": ["/health"]}"#;
    let rest = after(config, Kind::Traces, &spans([health(), span("GET /")]));
    let names = ResourceSpans::of(&rest);
    assert_eq!(
        names.spans().map(|span| span.name()).collect::<Vec<_>>(),
        ["GET /"]
    );
    let all = bench(config)
        .process(Kind::Traces, &spans([health()]))
        .unwrap();
    assert!(!all.is_unchanged && all.messages.is_empty());
}

#[test]
fn the_page_is_derived_without_the_phone_number() {
    let path = "pages/user/13912345678?from=home";
    let before = spans([span("page").attribute("miniprogram.page.path", path)]);
    let after = after(r#"{"page": "app.page"}"#, Kind::Traces, &before);
    let span = ResourceSpans::of(&after).spans().next().unwrap();
    let page = span.attribute("app.page");
    assert_eq!(page, Some(otlp::AnyValue::String("pages/user/***")));
}

#[test]
fn redactions_are_counted_under_the_resource_they_were_made_in() {
    let bench = bench(r#"{"count": true}"#);
    bench.set_now_unix_nano(7);
    let message = logs([log("13912345678 and 18812345678"), log("nothing")]);
    let mut processed = bench.process(Kind::Logs, &message).unwrap();
    assert_eq!(bench.counter("redactions"), 2);
    let (kind, derived) = processed.derived.remove(0);
    assert_eq!((kind, processed.derived.len()), (Kind::Metrics, 0));
    let derived = ResourceMetrics::of(&derived);
    assert_eq!(derived.resource().service_name(), "test");
    let metric = derived.metrics().next().unwrap();
    assert_eq!(metric.name(), "redact.redactions");
    let point = metric.data_points().next().unwrap();
    assert_eq!(
        point.attribute("signal"),
        Some(otlp::AnyValue::String("logs"))
    );
    assert_eq!(
        (point.start_time_unix_nano(), point.time_unix_nano()),
        (0, 7)
    );
    let otlp::DataPoint::Number(number) = point else {
        panic!("{point:?}")
    };
    assert_eq!(number.value(), Some(NumberValue::Int(2)));
}
