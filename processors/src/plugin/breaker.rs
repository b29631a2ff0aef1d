//! When a plugin that fails is left alone.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often a plugin that is left alone is tried again, with one batch.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Counts failures in a row.
pub(super) struct Breaker {
    max_failures: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_a_row: u32,
    /// When it was last asked although it is left alone, or was left alone.
    tried: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(max_failures: u32) -> Self {
        Breaker {
            max_failures,
            state: Mutex::default(),
        }
    }

    /// Whether the plugin is to be asked.
    pub(super) fn admits(&self) -> bool {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        match state.tried {
            None => true,
            Some(tried) if now.saturating_duration_since(tried) < RETRY_INTERVAL => false,
            Some(_) => {
                state.tried = Some(now);
                true
            }
        }
    }

    /// Notes a failure; true if the plugin is left alone from now on.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.state.lock();
        state.in_a_row = state.in_a_row.saturating_add(1);
        let opens = state.in_a_row >= self.max_failures && state.tried.is_none();
        if opens {
            state.tried = Some(Instant::now());
        }
        opens
    }

    /// Notes a success; true if the plugin was left alone until now.
    pub(super) fn succeeded(&self) -> bool {
        let mut state = self.state.lock();
        state.in_a_row = 0;
        state.tried.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_not_after_others() {
        let breaker = Breaker::new(3);
        assert!(!breaker.failed() && !breaker.failed());
        assert!(!breaker.succeeded(), "it was never left alone");
        assert!(!breaker.failed() && !breaker.failed());
        assert!(breaker.admits());
        assert!(breaker.failed(), "the third in a row");
        assert!(!breaker.admits());
        assert!(!breaker.failed(), "said once");
    }

    #[test]
    fn a_plugin_left_alone_is_tried_with_one_batch_and_comes_back() {
        let breaker = Breaker::new(1);
        assert!(breaker.failed());
        let later = Instant::now() + RETRY_INTERVAL;
        assert!(breaker.admits_at(later));
        assert!(!breaker.admits_at(later), "one batch");
        assert!(breaker.succeeded());
        assert!(breaker.admits() && breaker.admits());
    }
}
