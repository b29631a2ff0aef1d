//! Disks that are full, in the way, or not there.

use pdata::Signal;
use prost::Message;

use crate::harness::flood::numbers;
use crate::harness::http1::{Connection, request};
use crate::harness::records::log;
use crate::harness::{Backend, Collector, Exporter, Flood, Reply, Sender, route};

const VOLUME_MIB: usize = 24;
/// How often the volume fills up and is emptied again.
const ROUNDS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_volume_refuses_with_a_delay_delivers_and_takes_again_by_itself() {
    let backend = Backend::start();
    // The queue believes that it has more room than there is.
    let queue = "max_bytes: 1GiB, min_free_disk: 0, max_wait: 100ms";
    let exporter = Exporter::grpc(&backend).with("compression: none");
    let config = route(&[exporter.queue(queue)]);
    let Some(collector) = Collector::start_on_volume(VOLUME_MIB, &config) else {
        return;
    };
    let http = collector.address("receivers/otlp", "http");
    let grpc = collector.address("receivers/otlp", "grpc");
    let mut first = 0;
    let mut acknowledged = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        backend.reply_always(Reply::Unavailable(None));
        let mut flood = Flood::start_from(first, [http, grpc], 4, 100_000);
        flood.until_refused(10).await;
        let outcome = flood.stop().await;
        assert_eq!(outcome.odd, Vec::<String>::new());
        assert_eq!(outcome.unanswered, 0);
        first = outcome.next;
        acknowledged.extend(outcome.acknowledged);
        backend.reply_always(Reply::Accept);
        let enough = acknowledged.len();
        backend
            .until("everything acknowledged", |tally| tally.items >= enough)
            .await;
        // It takes again, without anybody having done anything.
        let mut flood = Flood::start_from(first, [http, grpc], 1, 1000);
        flood.until_acknowledged(20).await;
        let outcome = flood.stop().await;
        first = outcome.next;
        acknowledged.extend(outcome.acknowledged);
    }
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(
        ended.log.contains("No space left on device"),
        "{}",
        ended.log
    );
    assert!(acknowledged.is_subset(&numbers(&backend)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_cannot_be_opened_holds_up_itself_alone_until_it_can() {
    let backend = Backend::start();
    let yaml = format!(
        "
receivers:
  otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
  otlp/other: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}
extensions:
  file_storage: {{directory: ./in-the-way}}
exporters:
  otlp_http:
    endpoint: 'http://{address}'
    sending_queue: {{storage: file_storage, max_wait: 50ms}}
  otlp_http/other: {{endpoint: 'http://{address}'}}
service:
  extensions: [file_storage]
  pipelines:
    logs: {{receivers: [otlp], exporters: [otlp_http]}}
    logs/other: {{receivers: [otlp/other], exporters: [otlp_http/other]}}
",
        address = backend.address()
    );
    let dir = tempfile::tempdir().expect("the system has a folder for temporary files");
    let in_the_way = dir.path().join("in-the-way");
    std::fs::write(&in_the_way, "not a directory").expect("the folder is ours");
    let collector = Collector::start_in(std::sync::Arc::new(dir), &yaml);
    let blocked = Sender::http(collector.address("receivers/otlp", "http"));
    let free = Sender::http(collector.address("receivers/otlp/other", "http"));
    let send = async |sender: &Sender, text: &str| {
        let request = log(text).encode_to_vec();
        let answer = sender.post_protobuf(Signal::Logs, request.into()).await;
        answer.expect("it answers").status.as_u16()
    };
    collector.until_logged_times("cannot open the queue", 1);
    assert_eq!(send(&blocked, "too early").await, 503);
    assert_eq!(send(&free, "another way").await, 200);
    let health = collector.endpoint("health");
    let mut connection = Connection::open(health).await;
    connection.send(&request("GET / HTTP/1.1", &[], b"")).await;
    let answer = connection.answer().await.expect("it answers");
    assert_eq!(answer.status, 503, "{answer:?}");

    std::fs::remove_file(&in_the_way).expect("the folder is ours");
    while send(&blocked, "in time").await != 200 {
        tokio::task::yield_now().await;
    }
    backend.until("both", |tally| tally.items >= 2).await;
    let mut texts = backend.texts();
    texts.sort_unstable();
    assert_eq!(texts, ["another way", "in time"]);
    assert_eq!(collector.stop().code, Some(0));
}
