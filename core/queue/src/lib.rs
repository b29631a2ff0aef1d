//! The disk log behind an exporter: records of bytes in, the same records out, whatever happens
//! to the process in between.
//!
//! ```text
//! <directory>/LOCK          held by the process that has the log open
//! <directory>/cursor        which records are finished with
//! <directory>/<seq>.seg     segments, named by the first sequence number they may hold
//! <directory>/quarantine/   bytes that recovery took out, for people to look at
//! ```
//!
//! The crate is synchronous and knows neither telemetry nor tasks: [`Log`] does what its caller's
//! thread asks. Everything it does to a disk goes through [`fs::Fs`], so that tests can lose power
//! between any two calls. The format is drawn in [`mod@format`].

pub mod cursor;
pub mod format;
pub mod fs;
pub mod index;
pub mod inspect;
mod keeper;
mod lane;
pub mod log;
pub mod queue;
pub mod scan;

#[cfg(test)]
mod sim;

pub use cursor::{Cursor, CursorFile, LaneCursor};
pub use format::{LANES, Producer};
pub use fs::{Fs, FsFile, LockError, OsFs, Space};
pub use index::{Entry, Totals};
pub use inspect::View;
pub use keeper::{Clock, Keeper, SystemClock, queue};
pub use lane::{Companion, Ready};
pub use log::{
    AppendError, Backlog, Load, Loaded, Log, LogSettings, NewRecord, OpenError, Recovery, SyncMode,
    Unreadable, Wanted,
};
pub use queue::{
    Answer, Completed, Completion, DiskQueue, Durability, Events, Loss, LossReason, NoRoom,
    NotStored, Phase, QueueSettings, Report, Room, Statistics, Stored, Usage, WhenFull,
};
pub use scan::{Damage, Found, Scanner, StoredRecord};
