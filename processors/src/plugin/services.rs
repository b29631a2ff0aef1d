//! What the process offers to a plugin at work.

use std::collections::HashMap;
use std::time::SystemTime;

use parking_lot::RwLock;
use plugin::{Level, Services};
use telemetry::{Counter, Gauge, Histogram, Metrics};

const COUNTER: &str = "skyferry_plugin_counter_total";
const GAUGE: &str = "skyferry_plugin_gauge";
const HISTOGRAM: &str = "skyferry_plugin_histogram";

/// For one instance. The names of metrics are bounded where the plugin is called.
pub(super) struct Offered {
    processor: String,
    component: String,
    metrics: Metrics,
    counters: Named<Counter>,
    gauges: Named<Gauge>,
    histograms: Named<Histogram>,
}

/// Metrics by the name that the plugin gives them.
type Named<M> = RwLock<HashMap<String, M>>;

impl Offered {
    pub(super) fn new(processor: &str, metrics: &Metrics) -> Self {
        for (name, help) in [
            (COUNTER, "what plugins count, by the names that they give"),
            (GAUGE, "what plugins measure, by the names that they give"),
            (
                HISTOGRAM,
                "values that plugins record, by the names that they give",
            ),
        ] {
            metrics.describe(name, help);
        }
        Offered {
            processor: processor.to_owned(),
            component: format!("processors/{processor}"),
            metrics: metrics.clone(),
            counters: RwLock::default(),
            gauges: RwLock::default(),
            histograms: RwLock::default(),
        }
    }

    fn labels<'a>(&'a self, name: &'a str) -> [(&'static str, &'a str); 2] {
        [("processor", &self.processor), ("name", name)]
    }
}

/// Uses the metric with this name, which is made where it is missing.
fn with<M: Clone>(named: &Named<M>, name: &str, make: impl FnOnce() -> M, apply: impl FnOnce(&M)) {
    if let Some(metric) = named.read().get(name) {
        return apply(metric);
    }
    apply(named.write().entry(name.to_owned()).or_insert_with(make));
}

impl Services for Offered {
    fn log(&self, level: Level, text: &str) {
        let component = self.component.as_str();
        match level {
            Level::Error => tracing::error!(component, "{text}"),
            Level::Warn => tracing::warn!(component, "{text}"),
            Level::Info => tracing::info!(component, "{text}"),
            Level::Debug => tracing::debug!(component, "{text}"),
        }
    }

    fn counter(&self, name: &str, add: u64) {
        let make = || self.metrics.counter(COUNTER, &self.labels(name));
        with(&self.counters, name, make, |counter| counter.increment(add));
    }

    fn gauge(&self, name: &str, value: f64) {
        let make = || self.metrics.gauge(GAUGE, &self.labels(name));
        with(&self.gauges, name, make, |gauge| gauge.set(value));
    }

    fn histogram(&self, name: &str, value: f64) {
        let make = || self.metrics.histogram(HISTOGRAM, &self.labels(name));
        with(&self.histograms, name, make, |histogram| {
            histogram.record(value)
        });
    }

    fn now_unix_nano(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
    }
}
