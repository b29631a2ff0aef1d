use std::time::Duration;

use pdata::{Budget, Signal};

use super::*;
use crate::component::{Decision, ExportError, Exporter};
use crate::exporter::{QueueSettings, Settings};
use crate::testkit::{Answer, ScriptedExporter, batch, context};

fn front(id: &str, exporter: &Arc<ScriptedExporter>, settings: Settings) -> Arc<Front> {
    let exporter: Arc<dyn Exporter> = Arc::clone(exporter) as _;
    Front::new(id, exporter, settings, &[Signal::Logs], &context())
}

/// A front whose queue has room for `records`, with nobody sending.
fn queued(records: usize, optional: bool) -> Arc<Front> {
    let queue = QueueSettings {
        queue_size: records,
        ..Default::default()
    };
    let settings = Settings {
        queue: Some(queue),
        optional,
        ..Default::default()
    };
    front("queued", &ScriptedExporter::new([]), settings)
}

fn direct(script: Vec<Answer>) -> (Arc<Front>, Arc<ScriptedExporter>) {
    let exporter = ScriptedExporter::new(script);
    let front = front(
        "direct",
        &exporter,
        Settings {
            queue: None,
            ..Default::default()
        },
    );
    (front, exporter)
}

#[tokio::test(start_paused = true)]
async fn if_one_queue_is_full_no_exporter_gets_the_batch() {
    let (roomy, full) = (queued(10, false), queued(1, false));
    let fanout = FanOut::new(
        vec![Arc::clone(&roomy), Arc::clone(&full)],
        Budget::new(1 << 30),
    );
    fanout
        .consume(batch(Signal::Logs, 1))
        .await
        .expect("room in both");
    let refused = fanout.consume(batch(Signal::Logs, 1)).await;
    assert!(matches!(refused, Err(Refusal::Retry { .. })), "{refused:?}");
    assert_eq!(roomy.account(Signal::Logs).enqueued, 1);
    assert_eq!(full.account(Signal::Logs).enqueued, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_queue_comes_before_any_queue_is_filled() {
    let rejects = Answer::Fail(ExportError::new(Decision::Reject, "disk is full"));
    let (direct, exporter) = direct(vec![rejects]);
    let queued = queued(10, false);
    let fanout = FanOut::new(vec![Arc::clone(&queued), direct], Budget::new(1 << 30));
    fanout
        .consume(batch(Signal::Logs, 1))
        .await
        .expect_err("the direct exporter refuses");
    assert_eq!(queued.account(Signal::Logs).enqueued, 0);
    fanout
        .consume(batch(Signal::Logs, 1))
        .await
        .expect("it takes the second");
    assert_eq!(
        (queued.account(Signal::Logs).enqueued, exporter.items()),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn an_optional_exporter_refuses_nobody_and_its_overflow_is_counted() {
    let (required, optional) = (queued(10, false), queued(1, true));
    let fanout = FanOut::new(
        vec![Arc::clone(&optional), Arc::clone(&required)],
        Budget::new(1 << 30),
    );
    let begun = Instant::now();
    for _ in 0..3 {
        fanout
            .consume(batch(Signal::Logs, 2))
            .await
            .expect("the required one has room");
    }
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "nobody waits for an optional exporter"
    );
    let account = optional.account(Signal::Logs);
    assert_eq!(
        (account.enqueued, account.queued, account.dropped),
        (6, 2, 4)
    );
    assert!(account.balances());
}
