//! Thousands of connections that do nothing, or next to nothing.

use pdata::Signal;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{good, start};
use crate::harness::http1::{Connection, post};
use crate::harness::{Backend, Sender};

const IDLE: usize = 1_000;
const SLOW: usize = 1_000;
/// Resident bytes that a connection may cost which sends nothing, or half a head.
const BYTES_EACH: usize = 32 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_idle_and_slow_connections_costs_little_and_locks_nobody_out() {
    allow_files(2 * (IDLE + SLOW));
    let backend = Backend::start();
    let collector = start(&backend);
    let address = collector.address("receivers/otlp", "http");
    let sender = Sender::http(address);
    let answer = sender.post_protobuf(Signal::Logs, good()).await;
    assert_eq!(answer.expect("it answers").status, 200);
    let before = collector.memory();

    let whole = post("/v1/logs", "application/x-protobuf", &good());
    let mut crowd = Vec::with_capacity(IDLE + SLOW);
    for _ in 0..IDLE {
        // One good request makes a connection idle rather than new, so it may stay.
        let mut connection = Connection::open(address).await;
        connection.send(&whole).await;
        let answer = connection.answer().await.expect("it answers");
        assert_eq!(answer.status, 200);
        crowd.push(connection);
    }
    for _ in 0..SLOW {
        let mut connection = Connection::open(address).await;
        connection.send(&whole[..20]).await;
        crowd.push(connection);
    }
    let fresh = Sender::http(address);
    for sender in [&sender, &fresh] {
        let answer = sender.post_protobuf(Signal::Logs, good()).await;
        assert_eq!(answer.expect("it answers").status, 200);
    }
    let grown = collector.memory().peak.saturating_sub(before.resident);
    let each = grown / crowd.len();
    assert!(each <= BYTES_EACH, "{each} bytes for each connection");

    drop(crowd);
    let good_ones = IDLE + 3;
    let enough = |tally: &crate::harness::backend::Tally| tally.items >= good_ones;
    backend.until("every good record", enough).await;
    assert_eq!(collector.stop().code, Some(0));
}

/// Lets this process and its children have so many open files.
fn allow_files(wanted: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Some(wanted as u64);
    if limit.current.is_some() && limit.current < wanted {
        let current = wanted.min(limit.maximum.or(wanted));
        let raised = Rlimit { current, ..limit };
        setrlimit(Resource::Nofile, raised).expect("the soft limit may rise to the hard one");
    }
}
