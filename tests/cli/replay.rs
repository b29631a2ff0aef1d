//! `skyferry replay`: what one program has written arrives at another.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use exporters::replay::{Content, Reader};
use pdata::skywalking::Kind;
use serde_json::Value as Json;

use super::LEFT;
use super::harness::{LOG, Output, Program, pipeline, post, post_to, skyferry};

/// A message of each kind of SkyWalking's agents, one a line; service meshes have two forms.
const AGENTS: &str = include_str!("../../exporters/src/record/sample.jsonl");

/// Lists of segments that a mini program has posted.
const SEGMENTS: &str = include_str!("../recordings/segments/wechat-demo-json.jsonl");

/// What HTTP has no path for.
const GRPC_ONLY: [Kind; 5] = [
    Kind::Meters,
    Kind::SpanAttachedEvent,
    Kind::Jvm,
    Kind::Clr,
    Kind::ServiceMesh,
];

/// A program that takes OTLP and SkyWalking, and writes all of it to a file.
struct Writer {
    program: Program,
    /// Where to replay to, by protocol.
    grpc: String,
    http: String,
}

impl Writer {
    #[track_caller]
    fn start(file: &Path, format: &str) -> Writer {
        // Both are held before any is let go, so that they differ.
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0"));
        let free = free.map(|free| free.and_then(|free| free.local_addr()));
        let [grpc, http] = free.map(|free| free.expect("loopback has free ports").to_string());
        Writer {
            program: Program::start(&configuration(&grpc, &http, file, format)),
            grpc: format!("http://{grpc}"),
            http: format!("http://{http}"),
        }
    }

