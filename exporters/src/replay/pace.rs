//! When recorded requests are due.

use std::time::Duration;

/// The longest wait between two requests at [`Speed::Original`].
pub const GAP_MAX: Duration = Duration::from_secs(10);

/// How fast requests are sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speed {
    /// As fast as they are taken.
    Full,
    /// As their times say, but gaps longer than [`GAP_MAX`] are cut to it.
    #[default]
    Original,
    /// As their times say.
    Exact,
}

/// The schedule of a replay.
#[derive(Clone, Debug)]
pub struct Pace {
    speed: Speed,
    /// The latest time so far, in nanoseconds since the Unix epoch.
    latest: Option<u64>,
    due: Duration,
}

impl Pace {
    pub fn new(speed: Speed) -> Self {
        Pace {
            speed,
            latest: None,
            due: Duration::ZERO,
        }
    }

    /// When the next request is due, from the start of the replay, so that the time it takes to
    /// send does not add up. `earliest_unix_nano` is that of its items; without one it is due
    /// with the request before it, as is one whose time goes back.
    pub fn due(&mut self, earliest_unix_nano: Option<u64>) -> Duration {
        let Some(time) = earliest_unix_nano else {
            return self.due;
        };
        let latest = *self.latest.get_or_insert(time);
        let gap = Duration::from_nanos(time.saturating_sub(latest));
        self.latest = Some(latest.max(time));
        self.due = self.due.saturating_add(match self.speed {
            Speed::Full => Duration::ZERO,
            Speed::Original => gap.min(GAP_MAX),
            Speed::Exact => gap,
        });
        self.due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dues(speed: Speed, seconds: &[Option<u64>]) -> Vec<u64> {
        let mut pace = Pace::new(speed);
        let nanoseconds = |seconds: u64| seconds * 1_000_000_000;
        seconds
            .iter()
            .map(|time| pace.due(time.map(nanoseconds)).as_secs())
            .collect()
    }

    #[test]
    fn long_gaps_are_cut_unless_the_pace_is_exact() {
        let times = [Some(100), Some(103), None, Some(90), Some(200), Some(201)];
        assert_eq!(dues(Speed::Original, &times), [0, 3, 3, 3, 13, 14]);
        assert_eq!(dues(Speed::Exact, &times), [0, 3, 3, 3, 100, 101]);
        assert_eq!(dues(Speed::Full, &times), [0; 6]);
    }

    proptest! {
        #[test]
        fn nothing_is_due_before_what_stands_before_it(times: Vec<Option<u64>>) {
            for speed in [Speed::Full, Speed::Original, Speed::Exact] {
                let mut pace = Pace::new(speed);
                let mut before = Duration::ZERO;
                for time in &times {
                    let due = pace.due(*time);
                    prop_assert!(due >= before);
                    if speed == Speed::Original {
                        prop_assert!(due - before <= GAP_MAX);
                    }
                    before = due;
                }
            }
        }
    }
}
