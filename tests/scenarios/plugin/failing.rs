//! Plugins that fail at work: the pipeline stays up, and nothing that was acknowledged is lost.

use std::sync::Arc;

use pdata::{Signal, sample};

use super::{config, folder, library, metrics, post, scripted, sender};
use crate::harness::{Backend, Collector, Export, Records, Sender};

fn start(backend: &Backend, deed: &str, more: &str) -> Collector {
    Collector::start_in(folder(), &config(backend, deed, more))
}

/// Sends spans to a plugin that fails each time in this way, and looks at what it is told of.
async fn fails(deed: &str, reason: &str, told: &str) {
    let backend = Backend::start();
    let collector = start(&backend, deed, ", timeout: 300ms, max_failures: 3");
    let sender = sender(&collector);
    for _ in 0..3 {
        let (status, answer) = post(&sender, 2).await;
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains(told), "{answer}");
    }
    let (status, answer) = post(&sender, 2).await;
    assert_eq!(status, 503);
    assert!(answer.contains("has failed too often"), "{answer}");
    let metrics = metrics(&collector).await;
    for line in [
        format!("skyferry_plugin_failures_total{{processor=\"plugin\",reason=\"{reason}\"}} 3"),
        "skyferry_plugin_at_work{processor=\"plugin\"} 0".to_owned(),
    ] {
        assert!(metrics.contains(&line), "no `{line}` in:\n{metrics}");
    }
    let health = Sender::http(collector.endpoint("health"));
    let status = health.get("/status").await;
    assert!(
        status.contains("it has failed 3 times in a row"),
        "{status}"
    );
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(backend.tally().items, 0, "nothing passes unprocessed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_fails_refuses_its_pipelines_and_says_so() {
    fails("fail", "failed", "it failed: told to").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_emits_garbage_refuses_its_pipelines_and_says_so() {
    fails("garbage", "broken_contract", "no `ResourceSpans`").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_lies_refuses_its_pipelines_and_says_so() {
    fails("lie", "broken_contract", "it broke the contract").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_never_returns_holds_nobody_longer_than_its_time() {
    fails("hang", "timeout", "did not finish within its time").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_never_returns_is_bypassed_where_that_is_asked_for() {
    let backend = Backend::start();
    let more = ", timeout: 300ms, max_failures: 2, on_failure: bypass";
    let collector = start(&backend, "hang", more);
    let sender = sender(&collector);
    let mut sent = Records::default();
    for spans in 1..=5 {
        let request = sample::spans(spans);
        sent.add(&Export::from_protobuf(Signal::Traces, &request).expect("samples are OTLP"));
        assert_eq!(post(&sender, spans).await.0, 200);
    }
    backend.assert_takes(&sent, "unprocessed").await;
    let told = metrics(&collector).await;
    for line in [
        "skyferry_plugin_bypassed_items_total{processor=\"plugin\"} 15",
        "skyferry_plugin_failures_total{processor=\"plugin\",reason=\"timeout\"} 2",
    ] {
        assert!(told.contains(line), "no `{line}` in:\n{told}");
    }
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_the_senders_and_no_failure() {
    let backend = Backend::start();
    let collector = start(&backend, "refuse", ", max_failures: 1");
    let sender = sender(&collector);
    for _ in 0..3 {
        let (status, answer) = post(&sender, 2).await;
        assert_eq!(status, 400);
        assert!(
            answer.contains("plugin `plugin` refuses item 1: told to"),
            "{answer}"
        );
    }
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_that_pass_cost_a_resend_and_nothing_else() {
    let backend = Backend::start();
    let collector = start(&backend, "fail_twice", ", max_failures: 3");
    let sender = sender(&collector);
    let statuses = [
        post(&sender, 1).await.0,
        post(&sender, 1).await.0,
        post(&sender, 1).await.0,
    ];
    assert_eq!(statuses, [503, 503, 200]);
    backend.until("the span", |tally| tally.items == 1).await;
    assert_eq!(collector.stop().code, Some(0));
}

/// A native plugin that crashes takes the process with it; what was acknowledged before is on disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_plugin_that_takes_the_process_with_it() {
    let backend = Backend::start();
    backend.reply_always(crate::harness::Reply::Unavailable(None));
    let dir = folder();
    let collector = Collector::start_in(Arc::clone(&dir), &config(&backend, "mark", ""));
    assert_eq!(post(&sender(&collector), 3).await.0, 200);
    collector.kill();
    let collector = Collector::start_in(Arc::clone(&dir), &config(&backend, "crash", ""));
    let request = sample::spans(1).into();
    let answer = sender(&collector)
        .post_protobuf(Signal::Traces, request)
        .await;
    assert!(answer.is_err(), "the process is gone");
    let ended = collector.ended();
    assert_eq!(ended.code, None, "ended by a signal: {}", ended.log);

    backend.reply_always(crate::harness::Reply::Accept);
    scripted("2", &library(&dir));
    let collector = Collector::start_in(dir, &config(&backend, "mark", ""));
    backend.until("the spans", |tally| tally.items == 3).await;
    assert_eq!(collector.stop().code, Some(0));
    assert_eq!(backend.tally().items, 3);
}
