//! What both protocols do with a request once its bytes are there.

use std::sync::Arc;

use bytes::Bytes;
use engine::Intake;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Batch, Budget, Origin, Signal};

use crate::intake::{Counts, Turned};

/// The way of one signal over one protocol into its pipelines.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) signal: Signal,
    pub(super) intake: Intake,
    pub(super) invalid_utf8: InvalidUtf8,
    pub(super) budget: Budget,
    pub(super) tally: Counts,
}

impl Door {
    /// Hands a protobuf request to the pipelines. An empty one is taken without asking them.
    pub(super) async fn take(&self, request: Bytes, origin: Origin) -> Result<(), Turned> {
        let received = receive(self.signal, request, self.invalid_utf8, &self.budget)?;
        self.tally.repaired.increment(received.repaired as u64);
        if received.items == 0 {
            return Ok(());
        }
        let batch = Batch::new(self.signal, received.chunks, Arc::new(origin));
        self.intake.consume(batch).await.map_err(Turned::Refused)
    }
}
