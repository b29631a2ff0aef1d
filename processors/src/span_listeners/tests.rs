use engine::config::read_text;

use super::*;

fn chosen(text: &str) -> Vec<String> {
    let (config, _) = read_text::<Config>(text).expect("the schema takes it");
    let metrics = telemetry::Metrics::new();
    let tally = Tally {
        processor: "span_listeners",
        metrics: &metrics,
    };
    let listeners = config.listeners.build(&tally);
    listeners.iter().map(|it| it.name().to_owned()).collect()
}

/// What is said about a configuration that the schema takes.
fn problems(text: &str) -> String {
    let (config, section) = read_text::<Config>(text).expect("the schema takes it");
    let mut problems = section.problems();
    Factory::check(&config, &mut problems);
    problems.into_diagnostics().to_string()
}

fn refusal(text: &str) -> String {
    match read_text::<Config>(text) {
        Ok((config, _)) => panic!("`{text}` was taken as {config:?}"),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

#[test]
fn all_listen_unless_some_are_named() {
    for (text, expected) in [
        ("{}", &["metrickit", "ios_http"][..]),
        ("{listeners: }", &["metrickit", "ios_http"]),
        ("{listeners: {}}", &["metrickit", "ios_http"]),
        ("{listeners: {metrickit: }}", &["metrickit"]),
        ("{listeners: {ios_http: {max_domains: 5}}}", &["ios_http"]),
        (
            "{listeners: {ios_http: {}, metrickit: {names: otlp}}}",
            &["metrickit", "ios_http"],
        ),
    ] {
        assert_eq!(chosen(text), expected, "{text}");
    }
}

#[test]
fn a_host_that_is_none_is_told_with_its_place() {
    let text = "listeners:\n  ios_http:\n    own_hosts: [ok.example, 'https://t.example.com']\n";
    let said = problems(text);
    assert!(
        said.contains("`https://t.example.com` is no host: it has a scheme"),
        "{said}"
    );
    assert!(said.contains("config.yaml:3:29"), "{said}");
    assert!(said.contains("help: write it as in"), "{said}");
    assert!(said.contains("1 error"), "{said}");
}

#[test]
fn wrong_keys_and_values_are_told_with_what_would_be_right() {
    for (text, expected) in [
        ("{listeners: {metrikit: }}", "did you mean `metrickit`"),
        ("{listeners: {metrickit: {names: oaps}}}", "`oap`"),
        ("{listeners: {ios_http: {max_domains: 0}}}", "1"),
        ("{listener: {}}", "did you mean `listeners`"),
    ] {
        let said = refusal(text);
        assert!(said.contains(expected), "{text}: {said}");
        assert!(said.contains("config.yaml:1:"), "{said}");
    }
}
