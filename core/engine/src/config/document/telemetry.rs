//! `service.telemetry`: how the program tells about itself.
//!
//! Takes the collector's shape. Keys of the collector that change nothing here are accepted with a
//! notice, those that ask for something this program does not do are errors that say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::diagnostic::Findings;
use crate::config::position::Site;
use crate::config::tree::{Node, Value};

pub(crate) const DEFAULT_METRICS_ADDRESS: &str = "127.0.0.1:8888";
const DEFAULT_HEALTH_ADDRESS: &str = "127.0.0.1:13133";

/// The program's own logs, metrics and health, with defaults applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    pub logs: LogSettings,
    pub metrics: MetricSettings,
    pub health: HealthSettings,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    pub level: LogLevel,
    pub encoding: LogEncoding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogEncoding {
    #[default]
    Console,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSettings {
    pub level: MetricsLevel,
    /// `host:port` of the Prometheus endpoint; `None` if there is to be none.
    pub address: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricsLevel {
    None,
    Basic,
    #[default]
    Normal,
    Detailed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HealthSettings {
    /// `host:port` that answers health checks.
    pub address: String,
}

impl Default for HealthSettings {
    fn default() -> Self {
        HealthSettings {
            address: DEFAULT_HEALTH_ADDRESS.to_owned(),
        }
    }
}

/// The block as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    logs: LogSettings,
    metrics: MetricsConfig,
    health: HealthSettings,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MetricsConfig {
    level: MetricsLevel,
    /// `host:port` of the Prometheus endpoint.
    address: Option<String>,
    /// The collector's way to say the same.
    readers: Option<Vec<Reader>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reader {
    pull: Pull,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pull {
    exporter: PullExporter,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PullExporter {
    prometheus: Prometheus,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Prometheus {
    host: String,
    port: u16,
}

impl Default for Prometheus {
    fn default() -> Self {
        Prometheus {
            host: "localhost".to_owned(),
            port: 8888,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        TelemetryConfig::default().into_settings()
    }
}

impl TelemetryConfig {
    /// Applies defaults. [`check`] has refused what says two different things.
    pub(crate) fn into_settings(self) -> Telemetry {
        let address = match (self.metrics.address, self.metrics.readers) {
            (Some(address), _) => Some(address),
            (None, None) => Some(DEFAULT_METRICS_ADDRESS.to_owned()),
            (None, Some(readers)) => readers.into_iter().next().map(|reader| {
                let Prometheus { host, port } = reader.pull.exporter.prometheus;
                format!("{host}:{port}")
            }),
        };
        let level = self.metrics.level;
        Telemetry {
            logs: self.logs,
            metrics: MetricSettings {
                level,
                address: address.filter(|_| level != MetricsLevel::None),
            },
            health: self.health,
        }
    }
}

/// Reports what the schema cannot say about the checked block.
pub(super) fn check(telemetry: &Node, findings: &mut Findings) {
    let Some(metrics) = telemetry.entry("metrics").map(|entry| &entry.value) else {
        return;
    };
    let Some(readers) = metrics.entry("readers") else {
        return;
    };
    if metrics.entry("address").is_some() {
        findings
            .error(
                readers.key,
                "`address` and `readers` both name the metrics endpoint",
            )
            .help("keep `address`; `readers` is the collector's way to say the same");
    }
    if let Some([_, second, ..]) = readers.value.sequence() {
        findings.error(second.site(), "a second reader: metrics have one endpoint");
    }
}

enum Treatment {
    /// Nothing changes without it.
    Ignored,
    /// It asks for something that is not done.
    Refused,
}

use Treatment::{Ignored, Refused};

const NOT_SAMPLED: &str = "logs are limited by rate, not sampled";
const ONLY_PULL: &str = "own metrics are served for Prometheus under `metrics.address`; \
                         scrape them, also with this program's own receivers";

/// Keys of the collector that have no counterpart, inner ones before those around them; `*` is any
/// item of a list.
const FOREIGN_KEYS: [(&str, Treatment, &str); 20] = [
    ("resource", Ignored, "own metrics carry no resource"),
    (
        "traces.processors",
        Refused,
        "the program does not trace itself",
    ),
    ("traces", Ignored, "the program does not trace itself"),
    (
        "logs.processors",
        Refused,
        "own logs are written to the standard error output only",
    ),
    (
        "logs.output_paths",
        Refused,
        "own logs are written to the standard error output only",
    ),
    (
        "logs.error_output_paths",
        Ignored,
        "errors of logging itself are not written",
    ),
    ("logs.development", Ignored, "there is one mode of logging"),
    (
        "logs.disable_caller",
        Ignored,
        "logs name the module and no caller",
    ),
    (
        "logs.disable_stacktrace",
        Ignored,
        "logs have no stack traces",
    ),
    (
        "logs.disable_zap_resource",
        Ignored,
        "logs carry no resource",
    ),
    (
        "logs.initial_fields",
        Refused,
        "logs have a fixed set of fields",
    ),
    ("logs.sampling", Ignored, NOT_SAMPLED),
    (
        "metrics.views",
        Refused,
        "the set of metrics is chosen by `level`",
    ),
    ("metrics.readers.*.periodic", Refused, ONLY_PULL),
    ("metrics.readers.*.pull.exporter.otlp", Refused, ONLY_PULL),
    (
        "metrics.readers.*.pull.exporter.prometheus.without_scope_info",
        Ignored,
        "there is none",
    ),
    (
        "metrics.readers.*.pull.exporter.prometheus.without_type_suffix",
        Ignored,
        "names are fixed",
    ),
    (
        "metrics.readers.*.pull.exporter.prometheus.without_units",
        Ignored,
        "names are fixed",
    ),
    (
        "metrics.readers.*.pull.exporter.prometheus.with_resource_constant_labels",
        Ignored,
        "there are none",
    ),
    (
        "metrics.readers.*.pull.exporter.prometheus.translation_strategy",
        Ignored,
        "names are fixed",
    ),
];

/// Takes the collector's keys out of the block and says what becomes of them.
pub(super) fn remove_foreign_keys(telemetry: &mut Node, findings: &mut Findings) {
    for (path, treatment, reason) in &FOREIGN_KEYS {
        let path: Vec<&str> = path.split('.').collect();
        remove(telemetry, &path, (treatment, reason), findings);
    }
}

fn remove(node: &mut Node, path: &[&str], rule: (&Treatment, &str), findings: &mut Findings) {
    match (&mut node.value, path) {
        (Value::Sequence(items), ["*", rest @ ..]) => {
            for item in items {
                remove(item, rest, rule, findings);
            }
        }
        (Value::Mapping(entries), [last]) => {
            let Some(entry) = entries.shift_remove(*last) else {
                return;
            };
            if *last == "output_paths" && writes_to_stderr(&entry.value) {
                return;
            }
            let (treatment, reason) = rule;
            let site = entry.value.site_under(Some(entry.key));
            let site = Site {
                position: entry.key,
                ..site
            };
            match treatment {
                Ignored => findings.notice(site, format!("`{last}` has no effect: {reason}")),
                Refused => {
                    // What is left would only seem to lack something.
                    if entries.is_empty() {
                        node.value = Value::Broken;
                    }
                    findings.error(site, format!("`{last}` is not supported: {reason}"))
                }
            };
        }
        (Value::Mapping(entries), [first, rest @ ..]) => {
            if let Some(entry) = entries.get_mut(*first) {
                remove(&mut entry.value, rest, rule, findings);
            }
        }
        _ => {}
    }
}

fn writes_to_stderr(paths: &Node) -> bool {
    let is_stderr = |node: &Node| node.scalar_text() == Some("stderr");
    match paths.sequence() {
        Some(items) => items.iter().all(is_stderr),
        None => is_stderr(paths),
    }
}
