//! What the host offers to plugins at work.

mod bounded;

use skyferry_plugin_sdk::abi;

pub(crate) use self::bounded::Bounded;
pub use self::bounded::{LOG_LINE_BYTES_MAX, METRIC_NAME_BYTES_MAX, METRIC_NAMES_MAX};

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    /// A number that means nothing is said by a plugin that wanted to say something.
    pub(crate) fn of_number(number: abi::Level) -> Level {
        match number {
            abi::LEVEL_ERROR => Level::Error,
            abi::LEVEL_WARN => Level::Warn,
            abi::LEVEL_DEBUG => Level::Debug,
            _ => Level::Info,
        }
    }
}

/// One plugin's way to the log, the metrics and the clock of the process. Called on any thread, also while a
/// call is under way, and never after the instance is destroyed.
pub trait Services: Send + Sync {
    fn log(&self, level: Level, text: &str);
    fn counter(&self, name: &str, add: u64);
    fn gauge(&self, name: &str, value: f64);
    fn histogram(&self, name: &str, value: f64);
    /// Nanoseconds since the epoch.
    fn now_unix_nano(&self) -> u64;
}
