//! Text that is no text: real SDKs cut strings through the middle of an emoji.

use net::compress::Encoding;
use pdata::Signal;
use prost::Message;

use super::{log, start};
use crate::harness::{Backend, Sender};

/// As a mini program SDK writes an emoji of which it kept the first half: surrogates in UTF-8.
const HALF_EMOJI: &[u8] = b"cut \xED\xA0\xBD";
const BROKEN_BYTE: &[u8] = b"cut \xC0!!";

/// A request whose log record has this text, which may be no UTF-8.
fn log_of_bytes(text: &[u8]) -> Vec<u8> {
    let placeholder = "#".repeat(text.len());
    let mut request = log(&placeholder).encode_to_vec();
    let place = request
        .windows(text.len())
        .position(|window| window == placeholder.as_bytes())
        .expect("the text is in the request");
    request[place..place + text.len()].copy_from_slice(text);
    request
}

fn log_json(text: &str) -> String {
    let record = format!(r#"{{"body":{{"stringValue":"{text}"}}}}"#);
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_text_is_repaired_and_the_rest_of_the_request_kept() {
    let backend = Backend::start();
    let collector = start(&backend);
    let http = Sender::http(collector.address("receivers/otlp", "http"));
    let grpc = Sender::grpc(collector.address("receivers/otlp", "grpc"));
    let json = [("content-type", "application/json")];
    for text in [HALF_EMOJI, BROKEN_BYTE] {
        let request = log_of_bytes(text);
        let answer = http.post_protobuf(Signal::Logs, request.clone().into());
        assert_eq!(answer.await.expect("it answers").status, 200);
        let called = grpc.export(Signal::Logs, request.into(), Encoding::Identity);
        called.await.expect("it is taken");
    }
    let half_escape = log_json(r"cut \ud83d");
    let mut broken_json = log_json("cut #!!").into_bytes();
    let place = broken_json.iter().position(|byte| *byte == b'#');
    broken_json[place.expect("it is there")] = 0xC0;
    for body in [half_escape.into_bytes(), broken_json] {
        let answer = http.post("/v1/logs", &json, body).await;
        assert_eq!(answer.expect("it answers").status, 200);
    }
    backend.until("6 records", |tally| tally.items >= 6).await;
    let mut texts = backend.texts();
    texts.sort();
    let [half, byte] = ["cut \u{FFFD}", "cut ?!!"];
    assert_eq!(texts, [byte, byte, byte, half, half, half]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_text_is_refused_where_that_is_asked_for() {
    let backend = Backend::start();
    let collector = start(&backend);
    let http = Sender::http(collector.address("receivers/otlp/strict", "http"));
    let grpc = Sender::grpc(collector.address("receivers/otlp/strict", "grpc"));
    let json = [("content-type", "application/json")];
    let broken = log_of_bytes(HALF_EMOJI);
    let answer = http.post_protobuf(Signal::Logs, broken.clone().into());
    let answer = answer.await.expect("it answers");
    assert_eq!(answer.status, 400);
    assert!(super::rpc_status(&answer.body).1.contains("UTF-8"));
    let called = grpc.export(Signal::Logs, broken.into(), Encoding::Identity);
    let refusal = called.await.expect_err("it is refused");
    assert_eq!(refusal.code, net::grpc::Code::InvalidArgument);
    assert!(refusal.message.contains("UTF-8"), "{refusal}");
    let answer = http.post("/v1/logs", &json, log_json(r"cut \ud83d")).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer.status, 400);
    let whole = log_json(r"whole \ud83d\ude00");
    let answer = http.post("/v1/logs", &json, whole).await;
    assert_eq!(answer.expect("it answers").status, 200);
    backend
        .until("the good record", |tally| tally.items >= 1)
        .await;
    assert_eq!(backend.texts(), ["whole \u{1F600}"]);
}
