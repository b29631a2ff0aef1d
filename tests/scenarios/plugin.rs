//! Plugins in the real binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pdata::{Signal, sample};
use tempfile::TempDir;

use crate::harness::{Backend, Collector, Exporter, Sender, route};

mod failing;
mod redact;
mod swap;
mod wrong;

/// Where configurations find the library.
const LIBRARY: &str = "plugin.so";

/// Builds `tests/plugins/scripted.c` as this version of itself. There is a C compiler wherever Rust links.
fn scripted(version: &str, to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new("cc")
        .args([
            "-std=gnu99",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-O1",
            "-shared",
            "-fPIC",
        ])
        .arg(format!("-DVERSION=\"{version}\""))
        .arg("-I")
        .arg(root.join("core/plugin/include"))
        .arg("-o")
        .arg(to)
        .arg(root.join("tests/plugins/scripted.c"))
        .output()
        .expect("there is a C compiler");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
}

/// A directory with version `1` of the plugin.
fn folder() -> Arc<TempDir> {
    let dir = tempfile::tempdir().expect("the system has a folder for temporary files");
    scripted("1", &dir.path().join(LIBRARY));
    Arc::new(dir)
}

/// The route to `backend` with a plugin that does this in front of traces and logs.
fn config(backend: &Backend, deed: &str, more: &str) -> String {
    let plugin = format!(
        "processors:\n  plugin: {{path: {LIBRARY}, config: {{do: {deed}}}{more}}}\nservice:\n  pipelines:\n"
    );
    let config = route(&[Exporter::grpc(backend)]);
    let config = config.replacen("service:\n  pipelines:\n", &plugin, 1);
    let config = config.replace(
        "receivers: [otlp], exporters",
        "receivers: [otlp], processors: [plugin], exporters",
    );
    assert!(config.contains("processors: [plugin]"), "{config}");
    config
}

/// Waits for the program to listen, and gives a sender to it.
fn sender(collector: &Collector) -> Sender {
    Sender::http(collector.address("receivers/otlp", "http"))
}

async fn metrics(collector: &Collector) -> String {
    let operator = Sender::http(collector.endpoint("metrics"));
    operator.get("/metrics").await
}

/// Sends this many spans; the status of the answer and its text.
async fn post(sender: &Sender, spans: usize) -> (u16, String) {
    let request = sample::spans(spans).into();
    let answer = sender.post_protobuf(Signal::Traces, request).await;
    let answer = answer.expect("it answers");
    (
        answer.status.as_u16(),
        String::from_utf8_lossy(&answer.body).into_owned(),
    )
}

fn library(dir: &TempDir) -> PathBuf {
    dir.path().join(LIBRARY)
}
