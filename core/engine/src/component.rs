//! What a component is to the engine.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use pdata::Batch;

use crate::consumer::Outlets;
use crate::{Shutdown, Tasks};

/// A way in. Bound when built, so that a port in use is a failed start and not a failed run.
#[async_trait]
pub trait Receiver: Send {
    /// Takes requests until `shutdown` asks to drain; returns when the intake is closed and every
    /// open request is answered, or cut because `shutdown` ended the drain.
    async fn run(
        self: Box<Self>,
        outlets: Outlets,
        tasks: Tasks,
        shutdown: Shutdown,
    ) -> Result<(), RunError>;
}

/// A way out: one attempt and no policy. Queue, retry, timeout and accounting are the engine's.
#[async_trait]
pub trait Exporter: Send + Sync {
    /// Sends `batch`, once. Dropping the future abandons the attempt.
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError>;

    /// Whether [`pdata::Origin`] goes out with the data; then the engine never merges batches of
    /// different origin.
    fn uses_origin(&self) -> bool {
        false
    }

    /// Called once after the last attempt: write out what is buffered.
    async fn close(&self) {}
}

/// What the destination made of a batch it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Items the destination says it threw away (OTLP's `partial_success`).
    pub rejected: usize,
    /// What it gave as the reason.
    pub message: String,
}

/// Why an attempt failed, and what the engine does next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExportError {
    pub decision: Decision,
    pub message: Cow<'static, str>,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The same again, not before `after` if the destination said so.
    Retry { after: Option<Duration> },
    /// In smaller pieces: the destination does not take requests of this size.
    Split,
    /// Never again: this data will always be refused.
    Reject,
    /// Not the data's fault and not passing by itself: credentials are refused, the method is
    /// not there. The destination is left alone for a while and an alarm is raised.
    Park,
}

impl ExportError {
    pub fn new(decision: Decision, message: impl Into<Cow<'static, str>>) -> Self {
        ExportError {
            decision,
            message: message.into(),
        }
    }

    pub fn retry(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Decision::Retry { after: None }, message)
    }
}

/// Why a component ended that should have gone on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub String);
