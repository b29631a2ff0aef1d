//! Time, as the keeper sees it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::FAILURE_INTERVAL;

/// What is finished is written down this long after it was at the latest, which bounds what comes
/// again after a crash.
const SAVE_INTERVAL: Duration = Duration::from_millis(200);
/// Ages and free space are looked at this often.
const CHORES_INTERVAL: Duration = Duration::from_secs(1);

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Since some moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Milliseconds since the Unix epoch, as the system believes.
    fn unix_ms(&self) -> u64;
}

/// The system's.
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_millis() as u64
    }
}

/// What is to be done at its time.
pub(super) struct Due {
    pub(super) saving: bool,
    /// How long something may stay unsynced that is.
    pub(super) syncing: Option<Duration>,
    /// Whether something failed that is to be tried again.
    pub(super) again: bool,
}

/// When things were done last.
pub(super) struct Times {
    clock: Arc<dyn Clock>,
    /// The system's time when the log was opened, and the clock's. From there on time does not
    /// jump, whatever happens to the system's.
    began_unix_ms: u64,
    began: Duration,
    now: Duration,
    saved: Duration,
    synced: Duration,
    chores: Duration,
    failed: Option<Duration>,
}

impl Times {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.elapsed();
        Times {
            began_unix_ms: clock.unix_ms(),
            began: now,
            now,
            saved: now,
            synced: now,
            chores: now,
            failed: None,
            clock,
        }
    }

    /// Looks at the clock; everything until the next look happens at this time.
    pub(super) fn look(&mut self) {
        self.now = self.clock.elapsed();
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn since(&self, then: Duration) -> Duration {
        self.now.saturating_sub(then)
    }

    pub(super) fn unix_ms(&self) -> u64 {
        self.began_unix_ms + (self.now - self.began).as_millis() as u64
    }

    /// Runs `work` and says how long it took.
    pub(super) fn measure<T>(&self, work: impl FnOnce() -> T) -> (T, Duration) {
        let began = self.clock.elapsed();
        let done = work();
        (done, self.clock.elapsed() - began)
    }

    pub(super) fn is_time_to_save(&self) -> bool {
        self.now - self.saved >= SAVE_INTERVAL
    }

    pub(super) fn saved(&mut self) {
        self.saved = self.now;
    }

    pub(super) fn is_time_to_sync(&self, interval: Duration) -> bool {
        self.now - self.synced >= interval
    }

    pub(super) fn synced(&mut self) {
        self.synced = self.now;
    }

    /// Whether it is time for chores; they count as done.
    pub(super) fn begin_chores(&mut self) -> bool {
        let due = self.now - self.chores >= CHORES_INTERVAL;
        if due {
            self.chores = self.now;
        }
        due
    }

    pub(super) fn failed(&mut self) {
        self.failed = Some(self.now);
    }

    /// Whether the disk is to be left alone after a failure.
    pub(super) fn is_resting(&self) -> bool {
        self.failed
            .is_some_and(|failed| self.now - failed < FAILURE_INTERVAL)
    }

    pub(super) fn rest(&self, due: &Due) -> Duration {
        let left = |since: Duration, interval| (since + interval).saturating_sub(self.now);
        let mut rest = left(self.chores, CHORES_INTERVAL);
        if due.saving {
            rest = rest.min(left(self.saved, SAVE_INTERVAL));
        }
        if let Some(interval) = due.syncing {
            rest = rest.min(left(self.synced, interval));
        }
        match due.again {
            true => rest.min(FAILURE_INTERVAL),
            false => rest,
        }
    }
}
