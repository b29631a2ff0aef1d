//! How a queue is kept.

use std::time::Duration;

use crate::log::{SEGMENT_BYTES, SyncMode};

/// Segments of small queues are smaller, so that finished ones leave in time.
const SEGMENTS_MIN: u64 = 8;
const SEGMENT_BYTES_MIN: u64 = 1 << 20;
/// One to go on with, and one for consumers that are a segment behind.
const SPARE_SEGMENTS: u64 = 2;

/// What is written at once, not counting one record more.
pub(crate) const GROUP_BYTES_MAX: u64 = 4 << 20;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    pub durability: Durability,
    /// Bytes on the disk, whatever they are for.
    pub max_bytes: u64,
    /// Of `max_bytes`, what the records of one lane may take that are not finished.
    pub lane_max_bytes: u64,
    /// Records that are older leave the queue undelivered; `None` keeps them.
    pub max_age: Option<Duration>,
    /// What is to stay free on the volume; of a small one, a twentieth.
    pub min_free_disk: u64,
    pub when_full: WhenFull,
    /// Bytes of dead letters on the disk, in addition to `max_bytes`; the oldest go first.
    pub dead_letter_max_bytes: u64,
    /// Where identities and epochs come from.
    pub seed: u64,
}

/// When an append counts as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it would survive a loss of power.
    Always,
    /// When the system has it: it survives the end of the process, and after so long a loss of
    /// power.
    Interval(Duration),
    /// When the system has it, which writes it to the disk when it likes.
    Os,
}

/// What becomes of records that find no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// They are refused; their sender has them.
    Reject,
    /// The oldest in the queue make room.
    DropOldest,
    /// They are dropped and counted.
    DropNewest,
}

impl QueueSettings {
    pub(crate) fn segment_bytes(&self) -> u64 {
        (self.max_bytes / SEGMENTS_MIN).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES)
    }

    /// What finished segments may go on taking up, to be written over, as long as there is room. A
    /// segment is longer than [`QueueSettings::segment_bytes`] by up to a group of records.
    pub(crate) fn spare_bytes(&self) -> u64 {
        match self.durability {
            // What nobody syncs is better removed before the system has written it at all.
            Durability::Os => 0,
            Durability::Always | Durability::Interval(_) => {
                SPARE_SEGMENTS * (self.segment_bytes() + GROUP_BYTES_MAX)
            }
        }
    }

    pub(crate) fn sync_mode(&self) -> SyncMode {
        match self.durability {
            Durability::Always => SyncMode::Always,
            Durability::Interval(_) => SyncMode::OnRequest,
            Durability::Os => SyncMode::Never,
        }
    }
}
