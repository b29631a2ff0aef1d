//! What the backend answers decides what becomes of the data, and no answer loses any.

use std::time::{Duration, Instant};

use net::compress::Encoding;
use pdata::{Signal, sample};

use crate::harness::{Backend, Collector, Export, Exporter, Records, Reply, Sender, route};

fn start(exporters: &[Exporter]) -> Collector {
    Collector::start(&route(exporters))
}

/// Sends one request of each signal over each transport; returns what was sent.
async fn send_all(collector: &Collector, items: usize) -> Records {
    let http = Sender::http(collector.address("receivers/otlp", "http"));
    let grpc = Sender::grpc(collector.address("receivers/otlp", "grpc"));
    let mut sent = Records::default();
    for (signal, request) in [
        (Signal::Traces, sample::spans(items)),
        (Signal::Metrics, sample::points(items)),
        (Signal::Logs, sample::logs(items)),
    ] {
        let export = Export::from_protobuf(signal, &request).expect("samples are OTLP");
        sent.add(&export);
        sent.add(&export);
        let answer = http.post_protobuf(signal, request.clone().into()).await;
        assert_eq!(answer.expect("it answers").status, 200);
        let called = grpc.export(signal, request.into(), Encoding::Gzip);
        called.await.expect("it is taken");
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_signal_arrives_once_over_every_transport_and_encoding() {
    let backends = [(); 5].map(|()| Backend::start());
    let [gzip, zstd, plain, json, deflate] = &backends;
    let collector = start(&[
        Exporter::grpc(gzip).named("gzip"),
        Exporter::grpc(zstd).named("zstd").with("compression: zstd"),
        Exporter::http(plain)
            .named("plain")
            .with("compression: none"),
        Exporter::http(json).named("json").with("encoding: json"),
        Exporter::http(deflate)
            .named("deflate")
            .with("compression: deflate"),
    ]);
    let sent = send_all(&collector, 100).await;
    for (backend, name) in backends
        .iter()
        .zip(["gzip", "zstd", "plain", "json", "deflate"])
    {
        backend.assert_takes(&sent, name).await;
    }
    for (backend, expected) in [
        (json, "application/json"),
        (plain, "application/x-protobuf"),
    ] {
        for taken in backend.taken() {
            assert_eq!(taken.headers["content-type"], expected);
        }
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_that_pass_are_tried_again_until_taken() {
    let (grpc, http) = (Backend::start(), Backend::start());
    for backend in [&grpc, &http] {
        backend.reply_next([
            Reply::Unavailable(None),
            // The collector drops data on this; the design says to try again.
            Reply::Exhausted(None),
            Reply::Exhausted(Some(Duration::from_secs(1))),
            Reply::Unavailable(Some(Duration::from_secs(1))),
        ]);
    }
    let collector = start(&[Exporter::grpc(&grpc), Exporter::http(&http)]);
    let sent = send_all(&collector, 10).await;
    grpc.assert_takes(&sent, "the gRPC backend").await;
    http.assert_takes(&sent, "the HTTP backend").await;
    for backend in [&grpc, &http] {
        assert_eq!(backend.tally().refused, 4);
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_that_the_backend_asks_for_is_kept() {
    const DELAY: Duration = Duration::from_secs(2);
    let (grpc, http) = (Backend::start(), Backend::start());
    for backend in [&grpc, &http] {
        backend.reply_next([Reply::Unavailable(Some(DELAY))]);
    }
    let collector = start(&[Exporter::grpc(&grpc), Exporter::http(&http)]);
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let began = Instant::now();
    let answer = sender.post_protobuf(Signal::Logs, sample::logs(1).into());
    assert_eq!(answer.await.expect("it answers").status, 200);
    for backend in [&grpc, &http] {
        backend.until("the record", |tally| tally.items == 1).await;
        assert!(began.elapsed() >= DELAY, "after {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_for_the_backend_arrives_in_pieces() {
    let (grpc, http) = (Backend::start(), Backend::start());
    for backend in [&grpc, &http] {
        backend.reply_always(Reply::TooLargeOver(30));
    }
    let collector = start(&[Exporter::grpc(&grpc), Exporter::http(&http)]);
    let sent = send_all(&collector, 100).await;
    for (backend, name) in [(&grpc, "the gRPC backend"), (&http, "the HTTP backend")] {
        backend.assert_takes(&sent, name).await;
        assert!(
            backend.tally().refused > 0,
            "{name} was never asked for too much"
        );
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_without_an_answer_ends_at_its_timeout_and_is_tried_again() {
    let (grpc, http) = (Backend::start(), Backend::start());
    for backend in [&grpc, &http] {
        backend.reply_next([Reply::Hang]);
    }
    let collector = start(&[
        Exporter::grpc(&grpc).with("timeout: 500ms"),
        Exporter::http(&http).with("timeout: 500ms"),
    ]);
    let sent = send_all(&collector, 10).await;
    grpc.assert_takes(&sent, "the gRPC backend").await;
    http.assert_takes(&sent, "the HTTP backend").await;
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_backend_throws_away_is_counted_and_not_sent_again() {
    let backend = Backend::start();
    backend.reply_next([Reply::PartlyReject(3)]);
    let collector = start(&[Exporter::grpc(&backend)]);
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let answer = sender.post_protobuf(Signal::Logs, sample::logs(10).into());
    assert_eq!(answer.await.expect("it answers").status, 200);
    backend
        .until("the request", |tally| tally.requests == 1)
        .await;
    let metrics = Sender::http(collector.endpoint("metrics"));
    let rejected = r#"skyferry_exporter_dropped_items_total{"#;
    let counted = async {
        loop {
            let text = metrics.get("/metrics").await;
            let line = text.lines().find(|line| {
                line.starts_with(rejected) && line.contains(r#"reason="rejected_by_destination""#)
            });
            if let Some(line) = line.filter(|line| !line.ends_with(" 0")) {
                break line.to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    let line = tokio::time::timeout(crate::harness::PATIENCE, counted).await;
    let line = line.expect("the rejection is counted");
    assert!(line.ends_with(" 3"), "{line}");
    assert_eq!(collector.stop().code, Some(0));
    assert_eq!(backend.tally().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_of_an_optional_exporter_refuses_nobody() {
    let (main, optional) = (Backend::start(), Backend::start());
    optional.reply_always(Reply::Hang);
    let tiny_queue = "optional: true, sending_queue: {queue_size: 1, max_wait: 100ms}";
    let collector = start(&[
        Exporter::grpc(&main),
        Exporter::http(&optional).with(tiny_queue),
    ]);
    let mut sent = Records::default();
    for _ in 0..5 {
        sent.extend(send_all(&collector, 10).await);
    }
    main.assert_takes(&sent, "the main backend").await;
    assert_eq!(optional.tally().items, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_of_one_exporter_refuses_before_any_other_takes_the_data() {
    let (free, stuck) = (Backend::start(), Backend::start());
    stuck.reply_always(Reply::Hang);
    let tiny_queue = "sending_queue: {queue_size: 1, max_wait: 100ms}";
    let collector = start(&[
        Exporter::grpc(&free),
        Exporter::http(&stuck).with(tiny_queue),
    ]);
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    let mut taken = 0;
    for _ in 0..10 {
        let answer = sender.post_protobuf(Signal::Logs, sample::logs(1).into());
        let answer = answer.await.expect("it answers");
        match answer.status.as_u16() {
            200 => taken += 1,
            503 => assert!(answer.headers.contains_key("retry-after"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(taken, 1, "the stuck exporter has room for one request");
    free.until("what was taken", |tally| tally.items >= taken)
        .await;
    assert_eq!(free.tally().items, taken);
}
