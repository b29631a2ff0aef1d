//! The reference plugin on recorded traffic, as a shared library and as a WebAssembly module: what leaves
//! differs from what leaves without it exactly where it should.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::clients::{installed, not_run};
use crate::harness::{Backend, Collector, Export, Records, Sender};

const PHONE: &str = "13800138000";
/// The plugin's mask where none is configured.
const MASK: &str = "***";
/// Attributes that the plugin is told to look at.
const PATHS: [&str; 2] = ["miniprogram.page.path", "url"];
/// The attribute that it is told to derive.
const PAGE: &str = "app.page";
/// The route that it is told to drop.
const DROPPED: &str = "pages/cart/index";

const RECORDINGS: [&str; 4] = [
    include_str!("../../recordings/wechat-demo-json.jsonl"),
    include_str!("../../recordings/alipay-error-storm-json.jsonl"),
    include_str!("../../recordings/segments/alipay-error-storm-json.jsonl"),
    include_str!("../../recordings/segments/wechat-demo-json.jsonl"),
];

/// What is recorded, and what it is with somebody's number in it.
const NUMBERED: [(&str, &str); 3] = [
    ("pages/detail/index", "pages/13800138000/index"),
    ("\"network timeout\"", "\"network timeout of 13800138000\""),
    ("/users/profile", "/users/13800138000"),
];

/// Paths and bodies of the recorded requests in JSON, with phone numbers in them.
fn traffic() -> Vec<(String, String)> {
    let lines = RECORDINGS.iter().flat_map(|recording| recording.lines());
    let requests = lines.map(|line| {
        let line: serde_json::Value =
            serde_json::from_str(line).expect("recordings are JSON lines");
        let text = |key: &str| line[key].as_str().expect("it is recorded").to_owned();
        let body = STANDARD
            .decode(text("body_base64"))
            .expect("bodies are base64");
        let mut body = String::from_utf8(body).expect("these are in JSON");
        for (recorded, numbered) in NUMBERED {
            body = body.replace(recorded, numbered);
        }
        (text("path"), body)
    });
    requests.filter(|(path, _)| path != "/v1/metrics").collect()
}

/// The plugin, built as its author would.
fn build(cargo: &Path, target: &Path, library: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root.join("core/plugin/examples/redact"))
        .output()
        .expect("cargo can be run");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    target.join(library)
}

/// Plays the traffic into two ways, one of them through the plugin; what leaves on each.
async fn played(library: &Path) -> [Vec<Export>; 2] {
    let [plain, redacted, metrics] = [(); 3].map(|()| Backend::start());
    let exporter = |backend: &Backend| format!("{{endpoint: 'http://{}'}}", backend.address());
    let collector = Collector::start(&format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  skywalking: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
processors:
  plugin/redact:
    path: {library:?}
    config: {{attributes: [{attributes}], page: {PAGE}, drop_routes: [{DROPPED}], count: true}}
exporters:
  otlp_http/plain: {plain}
  otlp_http/redacted: {redacted}
  otlp_http/metrics: {metrics}
service:
  pipelines:
    traces/plain: {{receivers: [skywalking], exporters: [otlp_http/plain]}}
    logs/plain: {{receivers: [otlp], exporters: [otlp_http/plain]}}
    traces: {{receivers: [skywalking], processors: [plugin/redact], exporters: [otlp_http/redacted]}}
    logs: {{receivers: [otlp], processors: [plugin/redact], exporters: [otlp_http/redacted]}}
    metrics: {{receivers: [plugin/redact], exporters: [otlp_http/metrics]}}
",
        attributes = PATHS.join(", "),
        plain = exporter(&plain),
        redacted = exporter(&redacted),
        metrics = exporter(&metrics),
    ));
    let otlp = Sender::http(collector.address("receivers/otlp", "http"));
    let skywalking = Sender::http(collector.address("receivers/skywalking", "http"));
    for (path, body) in traffic() {
        let sender = match path.starts_with("/v1/") {
            true => &otlp,
            false => &skywalking,
        };
        let headers = [("content-type", "application/json")];
        let answer = sender.post(&path, &headers, body).await;
        let answer = answer.expect("it answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{path}: {text}");
    }
    // The drain delivers what was taken.
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let metrics = exports(&metrics);
    let names: Vec<_> = metrics.iter().flat_map(Export::names).collect();
    let is_counted = names.iter().all(|name| name == "redact.redactions") && !names.is_empty();
    assert!(is_counted, "{names:?}");
    [exports(&plain), exports(&redacted)]
}

