//! `skyferry queue`, on a process that has ended and on one that runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

mod repair;

use crate::harness::{LOG, Output, Program, get, pipeline, post, skyferry};
use crate::{DAMAGED, LEFT};

const USAGE: i32 = 2;
/// Longer than anything here takes on a loaded machine; what takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What [`LOG`] says.
const BODY: &str = "as the test sent it";

/// An exporter whose destination is never there.
const NOWHERE: &str = "otlp_http: {endpoint: 'http://127.0.0.1:9', \
    retry_on_failure: {initial_interval: 1h, max_interval: 1h}}";
/// The same, and what it cannot deliver it gives up.
const GIVING_UP: &str = "otlp_http: {endpoint: 'http://127.0.0.1:9', \
    retry_on_failure: {initial_interval: 1ms, max_interval: 1ms, max_elapsed_time: 1ms}}";

/// A data directory and the commands on it.
struct Data(Arc<TempDir>);

impl Data {
    /// What a process leaves that has taken so many requests.
    #[track_caller]
    fn after(exporter: &str, requests: usize) -> Data {
        let program = Program::start(&pipeline(exporter));
        for _ in 0..requests {
            assert_eq!(post(&program.otlp, LOG).0, 200);
        }
        program.signal("TERM");
        let (ended, directory) = program.wait_in_place();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        Data(directory)
    }

