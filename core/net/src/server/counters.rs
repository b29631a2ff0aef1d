//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the server was built, in connections. They only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Accepted by the system, whatever came of them.
    pub accepted: AtomicU64,
    /// Closed at once because `connections_max` were open.
    pub over_limit: AtomicU64,
    /// Failed to agree on TLS, or not in time.
    pub handshakes_failed: AtomicU64,
    /// Closed because the beginning of a request did not become a request in time.
    pub slow_headers: AtomicU64,
    /// Closed after `idle_timeout` without a request.
    pub idle: AtomicU64,
    /// Told to end after `age_max`.
    pub aged: AtomicU64,
    /// Ended by an error of the connection or of its protocol.
    pub failed: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
