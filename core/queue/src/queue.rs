//! The open end of a log: what its users call, from any thread and without waiting for the disk.
//!
//! ```text
//! users --append--> inbox --> Keeper (one thread): write, sync, complete --> lanes --take--> users
//! users --finish--> lanes --> Keeper: cursor, removal of segments
//! ```
//!
//! Everything that touches the disk happens on the keeper's thread ([`crate::Keeper`]). What its
//! users wait for comes back through [`Events`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::format::{LANES, RECORD_HEADER_BYTES};
use crate::index::Totals;
use crate::lane::{Companion, Lane, Ready};
use crate::log::{AppendError, NewRecord, Recovery};

mod requests;
mod room;
mod settings;

pub(crate) use requests::Request;
pub(crate) use settings::GROUP_BYTES_MAX;

pub use requests::Answer;
pub use room::{NoRoom, Room};
pub use settings::{Durability, QueueSettings, WhenFull};

/// What a queue tells its users. Called on the keeper's thread or on that of a user; must not
/// block, and must not call the queue.
pub trait Events: Send + Sync + 'static {
    /// These appends have ended; each completion is to be called once.
    fn appended(&self, group: Vec<Completed>);

    /// Something of this lane can be taken that could not be taken before.
    fn arrived(&self, lane: u8);

    /// Room was freed, or the queue was opened or closed.
    fn changed(&self);

    /// The state of the disk or of the log has changed.
    fn reports(&self, report: &Report);
}

/// Called with what became of an append.
pub type Completion = Box<dyn FnOnce(Result<Stored, NotStored>) + Send>;

/// An append that has ended.
pub struct Completed {
    pub completion: Completion,
    pub outcome: Result<Stored, NotStored>,
}

/// How a record came to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// By this append. Also one that was dropped at once, as the settings say, and counted.
    Now,
    /// By an earlier one: its producer has repeated itself.
    Before,
}

/// Why a record was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// It never will be.
    #[error("{0}")]
    Unfit(String),
    /// The disk has no room or does not work; another attempt may succeed.
    #[error("{0}")]
    Failed(String),
}

/// What operators are told, beside numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The log was opened.
    Opened(Box<Recovery>),
    /// The log cannot be opened; it is tried again.
    CannotOpen(String),
    /// Writing fails, since the last [`Report::Writing`].
    CannotWrite(String),
    /// Writing works again.
    Writing,
    /// Records left the queue without having been delivered.
    Lost(Loss),
}

/// Records that left the queue without having been delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `None` where the damage does not leave it to be seen.
    pub lane: Option<u8>,
    pub totals: Totals,
    pub reason: LossReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossReason {
    /// Older than `max_age`.
    Expired,
    /// The oldest gave way to new ones.
    DroppedOldest,
    /// A new one found no room.
    DroppedNewest,
    /// An operator wanted it.
    Purged,
    /// The disk does not have it any more; what is left of it is in `quarantine/`.
    Damaged,
    /// It was out when the process ended without order, several times in a row; it is in
    /// `quarantine/`.
    Suspected,
}

/// How far the keeper is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Opening,
    Open,
    /// Not open, for this reason; it is tried again.
    Refusing(String),
    Closed,
}

/// Numbers of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Bytes of the log on the disk.
    pub bytes: u64,
    pub segments: usize,
    /// Bytes of finished segments that are kept to be written over.
    pub spare_bytes: u64,
    /// Bytes that the volume has left.
    pub free: u64,
    /// Records of the last write, and how long its sync took.
    pub group_records: usize,
    pub group_bytes: usize,
    pub sync_time: Duration,
    pub groups: u64,
    pub dead_letters: Totals,
    pub dead_letter_bytes: u64,
    pub quarantined: Totals,
}

/// The users' side of a queue. Clones are the same queue.
#[derive(Clone)]
pub struct DiskQueue {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: QueueSettings,
    pub(crate) events: Box<dyn Events>,
    /// Whether records are watched because the process has ended without order.
    pub(crate) is_on_probation: AtomicBool,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) inbox: VecDeque<Pending>,
    pub(crate) letters: VecDeque<Letter>,
    pub(crate) requests: VecDeque<Request>,
    pub(crate) lanes: [Lane; LANES],
    /// Where the log ends.
    pub(crate) end: u64,
    /// Room taken by what is not in the log yet.
    pub(crate) reserved: [u64; LANES],
    /// Whether something was finished since the cursor was saved.
    pub(crate) is_dirty: bool,
    /// Whether the keeper has something to do.
    pub(crate) has_work: bool,
    pub(crate) is_closing: bool,
    /// Whether the volume has less left than is to stay free.
    pub(crate) is_short: bool,
    pub(crate) statistics: Statistics,
    /// Records that have been touched on probation and have not ended the process.
    pub(crate) cleared: Vec<u64>,
}

