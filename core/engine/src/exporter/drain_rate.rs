//! How fast a destination takes what waits for it.

use std::time::Duration;

use tokio::time::Instant;

/// A refused caller is asked to wait between these bounds.
const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(30);

/// Bytes settled per second, over the last one to two windows.
pub(super) struct DrainRate {
    start: Instant,
    bytes: usize,
    last_rate: f64,
}

const DRAIN_WINDOW: Duration = Duration::from_secs(5);

impl DrainRate {
    pub(super) fn new(now: Instant) -> Self {
        DrainRate {
            start: now,
            bytes: 0,
            last_rate: 0.0,
        }
    }

    pub(super) fn count(&mut self, bytes: usize, now: Instant) {
        let elapsed = now - self.start;
        if elapsed >= DRAIN_WINDOW {
            self.last_rate = self.bytes as f64 / elapsed.as_secs_f64();
            self.start = now;
            self.bytes = 0;
        }
        self.bytes += bytes;
    }

    /// The time that the last seconds' rate needs for `bytes`.
    pub(super) fn delay(&self, bytes: usize, now: Instant) -> Duration {
        let seconds = bytes as f64 / self.bytes_per_second(now).max(1.0);
        Duration::from_secs_f64(seconds.min(DELAY_MAX.as_secs_f64())).max(DELAY_MIN)
    }

    fn bytes_per_second(&self, now: Instant) -> f64 {
        let elapsed = (now - self.start).as_secs_f64();
        let current = self.bytes as f64 / elapsed.max(1.0);
        current.max(if elapsed < 2.0 * DRAIN_WINDOW.as_secs_f64() {
            self.last_rate
        } else {
            0.0
        })
    }
}
