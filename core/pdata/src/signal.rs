//! The kinds of telemetry a pipeline carries.

use std::fmt;

/// What a [`crate::Batch`] carries; also the first half of a pipeline's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    Traces,
    Metrics,
    Logs,
    /// Reports of SkyWalking agents that OTLP has no words for: heartbeats, runtime metrics, browser
    /// performance, events ...
    Skywalking,
}

impl Signal {
    pub const ALL: [Signal; 4] = [
        Signal::Traces,
        Signal::Metrics,
        Signal::Logs,
        Signal::Skywalking,
    ];
    /// Those that OTLP has a form for.
    pub const OTLP: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The name used in configuration, metric labels and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Skywalking => "skywalking",
        }
    }

    /// What one item of this signal is called in metric names, as in `accepted_spans`.
    pub const fn item_name(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "metric_points",
            Signal::Logs => "log_records",
            Signal::Skywalking => "reports",
        }
    }

    /// Ends what a caller who asked for the OTLP form of a report has begun: components of OTLP name
    /// [`Signal::OTLP`] as theirs, so that no pipeline of reports leads to them.
    pub(crate) const fn has_no_otlp() -> ! {
        panic!("reports have no OTLP form")
    }

    /// The inverse of [`Signal::name`].
    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
