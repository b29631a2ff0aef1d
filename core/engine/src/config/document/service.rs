//! `service`: pipelines, extensions in use, and settings of the program.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::telemetry::TelemetryConfig;
use crate::config::quantity::Duration;

const DEFAULT_DATA_DIR: &str = "./skyferry-data";
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The block as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServiceConfig {
    /// Ids of the extensions to run.
    extensions: Vec<String>,
    /// By id: a signal, or `signal/name`.
    pipelines: BTreeMap<String, PipelineConfig>,
    /// The program's own logs, metrics and health.
    pub(super) telemetry: TelemetryConfig,
    /// Where queues and other state are kept.
    pub(super) data_dir: String,
    /// How long a stop may take until what is left stays in the queues.
    pub(super) shutdown_timeout: Duration,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PipelineConfig {
    /// Ids of receivers, and of processors that derive this pipeline's signal.
    receivers: Vec<String>,
    /// Ids of processors in the order data passes them.
    processors: Vec<String>,
    /// Ids of exporters; each gets everything.
    exporters: Vec<String>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        ServiceConfig {
            extensions: Vec::new(),
            pipelines: BTreeMap::new(),
            telemetry: TelemetryConfig::default(),
            data_dir: DEFAULT_DATA_DIR.to_owned(),
            shutdown_timeout: DEFAULT_SHUTDOWN_TIMEOUT,
        }
    }
}
