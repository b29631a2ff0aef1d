//! More comes in than the backend takes: memory stays within its budget, refusals say when to come
//! back, and nothing that was acknowledged is missing.

use std::time::{Duration, Instant};

use crate::harness::flood::numbers;
use crate::harness::{Backend, Collector, Flood, Reply};

/// What the program may hold of requests: the limit without its spike.
const BUDGET_MIB: usize = 64;
/// What it may need beside them.
const OVERHEAD_MIB: usize = 20;
const LANES: usize = 16;
/// Records have all sizes up to this, as the size classes of an allocator should not matter.
const RECORD_BYTES_MAX: usize = 40 * 1024;

/// Seconds of overload; CI's long run sets more.
const SECONDS: &str = "SKYFERRY_OVERLOAD_SECONDS";
const SECONDS_DEFAULT: u64 = 10;

fn seconds() -> u64 {
    let set = std::env::var(SECONDS).ok();
    set.map_or(SECONDS_DEFAULT, |text| {
        text.parse().expect("a number of seconds")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_refused_with_a_delay_within_the_budget_and_loses_nothing_acknowledged() {
    overload("storage: memory, queue_size: 1000000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_of_a_queue_on_disk_is_refused_once_its_room_is_taken() {
    overload("storage: disk, max_bytes: 96MiB").await;
}

async fn overload(queue: &str) {
    let backend = Backend::start();
    // One request of about 1 MiB at a time, four in a second.
    backend.reply_always(Reply::AcceptAfter(Duration::from_millis(250)));
    let collector = Collector::start(&format!(
        "
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:0'}}
      http: {{endpoint: '127.0.0.1:0'}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 80, spike_limit_mib: 16}}
exporters:
  otlp_grpc:
    endpoint: '{}'
    tls: {{insecure: true}}
    compression: none
    sending_queue: {{num_consumers: 1, {queue}}}
service:
  pipelines:
    logs: {{receivers: [otlp], processors: [memory_limiter], exporters: [otlp_grpc]}}
",
        backend.address()
    ));
    let http = collector.address("receivers/otlp", "http");
    let grpc = collector.address("receivers/otlp", "grpc");
    let until = Instant::now() + Duration::from_secs(seconds());
    let mut flood = Flood::start(http, grpc, LANES, RECORD_BYTES_MAX);
    // Each backend request ends a piece of the wait, so the load lasts as long as it is told to.
    while Instant::now() < until {
        let seen = backend.tally().requests;
        backend
            .until("one more request", |tally| tally.requests > seen)
            .await;
    }
    flood.until_acknowledged(1).await;
    let outcome = flood.stop().await;
    let peak = collector.memory().peak;
    backend.reply_always(Reply::Accept);

    assert_eq!(outcome.odd, Vec::<String>::new());
    assert_eq!(outcome.unanswered, 0);
    assert!(outcome.refused > 0, "this was no overload");
    let acknowledged = outcome.acknowledged.len();
    let enough = |tally: &crate::harness::backend::Tally| tally.items >= acknowledged;
    backend.until("everything acknowledged", enough).await;
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(numbers(&backend), outcome.acknowledged);
    let allowed = (BUDGET_MIB + OVERHEAD_MIB) << 20;
    assert!(peak <= allowed, "{} MiB were resident", peak >> 20);
}
