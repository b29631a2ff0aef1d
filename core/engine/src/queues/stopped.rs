//! A queue that no process has open: opened here instead, for as long as something is done to it.

use std::io;
use std::iter::once;
use std::path::Path;

use pdata::Batch;
use queue::format::RecordHeader;
use queue::log::SEGMENT_BYTES;
use queue::{
    AppendError, Clock, Log, LogSettings, NewRecord, OpenError, OsFs, Recovery, Space, SyncMode,
    SystemClock, Totals,
};

use super::Intake;
use crate::exporter::disk::stored;

/// See the module's documentation.
pub struct Stopped {
    log: Log<OsFs>,
    recovery: Recovery,
    /// What waits, as far as it is known.
    waiting: Totals,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum StoppedError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the queue is full: {used} of `max_bytes` {max}, and {wanted} more are to come")]
    Full { used: u64, wanted: u64, max: u64 },
    #[error("the disk has only {free} bytes left, which `min_free_disk` keeps free")]
    Short { free: u64 },
    #[error("what is finished cannot be written down")]
    Save(#[from] io::Error),
}

impl Stopped {
    /// Takes the lock, and repairs what a crash has left.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let settings = LogSettings {
            segment_bytes: SEGMENT_BYTES,
            sync: SyncMode::Always,
            spare_bytes: 0,
            seed: fastrand::u64(..),
        };
        let (log, recovery) = Log::open(OsFs, directory, settings)?;
        let mut waiting = Totals::default();
        recovery
            .backlog
            .lanes
            .iter()
            .for_each(|lane| waiting.merge(*lane));
        Ok(Stopped {
            log,
            recovery,
            waiting,
        })
    }

    /// What opening found, and repaired.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Returns when all of them would survive a loss of power, or none is appended. Nothing is
    /// dropped for them: where `intake` leaves no room, they are refused.
    pub fn append(&mut self, batches: &[Batch], intake: &Intake) -> Result<(), StoppedError> {
        let now = SystemClock::default().unix_ms();
        let records = batches.iter().map(|batch| NewRecord {
            enqueued_unix_ms: now,
            ..stored::encode(batch, None)
        });
        let records: Vec<NewRecord> = records.collect();
        self.check_room(records.iter().map(NewRecord::stored_len).sum(), intake)?;
        self.log.append(&records)?;
        for record in &records {
            self.waiting.add(record.items, record.payload_len() as u32);
        }
        Ok(())
    }

    fn check_room(&self, wanted: u64, intake: &Intake) -> Result<(), StoppedError> {
        let (used, max) = (self.log.bytes(), intake.max_bytes);
        if used.saturating_add(wanted) > max {
            return Err(StoppedError::Full { used, wanted, max });
        }
        // A volume that does not say what is free is written to until it refuses.
        let Ok(space) = self.log.space() else {
            return Ok(());
        };
        let left = Space {
            free: space.free.saturating_sub(wanted),
            ..space
        };
        match left.is_short(intake.min_free_disk) {
            true => Err(StoppedError::Short { free: space.free }),
            false => Ok(()),
        }
    }

    /// Lets go of these records, as far as they are still there.
    pub fn forget(&mut self, records: &[RecordHeader]) -> Result<(), StoppedError> {
        let runs = records.iter().map(RecordHeader::run);
        self.log.finish(runs)?;
        Ok(())
    }

    /// Lets go of everything; says what waited.
    pub fn purge(&mut self) -> Result<Totals, StoppedError> {
        self.log.finish(once(0..self.log.next_sequence()))?;
        Ok(std::mem::take(&mut self.waiting))
    }

    /// Writes the end of the last segment, so that it is opened faster.
    pub fn close(mut self) -> Result<(), StoppedError> {
        Ok(self.log.close_segment()?)
    }
}