    /// What a process leaves that has given up so many requests, which its dead letters hold.
    #[track_caller]
    fn after_giving_up(requests: usize) -> Data {
        let program = Program::start(&pipeline(GIVING_UP));
        for number in 1..=requests {
            // One at a time, so that each is a letter of its own.
            assert_eq!(post(&program.otlp, LOG).0, 200);
            until_metric(
                &program,
                &format!(r#"skyferry_queue_dead_letter_records{{exporter="otlp_http"}} {number}"#),
            );
        }
        program.signal("TERM");
        let (ended, directory) = program.wait_in_place();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        Data(directory)
    }

    /// Starts a process on it.
    #[track_caller]
    fn start(&self, exporter: &str) -> Program {
        Program::start_in(Arc::clone(&self.0), &pipeline(exporter))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("skyferry-data")
    }

    fn queue(&self, exporter: &str) -> PathBuf {
        self.path().join("queues").join(exporter)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let path = self.path();
        let path = path.to_str().expect("temporary names are text");
        skyferry(&[&["queue"], arguments, &["--data-dir", path]].concat())
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> (i32, Json) {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let json = serde_json::from_str(&output.stdout);
        let json = json.unwrap_or_else(|error| panic!("{error}: {}", output.stderr));
        (output.code, json)
    }

    /// What the list says about the only queue.
    #[track_caller]
    fn only(&self) -> Json {
        let (code, list) = self.json(&["ls"]);
        assert_eq!(code, 0);
        assert_eq!(list["queues"].as_array().map(Vec::len), Some(1), "{list}");
        list["queues"][0].clone()
    }

    /// The first segment of a log.
    fn segment(&self, log: &Path) -> PathBuf {
        let entries = fs::read_dir(log).expect("it is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        let mut segments: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|it| it == "seg"))
            .collect();
        segments.sort();
        segments.into_iter().next().expect("it has segments")
    }
}

/// Asks for the metrics until they have this line.
#[track_caller]
fn until_metric(program: &Program, line: &str) {
    let began = Instant::now();
    loop {
        let (_, metrics) = get(&program.metrics, "/metrics");
        if metrics.lines().any(|found| found == line) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "no {line} in {metrics}");
    }
}

#[track_caller]
fn end(program: Program) -> Output {
    program.signal("TERM");
    let ended = program.wait();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

#[test]
fn what_waits_is_listed_also_while_it_runs() {
    let data = Data::after(NOWHERE, 3);
    let stopped = data.only();
    assert_eq!(stopped["exporter"], "otlp_http");
    assert_eq!(stopped["waiting"]["records"], 3);
    assert_eq!(stopped["waiting"]["items"], 3);
    assert_eq!(stopped["held_by"], Json::Null);
    assert_eq!(stopped["orphan"], Json::Null);
    let text = data.run(&["ls"]).stdout;
    assert!(text.contains("exporter   records  items"), "{text}");
    assert!(text.contains("otlp_http        3      3"), "{text}");

    let mut program = data.start(NOWHERE);
    program.wait_until_told("found in the queue");
    let running = data.only();
    assert_eq!(running["waiting"]["records"], 3);
    let holder = running["held_by"].as_str().expect("somebody holds it");
    assert!(holder.starts_with("process "), "{holder}");
    assert!(data.run(&["ls"]).stdout.contains(holder));
    let (code, stat) = data.json(&["stat", "otlp_http"]);
    assert_eq!(code, 0);
    let log = &stat["queues"][0]["log"];
    assert_eq!(log["lanes"][2]["signal"], "logs");
    assert_eq!(log["lanes"][2]["waiting"]["items"], 3);
    assert_eq!(log["next"], 4);
    let text = data.run(&["stat"]).stdout;
    assert!(text.contains("3 records, 3 items"), "{text}");
    assert_eq!(data.run(&["verify", "--deep"]).code, 0);
    end(program);

    let elsewhere = data.run(&["stat", "nobody"]);
    assert_eq!(elsewhere.code, USAGE);
    assert!(
        elsewhere.stderr.contains("only of otlp_http"),
        "{}",
        elsewhere.stderr
    );
}

#[test]
fn a_directory_without_queues_has_none() {
    let data = Data(Arc::new(
        tempfile::tempdir().expect("a directory can be made"),
    ));
    let listed = data.run(&["ls"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(
        listed.stdout.starts_with("no queues in"),
        "{}",
        listed.stdout
    );
    assert_eq!(data.json(&["ls"]).1["queues"], serde_json::json!([]));
    assert!(!data.path().exists(), "looking makes nothing");
}

#[test]
fn damage_is_found_and_is_7() {
    let data = Data::after(NOWHERE, 3);
    let sound = data.run(&["verify", "--deep"]);
    assert_eq!(sound.code, 0, "{}", sound.stderr);
    let expected = "otlp_http: sound; 3 records in 1 segments\n";
    assert_eq!(sound.stdout, expected);
    let segment = data.segment(&data.queue("otlp_http"));
    let mut bytes = fs::read(&segment).expect("it is there");
    bytes[64 + 64 + 100] ^= 1;
    fs::write(&segment, bytes).expect("it can be written");
    assert_eq!(
        data.run(&["verify"]).code,
        0,
        "only a deep look reads payloads"
    );
    let damaged = data.run(&["verify", "otlp_http", "--deep"]);
    assert_eq!(damaged.code, DAMAGED, "{}", damaged.stderr);
    assert!(
        damaged.stdout.contains("otlp_http: damaged"),
        "{}",
        damaged.stdout
    );
    assert!(
        damaged.stdout.contains("records lost with them: 1"),
        "{}",
        damaged.stdout
    );
    let (code, report) = data.json(&["verify", "--deep"]);
    assert_eq!(code, DAMAGED);
    assert_eq!(report["sound"], false);
    assert_eq!(report["queues"][0]["findings"][0]["damage"], true);
    let replayed = data.run(&["replay", "--from", "seq:1", "--to", "otlp_http"]);
    assert_eq!(replayed.code, LEFT, "{}", replayed.stderr);
    assert!(
        replayed.stdout.contains("replayed 2 records"),
        "{}",
        replayed.stdout
    );
    assert!(
        replayed.stderr.contains("is damaged (1 items)"),
        "{}",
        replayed.stderr
    );
}

#[test]
fn a_queue_without_exporter_is_told_and_comes_through_another_one() {
    let data = Data::after(NOWHERE, 3);
    let out = data.0.path().join("all.jsonl");
    let file = format!("file: {{path: {}, sending_queue: {{}}}}", out.display());
    let config = pipeline(&file);
    let (code, list) = data.json(&["ls", "--config", &config]);
    assert_eq!((code, &list["queues"][0]["orphan"]), (0, &Json::Bool(true)));
    let text = data.run(&["ls", "--config", &config]).stdout;
    assert!(text.contains("no exporter of this name"), "{text}");

    let program = data.start(&file);
    let (_, metrics) = get(&program.metrics, "/metrics");
    let gauge = r#"skyferry_queue_orphan_items{exporter="otlp_http"} 3"#;
    assert!(metrics.contains(gauge), "{metrics}");
    let ended = end(program);
    let warnings = ended
        .stderr
        .lines()
        .filter(|line| line.contains("no exporter uses this queue"));
    let warnings: Vec<_> = warnings.collect();
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    assert!(warnings[0].contains("items=3"), "{}", warnings[0]);
    assert!(
        warnings[0].contains("--exporter otlp_http"),
        "{}",
        warnings[0]
    );

    let replay = [
        "replay",
        "--from",
        "seq:2",
        "--exporter",
        "otlp_http",
        "--to",
        "file",
    ];
    let (code, replayed) = data.json(&[&replay[..], &["--waiting", "--config", &config]].concat());
    assert_eq!(
        (code, &replayed["records"]),
        (0, &Json::from(2)),
        "{replayed}"
    );
    let program = data.start(&file);
    until_metric(
        &program,
        r#"otelcol_exporter_sent_log_records{exporter="file"} 2"#,
    );
    end(program);
    let lines = fs::read_to_string(&out).expect("it was written");
    assert_eq!(lines.matches(BODY).count(), 2);
    // The source has what it had.
    let (_, list) = data.json(&["stat", "otlp_http"]);
    assert_eq!(list["queues"][0]["waiting"]["records"], 3);
}
