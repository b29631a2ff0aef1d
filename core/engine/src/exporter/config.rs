//! The keys every exporter has: `timeout`, `sending_queue`, `retry_on_failure`, `optional`.
//!
//! Names, defaults and meanings are the collector's; what differs is said at the key.

use std::borrow::Cow;

use queue::{Durability, WhenFull};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::settings::{self, BatchSettings, DiskSettings, QueueSettings, RetrySettings, Storage};
use crate::config::{ByteSize, ComponentId, Duration, IdError, Problems};

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
    /// How much may wait and be in flight together, for each signal. Without a number it is 1000
    /// in memory, and what `max_bytes` allows on disk.
    #[schemars(range(min = 1))]
    pub queue_size: Option<usize>,
    /// Where the queue is kept: `disk`, `memory`, or the id of a `file_storage` extension.
    pub storage: StorageConfig,
    /// On disk: when what was taken counts as safe and is acknowledged.
    pub sync: SyncConfig,
    /// With `sync: interval`, how often what was acknowledged is synced.
    pub sync_interval: Duration,
    /// On disk: what the queue may take up, finished or not. Of an exporter with several signals,
    /// one may take half.
    pub max_bytes: ByteSize,
    /// On disk: what is older leaves the queue undelivered and is counted; 0 keeps everything.
    pub max_age: Duration,
    /// On disk: what is to stay free on the volume; of a volume below twenty times that, a
    /// twentieth.
    pub min_free_disk: ByteSize,
    /// On disk: what becomes of new data when there is no room.
    pub when_full: WhenFullConfig,
    /// On disk: what dead letters may take up, in addition. The oldest go first.
    pub dead_letter_max_bytes: ByteSize,
    /// How long a sender waits for room before it is refused with a delay.
    pub max_wait: Duration,
    /// Wait for ever instead.
    pub block_on_overflow: bool,
    /// A sender waits for the destination's answer; the same as `enabled: false`.
    pub wait_for_result: bool,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StorageConfig {
    /// In the data directory: what was acknowledged outlives the process.
    #[default]
    Disk,
    /// Lost when the process dies.
    Memory,
    /// On disk, where this extension says.
    Extension(ComponentId),
}

impl TryFrom<String> for StorageConfig {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Ok(match &*text {
            "disk" => StorageConfig::Disk,
            "memory" => StorageConfig::Memory,
            id => StorageConfig::Extension(ComponentId::parse(id)?),
        })
    }
}

impl From<StorageConfig> for String {
    fn from(storage: StorageConfig) -> Self {
        match storage {
            StorageConfig::Disk => "disk".to_owned(),
            StorageConfig::Memory => "memory".to_owned(),
            StorageConfig::Extension(id) => id.to_string(),
        }
    }
}

impl JsonSchema for StorageConfig {
    fn schema_name() -> Cow<'static, str> {
        "StorageConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// When what was taken counts as safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncConfig {
    /// When it is on the disk: it survives a loss of power.
    Always,
    /// When the system has it: it survives the process, and after `sync_interval` a loss of power.
    Interval,
    /// When the system has it, which writes it to the disk when it likes.
    Os,
}

/// What becomes of new data when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFullConfig {
    /// Its sender is refused, with a delay.
    Reject,
    /// The oldest makes room for it, and is counted.
    DropOldest,
    /// It is dropped, and counted.
    DropNewest,
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
    /// How long a request is tried; then it goes to the dead letters, or with a queue in memory is
    /// dropped and counted. 0 is for ever. Without a number it is for ever with a queue on disk,
    /// else 5 minutes.
    pub max_elapsed_time: Option<Duration>,
}

const SYNC_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);
/// Several segments must fit.
const DISK_BYTES_MIN: u64 = 16 << 20;
/// How long `block_on_overflow` lets a sender wait: longer than any client does.
const BLOCKED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Default for QueueConfig {
    fn default() -> Self {
        let settings = QueueSettings::default();
        let disk = DiskSettings::default();
        QueueConfig {
            enabled: true,
            num_consumers: settings.num_consumers,
            sizer: SizerConfig::Requests,
            queue_size: None,
            storage: StorageConfig::Disk,
            sync: SyncConfig::Always,
            sync_interval: SYNC_INTERVAL.into(),
            max_bytes: ByteSize::from_bytes(disk.max_bytes),
            max_age: std::time::Duration::ZERO.into(),
            min_free_disk: ByteSize::from_bytes(disk.min_free_disk),
            when_full: WhenFullConfig::Reject,
            dead_letter_max_bytes: ByteSize::from_bytes(disk.dead_letter_max_bytes),
            max_wait: settings.max_wait.into(),
            block_on_overflow: false,
            wait_for_result: false,
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
            max_elapsed_time: None,
        }
    }
}

