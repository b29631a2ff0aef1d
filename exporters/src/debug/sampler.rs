//! Which batches are shown when there are many.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Admits the first batches of each second, and then every so many-th.
#[derive(Debug)]
pub(super) struct Sampler {
    initial: u64,
    /// Zero admits none.
    thereafter: u64,
    window_start: Option<Instant>,
    seen: u64,
}

impl Sampler {
    pub(super) fn new(initial: u64, thereafter: u64) -> Self {
        Sampler {
            initial,
            thereafter,
            window_start: None,
            seen: 0,
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let in_window = |start| now.duration_since(start) < WINDOW;
        if !self.window_start.is_some_and(in_window) {
            self.window_start = Some(now);
            self.seen = 0;
        }
        self.seen += 1;
        match self.seen.checked_sub(self.initial) {
            None | Some(0) => true,
            Some(further) => self.thereafter > 0 && further.is_multiple_of(self.thereafter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_first_of_each_second_and_then_every_third() {
        let mut sampler = Sampler::new(2, 3);
        let start = Instant::now();
        let mut shown = |now| (0..9).filter(|_| sampler.admit(now)).count();
        assert_eq!(shown(start), 2 + 2);
        assert_eq!(shown(start + WINDOW / 2), 3, "the second goes on");
        assert_eq!(shown(start + WINDOW), 2 + 2, "another second");
    }

    #[test]
    fn zero_thereafter_shows_none_of_the_rest() {
        let mut sampler = Sampler::new(1, 0);
        let now = Instant::now();
        let shown: Vec<bool> = (0..3).map(|_| sampler.admit(now)).collect();
        assert_eq!(shown, [true, false, false]);
    }
}
