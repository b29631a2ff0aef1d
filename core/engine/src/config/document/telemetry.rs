//! `service.telemetry`: how the program tells about itself.
//!
//! Takes the collector's shape. Keys of the collector that change nothing here are accepted with a
//! notice, those that ask for something this program does not do are errors that say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::diagnostic::Findings;
use crate::config::foreign::{self, ForeignKey};
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
    /// Whether health checks are answered.
    pub enabled: bool,
    /// `host:port` that answers them.
    pub address: String,
}

impl Default for HealthSettings {
    fn default() -> Self {
        HealthSettings {
            enabled: true,
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

const NOT_SAMPLED: &str = "logs are limited by rate, not sampled";
const ONLY_PULL: &str = "own metrics are served for Prometheus under `metrics.address`; \
                         scrape them, also with this program's own receivers";

/// Keys of the collector that have no counterpart.
const FOREIGN_KEYS: [ForeignKey; 20] = [
    ForeignKey::ignored("resource", "own metrics carry no resource"),
    ForeignKey::refused("traces.processors", "the program does not trace itself"),
    ForeignKey::ignored("traces", "the program does not trace itself"),
    ForeignKey::refused(
        "logs.processors",
        "own logs are written to the standard error output only",
    ),
    ForeignKey::refused(
        "logs.output_paths",
        "own logs are written to the standard error output only",
    ),
    ForeignKey::ignored(
        "logs.error_output_paths",
        "errors of logging itself are not written",
    ),
    ForeignKey::ignored("logs.development", "there is one mode of logging"),
    ForeignKey::ignored("logs.disable_caller", "logs name the module and no caller"),
    ForeignKey::ignored("logs.disable_stacktrace", "logs have no stack traces"),
    ForeignKey::ignored("logs.disable_zap_resource", "logs carry no resource"),
    ForeignKey::refused("logs.initial_fields", "logs have a fixed set of fields"),
    ForeignKey::ignored("logs.sampling", NOT_SAMPLED),
    ForeignKey::refused("metrics.views", "the set of metrics is chosen by `level`"),
    ForeignKey::refused("metrics.readers.*.periodic", ONLY_PULL),
    ForeignKey::refused("metrics.readers.*.pull.exporter.otlp", ONLY_PULL),
    ForeignKey::ignored(
        "metrics.readers.*.pull.exporter.prometheus.without_scope_info",
        "there is none",
    ),
    ForeignKey::ignored(
        "metrics.readers.*.pull.exporter.prometheus.without_type_suffix",
        "names are fixed",
    ),
    ForeignKey::ignored(
        "metrics.readers.*.pull.exporter.prometheus.without_units",
        "names are fixed",
    ),
    ForeignKey::ignored(
        "metrics.readers.*.pull.exporter.prometheus.with_resource_constant_labels",
        "there are none",
    ),
    ForeignKey::ignored(
        "metrics.readers.*.pull.exporter.prometheus.translation_strategy",
        "names are fixed",
    ),
];

/// Takes the collector's keys out of the block and says what becomes of them.
pub(super) fn remove_foreign_keys(telemetry: &mut Node, findings: &mut Findings) {
    remove_standard_output_path(telemetry);
    foreign::remove(telemetry, &FOREIGN_KEYS, findings);
}

/// To name the standard error output says what happens anyway.
fn remove_standard_output_path(telemetry: &mut Node) {
    let Some(logs) = telemetry.entry_mut("logs") else {
        return;
    };
    let Value::Mapping(entries) = &mut logs.value.value else {
        return;
    };
    let paths = entries.get("output_paths");
    if paths.is_some_and(|paths| writes_to_stderr(&paths.value)) {
        entries.shift_remove("output_paths");
    }
}

fn writes_to_stderr(paths: &Node) -> bool {
    let is_stderr = |node: &Node| node.scalar_text() == Some("stderr");
    match paths.sequence() {
        Some(items) => items.iter().all(is_stderr),
        None => is_stderr(paths),
    }
}
