//! What the process offers to a plugin at work.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Mutex, RwLock};
use plugin::{Level, Services};
use telemetry::{Counter, Gauge, Histogram, Metrics};

const COUNTER: &str = "skyferry_plugin_counter_total";
const GAUGE: &str = "skyferry_plugin_gauge";
const HISTOGRAM: &str = "skyferry_plugin_histogram";

/// Values that all histograms of one instance take in a second; they are kept one by one until the next upkeep.
const VALUES_MAX: u32 = 100_000;
const SECOND: Duration = Duration::from_secs(1);

/// Counts the values of a second.
struct Window {
    began: Instant,
    values: u32,
}

impl Window {
    /// Whether there is room for one more value.
    fn admits(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.began) >= SECOND {
            *self = Window {
                began: now,
                values: 0,
            };
        }
        self.values += 1;
        self.values <= VALUES_MAX
    }
}

/// For one instance. The names of metrics are bounded where the plugin is called.
pub(super) struct Offered {
    processor: String,
    component: String,
    metrics: Metrics,
    counters: Named<Counter>,
    gauges: Named<Gauge>,
    histograms: Named<Histogram>,
    recorded: Mutex<Window>,
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
            recorded: Mutex::new(Window {
                began: Instant::now(),
                values: 0,
            }),
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
        if !self.recorded.lock().admits(Instant::now()) {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_take_a_bounded_number_of_values_a_second() {
        let metrics = Metrics::new();
        let offered = Offered::new("plugin", &metrics);
        let mut window = Window {
            began: Instant::now(),
            values: VALUES_MAX,
        };
        assert!(!window.admits(window.began));
        assert!(window.admits(window.began + SECOND));
        offered.histogram("sizes", 0.5);
        offered.counter("seen", 2);
        offered.counter("seen", 3);
        offered.gauge("open", 7.0);
        let told = |name| {
            let labels = |metric| [("processor", "plugin"), ("name", metric)];
            metrics.value(
                name,
                &labels(match name {
                    COUNTER => "seen",
                    GAUGE => "open",
                    _ => "sizes",
                }),
            )
        };
        assert_eq!(told(COUNTER), Some(5.0));
        assert_eq!(told(GAUGE), Some(7.0));
        assert_eq!(told("skyferry_plugin_histogram_count"), Some(1.0));
    }
}
