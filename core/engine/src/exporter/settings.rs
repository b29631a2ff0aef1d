//! The policies around an exporter, as numbers.

use std::path::PathBuf;
use std::time::Duration;

use queue::{Durability, WhenFull};

use super::size::Amount;
use crate::Refusal;
use crate::config::ComponentId;

/// The collector's default.
pub(super) const MEMORY_QUEUE_SIZE: usize = 1000;
/// The collector's default where the queue is in memory.
pub(super) const RETRY_ELAPSED_MAX: Duration = Duration::from_secs(300);

/// Everything the stack around one exporter is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None` calls the exporter while the sender of the data waits.
    pub queue: Option<QueueSettings>,
    pub retry: RetrySettings,
    /// The bound on one attempt; zero is none.
    pub timeout: Duration,
    /// Whether its overflow is dropped and counted instead of refusing anybody.
    pub optional: bool,
}

/// `sending_queue`.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    pub storage: Storage,
    /// In the unit of `sizer`, for each signal; `usize::MAX` is no bound.
    pub queue_size: usize,
    pub sizer: Sizer,
    /// Attempts in flight at once, for each signal.
    pub num_consumers: usize,
    /// How long a caller waits for room before it is refused.
    pub max_wait: Duration,
    /// When to send and how much; `None` sends without timers.
    pub batch: Option<BatchSettings>,
}

/// Where a queue is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Lost when the process dies.
    Memory,
    Disk(DiskSettings),
}

/// A queue on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// The extension that says where it is.
    pub extension: Option<ComponentId>,
    /// The directory of all queues; `None` is the one in `data_dir`.
    pub directory: Option<PathBuf>,
    pub durability: Durability,
    pub max_bytes: u64,
    /// `None` keeps everything.
    pub max_age: Option<Duration>,
    pub min_free_disk: u64,
    pub when_full: WhenFull,
    pub dead_letter_max_bytes: u64,
}

/// What `queue_size` and batch sizes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    Requests,
    Items,
    Bytes,
}

impl Sizer {
    /// `size` as an amount; requests are counted as one item each.
    pub(super) const fn amount(self, size: usize) -> Amount {
        match self {
            Sizer::Bytes => Amount::Bytes(size),
            Sizer::Requests | Sizer::Items => Amount::Items(size),
        }
    }

    /// What a caller is told whose batch would never fit.
    pub(super) fn exceeds(self, units: usize, capacity: usize) -> Refusal {
        let name = self.name();
        let text = format!("a batch of {units} {name} exceeds `queue_size` {capacity}");
        Refusal::reject(text)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Sizer::Requests => "requests",
            Sizer::Items => "items",
            Sizer::Bytes => "bytes",
        }
    }
}

/// `sending_queue.batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// How long a request waits to grow to `min_size`.
    pub flush_timeout: Duration,
    pub min_size: usize,
    /// Zero is no bound.
    pub max_size: usize,
    /// [`Sizer::Items`] or [`Sizer::Bytes`].
    pub sizer: Sizer,
}

/// `retry_on_failure`.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySettings {
    pub enabled: bool,
    pub initial_interval: Duration,
    /// Each interval varies by this part of itself, either way.
    pub randomization_factor: f64,
    pub multiplier: f64,
    pub max_interval: Duration,
    /// How long a request is tried; zero is for ever.
    pub max_elapsed_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            queue: Some(QueueSettings::default()),
            retry: RetrySettings::default(),
            timeout: Duration::from_secs(5),
            optional: false,
        }
    }
}

impl Default for DiskSettings {
    fn default() -> Self {
        DiskSettings {
            extension: None,
            directory: None,
            durability: Durability::Always,
            max_bytes: 10 << 30,
            max_age: None,
            min_free_disk: 1 << 30,
            when_full: WhenFull::Reject,
            dead_letter_max_bytes: 1 << 30,
        }
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        QueueSettings {
            storage: Storage::Memory,
            queue_size: MEMORY_QUEUE_SIZE,
            sizer: Sizer::Requests,
            num_consumers: 10,
            max_wait: Duration::from_secs(1),
            batch: None,
        }
    }
}

impl Default for RetrySettings {
    fn default() -> Self {
        RetrySettings {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: RETRY_ELAPSED_MAX,
        }
    }
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: Sizer::Items,
        }
    }
}
