//! What an operator may say.

use std::time;

use engine::config::{ByteSize, Duration, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// The length of a window. Windows begin at multiples of it, so `60s` ends them with the minute.
    pub(super) flush_interval: Duration,
    /// Resource attributes that tell what is merged from what is not. They stay on the resource; all
    /// others but `point_attributes` are left out.
    pub(super) group_by: Vec<String>,
    /// Resource attributes that move to the points, so that each value stays a series of its own.
    pub(super) point_attributes: Vec<String>,
    /// What becomes of gauges.
    pub(super) gauges: GaugeMode,
    /// With `gauges: mean`, also `NAME.count`, `NAME.min` and `NAME.max`.
    pub(super) gauge_statistics: bool,
    /// Metrics that pass as they are, because their values are not to be added or averaged.
    pub(super) exclude: Vec<String>,
    /// What becomes of points that are older than the window in which they come.
    pub(super) late: Late,
    /// Series of one window; more are one overflow series for each metric.
    pub(super) max_series: usize,
    /// Values of gauges that one window keeps; a gauge with more leaves as its mean.
    pub(super) max_gauge_values: usize,
    /// Memory for the names, attributes and buckets of one window, about; beyond it as beyond
    /// `max_series`.
    pub(super) max_memory_bytes: ByteSize,
    /// What the journal may take on disk.
    pub(super) max_journal_bytes: ByteSize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GaugeMode {
    /// Every value as a point of its own, all in one submission: sums, means and maxima are true.
    Points,
    /// One point for each series: the mean of its values.
    Mean,
    /// As they are, at once.
    Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Late {
    /// Counted in the window in which they come.
    Fold,
    /// A submission of their own for each interval that they are from.
    OwnMinute,
    /// Left out, and counted.
    Drop,
}

impl Default for Config {
    fn default() -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Config {
            flush_interval: time::Duration::from_mins(1).into(),
            group_by: texts(&[
                "service.namespace",
                "service.name",
                "service.layer",
                "miniprogram.platform",
                "os.name",
                "deployment.environment.name",
            ]),
            point_attributes: texts(&["service.instance.id", "service.version"]),
            gauges: GaugeMode::Points,
            gauge_statistics: false,
            exclude: texts(&["miniprogram.first_paint.time"]),
            late: Late::Fold,
            max_series: 100_000,
            max_gauge_values: 200_000,
            max_memory_bytes: ByteSize::from_mib(256),
            max_journal_bytes: ByteSize::from_mib(1 << 10),
        }
    }
}

/// A window is at least this long, and at most [`INTERVAL_MAX`].
const INTERVAL_MIN: time::Duration = time::Duration::from_secs(1);
const INTERVAL_MAX: time::Duration = time::Duration::from_hours(1);
/// In less memory there would be overflow series only.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// A journal with less room cannot hold a window.
const JOURNAL_BYTES_MIN: u64 = 16 << 20;

impl Config {
    pub(super) fn excludes(&self, metric: &str) -> bool {
        self.exclude.iter().any(|name| name == metric)
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let interval = self.flush_interval.as_std();
        let is_whole = interval.subsec_nanos() == 0;
        if !is_whole || !(INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            let text = format!(
                "`flush_interval` {} is no length of a window",
                self.flush_interval
            );
            problems
                .at("flush_interval", text)
                .help("write whole seconds, from `1s` to `1h`; OAP wants `60s`");
        }
        if self.group_by.is_empty() {
            problems
                .at(
                    "group_by",
                    "`group_by` is empty, so all services would be one",
                )
                .help("write at least `[service.name]`");
        }
        let both = |name: &&String| self.group_by.contains(name);
        if let Some(name) = self.point_attributes.iter().find(both) {
            let text = format!("`{name}` is in `group_by` and in `point_attributes`");
            problems
                .at("point_attributes", text)
                .help("an attribute stays on the resource or moves to the points: keep one");
        }
        if self.gauge_statistics && self.gauges != GaugeMode::Mean {
            problems
                .at(
                    "gauge_statistics",
                    "`gauge_statistics` belongs to `gauges: mean`",
                )
                .help("write `gauges: mean`, or leave it out");
        }
        for (key, value) in [
            ("max_series", self.max_series),
            ("max_gauge_values", self.max_gauge_values),
        ] {
            if value == 0 {
                problems
                    .at(key, format!("`{key}` 0 leaves nothing to merge into"))
                    .help("leave it out for the default");
            }
        }
        if self.max_memory_bytes.bytes() < MEMORY_BYTES_MIN {
            problems
                .at(
                    "max_memory_bytes",
                    "a window would be too small to merge in",
                )
                .help("write at least `1MiB`");
        }
        if self.max_journal_bytes.bytes() < JOURNAL_BYTES_MIN {
            problems
                .at("max_journal_bytes", "the journal could not hold a window")
                .help("write at least `16MiB`");
        }
    }
}
