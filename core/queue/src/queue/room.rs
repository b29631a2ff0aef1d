//! Room for records that are on their way.

use std::sync::Arc;

use super::{DiskQueue, Phase, Shared, WhenFull};
use crate::format::LANES;

/// Bytes that may be on their way to the disk at once, not counting one record more.
const INBOX_BYTES_MAX: u64 = 16 << 20;

/// Room taken for one record; dropping it gives the room back.
pub struct Room {
    shared: Arc<Shared>,
    lane: usize,
    bytes: u64,
    /// Whether the record is to be dropped and counted, because there was no room.
    pub(crate) is_dropped: bool,
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("bytes", &self.bytes).finish()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut state = self.shared.lock();
        let was_busy = state.reserved.iter().sum::<u64>() > INBOX_BYTES_MAX;
        state.reserved[self.lane] -= self.bytes;
        drop(state);
        if was_busy {
            self.shared.events.changed();
        }
    }
}

/// Why there is no room for a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    #[error("the queue is being opened")]
    Opening,
    #[error("the queue is not open: {0}")]
    Refusing(String),
    #[error("the queue has been closed")]
    Closed,
    #[error("the queue is full: {used} of {max} bytes")]
    Full { used: u64, max: u64 },
    #[error("the disk does not keep up: {waiting} bytes wait to be written")]
    Busy { waiting: u64 },
    #[error("the disk has only {free} bytes left")]
    DiskFull { free: u64 },
    #[error("{bytes} bytes are more than the queue may have altogether")]
    TooLarge { bytes: u64 },
}

impl NoRoom {
    /// Whether waiting can help.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, NoRoom::TooLarge { .. } | NoRoom::Closed)
    }
}

impl DiskQueue {
    /// Takes room for a record of about `bytes` bytes.
    pub fn reserve(&self, lane: u8, bytes: u64) -> Result<Room, NoRoom> {
        let lane = usize::from(lane) % LANES;
        let settings = &self.shared.settings;
        let mut state = self.shared.lock();
        match &state.phase {
            Phase::Open => {}
            Phase::Opening => return Err(NoRoom::Opening),
            Phase::Refusing(why) => return Err(NoRoom::Refusing(why.clone())),
            Phase::Closed => return Err(NoRoom::Closed),
        }
        if bytes > settings.max_bytes.min(settings.lane_max_bytes) {
            return Err(NoRoom::TooLarge { bytes });
        }
        let reserved: u64 = state.reserved.iter().sum();
        if reserved > INBOX_BYTES_MAX {
            let waiting = reserved;
            return Err(NoRoom::Busy { waiting });
        }
        let used = state.statistics.bytes + reserved;
        let of_lane = &state.lanes[lane];
        let in_lane = of_lane.waiting().bytes + of_lane.out().bytes + state.reserved[lane];
        let full = if used + bytes > settings.max_bytes {
            let max = settings.max_bytes;
            Some(NoRoom::Full { used, max })
        } else if in_lane + bytes > settings.lane_max_bytes {
            let (used, max) = (in_lane, settings.lane_max_bytes);
            Some(NoRoom::Full { used, max })
        } else if state.is_short {
            let free = state.statistics.free;
            Some(NoRoom::DiskFull { free })
        } else {
            None
        };
        let is_dropped = match (full, settings.when_full) {
            (None, _) | (Some(_), WhenFull::DropOldest) => false,
            (Some(_), WhenFull::DropNewest) => true,
            (Some(full), WhenFull::Reject) => return Err(full),
        };
        let bytes = if is_dropped { 0 } else { bytes };
        state.reserved[lane] += bytes;
        Ok(Room {
            shared: Arc::clone(&self.shared),
            lane,
            bytes,
            is_dropped,
        })
    }
}
