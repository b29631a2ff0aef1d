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

fn refusal(text: &str) -> String {
    match read_text::<Config>(text) {
        Ok((config, _)) => panic!("`{text}` was taken as {config:?}"),
        Err(diagnostics) => diagnostics.to_string(),
    }
}

#[test]
fn all_listen_unless_some_are_named() {
    for (text, expected) in [
        ("{}", &["metrickit"][..]),
        ("{listeners: }", &["metrickit"]),
        ("{listeners: {}}", &["metrickit"]),
        ("{listeners: {metrickit: }}", &["metrickit"]),
        ("{listeners: {metrickit: {names: otlp}}}", &["metrickit"]),
    ] {
        assert_eq!(chosen(text), expected, "{text}");
    }
}

#[test]
fn wrong_keys_and_values_are_told_with_what_would_be_right() {
    for (text, expected) in [
        ("{listeners: {metrikit: }}", "did you mean `metrickit`"),
        ("{listeners: {metrickit: {names: oaps}}}", "`oap`"),
        ("{listener: {}}", "did you mean `listeners`"),
    ] {
        let said = refusal(text);
        assert!(said.contains(expected), "{text}: {said}");
        assert!(said.contains("config.yaml:1:"), "{said}");
    }
}