fn exports(backend: &Backend) -> Vec<Export> {
    let taken = backend.taken().into_iter();
    taken.map(|taken| taken.export).collect()
}

/// Takes the number out of a text; whether it was there.
fn clean(text: &mut String) -> bool {
    let is_dirty = text.contains(PHONE);
    *text = text.replace(PHONE, MASK);
    is_dirty
}

/// How often something was changed, so that the test cannot pass by changing nothing.
#[derive(Debug, Default)]
struct Changes {
    bodies: usize,
    names: usize,
    paths: usize,
    pages: usize,
    dropped: usize,
}

impl Changes {
    fn of_attributes(&mut self, attributes: &mut Vec<KeyValue>) {
        let mut page = None;
        for attribute in attributes.iter_mut() {
            let is_path = PATHS.contains(&attribute.key.as_str());
            let value = attribute
                .value
                .as_mut()
                .and_then(|value| value.value.as_mut());
            if let (true, Some(Value::StringValue(path))) = (is_path, value) {
                self.paths += usize::from(clean(path));
                let path = path.trim_start_matches("https://");
                let path = match attribute.key.as_str() {
                    "url" => path.split_once('/').map_or("", |(_, path)| path),
                    _ => path,
                };
                page = Some(path.to_owned());
            }
        }
        if let Some(page) = page {
            self.pages += 1;
            attributes.push(KeyValue {
                key: PAGE.to_owned(),
                value: Some(AnyValue {
                    value: Some(Value::StringValue(page)),
                }),
                ..KeyValue::default()
            });
        }
    }

    fn of_log(&mut self, record: &mut LogRecord) {
        let body = record.body.as_mut().and_then(|body| body.value.as_mut());
        if let Some(Value::StringValue(text)) = body {
            self.bodies += usize::from(clean(text));
        }
        self.of_attributes(&mut record.attributes);
    }

    fn of_span(&mut self, span: &mut Span) -> bool {
        if span.name == DROPPED {
            self.dropped += 1;
            return false;
        }
        self.names += usize::from(clean(&mut span.name));
        self.of_attributes(&mut span.attributes);
        true
    }

    /// What the plugin should make of an export.
    fn of(&mut self, export: &mut Export) {
        match export {
            Export::Traces(request) => {
                for resource in &mut request.resource_spans {
                    for scope in &mut resource.scope_spans {
                        scope.spans.retain_mut(|span| self.of_span(span));
                    }
                }
            }
            Export::Logs(request) => {
                let scopes = request.resource_logs.iter_mut();
                let scopes = scopes.flat_map(|resource| &mut resource.scope_logs);
                for record in scopes.flat_map(|scope| &mut scope.log_records) {
                    self.of_log(record);
                }
            }
            Export::Metrics(_) => panic!("no metrics were sent"),
        }
    }
}

async fn differs_exactly_where_it_should(library: &Path) {
    let [mut plain, redacted] = played(library).await;
    let mut changes = Changes::default();
    for export in &mut plain {
        changes.of(export);
    }
    Records::of(&redacted).assert_are(&Records::of(&plain), "the file behind the plugin");
    let Changes {
        bodies,
        names,
        paths,
        pages,
        dropped,
    } = changes;
    let all = [bodies, names, paths, pages, dropped];
    assert!(all.iter().all(|changes| *changes > 0), "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_library_changes_exactly_what_it_should() {
    let library = format!("release/{DLL_PREFIX}redact{DLL_SUFFIX}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redact");
    let library = build(Path::new(env!("CARGO")), &target, &library);
    differs_exactly_where_it_should(&library).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_changes_exactly_what_it_should() {
    if cfg!(not(feature = "wasm")) {
        not_run("the program is built without the feature `wasm`");
        return;
    }
    let Some(cargo) = installed("wasm_rust/cargo") else {
        return;
    };
    // Where its standard library has been built.
    let target = cargo.with_file_name("target");
    let library = build(
        &cargo,
        &target,
        "wasm32-unknown-unknown/release/redact.wasm",
    );
    differs_exactly_where_it_should(&library).await;
}
