//! The one way telemetry moves on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Signal};
use telemetry::{Counter, Metrics};
use tokio::time::{Instant, sleep_until};

use crate::Refusal;

/// Takes batches: a pipeline, a processor, the front of an exporter.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The return value is the acknowledgement: `Ok` means that responsibility has been taken,
    /// to the degree the operator chose, and the sender may forget the batch. Awaiting is
    /// back-pressure.
    ///
    /// Dropping the future before it is ready leaves open whether the batch was taken.
    async fn consume(&self, batch: Batch) -> Result<(), Refusal>;
}

/// Where a receiver hands over what it takes: for each signal the pipelines that name it.
#[derive(Clone)]
pub struct Outlets {
    receiver: Arc<str>,
    metrics: Metrics,
    pipelines: [Option<Arc<dyn Consumer>>; Signal::ALL.len()],
}

impl Outlets {
    /// Outlets of the receiver with this id that lead nowhere yet.
    pub fn new(receiver: &str, metrics: Metrics) -> Self {
        Outlets {
            receiver: receiver.into(),
            metrics,
            pipelines: Default::default(),
        }
    }

    /// The same outlets with `signal` leading to `pipeline`.
    #[must_use]
    pub fn with(mut self, signal: Signal, pipeline: Arc<dyn Consumer>) -> Self {
        self.pipelines[signal as usize] = Some(pipeline);
        self
    }

    /// The way for `signal` over `transport`, counted; `None` if no pipeline takes the signal.
    pub fn intake(&self, signal: Signal, transport: &str) -> Option<Intake> {
        let pipeline = self.pipelines[signal as usize].clone()?;
        let labels = [("receiver", &*self.receiver), ("transport", transport)];
        let (accepted, refused) = match signal {
            Signal::Traces => (
                "otelcol_receiver_accepted_spans",
                "otelcol_receiver_refused_spans",
            ),
            Signal::Metrics => (
                "otelcol_receiver_accepted_metric_points",
                "otelcol_receiver_refused_metric_points",
            ),
            Signal::Logs => (
                "otelcol_receiver_accepted_log_records",
                "otelcol_receiver_refused_log_records",
            ),
            Signal::Skywalking => (
                "otelcol_receiver_accepted_reports",
                "otelcol_receiver_refused_reports",
            ),
        };
        let refused_for = |reason| {
            let labels = [
                labels[0],
                labels[1],
                ("signal", signal.name()),
                ("reason", reason),
            ];
            self.metrics
                .counter("skyferry_receiver_refused_items_total", &labels)
        };
        Some(Intake {
            pipeline,
            accepted: self.metrics.counter(accepted, &labels),
            refused: self.metrics.counter(refused, &labels),
            refused_for_overload: refused_for("overload"),
            refused_as_rejected: refused_for("rejected"),
            refused_in_shutdown: refused_for("shutdown"),
        })
    }
}

/// Shortest and longest pause before a pipeline is asked again.
const AGAIN_MIN: Duration = Duration::from_millis(10);
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// The counted way from one receiver and transport into the pipelines of a signal.
#[derive(Clone)]
pub struct Intake {
    pipeline: Arc<dyn Consumer>,
    accepted: Counter,
    refused: Counter,
    refused_for_overload: Counter,
    refused_as_rejected: Counter,
    refused_in_shutdown: Counter,
}

impl Intake {
    pub async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = batch.items();
        let answer = self.pipeline.consume(batch).await;
        self.count(items, &answer);
        answer
    }

    /// Like [`Intake::consume`], but asks again until `deadline` where the pipeline says to come back:
    /// for senders that would not. One batch is counted once, however often it was offered.
    pub async fn consume_by(&self, batch: Batch, deadline: Instant) -> Result<(), Refusal> {
        let items = batch.items();
        let answer = loop {
            let answer = self.pipeline.consume(batch.clone()).await;
            match &answer {
                Err(Refusal::Retry { after, .. }) => {
                    let again = Instant::now() + (*after).clamp(AGAIN_MIN, AGAIN_MAX);
                    if again >= deadline {
                        break answer;
                    }
                    sleep_until(again).await;
                }
                _ => break answer,
            }
        };
        self.count(items, &answer);
        answer
    }

    fn count(&self, items: usize, answer: &Result<(), Refusal>) {
        let items = items as u64;
        match answer {
            Ok(()) => self.accepted.increment(items),
            Err(refusal) => {
                self.refused.increment(items);
                match refusal {
                    Refusal::Retry { .. } => self.refused_for_overload.increment(items),
                    Refusal::Reject { .. } => self.refused_as_rejected.increment(items),
                    Refusal::Closed => self.refused_in_shutdown.increment(items),
                }
            }
        }
    }
}
