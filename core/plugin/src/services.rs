//! What the host offers to plugins at work.

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
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
