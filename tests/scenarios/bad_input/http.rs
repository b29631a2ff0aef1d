//! Runs the table of bad HTTP requests.

use crate::harness::http1::{self, Answer, Connection};
use crate::harness::{Backend, Collector, Records};
use crate::harness::{Export, Sender};

use super::http_cases::{self, After, Case, Says};
use super::{good, log, rpc_status, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_http_request_is_answered_and_harms_no_other() {
    let backend = Backend::start();
    let collector = start(&backend);
    let mut good_ones = 0;
    for case in http_cases::all() {
        good_ones += run(&collector, &case).await;
    }
    assert!(collector.memory().peak < 64 << 20, "bombs stay small");
    let mut expected = Records::default();
    for _ in 0..good_ones {
        expected.add(&Export::Logs(log("good")));
    }
    backend.assert_takes(&expected, "the backend").await;
    assert_eq!(collector.stop().code, Some(0));
}

/// Runs one case and returns how many good requests it sent.
async fn run(collector: &Collector, case: &Case) -> usize {
    let name = case.name;
    let address = collector.address("receivers/otlp", "http");
    let mut connection = Connection::open(address).await;
    connection.send(&case.request).await;
    if case.half_close {
        connection.finish().await;
    }
    let mut good_ones = case.good_inside;
    for expected in &case.answers {
        let answer = connection.answer().await;
        let answer = answer.unwrap_or_else(|| panic!("{name}: no answer"));
        check(name, expected, &answer);
        if case.after == After::Closed && expected.status >= 400 {
            assert!(
                answer.closes(),
                "{name}: does not say that it closes: {answer:?}"
            );
        }
    }
    match case.after {
        After::Kept => {
            connection.send(&good_request()).await;
            let answer = connection.answer().await;
            assert_eq!(
                answer.map(|answer| answer.status),
                Some(200),
                "{name}: reuse"
            );
            good_ones += 1;
        }
        After::Closed | After::ClosedSilently => {
            assert_eq!(connection.rest().await, "", "{name}: after the last answer");
        }
        After::Ends => drop(connection.rest().await),
    }
    let fresh = Sender::http(address);
    let answer = fresh.post_protobuf(pdata::Signal::Logs, good()).await;
    let answer = answer.unwrap_or_else(|error| panic!("{name}: afterwards: {error}"));
    assert_eq!(answer.status, 200, "{name}: afterwards");
    good_ones + 1
}

fn good_request() -> Vec<u8> {
    http1::post("/v1/logs", http_cases::PROTOBUF, &good())
}

fn check(name: &str, expected: &http_cases::Expected, answer: &Answer) {
    assert_eq!(answer.status, expected.status, "{name}: {answer:?}");
    for (header, value) in &expected.headers {
        assert_eq!(answer.header(header), Some(*value), "{name}: {header}");
    }
    let text = String::from_utf8_lossy(&answer.body);
    match &expected.says {
        Says::Success(form) => {
            assert_eq!(answer.header("content-type"), Some(*form), "{name}");
        }
        Says::Status(http_cases::PROTOBUF, code, words) => {
            let content_type = answer.header("content-type");
            assert_eq!(content_type, Some(http_cases::PROTOBUF), "{name}");
            let (number, message) = rpc_status(&answer.body);
            assert_eq!(number, *code, "{name}: {message}");
            assert!(message.contains(words), "{name}: {message}");
        }
        Says::Status(_, code, words) => {
            let content_type = answer.header("content-type");
            assert_eq!(content_type, Some(http_cases::JSON), "{name}");
            let status: serde_json::Value =
                serde_json::from_slice(&answer.body).expect("JSON answers JSON");
            assert_eq!(status["code"], *code, "{name}: {text}");
            let message = status["message"].as_str().expect("a message is text");
            assert!(message.contains(words), "{name}: {message}");
        }
        Says::Text(words) => assert!(text.contains(words), "{name}: {text}"),
    }
}
