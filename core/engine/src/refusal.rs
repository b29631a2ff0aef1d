//! Why a batch was not taken.

use std::borrow::Cow;
use std::time::Duration;

/// Why a batch was not taken and what the caller should do about it.
///
/// Each receiver maps it to a status of its protocol in one function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not now: send the same again, not before `after`.
    #[error("{cause}, try again in {after:?}")]
    Retry {
        cause: Cow<'static, str>,
        after: Duration,
    },
    /// Never: the same batch would be refused again.
    #[error("{cause}")]
    Reject { cause: Cow<'static, str> },
    /// The process is shutting down; another instance may take it at once.
    #[error("shutting down")]
    Closed,
}

impl Refusal {
    pub fn retry(cause: impl Into<Cow<'static, str>>, after: Duration) -> Self {
        Refusal::Retry {
            cause: cause.into(),
            after,
        }
    }

    pub fn reject(cause: impl Into<Cow<'static, str>>) -> Self {
        Refusal::Reject {
            cause: cause.into(),
        }
    }

    /// The word for metric labels.
    pub const fn reason(&self) -> &'static str {
        match self {
            Refusal::Retry { .. } => "overload",
            Refusal::Reject { .. } => "rejected",
            Refusal::Closed => "shutdown",
        }
    }
}
