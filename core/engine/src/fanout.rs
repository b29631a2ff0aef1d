//! One batch for several exporters, all or none.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use pdata::{Batch, Budget};
use tokio::time::{Instant, timeout_at};

use crate::exporter::Front;
use crate::{Consumer, Refusal};

/// Hands each batch to every exporter of a pipeline.
///
/// Room is reserved in every queue before anything is appended to one, and exporters without a
/// queue are asked before the queues are filled: if one cannot take the batch, the sender is
/// refused and no queue has it, so that its resend is no duplicate. Optional exporters come last
/// and refuse nobody.
pub struct FanOut {
    required: Vec<Arc<Front>>,
    optional: Vec<Arc<Front>>,
    budget: Budget,
}

impl FanOut {
    /// What processors made is charged to `budget` here, before it waits in a queue.
    pub fn new(exporters: Vec<Arc<Front>>, budget: Budget) -> Self {
        let (optional, required) = exporters
            .into_iter()
            .partition(|exporter| exporter.is_optional());
        FanOut {
            required,
            optional,
            budget,
        }
    }
}

#[async_trait]
impl Consumer for FanOut {
    async fn consume(&self, mut batch: Batch) -> Result<(), Refusal> {
        batch.charge(&self.budget);
        if let ([only], []) = (&*self.required, &*self.optional) {
            return only.consume(batch).await;
        }
        let deadline = self
            .required
            .iter()
            .map(|exporter| exporter.patience())
            .max();
        let deadline = deadline.unwrap_or_else(Instant::now);
        let mut rooms = Vec::with_capacity(self.required.len());
        for exporter in &self.required {
            rooms.push(exporter.reserve(&batch, deadline).await?);
        }
        for (exporter, room) in self.required.iter().zip(&rooms) {
            if room.is_none() {
                exporter.export_now(&batch).await?;
            }
        }
        // All at once: a queue on disk answers after its sync.
        let appends = self
            .required
            .iter()
            .zip(rooms)
            .filter_map(|(exporter, room)| {
                let room = room?;
                Some(exporter.append(room, batch.clone()))
            });
        let appended = join_all(appends).await;
        appended.into_iter().collect::<Result<(), Refusal>>()?;
        for exporter in &self.optional {
            offer(exporter, &batch).await;
        }
        Ok(())
    }
}

/// Hands `batch` to an optional exporter, or counts that it had no room.
async fn offer(exporter: &Front, batch: &Batch) {
    let at_once = Instant::now();
    let taken = match exporter.reserve(batch, at_once).await {
        Ok(Some(room)) => {
            let stored = exporter.append(room, batch.clone());
            match timeout_at(exporter.patience(), stored).await {
                Ok(stored) => stored,
                // A disk that is slow holds nobody up here; its queue counts what becomes of it.
                Err(_) => return,
            }
        }
        Ok(None) => exporter.export_now(batch).await,
        Err(refusal) => Err(refusal),
    };
    if taken.is_err() {
        exporter.overflow(batch);
    }
}

#[cfg(test)]
mod tests;
