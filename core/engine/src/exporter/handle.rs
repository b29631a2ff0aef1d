//! What operators may do with the queue of an exporter that runs.

use std::path::Path;
use std::sync::Arc;

use pdata::{Batch, Signal};
use queue::format::RecordHeader;
use queue::{Answer, NotStored, Totals};
use tokio::sync::oneshot;

use super::Front;
use super::disk::DiskQueue;
use crate::{Consumer, Refusal};

/// The queue on disk of one exporter.
#[derive(Clone)]
pub struct QueueHandle {
    front: Arc<Front>,
    disk: Arc<DiskQueue>,
}

impl QueueHandle {
    /// `None` if the exporter has no queue on disk.
    pub(crate) fn of(front: &Arc<Front>) -> Option<Self> {
        Some(QueueHandle {
            disk: Arc::clone(front.disk.as_ref()?),
            front: Arc::clone(front),
        })
    }

    /// The exporter's.
    pub fn id(&self) -> &str {
        self.front.id()
    }

    pub fn directory(&self) -> &Path {
        self.disk.directory()
    }

    /// Whether anything sends what is appended of this signal.
    pub fn takes(&self, signal: Signal) -> bool {
        self.front.signals().contains(&signal)
    }

    /// Appends a batch as a pipeline would: it is counted, and stored when this returns.
    pub async fn append(&self, batch: Batch) -> Result<(), Refusal> {
        self.front.consume(batch).await
    }

    /// Whether a batch that finds no room is dropped and counted instead of being refused.
    pub fn drops_newest(&self) -> bool {
        self.disk.drops_newest()
    }

    /// Returns when everything appended so far would survive a loss of power.
    pub async fn sync(&self) -> Result<(), NotStored> {
        answered(|answer| self.disk.log().sync(answer))
            .await
            .map(drop)
    }

    /// Drops everything that waits, counted as purged; says what that was. What is in flight is not
    /// touched.
    pub async fn purge(&self) -> Result<Totals, NotStored> {
        answered(|answer| self.disk.log().purge(answer)).await
    }

    /// Lets go of all dead letters.
    pub async fn purge_letters(&self) -> Result<Totals, NotStored> {
        answered(|answer| self.disk.log().purge_letters(answer)).await
    }

    /// Lets go of all records that were set aside for what they may have done.
    pub async fn purge_quarantine(&self) -> Result<Totals, NotStored> {
        answered(|answer| self.disk.log().purge_quarantine(answer)).await
    }

    /// Lets go of these dead letters, as far as they are still there.
    pub async fn forget_letters(&self, letters: Vec<RecordHeader>) -> Result<Totals, NotStored> {
        answered(|answer| self.disk.log().forget_letters(letters, answer)).await
    }
}

async fn answered(ask: impl FnOnce(Answer)) -> Result<Totals, NotStored> {
    let (answer, answered) = oneshot::channel();
    // Whoever asked may have stopped waiting.
    ask(Box::new(move |outcome| drop(answer.send(outcome))));
    let closed = || NotStored::Failed("the queue has been closed".to_owned());
    answered.await.unwrap_or_else(|_| Err(closed()))
}
