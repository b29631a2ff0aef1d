//! Whatever is sent, the answer says what was wrong, and the next good request works.
//!
//! One program takes the whole table, so a case that breaks it for others fails too. At the end
//! the backend must hold the good requests and nothing else.

use bytes::Bytes;
use prost::Message;

use crate::harness::records::log;
use crate::harness::{Backend, Collector};

mod crowd;
mod grpc;
mod http;
mod http_cases;
mod slow;
mod text;

/// Bytes that the receivers under test take in one request.
const LIMIT: usize = 1 << 20;

/// A program that takes logs and metrics, but no traces: gently, and strictly as to UTF-8.
fn start(backend: &Backend) -> Collector {
    Collector::start(&format!(
        "
receivers:
  otlp:
    protocols: &protocols
      grpc: {{endpoint: '127.0.0.1:0', max_recv_msg_size_mib: 1}}
      http:
        endpoint: '127.0.0.1:0'
        max_request_body_size: 1MiB
        read_timeout: 2s
        read_header_timeout: 2s
  otlp/strict:
    invalid_utf8: refuse
    protocols: *protocols
exporters:
  otlp_grpc: {{endpoint: '{}', tls: {{insecure: true}}}}
service:
  pipelines:
    logs: {{receivers: [otlp, otlp/strict], exporters: [otlp_grpc]}}
    metrics: {{receivers: [otlp, otlp/strict], exporters: [otlp_grpc]}}
",
        backend.address()
    ))
}

/// The request that must always work.
fn good() -> Bytes {
    log("good").encode_to_vec().into()
}

/// Code and message of a `google.rpc.Status`: `1: int32 code, 2: string message`.
fn rpc_status(mut body: &[u8]) -> (u64, String) {
    use prost::encoding::{decode_key, decode_varint};
    let (mut code, mut message) = (0, String::new());
    while !body.is_empty() {
        let (field, _) = decode_key(&mut body).expect("a field's key");
        let number = decode_varint(&mut body).expect("a number, or a length");
        match field {
            1 => code = number,
            2 => {
                let length = usize::try_from(number).expect("a length");
                let (text, rest) = body.split_at(length);
                message = String::from_utf8(text.to_vec()).expect("text");
                body = rest;
            }
            other => panic!("a status here has no field {other}"),
        }
    }
    (code, message)
}
