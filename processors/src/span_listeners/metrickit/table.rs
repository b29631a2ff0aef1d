//! Every attribute that the Swift SDK puts on spans of MetricKit, and the metrics it becomes.
//!
//! Source: `opentelemetry-swift` 2.5.2. Units are base units; `docs/metrickit.md` shows the
//! table to people, and a test keeps it true.

use super::Names;
use crate::span_listeners::listener::{Kind, Metric};

/// An attribute of a span.
pub(super) struct Attribute {
    /// As the SDK spells it.
    pub(super) key: &'static str,
    pub(super) role: Role,
    oap: [Option<Series>; 2],
    otlp: Option<Series>,
}

/// What an attribute is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Measures,
    Device,
    Os,
    /// Of the app that the payload is about.
    Version,
    Build,
    /// The payload is about several versions.
    IsMixed,
    SignpostName,
    SignpostCategory,
    Unused,
}

/// A metric that an attribute's values are points of.
#[derive(Clone, Copy)]
pub(super) struct Series {
    pub(super) metric: Metric<'static>,
    /// From the attribute's unit to the metric's.
    pub(super) factor: f64,
}

impl Attribute {
    /// The SDK spells two keys with a hyphen where others have an underscore; both are taken.
    pub(super) fn is_called(&self, key: &str) -> bool {
        let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
        let (ours, theirs) = (self.key.bytes().map(plain), key.bytes().map(plain));
        self.key.len() == key.len() && ours.eq(theirs)
    }

    pub(super) fn series(&self, names: Names) -> impl Iterator<Item = &Series> + Clone {
        let (oap, otlp) = match names {
            Names::Oap => (&self.oap[..], None),
            Names::Otlp => (&[][..], self.otlp.as_ref()),
        };
        oap.iter().flatten().chain(otlp)
    }

    const fn oap(mut self, series: Series) -> Self {
        match self.oap[0] {
            None => self.oap[0] = Some(series),
            Some(_) => self.oap[1] = Some(series),
        }
        self
    }

    const fn otlp(mut self, series: Series) -> Self {
        self.otlp = Some(series);
        self
    }
}

const fn measures(key: &'static str) -> Attribute {
    says(key, Role::Measures)
}

const fn says(key: &'static str, role: Role) -> Attribute {
    Attribute {
        key,
        role,
        oap: [None; 2],
        otlp: None,
    }
}

impl Series {
    const fn of(name: &'static str, unit: &'static str, kind: Kind<'static>) -> Self {
        let labels = &[];
        Series {
            metric: Metric {
                name,
                unit,
                labels,
                kind,
            },
            factor: 1.0,
        }
    }

    const fn with(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
        self.metric.labels = labels;
        self
    }

    const fn times(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }
}

const fn sum(name: &'static str, unit: &'static str) -> Series {
    Series::of(name, unit, Kind::Sum)
}

const fn mean(name: &'static str, unit: &'static str) -> Series {
    Series::of(name, unit, Kind::Gauge)
}

const fn most(name: &'static str, unit: &'static str) -> Series {
    Series::of(name, unit, Kind::Maximum)
}

/// What is above the last bound is counted in it, as OAP's own listener does: OAP shows the bucket
/// without a bound as 9.2e18.
const fn capped(name: &'static str, unit: &'static str, bounds: &'static [f64]) -> Series {
    let is_capped = true;
    Series::of(name, unit, Kind::Histogram { bounds, is_capped })
}

const fn histogram(name: &'static str, unit: &'static str, bounds: &'static [f64]) -> Series {
    let is_capped = false;
    Series::of(name, unit, Kind::Histogram { bounds, is_capped })
}

/// In seconds, the bounds of OAP's listener.
static LAUNCH: [f64; 10] = [0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];
/// In seconds, the bounds of OAP's listener.
static HANG: [f64; 10] = [0.25, 0.4, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];
/// In milliseconds of hitches per second of scrolling: around Apple's limits of good (5) and
/// critical (10).
static HITCH: [f64; 6] = [1.0, 2.5, 5.0, 10.0, 25.0, 50.0];

