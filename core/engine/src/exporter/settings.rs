//! The policies around an exporter, as numbers.

use std::time::Duration;

use super::queue::Amount;

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
    /// In the unit of `sizer`, for each signal.
    pub queue_size: usize,
    pub sizer: Sizer,
    /// Attempts in flight at once, for each signal.
    pub num_consumers: usize,
    /// How long a caller waits for room before it is refused.
    pub max_wait: Duration,
    /// When to send and how much; `None` sends without timers.
    pub batch: Option<BatchSettings>,
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

impl Default for QueueSettings {
    fn default() -> Self {
        QueueSettings {
            queue_size: 1000,
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
            max_elapsed_time: Duration::from_secs(300),
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
