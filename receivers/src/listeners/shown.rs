//! What operators see of a listener.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::component::BuildContext;
use net::server::Counters;

use super::Lease;

impl Lease {
    /// Shows what the listener counts in every scrape, once for each receiver that shares it.
    pub(crate) fn watch(&self, component: &str, context: &BuildContext) {
        let Some(counters) = self.counters() else {
            return;
        };
        let address = self.address().to_string();
        let gauge = |event| {
            let labels = [
                ("component", component),
                ("address", &*address),
                ("event", event),
            ];
            context
                .metrics
                .gauge("skyferry_listener_connections", &labels)
        };
        let gauges = EVENTS.map(|(event, _)| gauge(event));
        context.metrics.before_render(move || {
            for (gauge, (_, count)) in gauges.iter().zip(EVENTS) {
                gauge.set(count(&counters).load(Ordering::Relaxed) as f64);
            }
        });
    }

    pub(crate) fn log(&self, component: &str, protocol: &str) {
        let (address, tls) = (self.address(), self.has_tls());
        tracing::info!(component, protocol, %address, tls, "listening");
    }
}

type Count = fn(&Counters) -> &AtomicU64;

/// What happens to connections, and where a listener counts it.
const EVENTS: [(&str, Count); 7] = [
    ("accepted", |counters| &counters.accepted),
    ("over_limit", |counters| &counters.over_limit),
    ("handshake_failed", |counters| &counters.handshakes_failed),
    ("slow_headers", |counters| &counters.slow_headers),
    ("idle", |counters| &counters.idle),
    ("aged", |counters| &counters.aged),
    ("failed", |counters| &counters.failed),
];
