//! What became of points, for operators.

use telemetry::{Counter, Gauge, Metrics};

/// One counter for each fate of a point; beside `merged`, each says that something is not as its
/// sender meant it.
#[derive(Clone)]
pub(super) struct Tally {
    pub(super) merged: Counter,
    /// Of a resource that had come before, byte by byte.
    pub(super) repeated: Counter,
    /// Older than its window; see `late`.
    pub(super) late: Counter,
    pub(super) late_dropped: Counter,
    /// Not to be added: no finite number, or buckets that do not fit their bounds.
    pub(super) invalid: Counter,
    /// Kept apart because its bounds fit no others of the metric.
    pub(super) apart: Counter,
    /// Merged into an overflow series.
    pub(super) overflowed: Counter,
    /// Of a metric for which the window had no room any more.
    pub(super) dropped_for_room: Counter,
    /// Series of the last window.
    pub(super) series: Gauge,
}

impl Tally {
    pub(super) fn new(metrics: &Metrics, processor: &str) -> Self {
        let counter = |outcome| {
            let labels = [("processor", processor), ("outcome", outcome)];
            metrics.counter("skyferry_delta_merge_points_total", &labels)
        };
        Tally {
            merged: counter("merged"),
            repeated: counter("repeated"),
            late: counter("late"),
            late_dropped: counter("late_dropped"),
            invalid: counter("invalid"),
            apart: counter("apart"),
            overflowed: counter("overflowed"),
            dropped_for_room: counter("dropped_for_room"),
            series: metrics.gauge("skyferry_delta_merge_series", &[("processor", processor)]),
        }
    }
}
