//! The keys every exporter has: `timeout`, `sending_queue`, `retry_on_failure`, `optional`.
//!
//! Names, defaults and meanings are the collector's; what differs is said at the key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{self, BatchSettings, QueueSettings, RetrySettings};
use crate::config::{Duration, Problems};

/// `sending_queue`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// Without a queue the sender of the data waits for the destination's answer.
    pub enabled: bool,
    /// Requests in flight at once, for each signal.
    #[schemars(range(min = 1, max = 1000))]
    pub num_consumers: usize,
    /// What `queue_size` counts.
    pub sizer: SizerConfig,
    /// How much may wait and be in flight together, for each signal.
    #[schemars(range(min = 1))]
    pub queue_size: usize,
    /// Where the queue is kept.
    pub storage: StorageConfig,
    /// How long a sender waits for room before it is refused with a delay.
    pub max_wait: Duration,
    /// Wait for ever instead.
    pub block_on_overflow: bool,
    /// When to send and how much at once. Without it requests are sent as soon as one may, and
    /// grow while others are in flight.
    pub batch: Option<BatchConfig>,
}

/// What sizes are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SizerConfig {
    Requests,
    Items,
    Bytes,
}

/// Where a queue is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageConfig {
    /// Lost when the process dies.
    Memory,
}

/// `sending_queue.batch`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// How long data waits for more.
    pub flush_timeout: Duration,
    /// Send as soon as this much waits.
    pub min_size: usize,
    /// Never send more than this at once; 0 is no limit.
    pub max_size: usize,
    /// What the sizes count: items or bytes.
    pub sizer: BatchSizerConfig,
}

/// What the sizes of a batch are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchSizerConfig {
    Items,
    Bytes,
}

/// `retry_on_failure`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    pub enabled: bool,
    /// The wait after a first failure.
    pub initial_interval: Duration,
    /// Each wait varies by this part of itself, either way.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub randomization_factor: f64,
    /// By how much each wait is longer than the one before.
    #[schemars(range(min = 1.0))]
    pub multiplier: f64,
    /// The longest wait.
    pub max_interval: Duration,
    /// How long a request is tried before it is dropped and counted; 0 is for ever.
    pub max_elapsed_time: Duration,
}

/// How long `block_on_overflow` lets a sender wait: longer than any client does.
const BLOCKED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Default for QueueConfig {
    fn default() -> Self {
        let settings = QueueSettings::default();
        QueueConfig {
            enabled: true,
            num_consumers: settings.num_consumers,
            sizer: SizerConfig::Requests,
            queue_size: settings.queue_size,
            storage: StorageConfig::Memory,
            max_wait: settings.max_wait.into(),
            block_on_overflow: false,
            batch: None,
        }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        let settings = BatchSettings::default();
        BatchConfig {
            flush_timeout: settings.flush_timeout.into(),
            min_size: settings.min_size,
            max_size: settings.max_size,
            sizer: BatchSizerConfig::Items,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        let settings = RetrySettings::default();
        RetryConfig {
            enabled: settings.enabled,
            initial_interval: settings.initial_interval.into(),
            randomization_factor: settings.randomization_factor,
            multiplier: settings.multiplier,
            max_interval: settings.max_interval.into(),
            max_elapsed_time: settings.max_elapsed_time.into(),
        }
    }
}

impl QueueConfig {
    /// `None` if the queue is switched off.
    pub fn settings(&self) -> Option<QueueSettings> {
        self.enabled.then(|| QueueSettings {
            queue_size: self.queue_size,
            sizer: match self.sizer {
                SizerConfig::Requests => settings::Sizer::Requests,
                SizerConfig::Items => settings::Sizer::Items,
                SizerConfig::Bytes => settings::Sizer::Bytes,
            },
            num_consumers: self.num_consumers,
            max_wait: if self.block_on_overflow {
                BLOCKED
            } else {
                self.max_wait.into()
            },
            batch: self.batch.as_ref().map(BatchConfig::settings),
        })
    }

    /// Reports what does not fit together; `path` is where the block stands.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let Some(batch) = &self.batch else { return };
        batch.check(&format!("{path}.batch"), problems);
        let same = matches!(
            (self.sizer, batch.sizer),
            (SizerConfig::Items, BatchSizerConfig::Items)
                | (SizerConfig::Bytes, BatchSizerConfig::Bytes)
        );
        if same && batch.min_size > self.queue_size {
            let text = format!(
                "`min_size` {} exceeds `queue_size` {}, so it is never reached",
                batch.min_size, self.queue_size
            );
            problems.at(&*format!("{path}.batch.min_size"), text);
        }
    }
}

impl BatchConfig {
    pub fn settings(&self) -> BatchSettings {
        BatchSettings {
            flush_timeout: self.flush_timeout.into(),
            min_size: self.min_size,
            max_size: self.max_size,
            sizer: match self.sizer {
                BatchSizerConfig::Items => settings::Sizer::Items,
                BatchSizerConfig::Bytes => settings::Sizer::Bytes,
            },
        }
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        if self.max_size > 0 && self.max_size < self.min_size {
            let text = format!(
                "`max_size` {} is below `min_size` {}",
                self.max_size, self.min_size
            );
            problems
                .at(&*format!("{path}.max_size"), text)
                .help("0 is no limit");
        }
        if self.flush_timeout.as_std().is_zero() {
            let path = format!("{path}.flush_timeout");
            problems.at(&*path, "`flush_timeout` must be above zero");
        }
    }
}

impl RetryConfig {
    pub fn settings(&self) -> RetrySettings {
        RetrySettings {
            enabled: self.enabled,
            initial_interval: self.initial_interval.into(),
            randomization_factor: self.randomization_factor,
            multiplier: self.multiplier,
            max_interval: self.max_interval.into(),
            max_elapsed_time: self.max_elapsed_time.into(),
        }
    }

    /// Reports what does not fit together; `path` is where the block stands.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let longest = self.max_elapsed_time.as_std();
        for (key, interval) in [
            ("initial_interval", self.initial_interval),
            ("max_interval", self.max_interval),
        ] {
            if !longest.is_zero() && interval.as_std() > longest {
                let text = format!(
                    "`{key}` {interval} exceeds `max_elapsed_time` {}",
                    self.max_elapsed_time
                );
                problems.at(&*format!("{path}.{key}"), text);
            }
        }
    }
}
