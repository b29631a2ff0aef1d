//! Real clients: the OpenTelemetry SDKs for Python and Node, the Java agent, and telemetrygen.
//!
//! They come from registries, so a test runs only where `SKYFERRY_CLIENTS` names a folder in which
//! `.ci/run` has installed them, and says aloud where it does not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::harness::backend::Taken;
use crate::harness::{Backend, Collector, Export};

/// The folder of installed clients.
const CLIENTS: &str = "SKYFERRY_CLIENTS";

/// A virtual machine that starts beside two other tests takes its time.
const CLIENT_PATIENCE: Duration = Duration::from_secs(120);

/// Where `part` of an installed client is, or `None` with a word about it.
pub(crate) fn installed(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(CLIENTS).map(PathBuf::from);
    let path = folder.map(|folder| folder.join(part));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        not_run(&format!(
            "there is no `{part}` in the folder that {CLIENTS} names"
        ));
    }
    path
}

/// Says that a test was left out, and why.
#[expect(
    clippy::print_stderr,
    reason = "a client that did not run is no success"
)]
pub(crate) fn not_run(why: &str) {
    eprintln!("NOT RUN: {why}");
}

/// How a client is told to send.
struct Way {
    /// A value of `OTEL_EXPORTER_OTLP_PROTOCOL`.
    protocol: &'static str,
    /// Over TLS, compressed; else neither.
    secured: bool,
}

impl Way {
    fn plain(protocol: &'static str) -> Way {
        let secured = false;
        Way { protocol, secured }
    }

    fn secured(protocol: &'static str) -> Way {
        let secured = true;
        Way { protocol, secured }
    }

    /// The part of the protocol's name before its encoding.
    fn transport(&self) -> &'static str {
        if self.protocol == "grpc" {
            "grpc"
        } else {
            "http"
        }
    }
}

/// A program with plain and TLS receivers, and the backend behind it.
struct Rig {
    backend: Backend,
    collector: Collector,
    certificates: TempDir,
}

impl Rig {
    fn start() -> Rig {
        let backend = Backend::start();
        let certificates = tempfile::tempdir().expect("the system has a folder for it");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are valid");
        let write = |name: &str, text: String| {
            std::fs::write(certificates.path().join(name), text).expect("the folder is ours");
        };
        write("cert.pem", made.cert.pem());
        write("key.pem", made.signing_key.serialize_pem());
        let collector = Collector::start(&format!(
            "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
  otlp/tls:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0', tls: &tls {{cert_file: '{folder}/cert.pem', key_file: '{folder}/key.pem'}}}}
      http: {{endpoint: '127.0.0.1:0', tls: *tls}}
exporters:
  otlp_grpc: {{endpoint: '{backend}', tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp, otlp/tls], exporters: [otlp_grpc]}}
    metrics: {{receivers: [otlp, otlp/tls], exporters: [otlp_grpc]}}
    logs: {{receivers: [otlp, otlp/tls], exporters: [otlp_grpc]}}
",
            folder = certificates.path().display(),
            backend = backend.address(),
        ));
        Rig {
            backend,
            collector,
            certificates,
        }
    }

    /// What an SDK is told about where to send, and about sending soon.
    fn variables(&self, way: &Way) -> BTreeMap<&'static str, String> {
        let (receiver, scheme) = match way.secured {
            true => ("receivers/otlp/tls", "https"),
            false => ("receivers/otlp", "http"),
        };
        let address = self.collector.address(receiver, way.transport());
        let endpoint = format!("{scheme}://127.0.0.1:{}", address.port());
        let mut variables = BTreeMap::from([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", way.protocol.to_owned()),
            ("OTEL_SERVICE_NAME", "client".to_owned()),
            ("OTEL_TRACES_EXPORTER", "otlp".to_owned()),
            ("OTEL_METRICS_EXPORTER", "otlp".to_owned()),
            ("OTEL_LOGS_EXPORTER", "otlp".to_owned()),
        ]);
        if way.secured {
            variables.insert("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned());
            let certificate = self.certificates.path().join("cert.pem");
            let certificate = certificate.display().to_string();
            variables.insert("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate);
        }
        variables
    }

    /// Waits until every one of these items has come, each as the name of a span, the text of a
    /// log record, or the name of a metric.
    async fn assert_takes(&self, wanted: &[&str]) {
        let holds = |taken: &[Taken]| {
            let names: Vec<_> = taken.iter().flat_map(|it| it.export.names()).collect();
            wanted
                .iter()
                .all(|wanted| names.iter().any(|name| name == wanted))
        };
        self.backend
            .until_taken(&format!("{wanted:?}"), holds)
            .await;
    }
}

