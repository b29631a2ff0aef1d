//! The recorded traffic of real mini program SDKs goes in, and every record of it comes out.
//!
//! The recordings are `/v1/*` requests of mini-program-monitor on its WeChat and Alipay simulators,
//! byte for byte (the simulator's own folder in the stack traces has another name of equal length).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pdata::Signal;
use serde_json::Value;

use crate::harness::{Backend, Collector, Export, Records, Sender};

const RECORDINGS: [&str; 4] = [
    include_str!("../recordings/alipay-demo-proto.jsonl"),
    include_str!("../recordings/alipay-error-storm-json.jsonl"),
    include_str!("../recordings/wechat-demo-json.jsonl"),
    include_str!("../recordings/wechat-demo-proto.jsonl"),
];

/// One recorded request.
struct Recorded {
    path: String,
    content_type: String,
    user_agent: String,
    body: Vec<u8>,
}

impl Recorded {
    fn all() -> Vec<Recorded> {
        let lines = RECORDINGS.iter().flat_map(|recording| recording.lines());
        lines.map(Recorded::read).collect()
    }

    fn read(line: &str) -> Recorded {
        let line: Value = serde_json::from_str(line).expect("a recording is JSON lines");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        assert_eq!(line["method"], "POST");
        Recorded {
            path: text(&line["path"]),
            content_type: text(&line["headers"]["content-type"]),
            user_agent: text(&line["headers"]["user-agent"]),
            body: STANDARD
                .decode(text(&line["body_base64"]))
                .expect("a recording's bodies are base64"),
        }
    }

    fn signal(&self) -> Signal {
        match &*self.path {
            "/v1/metrics" => Signal::Metrics,
            "/v1/logs" => Signal::Logs,
            other => panic!("no recording goes to {other}"),
        }
    }

    fn export(&self) -> Export {
        let export = match &*self.content_type {
            "application/json" => Export::from_json(self.signal(), &self.body),
            _ => Export::from_protobuf(self.signal(), &self.body),
        };
        export.expect("the SDK sends OTLP")
    }
}

/// Plays every recording into the program and returns what was in it.
async fn play(collector: &Collector) -> Records {
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let mut sent = Records::default();
    for recorded in Recorded::all() {
        sent.add(&recorded.export());
        let headers = [
            ("content-type", &*recorded.content_type),
            ("user-agent", &*recorded.user_agent),
        ];
        let answer = sender.post(&recorded.path, &headers, recorded.body.clone());
        let answer = answer.await.expect("it answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{text}");
    }
    assert!(sent.len() > 100, "the recordings are not empty");
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_record_reaches_a_grpc_and_an_http_backend() {
    let (grpc, http) = (Backend::start(), Backend::start());
    let collector = Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
exporters:
  otlp_grpc: {{endpoint: '{grpc}', tls: {{insecure: true}}}}
  otlp_http: {{endpoint: 'http://{http}'}}
service:
  pipelines:
    metrics: {{receivers: [otlp], exporters: [otlp_grpc, otlp_http]}}
    logs: {{receivers: [otlp], exporters: [otlp_grpc, otlp_http]}}
",
        grpc = grpc.address(),
        http = http.address(),
    ));
    let expected = play(&collector).await;
    grpc.assert_takes(&expected, "the gRPC backend").await;
    http.assert_takes(&expected, "the HTTP backend").await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_holds_every_recorded_record() {
    let collector = Collector::start(
        "
receivers:
  otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}
exporters:
  file: {path: records.jsonl}
service:
  pipelines:
    metrics: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [file]}
",
    );
    let expected = play(&collector).await;
    // The answer comes after the write, so nothing needs to be waited for.
    read_file(&collector.dir().join("records.jsonl")).assert_are(&expected, "the file");
    assert_eq!(collector.stop().code, Some(0));
}

/// The records of a file of OTLP/JSON lines, the collector's `otlpjsonfile` form.
fn read_file(path: &Path) -> Records {
    let text = std::fs::read_to_string(path).expect("the exporter has written it");
    let mut records = Records::default();
    for line in text.lines() {
        let keys: Value = serde_json::from_str(line).expect("a line is one JSON document");
        let signal = match keys.get("resourceLogs") {
            Some(_) => Signal::Logs,
            None => Signal::Metrics,
        };
        records.add(&Export::from_json(signal, line.as_bytes()).expect("a line is OTLP/JSON"));
    }
    records
}
