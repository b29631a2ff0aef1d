//! The state of a queue on disk in every scrape.

use std::time::Duration;

use queue::{DiskQueue, Durability};
use telemetry::{Gauge, Metrics};

use super::Site;

/// What is shown of one queue.
struct Gauges {
    bytes: Gauge,
    segments: Gauge,
    spare_bytes: Gauge,
    free: Gauge,
    sync_seconds: Gauge,
    group_records: Gauge,
    group_bytes: Gauge,
    groups: Gauge,
    dead_letter_items: Gauge,
    dead_letter_records: Gauge,
    dead_letter_bytes: Gauge,
}

pub(super) fn watch(site: &Site<'_>, queue: &DiskQueue, durability: Durability) {
    let labels = [("exporter", site.id)];
    let gauge = |name| site.metrics.gauge(name, &labels);
    // What a loss of power may cost of what was acknowledged.
    gauge("skyferry_queue_loss_window_seconds").set(match durability {
        Durability::Always => 0.0,
        Durability::Interval(interval) => interval.as_secs_f64(),
        Durability::Os => f64::INFINITY,
    });
    let gauges = Gauges::new(site.metrics, site.id);
    let queue = queue.clone();
    site.metrics.before_render(move || gauges.show(&queue));
}

impl Gauges {
    fn new(metrics: &Metrics, exporter: &str) -> Self {
        let labels = [("exporter", exporter)];
        let gauge = |name| metrics.gauge(name, &labels);
        Gauges {
            bytes: gauge("skyferry_queue_disk_bytes"),
            segments: gauge("skyferry_queue_segments"),
            spare_bytes: gauge("skyferry_queue_spare_bytes"),
            free: gauge("skyferry_queue_volume_free_bytes"),
            sync_seconds: gauge("skyferry_queue_last_sync_seconds"),
            group_records: gauge("skyferry_queue_last_group_records"),
            group_bytes: gauge("skyferry_queue_last_group_bytes"),
            groups: gauge("skyferry_queue_groups"),
            dead_letter_items: gauge("skyferry_queue_dead_letter_items"),
            dead_letter_records: gauge("skyferry_queue_dead_letter_records"),
            dead_letter_bytes: gauge("skyferry_queue_dead_letter_bytes"),
        }
    }

    fn show(&self, queue: &DiskQueue) {
        let found = queue.statistics();
        let number = |value: u64| value as f64;
        self.bytes.set(number(found.bytes));
        self.segments.set(found.segments as f64);
        self.spare_bytes.set(number(found.spare_bytes));
        self.free.set(number(found.free));
        self.sync_seconds
            .set(Duration::as_secs_f64(&found.sync_time));
        self.group_records.set(found.group_records as f64);
        self.group_bytes.set(found.group_bytes as f64);
        self.groups.set(number(found.groups));
        self.dead_letter_items.set(number(found.dead_letters.items));
        self.dead_letter_records
            .set(number(found.dead_letters.records));
        self.dead_letter_bytes.set(number(found.dead_letter_bytes));
    }
}