impl QueueConfig {
    /// `None` if there is to be no queue.
    pub fn settings(&self) -> Option<QueueSettings> {
        self.is_at_work().then(|| QueueSettings {
            storage: self.storage_settings(),
            queue_size: self.queue_size.unwrap_or(match self.storage {
                StorageConfig::Memory => settings::MEMORY_QUEUE_SIZE,
                StorageConfig::Disk | StorageConfig::Extension(_) => usize::MAX,
            }),
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

    fn storage_settings(&self) -> Storage {
        let extension = match &self.storage {
            StorageConfig::Memory => return Storage::Memory,
            StorageConfig::Disk => None,
            StorageConfig::Extension(id) => Some(id.clone()),
        };
        let max_age = self.max_age.as_std();
        Storage::Disk(DiskSettings {
            extension,
            directory: None,
            durability: match self.sync {
                SyncConfig::Always => Durability::Always,
                SyncConfig::Interval => Durability::Interval(self.sync_interval.into()),
                SyncConfig::Os => Durability::Os,
            },
            max_bytes: self.max_bytes.bytes(),
            max_age: (!max_age.is_zero()).then_some(max_age),
            min_free_disk: self.min_free_disk.bytes(),
            when_full: match self.when_full {
                WhenFullConfig::Reject => WhenFull::Reject,
                WhenFullConfig::DropOldest => WhenFull::DropOldest,
                WhenFullConfig::DropNewest => WhenFull::DropNewest,
            },
            dead_letter_max_bytes: self.dead_letter_max_bytes.bytes(),
        })
    }

    fn is_at_work(&self) -> bool {
        self.enabled && !self.wait_for_result
    }

    fn is_on_disk(&self) -> bool {
        self.is_at_work() && self.storage != StorageConfig::Memory
    }

    /// Reports what does not fit together; `path` is where the block stands.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        if self.is_on_disk() && self.max_bytes.bytes() < DISK_BYTES_MIN {
            let text = format!(
                "`max_bytes` {} is too small for a queue on disk",
                self.max_bytes
            );
            problems
                .at(&*format!("{path}.max_bytes"), text)
                .help("16MiB is the least");
        }
        if self.sync == SyncConfig::Interval && self.sync_interval.as_std().is_zero() {
            problems
                .at(
                    &*format!("{path}.sync_interval"),
                    "`sync_interval` must be above zero",
                )
                .help("`sync: always` syncs before it acknowledges");
        }
        let Some(batch) = &self.batch else { return };
        batch.check(&format!("{path}.batch"), problems);
        let same = matches!(
            (self.sizer, batch.sizer),
            (SizerConfig::Items, BatchSizerConfig::Items)
                | (SizerConfig::Bytes, BatchSizerConfig::Bytes)
        );
        let size = self.queue_size.unwrap_or(usize::MAX);
        if same && batch.min_size > size {
            let text = format!(
                "`min_size` {} exceeds `queue_size` {size}, so it is never reached",
                batch.min_size
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
    /// What to do with the queue as it is: without one, or with one in memory, nothing is tried for
    /// ever unless that is written.
    pub fn settings(&self, queue: Option<&QueueConfig>) -> RetrySettings {
        let is_on_disk = queue.is_some_and(QueueConfig::is_on_disk);
        let unwritten = match is_on_disk {
            true => std::time::Duration::ZERO,
            false => settings::RETRY_ELAPSED_MAX,
        };
        RetrySettings {
            enabled: self.enabled,
            initial_interval: self.initial_interval.into(),
            randomization_factor: self.randomization_factor,
            multiplier: self.multiplier,
            max_interval: self.max_interval.into(),
            max_elapsed_time: self.max_elapsed_time.map_or(unwritten, Into::into),
        }
    }

    /// Reports what does not fit together; `path` is where the block stands.
    pub fn check(&self, path: &str, queue: Option<&QueueConfig>, problems: &mut Problems) {
        let Some(written) = self.max_elapsed_time else {
            return;
        };
        let longest = written.as_std();
        if queue.is_some_and(QueueConfig::is_on_disk) && !longest.is_zero() {
            let text = format!("what cannot be delivered for {written} goes to the dead letters");
            problems.notice_at(&*format!("{path}.max_elapsed_time"), text);
        }
        for (key, interval) in [
            ("initial_interval", self.initial_interval),
            ("max_interval", self.max_interval),
        ] {
            if !longest.is_zero() && interval.as_std() > longest {
                let text = format!("`{key}` {interval} exceeds `max_elapsed_time` {written}");
                problems.at(&*format!("{path}.{key}"), text);
            }
        }
    }
}
