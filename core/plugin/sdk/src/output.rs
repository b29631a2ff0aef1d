//! What a plugin hands over.

use crate::abi;
use crate::description::Signal;

/// What the bytes of a message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An `opentelemetry.proto.trace.v1.ResourceSpans`.
    Traces,
    /// An `opentelemetry.proto.metrics.v1.ResourceMetrics`.
    Metrics,
    /// An `opentelemetry.proto.logs.v1.ResourceLogs`.
    Logs,
    /// A `skywalking.v3.SegmentObject`.
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

/// Where emitted messages go: to the host, or into a test.
pub trait Sink {
    fn emit(&mut self, kind: Kind, message: Vec<u8>);
}

/// What becomes of the message that is processed, and what is made beside it. A message about which nothing
/// is said goes on as it is.
pub struct Output<'a> {
    sink: &'a mut dyn Sink,
    is_replaced: bool,
}

impl<'a> Output<'a> {
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Output {
            sink,
            is_replaced: false,
        }
    }

    /// Puts `message`, of the same signal, in the place of the one that is processed; several times for
    /// several. What [`crate::edit`] returns is handed over as it is: `None` where nothing changed, and an
    /// empty message, which drops the one that is processed, where nothing is left.
    pub fn replace(&mut self, kind: Kind, message: impl Into<Option<Vec<u8>>>) {
        if let Some(message) = message.into() {
            self.is_replaced = true;
            if !message.is_empty() {
                self.sink.emit(kind, message);
            }
        }
    }

    /// Lets the message that is processed end here.
    pub fn drop_message(&mut self) {
        self.is_replaced = true;
    }

    /// Hands over a message of one of the signals that the plugin says it emits.
    pub fn emit(&mut self, kind: Kind, message: Vec<u8>) {
        self.sink.emit(kind, message);
    }

    /// Whether the message does not go on as it is.
    pub fn is_replaced(&self) -> bool {
        self.is_replaced
    }
}
