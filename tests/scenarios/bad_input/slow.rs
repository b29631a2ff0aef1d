//! Peers that take their time.

use std::time::{Duration, Instant};

use pdata::Signal;

use super::{good, start};
use crate::harness::http1::{Connection, post};
use crate::harness::{Backend, Sender};

/// What the receivers under test allow (2 s), and no more than a loaded machine adds.
const LONGEST: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_are_ended_in_time_and_told_why() {
    let backend = Backend::start();
    let collector = start(&backend);
    let address = collector.address("receivers/otlp", "http");
    let whole = post("/v1/logs", "application/x-protobuf", &good());
    let body_starts = whole.len() - good().len();

    let began = Instant::now();
    let mut silent = Connection::open(address).await;
    let mut in_headers = Connection::open(address).await;
    in_headers.send(&whole[..20]).await;
    let mut in_body = Connection::open(address).await;
    in_body.send(&whole[..body_starts + 5]).await;

    let answer = in_body.answer().await.expect("a slow body is answered");
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.closes());
    let (code, message) = super::rpc_status(&answer.body);
    assert_eq!((code, message.contains("slowly")), (4, true), "{message}");
    assert_eq!(in_body.rest().await, "");
    for connection in [&mut silent, &mut in_headers] {
        // There is no request yet that could be answered; 408 is allowed and not required.
        let rest = connection.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 408"),
            "{rest}"
        );
    }
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());

    let sender = Sender::http(address);
    let answer = sender.post_protobuf(Signal::Logs, good());
    assert_eq!(answer.await.expect("it answers").status, 200);
    backend
        .until("the good record", |tally| tally.items >= 1)
        .await;
}
