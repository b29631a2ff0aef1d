//! Values with a unit, secrets, and paths.

use super::fixture::{BASE, TestInputs, config, load_base, load_with, set};
use crate::config::key_path::{KeyPath, PathError};
use crate::config::{ByteSize, Duration, Kind, QuantityError, Secret};

fn nanoseconds(text: &str) -> Result<u128, QuantityError> {
    Duration::parse(text).map(|duration| duration.as_std().as_nanos())
}

#[test]
fn reads_durations_as_go_does() {
    assert_eq!(nanoseconds("200ms"), Ok(200_000_000));
    assert_eq!(nanoseconds("1h30m"), Ok(5_400_000_000_000));
    assert_eq!(nanoseconds("1.5s"), Ok(1_500_000_000));
    assert_eq!(nanoseconds("1.1s"), Ok(1_100_000_000));
    assert_eq!(nanoseconds(".5s"), Ok(500_000_000));
    assert_eq!(nanoseconds("3us"), Ok(3_000));
    assert_eq!(nanoseconds("3µs"), Ok(3_000));
    assert_eq!(nanoseconds("0"), Ok(0));
    assert_eq!(nanoseconds("+1m0s"), Ok(60_000_000_000));
}

#[test]
fn refuses_what_is_no_duration() {
    for text in [
        "", "+", "s", "1", "1.2.3s", "1 s", "1d", "10sec", "abc", "1h30",
    ] {
        assert!(Duration::parse(text).is_err(), "{text:?} was taken");
    }
    let message = |text| Duration::parse(text).unwrap_err().to_string();
    assert_eq!(
        message("30"),
        "`30` has no unit; write for example `30s`, or `30ms`"
    );
    assert_eq!(
        message("-1s"),
        "a duration cannot be negative, and `-1s` is"
    );
    assert_eq!(
        message("9000000h"),
        "`9000000h` is longer than the 584 years a duration can hold"
    );
}

#[test]
fn shows_durations_as_they_are_best_written() {
    let shown = |text| Duration::parse(text).unwrap().to_string();
    assert_eq!(shown("90m"), "1h30m");
    assert_eq!(shown("1500ms"), "1.5s");
    assert_eq!(shown("0"), "0s");
    assert_eq!(shown("1h0m0.001s"), "1h1ms");
    assert_eq!(shown("61.25s"), "1m1.25s");
}

#[test]
fn reads_sizes_with_binary_and_decimal_units() {
    let bytes = |text| ByteSize::parse(text).map(ByteSize::bytes);
    assert_eq!(bytes("64MiB"), Ok(64 << 20));
    assert_eq!(bytes("20MB"), Ok(20_000_000));
    assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
    assert_eq!(bytes("512"), Ok(512));
    assert_eq!(bytes("7B"), Ok(7));
    for text in ["", "MiB", "-1", "1 XB", "1mib", "99999999999TiB", "0x10"] {
        assert!(ByteSize::parse(text).is_err(), "{text:?} was taken");
    }
    assert_eq!(ByteSize::from_mib(64).to_string(), "64MiB");
    assert_eq!(ByteSize::from_bytes(1_500).to_string(), "1500B");
    assert_eq!(ByteSize::from_bytes(0).to_string(), "0B");
}

#[test]
fn shows_a_secret_nowhere_but_where_it_is_asked_for() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret} {secret:?}"), "[REDACTED] [REDACTED]");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"[REDACTED]\"");
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn reads_paths_with_quotes_and_indices() {
    let path = KeyPath::parse("receivers.\"otlp/x.y\".list[0][12].end").unwrap();
    assert_eq!(path.to_string(), "receivers.\"otlp/x.y\".list[0][12].end");
    assert_eq!(path.segments().len(), 6);
    assert_eq!(KeyPath::parse("a..b"), Err(PathError::MissingKey(3)));
    assert_eq!(KeyPath::parse("a.\"b"), Err(PathError::OpenQuote(3)));
    assert_eq!(KeyPath::parse("a[x]"), Err(PathError::BadIndex(2)));
    assert_eq!(
        KeyPath::parse("\"a\"b"),
        Err(PathError::MissingSeparator(4))
    );
    assert_eq!(KeyPath::parse(&"a.".repeat(65)), Err(PathError::TooDeep));
}

#[test]
fn sets_what_the_collector_cannot_name() {
    let args = [
        set("exporters.\"debug/a.b\"={}"),
        set("service.pipelines.traces.exporters[1]=debug/a.b"),
        set("exporters.otlp.headers={x: a=b}"),
    ];
    let document = load_base(&args).unwrap().document;
    let pipeline = &document.pipelines()[0];
    let exporters: Vec<String> = pipeline
        .exporters
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    assert_eq!(exporters, ["otlp", "debug/a.b"]);
    assert_eq!(document.components(Kind::Exporter).count(), 2);
}

#[test]
fn takes_yaml_arguments_with_nested_keys() {
    let args = [config("yaml:exporters::otlp::timeout: 2s")];
    let document = load_base(&args).unwrap().document;
    let exporter = document.components(Kind::Exporter).next().unwrap();
    let read: super::fixture::Exporter = exporter.read().unwrap();
    assert_eq!(read.timeout, Duration::from_secs(2));
    assert_eq!(read.endpoint, "backend:4317");
}

#[test]
fn takes_a_whole_configuration_from_a_variable() {
    let inputs = TestInputs::default().variable("CONFIG", BASE);
    assert!(load_with(&inputs, &[config("env:CONFIG")]).is_ok());
}
