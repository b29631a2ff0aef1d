//! Each kind as JSON, by the path that an OAP has for it.

use std::time::Duration;

use bytes::Bytes;
use engine::component::{Decision, ExportError};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Uri};
use net::client::Answer;
use net::{Body, Client};
use pdata::skywalking::Kind;
use pdata::{NativeChunk, json};

use super::{CALL_MAX, MESSAGES_MAX};

/// Characters of a refusal's text that are shown.
const EXCERPT_CHARS: usize = 200;

/// Where messages of a kind are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// One message.
    One(&'static str),
    /// A list of messages.
    List(&'static str),
}

/// `None` where the protocol has none.
pub(super) fn path(kind: Kind) -> Option<Path> {
    match kind {
        Kind::Segment => Some(Path::List("/v3/segments")),
        Kind::Log => Some(Path::List("/v3/logs")),
        Kind::Event => Some(Path::List("/v3/events")),
        Kind::InstanceProperties => Some(Path::One("/v3/management/reportProperties")),
        Kind::InstancePing => Some(Path::One("/v3/management/keepAlive")),
        Kind::BrowserPerf => Some(Path::One("/browser/perfData")),
        Kind::BrowserWebVitals => Some(Path::One("/browser/perfData/webVitals")),
        Kind::BrowserWebInteractions => Some(Path::List("/browser/perfData/webInteractions")),
        Kind::BrowserResource => Some(Path::List("/browser/perfData/resources")),
        Kind::BrowserErrorLog => Some(Path::List("/browser/errorLogs")),
        Kind::Meters | Kind::SpanAttachedEvent | Kind::Jvm | Kind::Clr | Kind::ServiceMesh => None,
    }
}

/// What cannot be sent is refused together.
pub(super) fn messages_max(kind: Kind) -> usize {
    match path(kind) {
        Some(Path::One(_)) => 1,
        Some(Path::List(_)) => MESSAGES_MAX,
        None => usize::MAX,
    }
}

/// Posts messages of one kind, no more than may share a call.
pub(super) async fn post(
    client: &Client,
    kind: Kind,
    messages: &[&NativeChunk],
) -> Result<(), ExportError> {
    let Some(path) = path(kind) else {
        let text = format!(
            "there is no path over HTTP for messages of the kind `{}`; replay them with \
             `--protocol grpc`",
            kind.name()
        );
        return Err(ExportError::new(Decision::Reject, text));
    };
    let (Path::One(place) | Path::List(place)) = path;
    let body = body(path, messages);
    let body = body.map_err(|error| ExportError::new(Decision::Reject, error.to_string()))?;
    let mut request = Request::new(Body::from(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(place);
    let form = HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, form);
    let answer = client.send(request, CALL_MAX).await;
    let answer = answer.map_err(|error| ExportError::retry(error.to_string()))?;
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(refusal(place, &answer)),
    }
}

pub(super) fn body(path: Path, messages: &[&NativeChunk]) -> Result<Vec<u8>, json::Malformed> {
    let is_list = matches!(path, Path::List(_));
    let mut body = Vec::new();
    if is_list {
        body.push(b'[');
    }
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        json::write_message(message.kind().schema(), message.message(), &mut body)?;
    }
    if is_list {
        body.push(b']');
    }
    Ok(body)
}

/// What an answer other than success means. A path that is missing says nothing about the others:
/// backends differ in the kinds they know.
pub(super) fn refusal(path: &str, answer: &Answer) -> ExportError {
    let status = answer.status;
    let decision = match status.as_u16() {
        408 | 429 | 502 | 503 | 504 => Decision::Retry {
            after: retry_after(answer),
        },
        413 => Decision::Split,
        401 | 403 => Decision::Park,
        _ => Decision::Reject,
    };
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.chars().filter(|char| !char.is_control());
    let text: String = text.take(EXCERPT_CHARS).collect();
    let message = format!("backend answers {status} to `{path}`: {}", text.trim());
    ExportError::new(decision, message.trim_end_matches(": ").to_owned())
}

/// The delay that is asked for in seconds; one that is a date is left to our own pace.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
