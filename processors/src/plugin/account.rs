//! What is told to the operator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use pdata::Signal;
use plugin::{Description, Failure};
use telemetry::health::Condition;
use telemetry::{Counter, Gauge, Health, Histogram, Metrics};

use super::config::{Config, OnFailure};
use super::messages::Tally;

const MESSAGES: &str = "skyferry_plugin_messages_total";
const BYTES: &str = "skyferry_plugin_bytes_total";
const SECONDS: &str = "skyferry_plugin_batch_seconds";
const FAILURES: &str = "skyferry_plugin_failures_total";
const BYPASSED: &str = "skyferry_plugin_bypassed_items_total";
const AT_WORK: &str = "skyferry_plugin_at_work";
const INFO: &str = "skyferry_plugin_info";
const LOADS: &str = "skyferry_plugin_loads_total";
const STALE: &str = "skyferry_plugin_stale";

const HELP: [(&str, &str); 9] = [
    (
        MESSAGES,
        "messages that a plugin has seen, by what it made of them",
    ),
    (
        BYTES,
        "bytes shown to a plugin (`in`) and made by it (`out`)",
    ),
    (SECONDS, "time that a plugin took for a batch"),
    (FAILURES, "batches on which a plugin failed"),
    (
        BYPASSED,
        "items that passed a plugin unprocessed because it failed",
    ),
    (
        AT_WORK,
        "0 while a plugin is left alone because it failed too often",
    ),
    (INFO, "1 for the version of a plugin that is at work"),
    (
        LOADS,
        "libraries that were loaded while the process runs, by what became of them",
    ),
    (
        STALE,
        "1 while a changed library cannot be loaded and the older one is at work",
    ),
];

/// What one processor tells, whichever library it has.
pub(super) struct Account {
    processor: String,
    /// As in the log and in reports of health: `processors/plugin`.
    component: String,
    metrics: Metrics,
    health: Health,
    unchanged: Counter,
    replaced: Counter,
    refused: Counter,
    bytes_in: Counter,
    bytes_out: Counter,
    seconds: Histogram,
    bypassed: Counter,
    at_work: Gauge,
    loads: Counter,
    refused_loads: Counter,
    stale: Gauge,
    /// Failures by reason, as they come.
    failures: Mutex<BTreeMap<&'static str, Counter>>,
    /// The version at work.
    info: Mutex<Option<Gauge>>,
    /// Signals of batches that no plugin was shown and that were told of.
    told: [AtomicBool; Signal::ALL.len()],
}

impl Account {
    pub(super) fn new(processor: &str, metrics: &Metrics, health: &Health) -> Self {
        for (name, help) in HELP {
            metrics.describe(name, help);
        }
        let own = [("processor", processor)];
        let counter = |name, label, value| metrics.counter(name, &[own[0], (label, value)]);
        let account = Account {
            unchanged: counter(MESSAGES, "outcome", "unchanged"),
            replaced: counter(MESSAGES, "outcome", "replaced"),
            refused: counter(MESSAGES, "outcome", "refused"),
            bytes_in: counter(BYTES, "direction", "in"),
            bytes_out: counter(BYTES, "direction", "out"),
            seconds: metrics.histogram(SECONDS, &own),
            bypassed: metrics.counter(BYPASSED, &own),
            at_work: metrics.gauge(AT_WORK, &own),
            loads: counter(LOADS, "result", "loaded"),
            refused_loads: counter(LOADS, "result", "refused"),
            stale: metrics.gauge(STALE, &own),
            failures: Mutex::default(),
            info: Mutex::default(),
            told: Default::default(),
            processor: processor.to_owned(),
            component: format!("processors/{processor}"),
            metrics: metrics.clone(),
            health: health.clone(),
        };
        account.at_work.set(1.0);
        account
    }

    pub(super) fn processor(&self) -> &str {
        &self.processor
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn count(&self, tally: &Tally) {
        self.unchanged.increment(tally.unchanged);
        self.replaced.increment(tally.replaced);
        self.refused.increment(tally.refused);
        self.bytes_in.increment(tally.bytes_in);
        self.bytes_out.increment(tally.bytes_out);
        self.seconds.record(tally.took.as_secs_f64());
    }

    /// Shows which plugin is at work from now on.
    pub(super) fn at_work(&self, description: &Description) {
        let labels = [
            ("processor", &*self.processor),
            ("name", &*description.name),
            ("version", &*description.version),
        ];
        let gauge = self.metrics.gauge(INFO, &labels);
        let mut info = self.info.lock();
        if let Some(before) = info.take() {
            before.set(0.0);
        }
        gauge.set(1.0);
        *info = Some(gauge);
        self.well();
    }

    /// The plugin is asked again, or for the first time.
    pub(super) fn well(&self) {
        self.at_work.set(1.0);
        self.health.set(&self.component, Condition::Ok);
    }

    pub(super) fn recovered(&self) {
        tracing::info!(component = self.component, "the plugin works again");
        self.well();
    }

    pub(super) fn failed(&self, failure: &Failure) {
        let reason = failure.reason();
        let counter = || {
            let labels = [("processor", &*self.processor), ("reason", reason)];
            self.metrics.counter(FAILURES, &labels)
        };
        let mut failures = self.failures.lock();
        let counter = failures.entry(reason).or_insert_with(counter);
        counter.increment(1);
        tracing::warn!(
            component = self.component,
            "the plugin was asked in vain: {failure}"
        );
    }

    /// The plugin has failed too often in a row.
    pub(super) fn left_alone(&self, config: &Config, failure: &Failure) {
        self.at_work.set(0.0);
        let (condition, consequence) = match config.on_failure {
            OnFailure::Refuse => {
                let condition = Condition::Failing as fn(String) -> Condition;
                (condition, "its pipelines refuse everything")
            }
            OnFailure::Bypass => {
                let condition = Condition::Degraded as fn(String) -> Condition;
                (condition, "everything passes unprocessed")
            }
        };
        tracing::error!(
            component = self.component,
            failures = config.max_failures,
            "the plugin has failed too often in a row and is left alone: {consequence}, until it is exchanged \
             or works again with the batch that it is tried with every 30 seconds",
        );
        let text = format!(
            "it has failed {} times in a row: {failure}",
            config.max_failures
        );
        self.health.set(&self.component, condition(text));
    }

    pub(super) fn bypassed(&self, items: usize) {
        self.bypassed.increment(items as u64);
    }

    /// Tells once of a signal that passes because the plugin does not process it.
    pub(super) fn passed(&self, signal: Signal) {
        if !self.told[signal as usize].swap(true, Ordering::Relaxed) {
            tracing::warn!(
                component = self.component,
                signal = signal.name(),
                "the plugin does not process this signal, so it passes as it is",
            );
        }
    }

    /// The library was exchanged.
    pub(super) fn exchanged(&self, description: &Description) {
        self.loads.increment(1);
        self.stale.set(0.0);
        self.at_work(description);
        tracing::info!(
            component = self.component,
            name = description.name,
            version = description.version,
            "the plugin is loaded again",
        );
    }

    /// The library was not exchanged.
    pub(super) fn kept(&self, why: &str) {
        self.refused_loads.increment(1);
        self.stale.set(1.0);
        tracing::error!(
            component = self.component,
            "the changed library cannot be loaded, so the older one stays: {why}",
        );
    }
}
