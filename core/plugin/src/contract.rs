//! What a call of a plugin gives, the same for both kinds of libraries.

use bytes::Bytes;
use skyferry_plugin_sdk::abi;

use crate::description::Signal;

/// What the bytes of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A `ResourceSpans`.
    Traces,
    /// A `ResourceMetrics`.
    Metrics,
    /// A `ResourceLogs`.
    Logs,
    /// A SkyWalking `SegmentObject`.
    Segment,
}

impl Kind {
    pub fn of_number(number: abi::Kind) -> Option<Kind> {
        match number {
            abi::KIND_TRACES => Some(Kind::Traces),
            abi::KIND_METRICS => Some(Kind::Metrics),
            abi::KIND_LOGS => Some(Kind::Logs),
            abi::KIND_SEGMENT => Some(Kind::Segment),
            _ => None,
        }
    }

    pub fn number(self) -> abi::Kind {
        match self {
            Kind::Traces => abi::KIND_TRACES,
            Kind::Metrics => abi::KIND_METRICS,
            Kind::Logs => abi::KIND_LOGS,
            Kind::Segment => abi::KIND_SEGMENT,
        }
    }

    pub fn signal(self) -> Signal {
        match self {
            Kind::Traces | Kind::Segment => Signal::Traces,
            Kind::Metrics => Signal::Metrics,
            Kind::Logs => Signal::Logs,
        }
    }
}

/// A message that a plugin has made. Not looked at: it may be any bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    pub kind: Kind,
    /// May be memory of the plugin's; the library stays loaded until the last clone is dropped.
    pub message: Bytes,
}

/// What a plugin made of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    pub main: Main,
    /// Of the signals that the plugin says it emits.
    pub derived: Vec<Emitted>,
}

/// What becomes of the message itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Main {
    Unchanged,
    /// These, of the same signal, take its place; none drop it.
    Replaced(Vec<Emitted>),
    Refused(Refused),
}

/// The plugin's word that this data must not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Empty if it gave none.
    pub reason: String,
    /// Index of the item in the message, if one is meant.
    pub item: Option<u64>,
}

/// A call that did not do its work. The message is as if it had not been shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It says so itself; a panic caught inside of it is of these.
    #[error("it failed: {0}")]
    Failed(String),
    /// It broke the contract.
    #[error("it broke the contract: {0}")]
    Broken(String),
    /// It used up its time, and was ended or left alone.
    #[error("it did not finish within its time")]
    TimedOut,
    /// It used up its memory or its instructions; sandboxed plugins only.
    #[error("it ran into its limit: {0}")]
    Exhausted(String),
    /// It crashed; sandboxed plugins only, a native one takes the process with it.
    #[error("it crashed: {0}")]
    Crashed(String),
}

impl Failure {
    /// A word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::Failed(_) => "failed",
            Failure::Broken(_) => "broken_contract",
            Failure::TimedOut => "timeout",
            Failure::Exhausted(_) => "exhausted",
            Failure::Crashed(_) => "crashed",
        }
    }
}
