//! What an answer means for the data.
//!
//! The collector's classification, with its known losses mended: a delay is never a reason to
//! drop, `RESOURCE_EXHAUSTED` is tried again unless it says that the message is too large, and
//! refused credentials or a missing method condemn no data.

use std::time::{Duration, SystemTime};

use engine::component::Decision;
use engine::{Delivery, ExportError};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use net::grpc::{Code, Status};
use pdata::wire::{Fields, Value};

/// What a gRPC status other than OK means.
pub(super) fn of_status(status: &Status) -> ExportError {
    let decision = match status.code {
        Code::ResourceExhausted if status.says_too_large() => Decision::Split,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Decision::Retry {
            after: status.retry_after,
        },
        Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => Decision::Park,
        _ => Decision::Reject,
    };
    ExportError::new(decision, format!("{:?}: {}", status.code, status.message))
}

/// What an HTTP status outside 2xx means.
pub(super) fn of_http(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ExportError {
    let decision = match status.as_u16() {
        408 | 429 | 502 | 503 | 504 => Decision::Retry {
            after: retry_after(headers),
        },
        413 => Decision::Split,
        401 | 403 | 404 | 405 | 501 => Decision::Park,
        _ => Decision::Reject,
    };
    let text = excerpt(body);
    let message = match text.is_empty() {
        true => format!("backend answers {status}"),
        false => format!("backend answers {status}: {text}"),
    };
    ExportError::new(decision, message)
}

/// Characters of an answer's body that are shown.
const EXCERPT_CHARS: usize = 200;

/// What of a body is readable text; a protobuf status carries its message among other bytes.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let readable = text.chars().filter(|c| !c.is_control() && *c != '\u{FFFD}');
    readable
        .take(EXCERPT_CHARS)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The delay a server asks for, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The partial success in a protobuf `Export*ServiceResponse`: in field 1, 1 the rejected items
/// and 2 the message. An answer that says nothing rejected nothing.
pub(super) fn delivery(response: &[u8]) -> Delivery {
    let mut delivery = Delivery::default();
    let partial = Fields::of(response).filter(|field| field.number == 1);
    for field in partial {
        let Value::Len(partial) = field.value else {
            continue;
        };
        for field in Fields::of(partial) {
            match (field.number, field.value) {
                (1, Value::Varint(rejected)) => {
                    delivery.rejected = usize::try_from(rejected as i64).unwrap_or(0);
                }
                (2, Value::Len(message)) => {
                    delivery.message = String::from_utf8_lossy(message).into_owned();
                }
                _ => {}
            }
        }
    }
    delivery
}

/// The partial success in a JSON response.
pub(super) fn delivery_json(response: &[u8]) -> Delivery {
    let response: serde_json::Value = serde_json::from_slice(response).unwrap_or_default();
    let partial = &response["partialSuccess"];
    let rejected = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .iter()
        .find_map(|key| match &partial[*key] {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        })
        .unwrap_or(0);
    let message = partial["errorMessage"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    Delivery {
        rejected: usize::try_from(rejected).unwrap_or(usize::MAX),
        message,
        ..Delivery::default()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn exhausted_resources_are_retried_unless_the_message_is_too_large() {
        let exhausted =
            |text: &str| of_status(&Status::new(Code::ResourceExhausted, text)).decision;
        assert_eq!(exhausted("queue is full"), Decision::Retry { after: None });
        for text in [
            "grpc: received message larger than max (5000000 vs. 4194304)",
            "gRPC message exceeds maximum size 4194304: 5000000",
            "Received message too large",
        ] {
            assert_eq!(exhausted(text), Decision::Split, "{text}");
        }
    }

    #[test]
    fn statuses_are_retried_parked_or_final() {
        let http = |status| of_http(status, &HeaderMap::new(), b"").decision;
        for status in [408, 429, 502, 503, 504] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(http(status), Decision::Retry { after: None });
        }
        for status in [401, 403, 404, 405, 501] {
            assert_eq!(
                http(StatusCode::from_u16(status).expect("a status")),
                Decision::Park
            );
        }
        for status in [301, 400, 415, 422, 500] {
            assert_eq!(
                http(StatusCode::from_u16(status).expect("a status")),
                Decision::Reject
            );
        }
        assert_eq!(http(StatusCode::PAYLOAD_TOO_LARGE), Decision::Split);
        let grpc = |code| of_status(&Status::new(code, "")).decision;
        assert_eq!(grpc(Code::Unavailable), Decision::Retry { after: None });
        assert_eq!(grpc(Code::Unauthenticated), Decision::Park);
        assert_eq!(grpc(Code::InvalidArgument), Decision::Reject);
    }

    #[test]
    fn a_delay_is_read_in_seconds_and_as_a_date() {
        let delay = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(
                RETRY_AFTER,
                HeaderValue::from_str(value).expect("a header value"),
            );
            retry_after(&headers)
        };
        assert_eq!(delay("600"), Some(Duration::from_secs(600)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(delay(&date).is_some_and(|delay| delay > Duration::from_secs(90)));
        assert_eq!(delay("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(delay("soon"), None);
    }

    #[test]
    fn partial_success_is_read_in_both_forms() {
        let expected = Delivery {
            rejected: 3,
            message: "bad name".to_owned(),
            ..Delivery::default()
        };
        assert_eq!(delivery(b"\x0A\x0C\x08\x03\x12\x08bad name"), expected);
        let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"bad name"}}"#;
        assert_eq!(delivery_json(json), expected);
        assert_eq!(delivery(b"\x0A\x00"), Delivery::default());
        assert_eq!(delivery_json(b"not json"), Delivery::default());
    }
}