/// Runs a client to its end and panics unless it succeeds.
pub(crate) async fn run(command: &mut Command) {
    let command = command
        // Both override an SDK's own certificate.
        .env_remove("REQUESTS_CA_BUNDLE")
        .env_remove("CURL_CA_BUNDLE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(CLIENT_PATIENCE, command.output()).await;
    let output = output.expect("the client ends in time");
    let output = output.expect("the client is installed");
    assert!(output.status.success(), "{output:?}");
}

pub(crate) fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// What `client.py` and `client.js` send.
const SENT: [&str; 9] = [
    "work 0", "work 1", "work 2", "work 3", "work 4", "line 0", "line 1", "line 2", "jobs",
];

async fn python(way: Way) {
    let Some(python) = installed("python/bin/python") else {
        return;
    };
    let rig = Rig::start();
    let mut command = Command::new(python);
    command
        .arg(program("client.py"))
        .arg(way.transport())
        .envs(rig.variables(&way));
    run(&mut command).await;
    rig.assert_takes(&SENT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_over_grpc() {
    python(Way::plain("grpc")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_over_grpc_with_tls_and_gzip() {
    python(Way::secured("grpc")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_over_http() {
    python(Way::plain("http/protobuf")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_over_http_with_tls_and_gzip() {
    python(Way::secured("http/protobuf")).await;
}

async fn node(way: Way) {
    let Some(modules) = installed("node/node_modules") else {
        return;
    };
    let rig = Rig::start();
    let mut command = Command::new("node");
    command
        .arg(program("client.js"))
        .env("NODE_PATH", modules)
        .envs(rig.variables(&way))
        // The default detectors ask the addresses of clouds.
        .env("OTEL_NODE_RESOURCE_DETECTORS", "env,host");
    run(&mut command).await;
    rig.assert_takes(&SENT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_in_json_and_chunks() {
    node(Way::plain("http/json")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_in_json_with_tls_and_gzip() {
    node(Way::secured("http/json")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_over_grpc() {
    node(Way::plain("grpc")).await;
}

async fn java(way: Way) {
    let Some(agent) = installed("java/opentelemetry-javaagent-2.33.1.jar") else {
        return;
    };
    let rig = Rig::start();
    let classes = tempfile::tempdir().expect("the system has a folder for it");
    let mut compiler = Command::new("javac");
    compiler
        .arg("-d")
        .arg(classes.path())
        .arg(program("Client.java"));
    run(&mut compiler).await;
    let mut command = Command::new("java");
    command
        .arg(format!("-javaagent:{}", agent.display()))
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1"])
        .arg("-cp")
        .arg(classes.path())
        .arg("Client")
        .envs(rig.variables(&way));
    run(&mut command).await;
    let lines = [
        "line 0 answered 204",
        "line 1 answered 204",
        "line 2 answered 204",
    ];
    rig.assert_takes(&lines).await;
    rig.assert_takes(&["GET", "GET /work", "http.server.request.duration"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_java_agent_over_http() {
    java(Way::plain("http/protobuf")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_java_agent_over_grpc_with_tls_and_gzip() {
    java(Way::secured("grpc")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetrygen_sends_every_signal_over_both_transports() {
    let Some(telemetrygen) = installed("bin/telemetrygen") else {
        return;
    };
    let rig = Rig::start();
    let mut expected = 0;
    for transport in ["grpc", "http"] {
        let address = rig.collector.address("receivers/otlp", transport);
        // A trace of telemetrygen has two spans.
        for (signal, items) in [("traces", 200), ("metrics", 100), ("logs", 100)] {
            let mut command = Command::new(&telemetrygen);
            command
                .args([signal, "--otlp-insecure", "--rate", "0", "--workers", "1"])
                .args([&format!("--{signal}"), "100"])
                .args(["--otlp-endpoint", &address.to_string()]);
            if transport == "http" {
                command.arg("--otlp-http");
            }
            run(&mut command).await;
            expected += items;
        }
    }
    let enough = |tally: &crate::harness::backend::Tally| tally.items >= expected;
    rig.backend.until("every item", enough).await;
    assert_eq!(rig.backend.tally().items, expected);
    let signals = rig
        .backend
        .taken()
        .into_iter()
        .map(|taken| match taken.export {
            Export::Traces(_) => "traces",
            Export::Metrics(_) => "metrics",
            Export::Logs(_) => "logs",
        });
    let signals: std::collections::BTreeSet<_> = signals.collect();
    assert_eq!(signals.len(), 3, "{signals:?}");
}
