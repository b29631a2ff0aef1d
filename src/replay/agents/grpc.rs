//! Each kind by its method.

use bytes::Bytes;
use engine::component::{Decision, ExportError};
use http::HeaderMap;
use net::Client;
use net::client::{CallError, Fate, Stream, Unary};
use net::compress::Encoding;
use net::grpc::Code;
use pdata::NativeChunk;
use pdata::skywalking::{Call, Kind};

use super::{CALL_MAX, MESSAGES_MAX};

pub(super) fn messages_max(kind: Kind) -> usize {
    match kind.call() {
        Call::Unary => 1,
        Call::Stream => MESSAGES_MAX,
    }
}

/// Sends messages of one kind, no more than may share a call.
pub(super) async fn call(
    client: &Client,
    kind: Kind,
    messages: &[&NativeChunk],
) -> Result<(), ExportError> {
    let messages = messages.iter().map(|message| message.message().clone());
    let messages: Vec<Bytes> = messages.collect();
    let headers = HeaderMap::new();
    let answer = match kind.call() {
        Call::Stream => {
            let stream = Stream {
                path: kind.path(),
                headers,
                messages: &messages,
                timeout: CALL_MAX,
            };
            client.call_with_stream(stream).await
        }
        Call::Unary => {
            let unary = Unary {
                path: kind.path(),
                headers,
                message: &messages,
                encoding: Encoding::Identity,
                timeout: CALL_MAX,
            };
            client.call_once(unary).await
        }
    };
    // The commands of an answer are for an agent, which nobody is here.
    answer.map(drop).map_err(|error| refusal(&error))
}

/// What a call that failed means. A method that is missing says nothing about the others: backends
/// differ in the kinds they know.
pub(super) fn refusal(error: &CallError) -> ExportError {
    let status = &error.status;
    let after = status.retry_after;
    let decision = match status.code {
        Code::ResourceExhausted if status.says_too_large() => Decision::Split,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss => Decision::Retry { after },
        Code::Unauthenticated | Code::PermissionDenied => Decision::Park,
        _ if error.fate != Fate::Answered => Decision::Retry { after },
        _ => Decision::Reject,
    };
    ExportError::new(decision, error.to_string())
}