    #[track_caller]
    fn end(self) {
        self.program.signal("TERM");
        let ended = self.program.wait();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
}

fn configuration(grpc: &str, http: &str, file: &Path, format: &str) -> String {
    let mut yaml = format!(
        "yaml:receivers:\n\
         \x20 otlp: {{protocols: {{http: {{endpoint: '{http}'}}}}}}\n\
         \x20 skywalking: {{protocols: {{grpc: {{endpoint: '{grpc}'}}, http: {{endpoint: '{http}'}}}}}}\n\
         exporters: {{file: {{path: {}, format: {format}}}}}\n\
         service::telemetry::metrics::address: 127.0.0.1:0\n\
         service::telemetry::health::address: 127.0.0.1:0\n",
        file.display()
    );
    for signal in ["traces", "metrics", "logs"] {
        yaml += &format!(
            "service::pipelines::{signal}: {{receivers: [otlp, skywalking], exporters: [file]}}\n"
        );
    }
    yaml += "service::pipelines::skywalking: {receivers: [skywalking], exporters: [file]}\n";
    yaml
}

/// The messages in a file, in an order that does not depend on when they came.
#[track_caller]
fn messages(file: &Path) -> Vec<(Kind, Vec<u8>)> {
    let reader = Reader::open(file, None).expect("it was written");
    let mut messages = Vec::new();
    for record in reader {
        match record.expect("it is whole").content {
            Content::Native(found) => {
                messages.extend(found.iter().map(|it| (it.kind(), it.message().to_vec())));
            }
            Content::Otlp { .. } => panic!("only agents have sent something"),
        }
    }
    messages.sort();
    messages
}

fn replay(file: &Path, arguments: &[&str]) -> Output {
    let file = file.display().to_string();
    skyferry(&[&["replay", &*file], arguments].concat())
}

/// The rows of the account: signal, requests, delivered, refused.
fn account(stdout: &str) -> Vec<Vec<&str>> {
    let rows = stdout.lines().skip(1);
    rows.map(|row| row.split_whitespace().collect()).collect()
}

/// A file with what agents have sent to a program: each kind by gRPC, and a mini program's segments.
fn recorded(directory: &Path) -> PathBuf {
    let source = directory.join("agents.jsonl");
    fs::write(&source, AGENTS).expect("it can be written");
    let file = directory.join("first.jsonl");
    let writer = Writer::start(&file, "json");
    for line in SEGMENTS.lines() {
        let line: Json = serde_json::from_str(line).expect("a recording is JSON lines");
        let body = line["body_base64"].as_str().expect("it is a string");
        let body = BASE64_STANDARD.decode(body).expect("it is base64");
        let body = String::from_utf8(body).expect("JSON is UTF-8");
        assert_eq!(post_to(&writer.program.otlp, "/v3/segments", &body).0, 200);
    }
    let replayed = replay(&source, &["--to", &writer.grpc, "--protocol", "grpc"]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    writer.end();
    file
}

#[test]
fn what_agents_sent_arrives_by_grpc_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let first = recorded(directory.path());
    let sent = messages(&first);
    assert!(sent.len() > AGENTS.lines().count());
    assert!(
        Kind::ALL
            .iter()
            .all(|kind| sent.iter().any(|(of, _)| of == kind))
    );

    let second = directory.path().join("second.bin");
    let writer = Writer::start(&second, "proto");
    let replayed = replay(&first, &["--to", &writer.grpc, "--protocol", "grpc"]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    let rows = account(&replayed.stdout);
    assert_eq!(rows[1], ["metrics", "1", "2", "0"], "{}", replayed.stdout);
    assert_eq!(rows[2], ["logs", "1", "1", "0"], "{}", replayed.stdout);
    assert_eq!(
        rows[3],
        ["skywalking", "13", "13", "0"],
        "{}",
        replayed.stdout
    );
    writer.end();
    assert_eq!(messages(&second), sent);
}

#[test]
fn by_http_arrives_what_it_has_a_path_for_and_the_rest_is_told() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let first = recorded(directory.path());
    let second = directory.path().join("second.jsonl");
    let writer = Writer::start(&second, "json");
    let replayed = replay(&first, &["--to", &writer.http]);
    assert_eq!(replayed.code, LEFT, "{}", replayed.stderr);
    for kind in GRPC_ONLY {
        let name = kind.name();
        let told = format!("no path over HTTP for messages of the kind `{name}`");
        assert!(replayed.stderr.contains(&told), "{}", replayed.stderr);
    }
    assert!(replayed.stderr.contains("`--protocol grpc`"));
    let rows = account(&replayed.stdout);
    assert_eq!(rows[1], ["metrics", "1", "0", "2"], "{}", replayed.stdout);
    assert_eq!(
        rows[3],
        ["skywalking", "13", "8", "5"],
        "{}",
        replayed.stdout
    );
    writer.end();
    let mut expected = messages(&first);
    expected.retain(|(kind, _)| !GRPC_ONLY.contains(kind));
    assert_eq!(messages(&second), expected);
}

#[test]
fn a_signal_that_no_request_has_is_a_mistake() {
    let replayed = skyferry(&[
        "replay",
        "x",
        "--to",
        "http://127.0.0.1:9",
        "--signal",
        "skywalking",
    ]);
    assert_eq!(replayed.code, 2);
    assert!(
        replayed.stderr.contains("is not needed"),
        "{}",
        replayed.stderr
    );
}

#[test]
fn replay_delivers_what_the_file_exporter_wrote() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let [first, second] = ["first.jsonl", "second.jsonl"].map(|name| directory.path().join(name));
    let program = Program::start(&pipeline(&format!("file: {{path: {}}}", first.display())));
    for _ in 0..20 {
        assert_eq!(post(&program.otlp, LOG).0, 200);
    }
    program.signal("TERM");
    assert_eq!(program.wait().code, 0);

    let program = Program::start(&pipeline(&format!("file: {{path: {}}}", second.display())));
    let to = format!("http://{}", program.otlp);
    let replayed = skyferry(&["replay", &first.display().to_string(), "--to", &to]);
    assert_eq!(replayed.code, 0, "{}", replayed.stderr);
    assert!(
        replayed
            .stdout
            .contains("logs              20         20        0"),
        "{}",
        replayed.stdout
    );
    program.signal("TERM");
    assert_eq!(program.wait().code, 0);
    let [first, second] =
        [first, second].map(|path| fs::read_to_string(path).expect("it was written"));
    assert_eq!(first.lines().count(), 20);
    assert_eq!(first, second);

    let damaged = directory.path().join("damaged.jsonl");
    fs::write(&damaged, "{\"resourceLogs\": 5}\n").expect("it can be written");
    let replayed = skyferry(&["replay", &damaged.display().to_string(), "--to", &to]);
    assert_eq!(replayed.code, LEFT);
    assert!(
        replayed.stdout.contains("1 damaged records were skipped"),
        "{}",
        replayed.stdout
    );
}
