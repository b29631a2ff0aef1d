//! What the answer to a call means for its messages.

use engine::ExportError;
use engine::component::Decision;
use net::client::{CallError, Fate};
use net::grpc::{Code, Status};

use super::calls::Form;

/// What a call that failed means.
///
/// A backend catches what goes wrong with one message of a stream and answers success, so a failed
/// stream tells about the backend. What it answers to a single message may be that message's fault,
/// and so is the failure of an OTLP request, of which a part is applied already.
pub(super) fn of(error: &CallError, form: Form) -> ExportError {
    let Status {
        code,
        message,
        retry_after,
    } = &error.status;
    let after = *retry_after;
    let decision = match code {
        Code::ResourceExhausted if error.status.says_too_large() => Decision::Split,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss => Decision::Retry { after },
        Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => Decision::Park,
        Code::Unknown | Code::Internal if form == Form::Stream || error.fate != Fate::Answered => {
            Decision::Retry { after }
        }
        _ => Decision::Reject,
    };
    ExportError::new(decision, format!("{code:?}: {message}"))
}

/// Whether the failure is the backend's, so that another one should be asked next.
pub(super) fn blames_backend(error: &CallError) -> bool {
    error.fate != Fate::Answered
        || matches!(
            error.status.code,
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded
        )
}
