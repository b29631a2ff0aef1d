//! The thread that has the log: it alone reads and writes it.
//!
//! Each turn it writes everything that waits as one group, keeps what is to be kept aside, saves
//! what is finished, and reads ahead for lanes that have fallen behind. While it syncs, the next
//! group forms; so groups grow with the load and no timer is needed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::fs::Fs;
use crate::log::{Log, LogSettings, OpenError};
use crate::queue::{DiskQueue, Events, Phase, QueueSettings, Report, Shared};

mod aside;
mod chores;
mod clock;
mod reading;
mod requests;
mod saving;
mod suspects;
mod writing;

#[cfg(test)]
mod tests;

pub use clock::{Clock, SystemClock};

use aside::Aside;
use clock::{Due, Times};
use suspects::Probation;

/// A log that cannot be opened is tried again after so long.
const OPEN_INTERVAL: Duration = Duration::from_secs(2);
/// How often the processor is given away before a group is written.
const YIELDS_MAX: usize = 16;
/// After a failure the disk is left alone for so long.
const FAILURE_INTERVAL: Duration = Duration::from_millis(500);

/// See the module's documentation.
pub struct Keeper<F: Fs> {
    fs: F,
    directory: PathBuf,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

/// A queue in `directory` and what is to be run on a thread of its own for it.
pub fn queue<F: Fs + Clone>(
    fs: F,
    directory: PathBuf,
    settings: QueueSettings,
    events: Box<dyn Events>,
    clock: Arc<dyn Clock>,
) -> (DiskQueue, Keeper<F>) {
    let shared = Shared::new(settings, events);
    let queue = DiskQueue {
        shared: Arc::clone(&shared),
    };
    let keeper = Keeper {
        fs,
        directory,
        shared,
        clock,
    };
    (queue, keeper)
}

impl<F: Fs + Clone> Keeper<F> {
    /// Opens the log, as often as it takes, and keeps it until the queue is closed.
    pub fn run(self) {
        let shared = Arc::clone(&self.shared);
        let Some(mut open) = self.open_at_last() else {
            return;
        };
        loop {
            let_group_grow(&shared);
            let rest = open.step();
            let mut state = shared.lock();
            // Letters that cannot be written stay what they were: records of the queue.
            let is_buried = state.letters.is_empty() || open.times.is_resting();
            if state.is_closing && state.inbox.is_empty() && is_buried {
                break;
            }
            shared.wait(&mut state, rest);
        }
        open.end();
    }

    fn open_at_last(self) -> Option<Open<F>> {
        loop {
            let failed = match self.open() {
                Ok(open) => return Some(open),
                Err(error) => describe(&error),
            };
            let report = Report::CannotOpen(failed.clone());
            self.shared.events.reports(&report);
            let mut state = self.shared.lock();
            state.phase = Phase::Refusing(failed);
            if !state.is_closing {
                self.shared.wait(&mut state, OPEN_INTERVAL);
            }
            if state.is_closing {
                state.phase = Phase::Closed;
                return None;
            }
        }
    }

    fn open(&self) -> Result<Open<F>, OpenError> {
        let settings = &self.shared.settings;
        let log_settings = LogSettings {
            segment_bytes: settings.segment_bytes(),
            sync: settings.sync_mode(),
            spare_bytes: settings.spare_bytes(),
            seed: settings.seed,
        };
        let (log, recovery) = Log::open(self.fs.clone(), &self.directory, log_settings)?;
        let letters = Aside::new(&self.fs, self.directory.join("dlq"), settings);
        let quarantine = Aside::new(&self.fs, self.directory.join("quarantine"), settings);
        let probation = Probation::new(log.cursor(), log.next_sequence());
        let mut open = Open {
            times: Times::new(Arc::clone(&self.clock)),
            shared: Arc::clone(&self.shared),
            log,
            letters,
            quarantine,
            probation,
            read_failures: 0,
            written_at: self.clock.elapsed(),
            is_failing: false,
        };
        open.look_at_free_space();
        open.begin(recovery);
        Ok(open)
    }
}

/// Lets others run as long as that brings more to write: a sync costs the same for one record as
/// for many, and who was just answered is about to send again.
fn let_group_grow(shared: &Shared) {
    let waiting = || shared.lock().inbox.len();
    let mut before = waiting();
    for _ in 0..YIELDS_MAX {
        if before == 0 {
            return;
        }
        std::thread::yield_now();
        let now = waiting();
        if now == before {
            return;
        }
        before = now;
    }
}

/// The error and what caused it.
fn describe(error: &OpenError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// An open log and everything about it that only the keeper needs.
struct Open<F: Fs> {
    shared: Arc<Shared>,
    log: Log<F>,
    letters: Aside<F>,
    quarantine: Aside<F>,
    probation: Probation,
    times: Times,
    /// Reads that failed since one did not.
    read_failures: u32,
    /// When something was written last.
    written_at: Duration,
    /// Whether the last write failed.
    is_failing: bool,
}

impl<F: Fs + Clone> Open<F> {
    /// Does what is due, and says after how long something will be due again.
    fn step(&mut self) -> Duration {
        self.times.look();
        self.write_group();
        self.bury_letters();
        self.answer_requests();
        self.sync_in_time();
        self.save_in_time();
        self.read_ahead();
        self.watch_suspects();
        self.do_chores();
        self.rest()
    }

    fn rest(&self) -> Duration {
        let state = self.shared.lock();
        let has_work = !state.inbox.is_empty()
            || state.lanes.iter().any(|lane| lane.wants().is_some()) && self.read_failures == 0;
        match has_work {
            true => Duration::ZERO,
            false => self.times.rest(&Due {
                saving: state.is_dirty,
                syncing: self.sync_interval(),
                again: !state.letters.is_empty() || self.read_failures > 0,
            }),
        }
    }
}
