use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Request};
use bytes::Bytes;
use engine::config::read_text;
use engine::testkit::CapturingConsumer;
use engine::{Leases, Refusal, Reload};
use net::client::{ClientSettings, Protocol, Unary};
use net::compress::{Encoding, compress};
use net::grpc::Code;
use net::{Body, Client};
use pdata::{Budget, sample};
use telemetry::Metrics;
use tokio::runtime::Handle;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn context() -> BuildContext {
    BuildContext {
        metrics: Metrics::new(),
        health: Health::default(),
        budget: Budget::new(1 << 24),
        data_dir: "unused".into(),
        leases: Leases::default(),
        reload: Reload::default(),
    }
}

fn section(yaml: &str) -> Section {
    read_text::<Config>(yaml)
        .unwrap_or_else(|found| panic!("{found}"))
        .1
}

#[track_caller]
fn problem(yaml: &str) -> String {
    let section = section(yaml);
    let mut problems = section.problems();
    FACTORY.check(&section, &mut problems);
    problems.into_diagnostics().to_string()
}

#[test]
fn problems_say_which_key_and_what_would_be_right() {
    let cases = [
        ("protocols:", "must specify at least one protocol"),
        (
            "protocols: {http: {endpoint: localhost}}",
            "`localhost` is no address to listen on",
        ),
        (
            "protocols: {grpc: {endpoint: ':4317'}}",
            "`:4317` is no address to listen on",
        ),
        (
            "protocols: {http: {logs_url_path: v1/traces}}",
            "two signals have the same path",
        ),
        (
            "protocols: {http: {response_headers: {'a b': c}}}",
            "`a b: c` is no header",
        ),
        ("protocols: {http: {tls: {cert_file: a.pem}}}", "key"),
        (
            "protocols: {http: {cors: {allowed_origins: [nowhere]}}}",
            "`nowhere` is no origin",
        ),
    ];
    for (yaml, expected) in cases {
        let found = problem(yaml);
        assert!(
            found.contains(expected),
            "{yaml}: expected `{expected}` in\n{found}"
        );
    }
    assert_eq!(problem("protocols: {grpc: , http: }"), "");
}

#[test]
fn receivers_on_one_address_must_agree() {
    let mut context = context();
    let free = net::Listener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = free.local_addr();
    drop(free);
    let section = |more: &str| {
        let http = format!("{{endpoint: \"{endpoint}\"{more}}}");
        section(&format!("protocols: {{http: {http}}}"))
    };
    for more in ["", ", idle_timeout: 1s", ", read_header_timeout: 2s"] {
        let built = FACTORY.build(&section(more), &mut context);
        built.expect("what one says, the others leave open");
    }
    for more in [
        ", idle_timeout: 2s",
        ", tls: {cert_file: a.pem, key_file: b.pem}",
    ] {
        let Err(error) = FACTORY.build(&section(more), &mut context) else {
            panic!("the terms differ")
        };
        assert!(
            error.message.contains("is shared with config.yaml:1:"),
            "{error}"
        );
    }
}

/// A running receiver with gRPC and HTTP on one port, and what it hands on.
struct Rig {
    captured: Arc<CapturingConsumer>,
    budget: Budget,
    url: String,
    stop: Shutdown,
    running: tokio::task::JoinHandle<Result<(), RunError>>,
}

fn start(extra: &str) -> Rig {
    // Reserved until the receiver binds it; nothing else on this machine is told of it.
    let free = net::Listener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = free.local_addr();
    drop(free);
    let yaml = format!(
        "{{protocols: {{grpc: {{endpoint: \"{endpoint}\"}}, http: {{endpoint: \"{endpoint}\"}}}}{extra}}}"
    );
    let mut context = context();
    let receiver = FACTORY
        .build(&section(&yaml), &mut context)
        .expect("the port is free");
    let captured = CapturingConsumer::new();
    let outlets = Signal::OTLP.into_iter().fold(
        Outlets::new("otlp", context.metrics.clone()),
        |outlets, signal| outlets.with(signal, captured.clone()),
    );
    let stop = Shutdown::default();
    let runtime = Handle::current();
    let tasks = Tasks::new(runtime.clone(), stop.clone());
    let running = runtime.spawn(receiver.run(outlets, tasks, stop.clone()));
    Rig {
        captured,
        budget: context.budget,
        url: format!("http://{endpoint}"),
        stop,
        running,
    }
}

