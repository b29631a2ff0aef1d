use engine::component::Derivation;
use pdata::{Chunk, OtlpChunk};
use serde_json::{Value, json};

use super::*;
use crate::span_listeners::testkit::{
    DAY_END, Point, PointValue, Stage, only, points, resources, span, traces,
};

const MILLIS: u64 = 1_000_000;

fn stage(config: Config) -> Stage {
    Stage::of(|tally| IosHttp::new(config, tally))
}

fn request(os: &str, spans: Vec<Value>) -> Vec<u8> {
    let resource = [
        ("service.name", json!("HarborPay")),
        ("service.version", json!("5.3.0 (812)")),
        ("os.name", json!(os)),
    ];
    traces(&resource, &[("NSURLSession", spans)])
}

/// A span that took 123 ms.
fn get(of: &[(&str, Value)]) -> Value {
    let mut get = span("HTTP GET", of);
    get["startTimeUnixNano"] = json!((DAY_END - 123 * MILLIS).to_string());
    get
}

fn stable(host: &str, status: u16) -> Value {
    get(&[
        ("http.request.method", json!("GET")),
        ("url.full", json!(format!("https://{host}/v1/orders"))),
        ("url.path", json!("/v1/orders")),
        ("url.scheme", json!("https")),
        ("server.address", json!(host)),
        ("http.response.status_code", json!(status)),
    ])
}

fn old(host: &str, status: u16) -> Value {
    get(&[
        ("http.method", json!("GET")),
        ("http.target", json!("/v1/orders")),
        ("http.scheme", json!("https")),
        ("net.peer.name", json!(host)),
        ("http.status_code", json!(status)),
    ])
}

fn measured(spans: Vec<Value>) -> Vec<Point> {
    stage(Config::default()).points(&request("iOS", spans))
}

fn number(points: &[Point], metric: &str) -> f64 {
    only(points, metric).value.number()
}

fn main_of(derivation: &Derivation) -> &OtlpChunk {
    let main = derivation.main.as_ref().expect("a span is left");
    match &main.chunks()[0] {
        Chunk::Otlp(chunk) => chunk,
        Chunk::Native(native) => panic!("{native:?} is no OTLP"),
    }
}

#[test]
fn both_conventions_count_into_the_same_series() {
    let both = get(&[
        ("net.peer.name", json!("old.example.com")),
        ("http.status_code", json!(500)),
        ("http.method", json!("GET")),
        ("server.address", json!("API.example.com.")),
        ("http.response.status_code", json!(204)),
        ("http.request.method", json!("GET")),
    ]);
    let spans = vec![
        stable("api.example.com", 200),
        old("api.example.com", 503),
        both,
    ];
    let points = measured(spans);
    assert_eq!(number(&points, "ios.http.request.count"), 3.0);
    assert_eq!(number(&points, "ios.http.request.errors"), 1.0);
    let duration = only(&points, "ios.http.request.duration");
    let PointValue::Histogram { counts, sum, .. } = &duration.value else {
        panic!("{duration:?} is no histogram");
    };
    assert_eq!(counts[6], 3, "above 0.1 s, not above 0.25 s");
    assert!((sum - 0.369).abs() < 1e-9, "{sum}");
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.attributes["server.address"], "api.example.com");
    assert_eq!(duration.attributes["service.version"], "5.3.0 (812)");
    assert_eq!(duration.resource["service.name"], "HarborPay");
    assert_eq!(duration.times, [DAY_END - 123 * MILLIS, DAY_END]);
}

#[test]
fn no_answer_and_a_status_from_400_are_errors() {
    let unanswered = get(&[
        ("http.request.method", json!("GET")),
        ("server.address", json!("api.example.com")),
    ]);
    for (span, errors) in [
        (stable("api.example.com", 200), 0.0),
        (stable("api.example.com", 399), 0.0),
        (stable("api.example.com", 400), 1.0),
        (stable("api.example.com", 0), 1.0),
        (unanswered, 1.0),
    ] {
        let points = measured(vec![span]);
        assert_eq!(number(&points, "ios.http.request.errors"), errors);
        assert_eq!(number(&points, "ios.http.request.count"), 1.0);
    }
}

#[test]
fn what_is_no_request_to_anywhere_is_kept_and_not_measured() {
    let mut internal = stable("api.example.com", 200);
    internal["kind"] = json!(1);
    let no_host = get(&[("http.request.method", json!("GET"))]);
    let no_method = get(&[("server.address", json!("api.example.com"))]);
    for span in [internal, no_host, no_method] {
        let stage = stage(Config::default());
        let derivation = stage.derive(&request("iOS", vec![span]));
        assert!(points(&derivation).is_empty());
        assert_eq!(main_of(&derivation).items(), 1);
    }
}

