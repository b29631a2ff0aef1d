//! From messages to the pipelines.

use std::sync::Arc;
use std::time::Duration;

use engine::{Intake, Outlets};
use pdata::otlp::InvalidUtf8;
use pdata::skywalking::{Kind, NativeChunk};
use pdata::{Batch, Budget, Chunk, Origin, Signal};
use telemetry::{Counter, Metrics};
use tokio::time::Instant;

use crate::intake::{Counts, Tally, Turned};

/// How long a call is held up while the pipelines have no room. An agent loses what it sent when it
/// is refused, and waits 30 s for an answer (SkyWalking's Java agent).
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// The ways of one protocol into the pipelines.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) invalid_utf8: InvalidUtf8,
    pub(super) budget: Budget,
    pub(super) counts: Counts,
    intakes: [Option<Intake>; Signal::ALL.len()],
    /// Reports for which there is no pipeline, by kind.
    discarded: Arc<[Counter]>,
}

impl Door {
    pub(super) fn new(
        transport: &'static str,
        outlets: &Outlets,
        (metrics, receiver): (&Metrics, &str),
        budget: &Budget,
        invalid_utf8: InvalidUtf8,
    ) -> Self {
        let discarded = Kind::ALL.map(|kind| {
            let labels = [
                ("receiver", receiver),
                ("transport", transport),
                ("kind", kind.name()),
            ];
            metrics.counter("skyferry_receiver_discarded_reports_total", &labels)
        });
        Door {
            invalid_utf8,
            budget: budget.clone(),
            counts: Tally::new(metrics, receiver).of(transport),
            intakes: Signal::ALL.map(|signal| outlets.intake(signal, transport)),
            discarded: discarded.into(),
        }
    }

    /// Whether messages of this signal are answered with success: there is a pipeline, or they are
    /// reports, which an agent sends whether anybody wants them or not.
    pub(super) fn is_open(&self, signal: Signal) -> bool {
        signal == Signal::Skywalking || self.intakes[signal as usize].is_some()
    }

    /// Checks a message.
    pub(super) fn receive(
        &self,
        kind: Kind,
        message: bytes::Bytes,
        arrived_unix_ms: u64,
    ) -> Result<NativeChunk, Turned> {
        let received = pdata::skywalking::receive(
            kind,
            message,
            arrived_unix_ms,
            self.invalid_utf8,
            &self.budget,
        )?;
        self.counts.repaired.increment(received.repaired as u64);
        Ok(received.chunk)
    }

    /// Hands chunks of one signal to its pipelines; the answer is theirs. While they have no room they
    /// are asked again until `deadline`.
    ///
    /// Segments without a span are taken and left out, as every backend does.
    pub(super) async fn take(
        &self,
        signal: Signal,
        mut chunks: Vec<Chunk>,
        origin: Origin,
        deadline: Instant,
    ) -> Result<(), Turned> {
        chunks.retain(|chunk| chunk.items() > 0);
        if chunks.is_empty() {
            return Ok(());
        }
        let Some(intake) = &self.intakes[signal as usize] else {
            self.discard(&chunks);
            return Ok(());
        };
        let batch = Batch::new(signal, chunks, Arc::new(origin));
        intake
            .consume_by(batch, deadline)
            .await
            .map_err(Turned::Refused)
    }

    fn discard(&self, chunks: &[Chunk]) {
        for chunk in chunks {
            if let Chunk::Native(chunk) = chunk {
                let index = usize::from(chunk.kind().code()) - 1;
                self.discarded[index].increment(1);
            }
        }
    }
}
