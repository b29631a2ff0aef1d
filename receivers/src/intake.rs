//! What every receiver does with a request, whatever its protocol: where it came from, what is counted
//! of it, and why it was not taken.

use std::borrow::Cow;

use engine::Refusal;
use http::HeaderMap;
use http::header::{REFERER, USER_AGENT};
use net::grpc::{Code, OVERLOAD_RETRY_AFTER, Status};
use net::server::Peer;
use pdata::Origin;
use pdata::otlp::ReceiveError;
use telemetry::{Counter, Metrics};

/// Why a request was not taken, in the words of its protocol's statuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The bytes are no request; sending them again cannot help.
    Malformed(String),
    /// No memory for it now.
    Overloaded(String),
    /// The pipeline refused it.
    Refused(Refusal),
}

impl From<ReceiveError> for Turned {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Overloaded(_) => Turned::Overloaded(error.to_string()),
            ReceiveError::Malformed(_) | ReceiveError::TooLarge(_) => {
                Turned::Malformed(error.to_string())
            }
        }
    }
}

impl From<Turned> for Status {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Malformed(text) => Status::new(Code::InvalidArgument, text),
            Turned::Overloaded(text) => {
                Status::new(Code::Unavailable, text).retry_after(OVERLOAD_RETRY_AFTER)
            }
            Turned::Refused(refusal) => {
                let text = refusal.to_string();
                match refusal {
                    Refusal::Retry { after, .. } => {
                        Status::new(Code::Unavailable, text).retry_after(after)
                    }
                    Refusal::Reject { .. } => Status::new(Code::InvalidArgument, text),
                    Refusal::Closed => {
                        Status::new(Code::Unavailable, text).retry_after(OVERLOAD_RETRY_AFTER)
                    }
                }
            }
        }
    }
}

/// The origin of a request: its peer and the headers that say what kind of client it is.
pub(crate) fn origin(headers: &HeaderMap, peer: Option<&Peer>) -> Origin {
    let kept = [(USER_AGENT, "user-agent"), (REFERER, "referer")];
    let headers = kept.into_iter().filter_map(|(header, name)| {
        let value = headers.get(header)?.to_str().ok()?;
        Some((name.into(), shortened(value).into()))
    });
    Origin {
        headers: headers.collect(),
        peer: peer.map(|peer| peer.address),
        credential: peer
            .and_then(|peer| peer.certificate_subject.as_deref())
            .map(Into::into),
        arrived_unix_nano: arrived_now(),
    }
}

/// The time for [`Origin::arrived_unix_nano`].
pub(crate) fn arrived_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64)
}

/// When a request arrived, in milliseconds.
pub(crate) fn unix_ms(origin: &Origin) -> u64 {
    origin.arrived_unix_nano / 1_000_000
}

/// Header bytes kept in an origin.
const HEADER_BYTES_MAX: usize = 512;

fn shortened(value: &str) -> Cow<'_, str> {
    // `to_str` gave visible ASCII, so any offset is a character's.
    value.get(..HEADER_BYTES_MAX).unwrap_or(value).into()
}

/// What a receiver counts beside the items of its intakes.
#[derive(Clone)]
pub(crate) struct Tally {
    metrics: Metrics,
    receiver: String,
}

/// The counters of one protocol.
#[derive(Clone)]
pub(crate) struct Counts {
    pub(crate) repaired: Counter,
    pub(crate) malformed: Counter,
    pub(crate) too_large: Counter,
    pub(crate) overloaded: Counter,
    pub(crate) unread: Counter,
}

impl Counts {
    /// Counts a call that is refused with this status.
    pub(crate) fn count(&self, status: &Status) {
        match status.code {
            Code::Unavailable => self.overloaded.increment(1),
            Code::ResourceExhausted => self.too_large.increment(1),
            Code::InvalidArgument => self.malformed.increment(1),
            _ => self.unread.increment(1),
        }
    }
}

impl Tally {
    pub(crate) fn new(metrics: &Metrics, receiver: &str) -> Self {
        Tally {
            metrics: metrics.clone(),
            receiver: receiver.to_owned(),
        }
    }

    pub(crate) fn of(&self, transport: &'static str) -> Counts {
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
