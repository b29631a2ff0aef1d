//! Answers of OTLP over HTTP, in the encoding of the request.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use net::Body;
use net::grpc::Code;
use pdata::wire::{put_field, put_varint};

use crate::trouble::Trouble;

/// The encoding of a request and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Form {
    /// The form that the content type names; parameters such as `charset` do not matter.
    pub(super) fn of(headers: &HeaderMap) -> Option<Form> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Form::Protobuf)
        } else if media_type.eq_ignore_ascii_case("application/json") {
            Some(Form::Json)
        } else {
            None
        }
    }

    /// The answer to a request in neither form.
    pub(super) fn unsupported() -> Response<Body> {
        let text = "415 unsupported media type, supported: \
                    [application/json, application/x-protobuf]\n";
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let accepted = HeaderValue::from_static("application/json, application/x-protobuf");
        response.headers_mut().insert("accept-post", accepted);
        response
    }

    /// The empty partial success that the collector answers with.
    pub(super) fn success(self) -> Response<Body> {
        self.response(
            StatusCode::OK,
            match self {
                Form::Protobuf => Bytes::from_static(b"\x0A\x00"),
                Form::Json => Bytes::from_static(br#"{"partialSuccess":{}}"#),
            },
        )
    }

    /// The trouble as a `google.rpc.Status`.
    pub(super) fn refusal(self, trouble: Trouble) -> Response<Body> {
        let code = code(trouble.status).number();
        let body = match self {
            Form::Protobuf => status_protobuf(code, &trouble.text),
            Form::Json => serde_json::json!({"code": code, "message": trouble.text})
                .to_string()
                .into(),
        };
        let mut response = self.response(trouble.status, body.into());
        trouble.write_retry_after(response.headers_mut());
        response
    }

    fn response(self, status: StatusCode, body: Bytes) -> Response<Body> {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let form = match self {
            Form::Protobuf => PROTOBUF,
            Form::Json => JSON,
        };
        response.headers_mut().insert(CONTENT_TYPE, form);
        response
    }
}

/// `google.rpc.Status`: 1 code, 2 message.
fn status_protobuf(code: u8, message: &str) -> Vec<u8> {
    let mut status = Vec::with_capacity(message.len() + 8);
    put_varint(&mut status, 1 << 3);
    put_varint(&mut status, code.into());
    put_field(&mut status, 2, message.as_bytes());
    status
}

fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::Unknown,
    }
}
