//! Every item of an exporter has one recorded end.
//!
//! Per exporter and signal, in items:
//! `enqueued + recovered = delivered + dead lettered + dropped{reason} + quarantined + queued
//! + in flight`.
//!
//! A test of the stack holds it after every kind of failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pdata::Signal;
use telemetry::{Counter, Gauge, Metrics};

use crate::component::Delivery;

/// Counts what happens to the items of one exporter and signal. Clones share the counts.
#[derive(Clone)]
pub(super) struct Observer(Arc<Series>);

struct Series {
    metrics: Metrics,
    exporter: String,
    signal: Signal,
    sent: Counter,
    send_failed: Counter,
    enqueue_failed: Counter,
    enqueued: Total,
    delivered: Total,
    recovered: Total,
    dead_lettered: Total,
    quarantined: Total,
    dropped: AtomicU64,
    in_flight: AtomicU64,
    in_flight_items: Gauge,
    in_flight_requests: Gauge,
    retries: Counter,
}

/// A counter that can be read back.
struct Total {
    counter: Counter,
    value: AtomicU64,
}

impl Total {
    fn add(&self, items: usize) {
        self.counter.increment(items as u64);
        self.value.fetch_add(items as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// What became of the items an exporter was given, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub enqueued: u64,
    /// Found in the queue when it was opened.
    pub recovered: u64,
    pub delivered: u64,
    pub dropped: u64,
    /// Given up and kept among the dead letters.
    pub dead_lettered: u64,
    /// Damaged, or suspected of ending the process.
    pub quarantined: u64,
    pub queued: u64,
    pub in_flight: u64,
}

impl Account {
    /// Items that are neither delivered nor given up.
    pub fn left(&self) -> u64 {
        self.queued + self.in_flight
    }

    /// Whether every item has exactly one place.
    pub fn balances(&self) -> bool {
        let taken = self.enqueued + self.recovered;
        let ended = self.delivered + self.dropped + self.dead_lettered + self.quarantined;
        taken == ended + self.left()
    }
}

impl Observer {
    pub(super) fn new(metrics: &Metrics, exporter: &str, signal: Signal) -> Self {
        let names = Names::of(signal);
        let own = [("exporter", exporter)];
        let both = [("exporter", exporter), ("data_type", signal.name())];
        let total = |name| Total {
            counter: metrics.counter(name, &both),
            value: AtomicU64::new(0),
        };
        Observer(Arc::new(Series {
            metrics: metrics.clone(),
            exporter: exporter.to_owned(),
            signal,
            sent: metrics.counter(names.sent, &own),
            send_failed: metrics.counter(names.send_failed, &own),
            enqueue_failed: metrics.counter(names.enqueue_failed, &own),
            enqueued: total("skyferry_exporter_enqueued_items_total"),
            delivered: total("skyferry_exporter_delivered_items_total"),
            recovered: total("skyferry_exporter_recovered_items_total"),
            dead_lettered: total("skyferry_exporter_dead_lettered_items_total"),
            quarantined: total("skyferry_exporter_quarantined_items_total"),
            dropped: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            in_flight_items: metrics.gauge("skyferry_exporter_in_flight_items", &both),
            in_flight_requests: metrics.gauge("otelcol_exporter_in_flight_requests", &both),
            retries: metrics.counter("skyferry_exporter_retries_total", &both),
        }))
    }

    pub(super) fn enqueued(&self, items: usize) {
        self.0.enqueued.add(items);
    }

    pub(super) fn recovered(&self, items: usize) {
        self.0.recovered.add(items);
    }

    /// Given up, but kept.
    pub(super) fn dead_lettered(&self, items: usize) {
        self.0.send_failed.increment(items as u64);
        self.0.dead_lettered.add(items);
    }

    /// Found damaged, or not to be touched again.
    pub(super) fn quarantined(&self, items: usize) {
        self.0.quarantined.add(items);
    }

    pub(super) fn enqueue_failed(&self, items: usize) {
        self.0.enqueue_failed.increment(items as u64);
    }

    /// Items left the queue and are neither delivered nor dropped yet.
    pub(super) fn taken(&self, items: usize) {
        self.0.in_flight.fetch_add(items as u64, Ordering::Relaxed);
        self.0.in_flight_items.increment(items as f64);
    }

    /// Items taken before are settled now.
    pub(super) fn settled(&self, items: usize) {
        self.0.in_flight.fetch_sub(items as u64, Ordering::Relaxed);
        self.0.in_flight_items.decrement(items as f64);
    }

    pub(super) fn attempt_began(&self) {
        self.0.in_flight_requests.increment(1.0);
    }

    pub(super) fn attempt_ended(&self) {
        self.0.in_flight_requests.decrement(1.0);
    }

    pub(super) fn retrying(&self) {
        self.0.retries.increment(1);
    }

    /// The destination took `items`, apart from those it says it threw away.
    pub(super) fn delivered(&self, items: usize, delivery: &Delivery) {
        let mut items = items;
        for &(reason, ended) in &delivery.dropped {
            let ended = ended.min(items);
            items -= ended;
            self.ended(ended, reason);
        }
        let rejected = delivery.rejected.min(items);
        self.0.sent.increment((items - rejected) as u64);
        self.0.delivered.add(items - rejected);
        if rejected > 0 {
            tracing::warn!(
                component = self.0.exporter,
                rejected,
                reason = delivery.message,
                "the destination took a part only"
            );
            self.dropped(rejected, "rejected_by_destination");
        }
    }

    /// Given up: the only way an acknowledged item is lost.
    pub(super) fn dropped(&self, items: usize, reason: &'static str) {
        self.0.send_failed.increment(items as u64);
        self.ended(items, reason);
    }

    /// Ended without being sent, for a reason that is no failure.
    pub(super) fn ended(&self, items: usize, reason: &'static str) {
        let series = &*self.0;
        series.dropped.fetch_add(items as u64, Ordering::Relaxed);
        let labels = [
            ("exporter", &*series.exporter),
            ("data_type", series.signal.name()),
            ("reason", reason),
        ];
        let counter = series
            .metrics
            .counter("skyferry_exporter_dropped_items_total", &labels);
        counter.increment(items as u64);
    }

    pub(super) fn account(&self, queued: usize) -> Account {
        Account {
            enqueued: self.0.enqueued.get(),
            recovered: self.0.recovered.get(),
            dead_lettered: self.0.dead_lettered.get(),
            quarantined: self.0.quarantined.get(),
            delivered: self.0.delivered.get(),
            dropped: self.0.dropped.load(Ordering::Relaxed),
            queued: queued as u64,
            in_flight: self.0.in_flight.load(Ordering::Relaxed),
        }
    }
}

struct Names {
    sent: &'static str,
    send_failed: &'static str,
    enqueue_failed: &'static str,
}

impl Names {
    const fn of(signal: Signal) -> Names {
        match signal {
            Signal::Traces => Names {
                sent: "otelcol_exporter_sent_spans",
                send_failed: "otelcol_exporter_send_failed_spans",
                enqueue_failed: "otelcol_exporter_enqueue_failed_spans",
            },
            Signal::Metrics => Names {
                sent: "otelcol_exporter_sent_metric_points",
                send_failed: "otelcol_exporter_send_failed_metric_points",
                enqueue_failed: "otelcol_exporter_enqueue_failed_metric_points",
            },
            Signal::Logs => Names {
                sent: "otelcol_exporter_sent_log_records",
                send_failed: "otelcol_exporter_send_failed_log_records",
                enqueue_failed: "otelcol_exporter_enqueue_failed_log_records",
            },
            Signal::Skywalking => Names {
                sent: "otelcol_exporter_sent_reports",
                send_failed: "otelcol_exporter_send_failed_reports",
                enqueue_failed: "otelcol_exporter_enqueue_failed_reports",
            },
        }
    }
}
