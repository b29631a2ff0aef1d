//! SIGTERM: what was acknowledged is delivered, or reported as left.

use std::time::Duration;

use pdata::Signal;
use prost::Message;
use serde_json::Value;

use crate::harness::collector::Ended;
use crate::harness::flood::numbers;
use crate::harness::http1::{Connection, post};
use crate::harness::records::log;
use crate::harness::{Backend, Collector, Exporter, Flood, Reply, Sender, route};

/// Exit code of a run that ended with acknowledged items undelivered.
const LEFT: i32 = 6;

/// What is left in a queue in memory is lost; one on disk has its own tests.
fn start(backend: &Backend, shutdown_timeout: &str) -> Collector {
    let exporter = Exporter::grpc(backend).queue("storage: memory");
    let config = route(&[exporter]);
    Collector::start(&format!("{config}  shutdown_timeout: {shutdown_timeout}\n"))
}

/// Records that the program says it took, delivered and left, in the account of its end.
fn account(ended: &Ended) -> [usize; 3] {
    let lines = ended
        .log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let line = lines
        .into_iter()
        .find(|line: &Value| line["message"] == "account")
        .unwrap_or_else(|| panic!("no account in the log:\n{}", ended.log));
    let count = |name: &str| line[name].as_u64().expect("a count") as usize;
    assert_eq!(count("dropped"), 0, "{line}");
    [count("taken"), count("delivered"), count("left")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_delivers_everything_acknowledged() {
    let backend = Backend::start();
    backend.reply_always(Reply::AcceptAfter(Duration::from_millis(20)));
    let collector = start(&backend, "30s");
    let http = collector.address("receivers/otlp", "http");
    let grpc = collector.address("receivers/otlp", "grpc");
    let mut flood = Flood::start(http, grpc, 8, 1024);
    flood.until_acknowledged(500).await;
    let ended = collector.stop();
    let outcome = flood.ended().await;
    assert_eq!(outcome.odd, Vec::<String>::new());
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let arrived = numbers(&backend);
    let lost: Vec<_> = outcome.acknowledged.difference(&arrived).collect();
    assert_eq!(
        lost,
        Vec::<&usize>::new(),
        "of {}",
        outcome.acknowledged.len()
    );
    assert_eq!(account(&ended), [arrived.len(), arrived.len(), 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_delivered_in_time_is_reported_as_left() {
    let backend = Backend::start();
    backend.reply_next([Reply::Accept, Reply::Accept]);
    backend.reply_always(Reply::Unavailable(None));
    let collector = start(&backend, "1s");
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let send = async |count: usize| {
        for number in 0..count {
            let request = log(&number.to_string()).encode_to_vec();
            let answer = sender.post_protobuf(Signal::Logs, request.into()).await;
            assert_eq!(answer.expect("it answers").status, 200);
        }
    };
    for delivered in 1..=2 {
        send(1).await;
        backend
            .until("a record", |tally| tally.items >= delivered)
            .await;
    }
    send(20).await;
    let ended = collector.stop();
    assert_eq!(ended.code, Some(LEFT), "{}", ended.log);
    assert_eq!(account(&ended), [22, 2, 20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_open_at_the_stop_is_answered_and_delivered() {
    let backend = Backend::start();
    let collector = start(&backend, "30s");
    let address = collector.address("receivers/otlp", "http");
    let request = post(
        "/v1/logs",
        "application/x-protobuf",
        &log("last").encode_to_vec(),
    );
    let (begin, rest) = request.split_at(request.len() - 3);
    let mut connection = Connection::open(address).await;
    // An answered request proves that the connection is served before the stop.
    connection.send(&request).await;
    let answer = connection.answer().await.expect("it answers");
    assert_eq!(answer.status, 200);
    connection.send(begin).await;
    collector.terminate();
    refuses_connections(address).await;
    connection.send(rest).await;
    let answer = connection.answer().await.expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    // Whether the answer says so depends on which of the two the connection saw first.
    assert_eq!(connection.rest().await, "", "the connection ends");
    assert_eq!(collector.ended().code, Some(0));
    assert_eq!(backend.texts(), ["last", "last"]);
}

/// Waits until nobody listens at `address`; a connection that still comes about ends by itself.
async fn refuses_connections(address: std::net::SocketAddr) {
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(crate::harness::PATIENCE, refused).await;
    assert!(waited.is_ok(), "it still listens");
}