/// Attributes of `MXMetricPayload`.
#[rustfmt::skip]
pub(super) static PAYLOAD: [Attribute; 57] = [
    says("metrickit.includes_multiple_application_versions", Role::IsMixed),
    says("metrickit.latest_application_version", Role::Version),
    // The span's own times.
    says("metrickit.timestamp_begin", Role::Unused),
    says("metrickit.timestamp_end", Role::Unused),
    says("metrickit.metadata.app_build_version", Role::Build),
    says("metrickit.metadata.device_type", Role::Device),
    says("metrickit.metadata.os_version", Role::Os),
    says("metrickit.metadata.region_format", Role::Unused),
    says("metrickit.metadata.platform_arch", Role::Unused),
    says("metrickit.metadata.is_test_flight_app", Role::Unused),
    says("metrickit.metadata.low_power_mode_enabled", Role::Unused),
    says("metrickit.metadata.pid", Role::Unused),
    measures("metrickit.app_launch.time_to_first_draw_average")
        .oap(capped("metrickit_app_launch_time_histogram", "s", &LAUNCH))
        .otlp(histogram("ios.app.launch.duration", "s", &LAUNCH).with(&[("launch.type", "cold")])),
    measures("metrickit.app_launch.app_resume_time_average")
        .otlp(histogram("ios.app.launch.duration", "s", &LAUNCH).with(&[("launch.type", "resume")])),
    measures("metrickit.app_launch.optimized_time_to_first_draw_average")
        .otlp(histogram("ios.app.launch.duration", "s", &LAUNCH).with(&[("launch.type", "optimized")])),
    measures("metrickit.app_launch.extended_launch_average")
        .otlp(histogram("ios.app.launch.duration", "s", &LAUNCH).with(&[("launch.type", "extended")])),
    measures("metrickit.app_responsiveness.hang_time_average")
        .oap(sum("metrickit_hang_time", "ms").times(1000.0))
        .oap(capped("metrickit_hang_time_histogram", "s", &HANG))
        .otlp(histogram("ios.app.hang.duration", "s", &HANG)),
    measures("metrickit.cellular_condition.bars_average").otlp(mean("ios.cellular.bars", "{bar}")),
    // The same histogram as that of the bars.
    says("metrickit.cellular_condition.cellular_condition_time_average", Role::Unused),
    measures("metrickit.location_activity.best_accuracy_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "best")])),
    measures("metrickit.location_activity.best_accuracy_for_nav_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "best_for_navigation")])),
    measures("metrickit.location_activity.accuracy_10m_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "10m")])),
    measures("metrickit.location_activity.accuracy_100m_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "100m")])),
    measures("metrickit.location_activity.accuracy_1km_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "1km")])),
    measures("metrickit.location_activity.accuracy_3km_time")
        .otlp(sum("ios.location.time", "s").with(&[("accuracy", "3km")])),
    measures("metrickit.network_transfer.wifi_download")
        .oap(mean("metrickit_wifi_download", "By"))
        .otlp(sum("ios.network.io", "By").with(&[("network.interface", "wifi"), ("network.io.direction", "receive")])),
    measures("metrickit.network_transfer.wifi_upload")
        .oap(mean("metrickit_wifi_upload", "By"))
        .otlp(sum("ios.network.io", "By").with(&[("network.interface", "wifi"), ("network.io.direction", "transmit")])),
    measures("metrickit.network_transfer.cellular_download")
        .oap(mean("metrickit_cellular_download", "By"))
        .otlp(sum("ios.network.io", "By").with(&[("network.interface", "cellular"), ("network.io.direction", "receive")])),
    measures("metrickit.network_transfer.cellular_upload")
        .oap(mean("metrickit_cellular_upload", "By"))
        .otlp(sum("ios.network.io", "By").with(&[("network.interface", "cellular"), ("network.io.direction", "transmit")])),
    measures("metrickit.app_exit.foreground.normal_app_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "normal")])),
    measures("metrickit.app_exit.foreground.abnormal_exit_count")
        .oap(sum("metrickit_foreground_abnormal_exit_count", "{exit}"))
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "abnormal")])),
    measures("metrickit.app_exit.foreground.app_watchdog_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "watchdog")])),
    measures("metrickit.app_exit.foreground.bad_access_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "bad_access")])),
    measures("metrickit.app_exit.foreground.illegal_instruction_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "illegal_instruction")])),
    measures("metrickit.app_exit.foreground.memory_resource_limit_exit-count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "foreground"), ("exit.reason", "memory_limit")])),
    measures("metrickit.app_exit.background.normal_app_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "normal")])),
    measures("metrickit.app_exit.background.abnormal_exit_count")
        .oap(sum("metrickit_background_abnormal_exit_count", "{exit}"))
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "abnormal")])),
    measures("metrickit.app_exit.background.app_watchdog_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "watchdog")])),
    measures("metrickit.app_exit.background.bad_access-exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "bad_access")])),
    measures("metrickit.app_exit.background.illegal_instruction_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "illegal_instruction")])),
    measures("metrickit.app_exit.background.memory_pressure_exit_count")
        .oap(sum("metrickit_background_oom_kill_count", "{exit}"))
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "memory_pressure")])),
    measures("metrickit.app_exit.background.memory_resource_limit_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "memory_limit")])),
    measures("metrickit.app_exit.background.cpu_resource_limit_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "cpu_limit")])),
    measures("metrickit.app_exit.background.suspended_with_locked_file_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "locked_file")])),
    measures("metrickit.app_exit.background.background_task_assertion_timeout_exit_count")
        .otlp(sum("ios.app.exits", "{exit}").with(&[("app.state", "background"), ("exit.reason", "task_timeout")])),
    measures("metrickit.animation.scroll_hitch_time_ratio")
        .oap(mean("metrickit_scroll_hitch_ratio", "ms/s"))
        .otlp(histogram("ios.animation.hitch", "ms/s", &HITCH)),
    measures("metrickit.app_time.foreground_time").otlp(sum("ios.app.foreground.time", "s")),
    measures("metrickit.app_time.background_time")
        .otlp(sum("ios.app.background.time", "s").with(&[("background.mode", "any")])),
    measures("metrickit.app_time.background_audio_time")
        .otlp(sum("ios.app.background.time", "s").with(&[("background.mode", "audio")])),
    measures("metrickit.app_time.background_location_time")
        .otlp(sum("ios.app.background.time", "s").with(&[("background.mode", "location")])),
    measures("metrickit.cpu.cpu_time").oap(sum("metrickit_cpu_time", "s")).otlp(sum("ios.cpu.time", "s")),
    measures("metrickit.cpu.instruction_count").otlp(sum("ios.cpu.instructions", "{instruction}")),
    measures("metrickit.gpu.time").oap(sum("metrickit_gpu_time", "s")).otlp(sum("ios.gpu.time", "s")),
    measures("metrickit.diskio.logical_write_count")
        .oap(sum("metrickit_disk_write", "By")).otlp(sum("ios.disk.logical_writes", "By")),
    measures("metrickit.memory.peak_memory_usage")
        .oap(most("metrickit_peak_memory", "By")).otlp(most("ios.memory.peak", "By")),
    measures("metrickit.memory.suspended_memory_average").otlp(mean("ios.memory.suspended", "By")),
    measures("metrickit.display.pixel_luminance_average").otlp(mean("ios.display.luminance", "{APL}")),
];

/// Attributes of `MXSignpostMetric`.
#[rustfmt::skip]
pub(super) static SIGNPOST: [Attribute; 7] = [
    says("signpost.name", Role::SignpostName),
    says("signpost.category", Role::SignpostCategory),
    measures("signpost.count").otlp(sum("ios.signpost.count", "{interval}")),
    measures("signpost.cpu_time").otlp(sum("ios.signpost.cpu.time", "s")),
    measures("signpost.memory_average").otlp(mean("ios.signpost.memory", "By")),
    measures("signpost.logical_write_count").otlp(sum("ios.signpost.disk.logical_writes", "By")),
    measures("signpost.hitch_time_ratio").otlp(histogram("ios.signpost.hitch", "ms/s", &HITCH)),
];
