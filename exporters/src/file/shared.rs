//! A log that several exporters write to at once.
//!
//! A write that need not be synced is done where it is asked for, on the thread of the runtime,
//! under a lock: it copies into the page cache, which costs less than handing it to another
//! thread and back. A sync waits for the disk, so it is done on a thread for blocking work, and
//! as many writes as possible share it: whoever has the turn writes everything that waits,
//! syncs once and answers all; meanwhile the next group gathers.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::ExportError;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::disk::Disk;
use super::log::{Log, WriteError};

/// A log and the writes that wait for it. Their number and size are bounded by the attempts the
/// engine makes at once.
pub(super) struct SharedLog<D: Disk> {
    syncs: bool,
    log: Mutex<Log<D>>,
    waiting: Mutex<Vec<Waiting>>,
    /// Held by the write that leads a group. Fair, so that no write waits for ever.
    turn: tokio::sync::Mutex<()>,
}

/// A record, and where its answer is awaited.
struct Waiting {
    record: Vec<u8>,
    answer: oneshot::Sender<Result<(), WriteError>>,
}

impl<D: Disk> SharedLog<D> {
    pub(super) fn new(log: Log<D>) -> Arc<Self> {
        Arc::new(SharedLog {
            syncs: log.syncs(),
            log: Mutex::new(log),
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Appends a record. Dropping the future withdraws it unless its group is being written.
    pub(super) async fn write(self: &Arc<Self>, record: Vec<u8>) -> Result<(), ExportError> {
        let written = match self.syncs {
            true => self.write_in_group(record).await?,
            false => self.log.lock().write(&[&record]),
        };
        // No fault of a disk is the data's.
        written.map_err(|error| ExportError::retry(error.to_string()))
    }

    async fn write_in_group(
        self: &Arc<Self>,
        record: Vec<u8>,
    ) -> Result<Result<(), WriteError>, ExportError> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting.lock().push(Waiting { record, answer });
        let turn = self.turn.lock().await;
        if let Ok(written) = answered.try_recv() {
            return Ok(written);
        }
        // Whatever waited when this began is answered when it ends, also what a leader that was
        // dropped had begun to write: it holds the log until then.
        let log = Arc::clone(self);
        let ended = tokio::task::spawn_blocking(move || log.write_waiting()).await;
        drop(turn);
        ended.map_err(|error| ExportError::retry(format!("the write ended early: {error}")))?;
        answered
            .try_recv()
            .map_err(|_| ExportError::retry("the write that this one shared has ended early"))
    }

    /// Writes what waits, in groups of one sync each. Blocks.
    fn write_waiting(&self) {
        let mut log = self.log.lock();
        let mut waiting = VecDeque::from(std::mem::take(&mut *self.waiting.lock()));
        waiting.retain(|write| !write.answer.is_closed());
        while !waiting.is_empty() {
            let group: Vec<Waiting> = waiting
                .drain(..fitting(&waiting, log.group_max()))
                .collect();
            let records: Vec<&[u8]> = group.iter().map(|write| &write.record[..]).collect();
            let written = log.write(&records);
            for write in group {
                // Whoever has gone meanwhile sends it again; the record stays.
                drop(write.answer.send(written.clone()));
            }
        }
    }
}

/// How many of the first writes make a group of at most `bytes_max`, and at least one.
fn fitting(waiting: &VecDeque<Waiting>, bytes_max: u64) -> usize {
    let mut bytes = 0;
    let fits = |write: &&Waiting| {
        bytes += write.record.len() as u64;
        bytes <= bytes_max
    };
    waiting.iter().take_while(fits).count().max(1)
}