impl Rig {
    fn client(&self, protocol: Protocol) -> Client {
        let settings = ClientSettings::default();
        let spawner = Arc::new(Handle::current());
        Client::try_new(&self.url, protocol, None, &settings, spawner).expect("a valid endpoint")
    }

    async fn post(&self, media_type: &str, encoding: &str, body: Bytes) -> net::client::Answer {
        let request = Request::post("/v1/logs")
            .header("content-type", media_type)
            .header("content-encoding", encoding)
            .body(Body::from(body))
            .expect("a valid request");
        self.client(Protocol::Http1)
            .send(request, PATIENCE)
            .await
            .expect("an answer")
    }

    async fn ended(self) {
        self.stop.begin();
        self.running.await.expect("no panic").expect("no failure");
        drop(self.captured);
        assert_eq!(self.budget.used(), 0, "every leased byte is given back");
    }
}

#[tokio::test]
async fn grpc_and_http_share_a_port_and_hand_on_the_bytes_they_received() {
    let rig = start("");
    let request = Bytes::from(sample::logs(3));
    let gzipped = compress(Encoding::Gzip, std::slice::from_ref(&request));
    let answer = rig.post("application/x-protobuf", "gzip", gzipped).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (200, &b"\x0A\x00"[..])
    );
    let call = Unary {
        path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        headers: HeaderMap::new(),
        message: std::slice::from_ref(&request),
        encoding: Encoding::Zstd,
        timeout: PATIENCE,
    };
    rig.client(Protocol::Http2)
        .call(call)
        .await
        .expect("it is taken");
    assert_eq!(rig.captured.requests(), [&request[..], &request[..]]);
    rig.ended().await;
}

#[tokio::test]
async fn json_becomes_the_same_request() {
    let rig = start("");
    let mut text = Vec::new();
    pdata::json::write(Signal::Logs, &sample::logs(2), &mut text).expect("samples are valid");
    let answer = rig
        .post("application/json; charset=utf-8", "identity", text.into())
        .await;
    assert_eq!(&answer.body[..], br#"{"partialSuccess":{}}"#);
    assert_eq!(rig.captured.items(), 2);
    rig.ended().await;
}

#[tokio::test]
async fn a_refusal_of_the_pipeline_tells_both_protocols_when_to_come_back() {
    let rig = start("");
    rig.captured.refuse(Some(Refusal::retry(
        "sending queue is full",
        Duration::from_millis(2500),
    )));
    let answer = rig
        .post("application/json", "identity", JSON_LOG.into())
        .await;
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(answer.headers["retry-after"], "3");
    let request = Bytes::from(sample::logs(1));
    let call = Unary {
        path: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        headers: HeaderMap::new(),
        message: std::slice::from_ref(&request),
        encoding: Encoding::Identity,
        timeout: PATIENCE,
    };
    let status = rig
        .client(Protocol::Http2)
        .call(call)
        .await
        .expect_err("it is refused");
    assert_eq!(status.code, Code::Unavailable);
    assert_eq!(status.retry_after, Some(Duration::from_millis(2500)));
    rig.ended().await;
}

#[tokio::test]
async fn broken_text_is_repaired_or_refused_as_told() {
    let lone = JSON_LOG
        .replace("hello", r"cut \\ud83d")
        .replace("\\\\", "\\");
    let rig = start("");
    assert_eq!(
        rig.post("application/json", "identity", lone.clone().into())
            .await
            .status,
        200
    );
    let kept = String::from_utf8_lossy(&rig.captured.requests()[0]).into_owned();
    assert!(kept.contains("cut \u{FFFD}"), "{kept}");
    rig.ended().await;

    let strict = start(", invalid_utf8: refuse");
    let answer = strict
        .post("application/json", "identity", lone.into())
        .await;
    assert_eq!((answer.status.as_u16(), strict.captured.items()), (400, 0));
    strict.ended().await;
}

const JSON_LOG: &str =
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}"#;
