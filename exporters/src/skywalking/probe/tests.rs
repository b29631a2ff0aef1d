use engine::config::read_text;
use engine::testkit;
use net::grpc::Status;

use super::*;

fn probe_of(yaml: &str) -> (Probe, BuildContext) {
    let (config, _) = read_text::<Config>(yaml).expect("it is valid");
    let context = testkit::context();
    let probe = Probe::new("oap", &config, &context).expect("it can be built");
    (probe, context)
}

fn forwarding() -> (Probe, BuildContext) {
    probe_of("{endpoint: 'a:1', tls: {insecure: true}, traces: otlp}")
}

const COMPONENT: &str = "exporters/oap/backend";

#[test]
fn only_what_the_backend_answers_tells_that_it_takes_no_spans() {
    let error = |code, fate| CallError {
        status: Status::new(code, ""),
        fate,
    };
    let of = |code, fate| verdict(Some(&error(code, fate)));
    assert_eq!(verdict(None), Spans::Taken);
    let no_zipkin = Spans::Refused(Why::NoZipkin);
    assert_eq!(of(Code::Unknown, Fate::Answered), no_zipkin);
    let no_handler = Spans::Refused(Why::NoHandler);
    assert_eq!(of(Code::Unimplemented, Fate::Answered), no_handler);
    assert_eq!(of(Code::Unknown, Fate::Unknown), Spans::Unclear);
    assert_eq!(of(Code::Unavailable, Fate::Unsent), Spans::Unclear);
    assert_eq!(of(Code::PermissionDenied, Fate::Answered), Spans::Unclear);
}

#[test]
fn a_backend_without_its_zipkin_receiver_is_a_detail_of_readiness_until_it_has_one() {
    let (probe, context) = forwarding();
    let gauge = || {
        let name = "skyferry_exporter_backend_takes_spans";
        context.metrics.value(name, &[("exporter", "oap")])
    };
    let refused = Spans::Refused(Why::NoZipkin);
    assert_eq!(probe.learn_of_spans(refused), refused);
    // It may be away for a while, which says nothing about its receiver.
    assert_eq!(probe.learn_of_spans(Spans::Unclear), refused);
    let condition = &context.health.report()[COMPONENT];
    let reason = condition.reason().expect("it is not well");
    assert!(reason.contains("SW_RECEIVER_ZIPKIN=default"), "{reason}");
    assert!(context.health.ready());
    assert_eq!(gauge(), Some(0.0));
    probe.learn_of_spans(Spans::Taken);
    assert_eq!(context.health.report()[COMPONENT], Condition::Ok);
    assert_eq!(gauge(), Some(1.0));
}

#[test]
fn the_version_that_was_said_last_has_the_one_and_few_have_a_series() {
    let (probe, context) = forwarding();
    let gauge = |version: &str| {
        let labels = [("exporter", "oap"), ("version", version)];
        let name = "skyferry_exporter_backend_info";
        context.metrics.value(name, &labels)
    };
    for version in ["10.1.0", "11.0.0"] {
        probe.learn_version(version.to_owned());
    }
    assert_eq!((gauge("10.1.0"), gauge("11.0.0")), (Some(0.0), Some(1.0)));
    for number in 0..100 {
        probe.learn_version(format!("12.{number}"));
    }
    assert_eq!((gauge("12.99"), gauge("other")), (None, Some(1.0)));
    probe.learn_version("11.0.0".to_owned());
    assert_eq!((gauge("11.0.0"), gauge("other")), (Some(1.0), Some(0.0)));
    let rendered = context.metrics.render();
    let series = rendered.matches("skyferry_exporter_backend_info{").count();
    assert_eq!(series, VERSIONS_MAX + 1);
}

#[test]
fn a_configured_layer_that_the_backend_does_not_know_is_noted() {
    let yaml = "{endpoint: 'a:1', tls: {insecure: true}, stored_layers: [GENERAL, IOS, '']}";
    let (probe, context) = probe_of(yaml);
    let layers = ["GENERAL", "MESH"].map(str::to_owned);
    probe.learn_version("10.1.0".to_owned());
    probe.learn_layers(&layers);
    probe.learn_layers(&layers);
    probe.tell();
    let note = "version 10.1.0, knows 2 layers, does not know the layer `IOS`";
    assert_eq!(context.health.notes()[COMPONENT], note);
    assert_eq!(context.health.report()[COMPONENT], Condition::Ok);
}

#[test]
fn queries_go_where_they_are_told_or_to_the_host_of_an_endpoint_with_the_usual_port() {
    let cases = [
        ("{endpoint: 'oap:11800'}", Some("http://oap:12800/graphql")),
        (
            "{endpoints: ['[::1]:11800', 'b:11800']}",
            Some("http://[::1]:12800/graphql"),
        ),
        ("{endpoint: 'oap:443'}", None),
        (
            "{endpoint: 'oap:443', query: {endpoint: 'https://oap/sky/graphql'}}",
            Some("https://oap/sky/graphql"),
        ),
        (
            "{endpoint: 'oap:443', query: {endpoint: 'oap:12800'}}",
            Some("http://oap:12800/graphql"),
        ),
    ];
    for (yaml, expected) in cases {
        let (config, _) = read_text::<Config>(yaml).expect("it is valid");
        assert_eq!(config.query_url().as_deref(), expected, "{yaml}");
    }
}