#[test]
fn a_clock_that_was_set_back_costs_the_duration_alone() {
    for (start, end) in [(DAY_END + 1, DAY_END), (0, DAY_END), (DAY_END, 0)] {
        let mut span = stable("api.example.com", 200);
        span["startTimeUnixNano"] = json!(start.to_string());
        span["endTimeUnixNano"] = json!(end.to_string());
        let points = measured(vec![span]);
        assert_eq!(number(&points, "ios.http.request.count"), 1.0);
        assert_eq!(points.len(), 2, "{points:#?}");
    }
}

#[test]
fn requests_of_different_minutes_are_told_apart() {
    let mut later = stable("api.example.com", 200);
    later["endTimeUnixNano"] = json!((DAY_END + 60_000 * MILLIS).to_string());
    let body = request("iOS", vec![stable("api.example.com", 200), later]);
    let derivation = stage(Config::default()).derive(&body);
    assert_eq!(resources(&derivation).len(), 2);
}

#[test]
fn the_apps_own_exports_are_dropped_counted_and_not_measured() {
    let config = Config {
        own_hosts: vec![
            "telemetry.example.com".to_owned(),
            "api.example.com/v1/traces".to_owned(),
        ],
        ..Config::default()
    };
    let stage = stage(config);
    let mut to_path = stable("api.example.com", 200);
    to_path["attributes"][2]["value"]["stringValue"] = json!("/v1/traces");
    let mut internal = old("telemetry.example.com", 200);
    internal["kind"] = json!(1);
    let spans = vec![
        stable("telemetry.example.com", 200),
        old("Telemetry.example.com", 503),
        internal,
        to_path,
        stable("api.example.com", 200),
    ];
    let derivation = stage.derive(&request("iOS", spans));
    let main = main_of(&derivation);
    assert_eq!(main.items(), 1);
    let points = points(&derivation);
    assert_eq!(number(&points, "ios.http.request.count"), 1.0);
    let labels = [("listener", "ios_http")];
    let vetoed = stage.count("skyferry_span_listener_vetoed_spans_total", &labels);
    assert_eq!(vetoed, 4.0);
    let shown = stage.count("skyferry_span_listener_spans_total", &labels);
    assert_eq!(shown, 5.0);
}

#[test]
fn domains_beyond_the_bound_share_one_series() {
    let config = Config {
        max_domains: 2,
        ..Config::default()
    };
    let stage = stage(config);
    let long = format!("{}.example", "x".repeat(300));
    let hosts = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "a.example",
        &long,
    ];
    let spans = hosts.iter().map(|host| stable(host, 200));
    let points = stage.points(&request("iOS", spans.collect()));
    let counts = points
        .iter()
        .filter(|it| it.metric == "ios.http.request.count");
    let counts: Vec<_> = counts
        .map(|it| (&*it.attributes["server.address"], it.value.number()))
        .collect();
    assert_eq!(
        counts,
        [("_other", 3.0), ("a.example", 2.0), ("b.example", 1.0)]
    );
    let name = "skyferry_span_listener_overflow_spans_total";
    assert_eq!(stage.count(name, &[("listener", "ios_http")]), 3.0);
}

#[test]
fn layer_and_peer_are_set_where_asked_for_and_missing() {
    let config = Config {
        set_layer: true,
        set_peer_name: true,
        ..Config::default()
    };
    let spans = || vec![stable("api.example.com", 200), old("api.example.com", 200)];
    for (os, layer) in [
        ("iOS", Some("IOS")),
        ("iPadOS", Some("IOS")),
        ("macOS", None),
    ] {
        let derivation = stage(config.clone()).derive(&request(os, spans()));
        let chunk = main_of(&derivation);
        let set = chunk.resource_attribute("service.layer");
        assert_eq!(set.and_then(|set| set.as_str()), layer, "{os}");
        for span in chunk.scopes().next().expect("one scope").records() {
            let peers = span.attributes().filter(|it| it.key == "net.peer.name");
            let peers: Vec<_> = peers.filter_map(|it| it.value.as_str()).collect();
            assert_eq!(peers, ["api.example.com"]);
        }
    }
    let derivation = stage(Config::default()).derive(&request("iOS", spans()));
    let chunk = main_of(&derivation);
    assert_eq!(chunk.resource_attribute("service.layer"), None);
    let first = chunk.scopes().next().expect("one scope").records().next();
    assert_eq!(first.expect("two spans").attribute("net.peer.name"), None);
}