/// A record on its way to the disk.
pub(crate) struct Pending {
    pub(crate) record: NewRecord,
    pub(crate) companion: Companion,
    pub(crate) room: Room,
    pub(crate) completion: Completion,
}

/// A record on its way to the dead letters.
pub(crate) struct Letter {
    pub(crate) record: NewRecord,
    /// Called when it is safe there.
    pub(crate) stored: Box<dyn FnOnce() + Send>,
}

impl Shared {
    pub(crate) fn new(settings: QueueSettings, events: Box<dyn Events>) -> Arc<Self> {
        Arc::new(Shared {
            settings,
            events,
            is_on_probation: AtomicBool::new(false),
            state: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Waits for work, at most so long.
    pub(crate) fn wait(&self, state: &mut MutexGuard<'_, State>, at_most: Duration) {
        if !state.has_work {
            self.wake.wait_for(state, at_most);
        }
        state.has_work = false;
    }

    pub(crate) fn tell_keeper(&self, state: &mut State) {
        if !std::mem::replace(&mut state.has_work, true) {
            self.wake.notify_one();
        }
    }
}

impl DiskQueue {
    pub fn phase(&self) -> Phase {
        self.shared.lock().phase.clone()
    }

    pub fn statistics(&self) -> Statistics {
        self.shared.lock().statistics
    }

    /// Stores a record in the room that was taken for it, and answers through
    /// [`Events::appended`]. A producer's record that is no newer than its last one is a repeat and
    /// counts as stored.
    pub fn append(
        &self,
        record: NewRecord,
        companion: Companion,
        room: Room,
        completion: Completion,
    ) {
        let mut state = self.shared.lock();
        state.inbox.push_back(Pending {
            record,
            companion,
            room,
            completion,
        });
        self.shared.tell_keeper(&mut state);
    }

    /// The next records of a lane, in order, as long as `wanted` says so of the next one.
    pub fn take(&self, lane: u8, mut wanted: impl FnMut(&Ready) -> bool) -> Vec<Ready> {
        let mut state = self.shared.lock();
        let of_lane = &mut state.lanes[usize::from(lane)];
        let mut taken = Vec::new();
        while of_lane.next().is_some_and(&mut wanted) {
            taken.extend(of_lane.take());
        }
        if of_lane.wants().is_some() {
            self.shared.tell_keeper(&mut state);
        }
        taken
    }

    /// Finishes with a record that was taken.
    pub fn finish(&self, lane: u8, sequence: u64) {
        let mut state = self.shared.lock();
        let of_lane = &mut state.lanes[usize::from(lane)];
        of_lane.finish(sequence);
        let waits_for_keeper = of_lane.is_held_back();
        state.is_dirty = true;
        if waits_for_keeper {
            self.shared.tell_keeper(&mut state);
        }
    }

    /// Says that a record that was taken has been touched and has not ended the process.
    pub fn clear(&self, sequence: u64) {
        if !self.shared.is_on_probation.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.shared.lock();
        state.cleared.push(sequence);
        state.is_dirty = true;
        self.shared.tell_keeper(&mut state);
    }

    /// Keeps `record` among the dead letters and calls `stored` once it is safe there. Until then
    /// the record it was made of is not to be finished.
    pub fn bury(&self, record: NewRecord, stored: Box<dyn FnOnce() + Send>) {
        let mut state = self.shared.lock();
        state.letters.push_back(Letter { record, stored });
        self.shared.tell_keeper(&mut state);
    }

    /// What a lane holds that was not taken, and what was taken and is not finished.
    pub fn usage(&self, lane: u8) -> Usage {
        let state = self.shared.lock();
        let lane = &state.lanes[usize::from(lane)];
        Usage {
            waiting: lane.waiting(),
            out: lane.out(),
            oldest_unix_ms: lane.oldest_unix_ms(),
            is_ready: lane.next().is_some(),
        }
    }

    /// Asks the keeper to write down what is finished and to end.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.is_closing = true;
        self.shared.tell_keeper(&mut state);
    }
}

/// What is in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub waiting: Totals,
    pub out: Totals,
    /// When the oldest record that waits was enqueued, or a time before that.
    pub oldest_unix_ms: Option<u64>,
    /// Whether something can be taken now.
    pub is_ready: bool,
}

impl NewRecord {
    /// The bytes it takes in the log, up to a few.
    pub fn stored_len(&self) -> u64 {
        (RECORD_HEADER_BYTES + self.meta.len() + self.payload_len()) as u64
    }
}

impl From<&AppendError> for NotStored {
    fn from(error: &AppendError) -> Self {
        match error {
            AppendError::Full(source) | AppendError::Io(source) => {
                NotStored::Failed(format!("{error}: {source}"))
            }
            _ => NotStored::Unfit(error.to_string()),
        }
    }
}
