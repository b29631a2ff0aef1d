//! The outcome of a call: a code, a text and, where there is one, the time to wait.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::details;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Longest text sent or kept, in bytes: clients limit their headers to 8 KiB, and the text is sent
/// twice when there are details.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What `grpc-message` escapes: everything but printable ASCII, and the percent sign.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// The codes of gRPC, with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// All codes; the index is the number.
    pub const ALL: [Code; 17] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
        Code::Unauthenticated,
    ];

    /// The code of a number; those that gRPC does not define are `Unknown`, as it prescribes.
    pub fn from_number(number: usize) -> Code {
        Code::ALL.get(number).copied().unwrap_or(Code::Unknown)
    }

    pub fn number(self) -> u8 {
        self as u8
    }

    /// What an answer without `grpc-status` means, by its HTTP status; the table is gRPC's
    /// `http-grpc-status-mapping`.
    fn from_http(status: StatusCode) -> Code {
        match status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

/// The outcome of a call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub code: Code,
    pub message: String,
    /// How long the client should wait before it sends again (`google.rpc.RetryInfo`).
    pub retry_after: Option<Duration>,
}

impl Status {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// Whether it says that the message is too large for the server, in the words of grpc-go and
    /// grpc-java, of grpc-core, and of tonic. The code alone also stands for a server without room.
    pub fn says_too_large(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        let words = [
            "larger than max",
            "too large",
            "exceeds maximum size",
            "message length too large",
        ];
        self.code == Code::ResourceExhausted && words.iter().any(|words| message.contains(words))
    }

    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Writes the headers (or trailers) of this outcome. A text over 1 KiB is cut.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(
            GRPC_STATUS,
            HeaderValue::from(u16::from(self.code.number())),
        );
        let message = shorten(&self.message);
        if !message.is_empty() {
            let escaped = utf8_percent_encode(message, ESCAPED).to_string();
            let value = HeaderValue::try_from(escaped);
            headers.insert(
                GRPC_MESSAGE,
                value.expect("escaped text is printable ASCII"),
            );
        }
        if let Some(delay) = self.retry_after {
            let value = HeaderValue::try_from(details::encode(self.code, message, delay));
            headers.insert(GRPC_DETAILS, value.expect("base64 is printable ASCII"));
        }
    }

    /// Reads an outcome from trailers, or from the headers of an answer without a body. `None` where
    /// there is no `grpc-status`; the inner `Err` is the call's failure.
    pub fn read(headers: &HeaderMap) -> Option<Result<(), Status>> {
        let value = headers.get(GRPC_STATUS)?;
        let number = value.to_str().ok().and_then(|text| text.parse().ok());
        let code = number.map_or(Code::Unknown, Code::from_number);
        if code == Code::Ok {
            return Some(Ok(()));
        }
        let message = headers.get(GRPC_MESSAGE).map_or_else(String::new, |value| {
            let text = percent_decode(value.as_bytes()).decode_utf8_lossy();
            shorten(&text).to_owned()
        });
        let retry_after = headers
            .get(GRPC_DETAILS)
            .and_then(|value| details::retry_after(value.as_bytes()));
        Some(Err(Status {
            code,
            message,
            retry_after,
        }))
    }

    /// The outcome of an answer that is not gRPC's, as from a proxy in between.
    pub fn from_http(status: StatusCode) -> Status {
        Status::new(
            Code::from_http(status),
            format!(
                "the peer answered HTTP status `{}` without `grpc-status`",
                status.as_u16()
            ),
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl std::error::Error for Status {}

fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)]
}
