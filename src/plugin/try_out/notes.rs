//! What a plugin tells its host while it is tried.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use plugin::{Level, Services};

use crate::terminal;

/// Its metrics; lines of its log go straight to standard error. The host bounds how many names there are.
#[derive(Default)]
pub(super) struct Notes {
    metrics: Mutex<BTreeMap<String, Metric>>,
}

enum Metric {
    Counter(u64),
    Gauge(f64),
    Histogram { count: u64, sum: f64 },
}

impl Notes {
    /// A line for each metric, or nothing.
    pub(super) fn metrics(&self) -> String {
        let mut out = String::new();
        for (name, metric) in &*self.metrics.lock() {
            let line = match metric {
                Metric::Counter(value) => writeln!(out, "counter {name}: {value}"),
                Metric::Gauge(value) => writeln!(out, "gauge {name}: {value}"),
                Metric::Histogram { count, sum } => {
                    writeln!(out, "histogram {name}: {count} values, sum {sum}")
                }
            };
            line.expect("memory takes everything");
        }
        out
    }
}

impl Services for Notes {
    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        terminal::complain(&format!("plugin {level}: {text}\n"));
    }

    fn counter(&self, name: &str, add: u64) {
        let mut metrics = self.metrics.lock();
        match metrics.get_mut(name) {
            Some(Metric::Counter(value)) => *value = value.saturating_add(add),
            _ => _ = metrics.insert(name.to_owned(), Metric::Counter(add)),
        }
    }

    fn gauge(&self, name: &str, value: f64) {
        self.metrics
            .lock()
            .insert(name.to_owned(), Metric::Gauge(value));
    }

    fn histogram(&self, name: &str, value: f64) {
        let mut metrics = self.metrics.lock();
        match metrics.get_mut(name) {
            Some(Metric::Histogram { count, sum }) => {
                *count += 1;
                *sum += value;
            }
            _ => {
                _ = metrics.insert(
                    name.to_owned(),
                    Metric::Histogram {
                        count: 1,
                        sum: value,
                    },
                )
            }
        }
    }

    fn now_unix_nano(&self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
    }
}
