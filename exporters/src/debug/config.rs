//! The collector's keys of its `debug` exporter.

use engine::config::Problems;
use engine::exporter::{QueueConfig, RetrySettings, Settings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `debug` exporter.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// How much is said of each batch.
    pub(super) verbosity: Verbosity,
    /// Batches shown in each second before sampling begins.
    pub(super) sampling_initial: u64,
    /// Of the others in that second, every how many-th is shown; 0 is none.
    pub(super) sampling_thereafter: u64,
    /// Write into the log of the process, at level `info`.
    pub(super) use_internal_logger: bool,
    /// Where to write without the log: `stdout` or `stderr`.
    #[schemars(length(min = 1, max = 1))]
    pub(super) output_paths: Vec<OutputPath>,
    /// Without it the sender of the data waits until the text is written.
    pub(super) sending_queue: Option<QueueConfig>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verbosity {
    /// One line for each batch.
    Basic,
    /// And one for each item.
    Normal,
    /// And everything in it.
    Detailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutputPath {
    Stdout,
    Stderr,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: vec![OutputPath::Stdout],
            sending_queue: None,
        }
    }
}

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.output_paths.len() != 1 {
            problems
                .at("output_paths", "`output_paths` must name one output")
                .help("write `[stdout]` or `[stderr]`");
        }
        if let Some(queue) = &self.sending_queue {
            queue.check("sending_queue", problems);
        }
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            queue: self.sending_queue.as_ref().and_then(QueueConfig::settings),
            retry: RetrySettings::default(),
            timeout: std::time::Duration::ZERO,
            optional: false,
        }
    }
}
