//! The real program, from its command line to its exit code.

mod configuration;
mod demo;
mod harness;
mod lal;
mod plugin;
mod queue;
mod replay;

use std::fs;

use serde_json::Value as Json;

use harness::{LOG, Output, Program, get, pipeline, post, skyferry};

/// What `Exit` is in numbers, as the help promises it.
const CONFIGURATION: i32 = 3;
const START: i32 = 4;
const RUN: i32 = 5;
const LEFT: i32 = 6;
const DAMAGED: i32 = 7;
const DIFFERENT: i32 = 8;

#[test]
fn help_shows_examples_and_exit_codes() {
    let Output { code, stdout, .. } = skyferry(&["--help"]);
    assert_eq!(code, 0);
    for expected in ["Examples:", "Exit codes:", "print-config", "--set"] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
    for command in [
        "run",
        "validate",
        "components",
        "print-config",
        "replay",
        "queue",
        "demo",
        "lal",
        "plugin",
    ] {
        let Output { code, stdout, .. } = skyferry(&[command, "--help"]);
        assert!(
            code == 0 && stdout.contains("Usage: skyferry"),
            "{command}: {stdout}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_5() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("every Linux has a full device");
    let Output { code, stderr, .. } = harness::skyferry_into(&["components"], full.into());
    assert_eq!(code, RUN);
    assert!(
        stderr.contains("standard output cannot be written"),
        "{stderr}"
    );
}

#[test]
fn version_is_that_of_the_package() {
    let Output { code, stdout, .. } = skyferry(&["--version"]);
    assert_eq!(code, 0);
    assert_eq!(stdout, format!("skyferry {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_line_it_cannot_read_is_2() {
    for arguments in [
        &["--nonsense"][..],
        &["validate", "--format", "xml"],
        &["replay", "x.jsonl"],
        &["replay", "x.jsonl", "--to", "localhost:4317"],
    ] {
        assert_eq!(skyferry(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn everything_delivered_is_0_and_told() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("all.jsonl");
    let program = Program::start(&pipeline(&format!("file: {{path: {}}}", file.display())));
    assert_eq!(post(&program.otlp, LOG).0, 200);
    program.signal("TERM");
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("file      logs        0      1          1        0          0     0"),
        "{}",
        ended.stderr
    );
    let written = fs::read_to_string(&file).expect("the file was written");
    assert!(written.contains("as the test sent it"), "{written}");
}

#[test]
fn what_is_left_undelivered_is_6_and_counted() {
    let backend = "otlp_http: {endpoint: 'http://127.0.0.1:9', sending_queue: {storage: memory}, retry_on_failure: {initial_interval: 1h, max_interval: 1h, max_elapsed_time: 0}}";
    let yaml = format!("{}\nservice::shutdown_timeout: 100ms", pipeline(backend));
    let program = Program::start(&yaml);
    assert_eq!(post(&program.otlp, LOG).0, 200);
    program.signal("TERM");
    let ended = program.wait();
    assert_eq!(ended.code, LEFT, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("1 acknowledged items were not delivered"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_left_on_disk_is_0_and_there_at_the_next_start() {
    let backend = "otlp_http: {endpoint: 'http://127.0.0.1:9', retry_on_failure: {initial_interval: 1h, max_interval: 1h}}";
    let program = Program::start(&pipeline(backend));
    assert_eq!(post(&program.otlp, LOG).0, 200);
    program.signal("TERM");
    let (ended, directory) = program.wait_in_place();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let left = "1  on disk, sent after the next start";
    assert!(ended.stderr.contains(left), "{}", ended.stderr);
    let mut again = Program::start_in(directory, &pipeline(backend));
    let found = again.wait_until_told("found in the queue");
    assert!(found.contains("items=1"), "{found}");
    again.signal("TERM");
    assert_eq!(again.wait().code, 0);
}

#[test]
fn a_second_signal_ends_at_once() {
    // A receiver waits for the body of this request for longer than the test may take.
    let mut program = Program::start(&format!(
        "{}\nservice::shutdown_timeout: 1h",
        pipeline("debug: {}")
    ));
    let open = harness::begin_post(&program.otlp);
    program.signal("INT");
    program.wait_for_line("stopping");
    program.signal("TERM");
    let ended = program.wait();
    assert_eq!(ended.code, 143, "{}", ended.stderr);
    assert!(ended.stderr.contains("ended at once"), "{}", ended.stderr);
    drop(open);
}

#[test]
fn health_and_metrics_tell_how_it_fares() {
    let program = Program::start(&pipeline("debug: {}"));
    let (status, body) = get(&program.health, "/");
    assert_eq!(status, 200, "{body}");
    let report: Json = serde_json::from_str(&body).expect("it is JSON");
    assert_eq!(report["status"], "ok");
    assert_eq!(report["components"]["receivers/otlp"]["condition"], "ok");
    assert_eq!(post(&program.otlp, LOG).0, 200);
    let (status, text) = get(&program.metrics, "/metrics");
    assert_eq!(status, 200);
    let accepted = r#"otelcol_receiver_accepted_log_records{receiver="otlp",transport="http"} 1"#;
    for expected in [
        accepted,
        "otelcol_process_uptime ",
        "skyferry_memory_budget_bytes 477218589",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert_eq!(get(&program.metrics, "/nothing").0, 404);
    program.signal("TERM");
    assert_eq!(program.wait().code, 0);
}

#[test]
fn logs_are_json_when_asked() {
    let yaml = format!(
        "{}\nservice::telemetry::logs: {{encoding: json}}",
        pipeline("debug: {}")
    );
    let program = Program::start(&yaml);
    program.signal("TERM");
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for line in ended.stderr.lines() {
        let line: Result<Json, _> = serde_json::from_str(line);
        assert!(line.is_ok(), "{}", ended.stderr);
    }
}
