//! What changes a queue: replays and purges.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value as Json;

use super::{BODY, Data, NOWHERE, USAGE, end, until_metric};
use crate::harness::{LOG, post};
use crate::{LEFT, START};

#[test]
fn a_replay_reaches_an_exporter_that_runs() {
    let data = Data::after(NOWHERE, 3);
    let out = data.0.path().join("all.jsonl");
    let file = format!("file: {{path: {}, sending_queue: {{}}}}", out.display());
    let program = data.start(&file);
    // What is acknowledged shows that the queue is open.
    assert_eq!(post(&program.otlp, LOG).0, 200);
    let mode = fs::metadata(data.path().join("admin.sock")).expect("it is there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let from = "time:2020-01-01T00:00:00Z..2200-01-01T00:00:00Z";
    let replay = [
        "replay",
        "--from",
        from,
        "--exporter",
        "otlp_http",
        "--to",
        "file",
    ];
    let replayed = data.run(&replay);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    let expected = "replayed 3 records (3 items) into the queue of `file`\n";
    assert_eq!(replayed.stdout, expected);
    let refused = data.run(&[
        "replay",
        "--from",
        "seq:1",
        "--exporter",
        "nobody",
        "--to",
        "file",
    ]);
    assert_eq!(refused.code, USAGE, "{}", refused.stderr);
    until_metric(
        &program,
        r#"otelcol_exporter_sent_log_records{exporter="file"} 4"#,
    );
    let ended = end(program);
    assert!(!data.path().join("admin.sock").exists());
    let account = ended.stderr.lines().find(|line| line.starts_with("file "));
    let account: Vec<_> = account.expect("it is told").split_whitespace().collect();
    assert_eq!(
        account[..5],
        ["file", "logs", "0", "4", "4"],
        "{}",
        ended.stderr
    );
    let lines = fs::read_to_string(&out).expect("it was written");
    assert_eq!(lines.matches(BODY).count(), 4);
}

#[test]
fn dead_letters_come_back_once() {
    let data = Data::after_giving_up(2);
    let dead = data.only();
    assert_eq!(dead["waiting"]["items"], 0, "{dead}");
    assert_eq!(dead["dead_letters"]["items"], 2, "{dead}");
    let replay = ["replay", "--from", "dlq", "--to", "otlp_http"];
    let (code, replayed) = data.json(&replay);
    assert_eq!(
        (code, &replayed["items"]),
        (0, &Json::from(2)),
        "{replayed}"
    );
    let again = data.only();
    assert_eq!(again["waiting"]["items"], 2, "{again}");
    assert_eq!(again["dead_letters"]["items"], 0, "{again}");
    let (code, replayed) = data.json(&replay);
    assert_eq!(
        (code, &replayed["items"]),
        (0, &Json::from(0)),
        "{replayed}"
    );
}

#[test]
fn dead_letters_come_back_to_a_process_that_runs() {
    let data = Data::after_giving_up(2);
    let program = data.start(NOWHERE);
    // What is acknowledged shows that the queue is open.
    assert_eq!(post(&program.otlp, LOG).0, 200);
    let (code, replayed) = data.json(&["replay", "--from", "dlq", "--to", "otlp_http"]);
    assert_eq!(
        (code, &replayed["items"]),
        (0, &Json::from(2)),
        "{replayed}"
    );
    let again = data.only();
    assert_eq!(again["waiting"]["items"], 3, "{again}");
    assert_eq!(again["dead_letters"]["items"], 0, "{again}");
    end(program);
}

#[test]
fn a_purge_wants_a_yes_and_tells_what_it_dropped() {
    let data = Data::after(NOWHERE, 3);
    let asked = data.run(&["purge", "otlp_http"]);
    assert_eq!(asked.code, USAGE);
    assert!(
        asked.stderr.contains("drops 3 records (3 items)"),
        "{}",
        asked.stderr
    );
    assert_eq!(data.only()["waiting"]["records"], 3);
    let purged = data.run(&["purge", "otlp_http", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(
        purged.stdout.starts_with("dropped 3 records (3 items"),
        "{}",
        purged.stdout
    );
    let left = data.only();
    assert_eq!(left["waiting"]["records"], 0);
    assert_eq!(left["disk_bytes"], 0);
    assert_eq!(data.run(&["verify", "--deep"]).code, 0);
    end(data.start(NOWHERE));
}

#[test]
fn a_purge_reaches_a_process_that_runs() {
    let data = Data::after_giving_up(2);
    let program = data.start(NOWHERE);
    for _ in 0..3 {
        assert_eq!(post(&program.otlp, LOG).0, 200);
    }
    let (code, letters) = data.json(&["purge", "otlp_http", "--dlq", "--yes"]);
    assert_eq!((code, &letters["items"]), (0, &Json::from(2)), "{letters}");
    // What is being sent is not dropped, and how much that is nobody can say.
    let (code, purged) = data.json(&["purge", "otlp_http", "--yes"]);
    assert_eq!(code, 0, "{purged}");
    end(program);
    let left = data.only();
    let items = |of: &Json| of.as_u64().expect("it is a number");
    assert_eq!(
        items(&purged["items"]) + items(&left["waiting"]["items"]),
        3
    );
    assert_eq!(left["dead_letters"]["records"], 0);
}

#[test]
fn what_was_set_aside_is_replayed_where_it_can_be_read() {
    let data = Data::after(NOWHERE, 3);
    let queue = data.queue("otlp_http");
    let quarantine = queue.join("quarantine");
    fs::create_dir(&quarantine).expect("it can be made");
    // Records that were set aside whole are a log like the queue itself.
    for name in ["LOCK", "cursor", "00000000000000000001.seg"] {
        fs::copy(queue.join(name), quarantine.join(name)).expect("it can be written");
    }
    assert_eq!(data.only()["quarantine"]["records"], 3);
    let copy = quarantine.join("00000000000000000009.seg.foreign");
    fs::copy(data.segment(&queue), copy).expect("it can be written");
    fs::write(quarantine.join("7.damaged"), "half a record").expect("it can be written");
    let replayed = data.run(&["replay", "--from", "quarantine", "--to", "otlp_http"]);
    assert_eq!(replayed.code, LEFT, "{}", replayed.stderr);
    assert!(
        replayed.stdout.contains("replayed 6 records"),
        "{}",
        replayed.stdout
    );
    assert!(
        replayed.stderr.contains("`7.damaged` (13 bytes)"),
        "{}",
        replayed.stderr
    );
    assert_eq!(data.only()["waiting"]["records"], 9);
    let (code, purged) = data.json(&["purge", "otlp_http", "--quarantine", "--yes"]);
    assert_eq!((code, &purged["files"]), (0, &Json::from(2)));
    assert_eq!(purged["records"], 3);
    let left = &data.only()["quarantine"];
    assert_eq!(
        (&left["files"], &left["records"]),
        (&Json::from(0), &Json::from(0))
    );
    let program = data.start(NOWHERE);
    assert_eq!(post(&program.otlp, LOG).0, 200);
    assert_eq!(
        data.run(&["purge", "otlp_http", "--quarantine", "--yes"])
            .code,
        0
    );
    end(program);
}

#[test]
fn a_socket_that_is_left_over_is_replaced_and_one_in_use_is_told() {
    let data = Data::after(NOWHERE, 1);
    let socket = data.path().join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("it is free"));
    let mut program = data.start(NOWHERE);
    program.wait_until_told("found in the queue");
    let second = data.start("debug: {}");
    end(second);
    // A second process with queues of its own finds the socket taken, and runs.
    let second = data.start(&NOWHERE.replace("otlp_http:", "otlp_http/two:"));
    let ended = end(second);
    assert!(
        ended.stderr.contains("will not reach this process"),
        "{}",
        ended.stderr
    );
    assert!(socket.exists(), "it is the first one's");
    end(program);
}

#[test]
fn a_queue_that_cannot_be_asked_for_is_not_touched() {
    let data = Data::after(NOWHERE, 2);
    let mut program = data.start(NOWHERE);
    program.wait_until_told("found in the queue");
    fs::remove_file(data.path().join("admin.sock")).expect("it is there");
    let purged = data.run(&["purge", "otlp_http", "--yes"]);
    assert_eq!(purged.code, START, "{}", purged.stderr);
    assert!(
        purged.stderr.contains("asked over its socket"),
        "{}",
        purged.stderr
    );
    assert_eq!(data.only()["waiting"]["records"], 2);
    end(program);
}

#[test]
fn what_waits_and_what_was_given_up_can_be_read_without_taking_it() {
    let data = Data::after(NOWHERE, 2);
    let exported = data.run(&["export", "otlp_http"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let lines: Vec<Json> = exported
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let body = &line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"];
        assert_eq!(body["stringValue"], BODY);
    }
    assert_eq!(data.only()["waiting"]["items"], 2, "nothing was taken");

    let data = Data::after_giving_up(1);
    let dumped = data.run(&["dump", "otlp_http", "--from", "dlq"]);
    assert_eq!(dumped.code, 0, "{}", dumped.stderr);
    let letter: Json = serde_json::from_str(&dumped.stdout).expect("it is one line of JSON");
    assert_eq!(letter["signal"], "logs");
    assert_eq!(letter["items"], 1);
    assert!(
        letter["given_up"]["attempts"].as_u64() >= Some(1),
        "{letter}"
    );
    assert!(letter["given_up"]["message"].is_string(), "{letter}");
    assert!(letter["enqueued"].is_string(), "{letter}");
    assert_eq!(data.run(&["dump", "otlp_http"]).stdout, "", "nothing waits");
}

#[test]
fn repairing_cuts_a_torn_end_and_is_told() {
    let data = Data::after(NOWHERE, 2);
    let torn = data.segment(&data.queue("otlp_http"));
    let mut bytes = fs::read(&torn).expect("it is there");
    bytes.extend([0xAA; 100]);
    fs::write(&torn, &bytes).expect("it is ours");
    let (code, repaired) = data.json(&["repair", "otlp_http"]);
    assert_eq!(code, 0, "{repaired}");
    assert!(repaired["torn_bytes"].as_u64() >= Some(100), "{repaired}");
    let (code, again) = data.json(&["repair", "otlp_http"]);
    assert_eq!((code, &again["torn_bytes"]), (0, &Json::from(0)), "{again}");
    assert_eq!(data.only()["waiting"]["items"], 2);
}

#[test]
fn what_no_pipeline_brings_stays_a_dead_letter_also_without_a_process() {
    let data = Data::after_giving_up(1);
    let config = data.0.path().join("traces.yaml");
    let yaml = format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  {NOWHERE}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp_http]}}
"
    );
    fs::write(&config, yaml).expect("the folder is ours");
    let config = config.to_str().expect("temporary names are text");
    let replayed = data.run(&[
        "replay",
        "--from",
        "dlq",
        "--to",
        "otlp_http",
        "--config",
        config,
    ]);
    assert_eq!(replayed.code, LEFT, "{}", replayed.stderr);
    let told = "skipped: record 1: no pipeline brings `otlp_http` any logs\n";
    assert!(replayed.stderr.contains(told), "{}", replayed.stderr);
    let left = data.only();
    assert_eq!(left["waiting"]["items"], 0, "{left}");
    assert_eq!(left["dead_letters"]["items"], 1, "{left}");
}
