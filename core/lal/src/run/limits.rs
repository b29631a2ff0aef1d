//! Rate limits: how many logs of an id were seen in this minute.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

/// Counters start again this long after the first id was seen, and each time that passes.
const WINDOW: Duration = Duration::from_secs(60);
/// Ids that are counted in one window; all that come later share one counter.
const IDS_MAX: usize = 10_000;
/// Bytes of an id that count.
const ID_BYTES_MAX: usize = 1024;

/// The counters of one rule, as in OAP.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// On the clock of the caller; `None` before the first id.
    start: Option<Duration>,
    seen: HashMap<Box<str>, u32>,
    /// Logs of ids that had no place.
    seen_of_others: u32,
}

impl Limits {
    /// Counts a log, and says whether it is among the first `rpm` of its window.
    pub(crate) fn keeps(&self, id: &str, rpm: u32, now: Duration) -> bool {
        let id = &id[..id.floor_char_boundary(ID_BYTES_MAX)];
        let mut window = self.window.lock();
        window.turn(now);
        let has_place = window.seen.len() < IDS_MAX;
        let seen = match window.seen.get_mut(id) {
            Some(seen) => seen,
            None if has_place => window.seen.entry(id.into()).or_default(),
            None => &mut window.seen_of_others,
        };
        let keeps = *seen < rpm;
        *seen = seen.saturating_add(1);
        keeps
    }
}

impl Window {
    /// Starts anew if the window is over; the next one starts where it ended.
    fn turn(&mut self, now: Duration) {
        let start = *self.start.get_or_insert(now);
        let elapsed = now.saturating_sub(start);
        if elapsed < WINDOW {
            return;
        }
        let into_window = elapsed.as_nanos() % WINDOW.as_nanos();
        let into_window = u64::try_from(into_window).map(Duration::from_nanos);
        self.start = Some(now.saturating_sub(into_window.unwrap_or_default()));
        self.seen.clear();
        self.seen_of_others = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn keeps_the_first_logs_of_each_minute() {
        let limits = Limits::default();
        let kept = |now: Duration| (0..3).filter(|_| limits.keeps("a", 2, now)).count();
        let start = 7 * SECOND;
        assert_eq!(kept(start), 2);
        assert_eq!(kept(start + 59 * SECOND), 0);
        assert_eq!(kept(start + 60 * SECOND), 2);
        // Windows follow each other without a gap, whenever the first log of one comes.
        assert_eq!(kept(start + 179 * SECOND), 2);
        assert_eq!(kept(start + 180 * SECOND), 2);
        assert_eq!(kept(start), 0, "a clock that goes back starts no window");
    }

    #[test]
    fn the_last_limit_of_an_id_decides_by_one_counter() {
        let limits = Limits::default();
        assert!(limits.keeps("a", 1, SECOND));
        assert!(!limits.keeps("a", 1, SECOND));
        assert!(limits.keeps("a", 3, SECOND));
        assert!(!limits.keeps("a", 3, SECOND));
        assert!(!limits.keeps("b", 0, SECOND));
    }

    #[test]
    fn ids_beyond_the_bound_share_a_counter() {
        let limits = Limits::default();
        for id in 0..IDS_MAX {
            assert!(limits.keeps(&id.to_string(), 1, SECOND));
        }
        assert!(limits.keeps("one", 1, SECOND));
        assert!(!limits.keeps("another", 1, SECOND));
        assert_eq!(limits.window.lock().seen.len(), IDS_MAX);
        let long = "x".repeat(ID_BYTES_MAX);
        assert!(limits.keeps(&(long.clone() + "1"), 1, 70 * SECOND));
        assert!(!limits.keeps(&(long + "2"), 1, 70 * SECOND));
    }
}
