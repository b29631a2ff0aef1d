//! When to try a destination again.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::RetrySettings;

/// A parked destination is tried this often.
const PARK_INTERVAL: Duration = Duration::from_secs(30);
/// While shutting down, no wait is longer than this, so that a destination that comes back is used.
const DRAIN_INTERVAL_MAX: Duration = Duration::from_millis(500);

/// The state of one destination: usable, or left alone until a moment.
///
/// It belongs to the destination and not to a request: a dead backend costs one probe at a time,
/// however many requests wait for it.
#[derive(Debug)]
pub(super) struct Backoff {
    settings: RetrySettings,
    interval: Duration,
    until: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(settings: RetrySettings) -> Self {
        let interval = settings.initial_interval;
        Backoff {
            settings,
            interval,
            until: None,
        }
    }

    /// The destination took a request.
    pub(super) fn succeeded(&mut self) {
        self.interval = self.settings.initial_interval;
        self.until = None;
    }

    /// The destination failed; `after` is the delay it asked for, `random` is from 0 to 1.
    ///
    /// Attempts that were in flight together fail together: that is one failure.
    pub(super) fn failed(&mut self, after: Option<Duration>, now: Instant, random: f64) {
        let mut delay = after.unwrap_or_default();
        if self.until.is_none_or(|until| until <= now) {
            let spread = self.settings.randomization_factor * (2.0 * random - 1.0);
            delay = delay.max(self.interval.mul_f64((1.0 + spread).max(0.0)));
            let next = self.interval.mul_f64(self.settings.multiplier.max(1.0));
            self.interval = next.min(self.settings.max_interval);
        }
        self.until = self.until.max(Some(now + delay));
    }

    /// The destination refuses everything for a reason that does not pass by itself.
    pub(super) fn parked(&mut self, now: Instant) {
        self.until = self.until.max(Some(now + PARK_INTERVAL));
    }

    /// Until when the destination is to be left alone, if it is.
    pub(super) fn until(&self, now: Instant, draining: bool) -> Option<Instant> {
        let until = self.until.filter(|until| *until > now)?;
        match draining {
            true => Some(until.min(now + DRAIN_INTERVAL_MAX)),
            false => Some(until),
        }
    }

    /// Whether the last attempt failed: then the next one is a probe, alone.
    pub(super) fn is_probing(&self) -> bool {
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(RetrySettings::default())
    }

    #[test]
    fn intervals_grow_up_to_the_maximum_and_start_again_after_success() {
        let mut backoff = backoff();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..8 {
            backoff.failed(None, now, 0.5);
            let until = backoff.until(now, false).expect("it just failed");
            waits.push((until - now).as_secs_f64());
            now = until;
        }
        assert_eq!(waits, [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0, 30.0, 30.0]);
        backoff.succeeded();
        assert!(!backoff.is_probing());
        backoff.failed(None, now, 0.5);
        assert_eq!(
            backoff.until(now, false),
            Some(now + Duration::from_secs(5))
        );
    }

    #[test]
    fn jitter_spreads_both_ways_and_the_destinations_delay_is_a_minimum() {
        let now = Instant::now();
        for (random, after, seconds) in
            [(0.0, None, 2.5), (1.0, None, 7.5), (1.0, Some(600), 600.0)]
        {
            let mut backoff = backoff();
            backoff.failed(after.map(Duration::from_secs), now, random);
            let wait = backoff.until(now, false).expect("it just failed") - now;
            assert_eq!(wait.as_secs_f64(), seconds);
        }
    }

    #[test]
    fn failures_of_requests_sent_together_count_once() {
        let mut backoff = backoff();
        let now = Instant::now();
        for _ in 0..10 {
            backoff.failed(None, now, 0.5);
        }
        let next = now + Duration::from_secs(5);
        assert_eq!(backoff.until(now, false), Some(next));
        backoff.failed(None, next, 0.5);
        assert_eq!(
            backoff.until(next, false),
            Some(next + Duration::from_millis(7500))
        );
    }

    #[test]
    fn a_drain_does_not_wait_long() {
        let mut backoff = backoff();
        let now = Instant::now();
        backoff.parked(now);
        assert_eq!(backoff.until(now, true), Some(now + DRAIN_INTERVAL_MAX));
    }
}
