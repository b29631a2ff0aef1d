//! What is in a queue, in every scrape.

use std::sync::Arc;

use pdata::Signal;
use telemetry::Metrics;

use super::queue::Queue;

/// Shows the state of a queue in every scrape.
pub(super) fn watch_queue(metrics: &Metrics, exporter: &str, queue: &Arc<dyn Queue>) {
    for signal in Signal::ALL {
        let labels = [("exporter", exporter), ("data_type", signal.name())];
        let size = metrics.gauge("otelcol_exporter_queue_size", &labels);
        let items = metrics.gauge("skyferry_exporter_queued_items", &labels);
        let bytes = metrics.gauge("skyferry_exporter_queue_bytes", &labels);
        let oldest = metrics.gauge("skyferry_exporter_queue_oldest_seconds", &labels);
        metrics
            .gauge("otelcol_exporter_queue_capacity", &labels)
            .set(queue.capacity() as f64);
        // The registry outlives the queue, so it must not keep it alive.
        let queue = Arc::downgrade(queue);
        metrics.before_render(move || {
            if let Some(queue) = queue.upgrade() {
                let waiting = queue.waiting(signal);
                size.set(queue.used(signal) as f64);
                items.set(waiting.size.items as f64);
                bytes.set(waiting.size.bytes as f64);
                oldest.set(waiting.oldest.as_secs_f64());
            }
        });
    }
}
