//! What both protocols do with a request once its bytes are there.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Intake, Refusal};
use http::HeaderMap;
use http::header::{REFERER, USER_AGENT};
use net::server::Peer;
use pdata::otlp::{InvalidUtf8, ReceiveError, receive};
use pdata::{Batch, Budget, Origin, Signal};
use telemetry::{Counter, Metrics};

/// The way of one signal over one protocol into its pipelines.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) signal: Signal,
    pub(super) intake: Intake,
    pub(super) invalid_utf8: InvalidUtf8,
    pub(super) budget: Budget,
    pub(super) tally: Counts,
}

/// Why a request was not taken, in the words of its protocol's statuses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// The bytes are no request; sending them again cannot help.
    Malformed(String),
    /// No memory for it now.
    Overloaded(String),
    /// The pipeline refused it.
    Refused(Refusal),
}

impl Door {
    /// Hands a protobuf request to the pipelines. An empty one is taken without asking them.
    pub(super) async fn take(&self, request: Bytes, origin: Origin) -> Result<(), Turned> {
        let received = receive(self.signal, request, self.invalid_utf8, &self.budget);
        let received = received.map_err(|error| match error {
            ReceiveError::Overloaded(_) => Turned::Overloaded(error.to_string()),
            ReceiveError::Malformed(_) | ReceiveError::TooLarge(_) => {
                Turned::Malformed(error.to_string())
            }
        })?;
        self.tally.repaired.increment(received.repaired as u64);
        if received.items == 0 {
            return Ok(());
        }
        let batch = Batch::new(self.signal, received.chunks, Arc::new(origin));
        self.intake.consume(batch).await.map_err(Turned::Refused)
    }
}

/// The origin of a request: its peer and the headers that say what kind of client it is.
pub(super) fn origin(headers: &HeaderMap, peer: Option<&Peer>) -> Origin {
    let kept = [(USER_AGENT, "user-agent"), (REFERER, "referer")];
    let headers = kept.into_iter().filter_map(|(header, name)| {
        let value = headers.get(header)?.to_str().ok()?;
        Some((name.into(), shortened(value).into()))
    });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Origin {
        headers: headers.collect(),
        peer: peer.map(|peer| peer.address),
        credential: peer
            .and_then(|peer| peer.certificate_subject.as_deref())
            .map(Into::into),
        arrived_unix_nano: now.map_or(0, |now| now.as_nanos() as u64),
    }
}

/// Header bytes kept in an origin.
const HEADER_BYTES_MAX: usize = 512;

fn shortened(value: &str) -> Cow<'_, str> {
    // `to_str` gave visible ASCII, so any offset is a character's.
    value.get(..HEADER_BYTES_MAX).unwrap_or(value).into()
}

/// What a receiver counts beside the items of its intakes.
#[derive(Clone)]
pub(super) struct Tally {
    metrics: Metrics,
    receiver: String,
}

/// The counters of one protocol.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) repaired: Counter,
    pub(super) malformed: Counter,
    pub(super) too_large: Counter,
    pub(super) overloaded: Counter,
    pub(super) unread: Counter,
}

impl Tally {
    pub(super) fn new(metrics: &Metrics, receiver: &str) -> Self {
        Tally {
            metrics: metrics.clone(),
            receiver: receiver.to_owned(),
        }
    }

    pub(super) fn of(&self, transport: &'static str) -> Counts {
        let labels = [("receiver", &*self.receiver), ("transport", transport)];
        let refused = |reason| {
            let labels = [labels[0], labels[1], ("reason", reason)];
            self.metrics
                .counter("skyferry_receiver_refused_requests_total", &labels)
        };
        Counts {
            repaired: self
                .metrics
                .counter("skyferry_receiver_repaired_strings_total", &labels),
            malformed: refused("malformed"),
            too_large: refused("too_large"),
            overloaded: refused("overload"),
            unread: refused("not_read"),
        }
    }
}
