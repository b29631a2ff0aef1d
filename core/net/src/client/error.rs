//! Why a request got no answer, and whether it may have arrived.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::uri::Authority;
use hyper_util::client::legacy;
use tokio_rustls::rustls;

use crate::grpc::{Code, Status};

/// Causes repeated in one text.
const CAUSES_MAX: usize = 8;

/// An endpoint that no client can be made for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("`{0}` is no endpoint; expected `http://host:port` or `https://host:port`")]
    Invalid(String),
    #[error("`{0}` needs TLS, but plain text is configured; write `http://` for plain text")]
    NeedsTls(String),
    #[error("`{0}` has a query; an endpoint is a beginning to which paths are appended")]
    Query(String),
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Refused, unreachable, unknown host.
    #[error("cannot connect to `{authority}`: {}", Causes(source))]
    Connect {
        authority: Authority,
        source: legacy::Error,
    },
    /// No connection within the connect timeout.
    #[error("connecting to `{authority}` took too long")]
    ConnectTimedOut { authority: Authority },
    /// TCP connected, and the two sides did not agree on TLS.
    #[error("no TLS with `{authority}`: {}", Causes(source))]
    Tls {
        authority: Authority,
        source: legacy::Error,
    },
    /// The connection ended before an answer came.
    #[error(
        "`{authority}` ended the connection before it answered: {}",
        Causes(source)
    )]
    Reset {
        authority: Authority,
        source: legacy::Error,
    },
    /// No answer within the caller's limit.
    #[error("no answer within {limit:?}")]
    TimedOut { limit: Duration },
    /// Wrong in our request.
    #[error("`{0}` is no path")]
    Path(String),
}

impl SendError {
    /// Whether the peer may have received the request, or a part of it.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, SendError::Reset { .. } | SendError::TimedOut { .. })
    }

    pub(super) fn classify(error: legacy::Error, authority: &Authority) -> Self {
        let authority = authority.clone();
        let source = error;
        if !source.is_connect() {
            return SendError::Reset { authority, source };
        }
        if wraps(&source, |io: &io::Error| {
            io.kind() == io::ErrorKind::TimedOut
        }) {
            return SendError::ConnectTimedOut { authority };
        }
        if wraps(&source, |_: &rustls::Error| true) {
            return SendError::Tls { authority, source };
        }
        SendError::Connect { authority, source }
    }
}

impl From<SendError> for Status {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::TimedOut { .. } => Code::DeadlineExceeded,
            SendError::Path(_) => Code::Internal,
            _ => Code::Unavailable,
        };
        Status::new(code, error.to_string())
    }
}

/// Whether an error was caused by a `T` of the wanted kind.
fn wraps<T: Error + 'static>(error: &legacy::Error, wanted: impl Fn(&T) -> bool) -> bool {
    std::iter::successors(error.source(), |&cause| {
        match cause.downcast_ref::<io::Error>() {
            // An `io::Error` names as its source the source of what it wraps, and so hides the latter.
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
    .take(CAUSES_MAX)
    .any(|cause| cause.downcast_ref::<T>().is_some_and(&wanted))
}

fn causes<'a>(error: &'a legacy::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source()).take(CAUSES_MAX)
}

/// The causes of hyper's error, whose own text says nothing.
struct Causes<'a>(&'a legacy::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, cause) in causes(self.0).enumerate() {
            if n > 0 {
                f.write_str(": ")?;
            }
            write!(f, "{cause}")?;
        }
        Ok(())
    }
}
