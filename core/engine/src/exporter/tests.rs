//! The stack as a whole, on a paused clock.

use std::time::Duration;

use engine_tests::*;

use telemetry::Metrics;

use super::*;
use crate::component::Partial;
use crate::testkit::{Answer, ScriptedExporter, batch, context};

mod engine_tests {
    use super::*;

    /// A front whose senders run on the test's runtime.
    pub(super) struct Rig {
        pub(super) front: Arc<Front>,
        pub(super) metrics: Metrics,
        pub(super) health: Health,
        pub(super) shutdown: Shutdown,
        pub(super) tasks: Tasks,
    }

    pub(super) fn rig(exporter: &Arc<ScriptedExporter>, settings: Settings) -> Rig {
        let context = context();
        let exporter: Arc<dyn Exporter> = Arc::clone(exporter) as _;
        let front = Front::new("test", exporter, settings, &[Signal::Logs], &context);
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(tokio::runtime::Handle::current(), shutdown.clone());
        front.run(&tasks, &shutdown);
        Rig {
            front,
            metrics: context.metrics,
            health: context.health,
            shutdown,
            tasks,
        }
    }

    impl Rig {
        pub(super) async fn send(&self, items: usize) -> Result<(), Refusal> {
            self.front.consume(batch(Signal::Logs, items)).await
        }

        /// Drains, and checks that every item has one place.
        pub(super) async fn drained(&self) -> Account {
            self.shutdown.begin();
            self.tasks.ended().await;
            let account = self.front.account(Signal::Logs);
            assert!(account.balances(), "{account:?}");
            account
        }

        pub(super) fn dropped(&self, reason: &str) -> f64 {
            let labels = [("exporter", "test"), ("reason", reason)];
            let name = "skyferry_exporter_dropped_items_total";
            self.metrics.value(name, &labels).unwrap_or(0.0)
        }
    }

    pub(super) fn unavailable() -> ExportError {
        ExportError::retry("backend answers 503")
    }

    pub(super) fn error(decision: Decision) -> ExportError {
        ExportError::new(decision, "backend says no")
    }
}

#[tokio::test(start_paused = true)]
async fn delivers_what_it_acknowledged() {
    let exporter = ScriptedExporter::new([]);
    let rig = rig(&exporter, Settings::default());
    for _ in 0..20 {
        rig.send(5).await.expect("there is room");
    }
    let account = rig.drained().await;
    assert_eq!(
        (account.enqueued, account.delivered, account.left()),
        (100, 100, 0)
    );
    assert_eq!(exporter.items(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_an_attempt_is_in_flight_becomes_one_request() {
    let exporter = ScriptedExporter::new([Answer::After(Duration::from_secs(1))]);
    let rig = rig(&exporter, Settings::default());
    rig.send(1).await.expect("there is room");
    exporter
        .eventually(|exporter| exporter.attempts().len() == 1)
        .await;
    for _ in 0..9 {
        rig.send(1).await.expect("there is room");
    }
    rig.drained().await;
    assert_eq!(exporter.batches(), [1, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_destination_is_probed_alone_and_gets_everything_in_the_end() {
    let exporter = ScriptedExporter::new(vec![Answer::Fail(unavailable()); 3]);
    let rig = rig(&exporter, Settings::default());
    for _ in 0..5 {
        rig.send(2).await.expect("there is room");
    }
    exporter.eventually(|exporter| exporter.items() == 10).await;
    let attempts = exporter.attempts();
    assert_eq!(
        attempts[..4],
        [attempts[0]; 4],
        "the same request is sent until it is taken"
    );
    let account = rig.drained().await;
    assert_eq!((account.delivered, account.dropped), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_delay_beyond_the_retry_budget_costs_no_data() {
    let after = Some(Duration::from_secs(600));
    let exporter = ScriptedExporter::new([Answer::Fail(error(Decision::Retry { after }))]);
    let rig = rig(&exporter, Settings::default());
    rig.send(3).await.expect("there is room");
    let begun = Instant::now();
    exporter.eventually(|exporter| exporter.items() == 3).await;
    assert!(begun.elapsed() >= Duration::from_secs(600));
    assert_eq!(rig.drained().await.delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn gives_up_after_max_elapsed_time_and_counts_it() {
    let exporter = ScriptedExporter::new([]).then_always(Answer::Fail(unavailable()));
    let rig = rig(&exporter, Settings::default());
    rig.send(3).await.expect("there is room");
    let account = rig.front.account(Signal::Logs);
    assert!(account.balances());
    while rig.dropped("retry_expired") == 0.0 {
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    let account = rig.drained().await;
    assert_eq!((account.dropped, account.left()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_condemn_no_data_and_make_the_exporter_unhealthy() {
    let exporter = ScriptedExporter::new(vec![Answer::Fail(error(Decision::Park)); 30]);
    let rig = rig(&exporter, Settings::default());
    rig.send(3).await.expect("there is room");
    exporter
        .eventually(|exporter| !exporter.attempts().is_empty())
        .await;
    tokio::task::yield_now().await;
    assert!(!rig.health.ready());
    exporter.eventually(|exporter| exporter.items() == 3).await;
    assert_eq!(rig.drained().await.delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn only_the_record_that_is_refused_alone_is_dropped() {
    let exporter = ScriptedExporter::new([
        Answer::After(Duration::from_secs(1)),
        Answer::Fail(error(Decision::Reject)),
        Answer::Take,
        Answer::Fail(error(Decision::Reject)),
        Answer::Take,
    ]);
    let rig = rig(&exporter, Settings::default());
    rig.send(1).await.expect("there is room");
    exporter
        .eventually(|exporter| exporter.attempts().len() == 1)
        .await;
    for items in [2, 3, 4] {
        rig.send(items).await.expect("there is room");
    }
    let account = rig.drained().await;
    assert_eq!(exporter.attempts(), [1, 9, 2, 3, 4]);
    assert_eq!((account.delivered, account.dropped), (7, 3));
    assert_eq!(rig.dropped("rejected"), 3.0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_halved_until_it_fits() {
    let too_large = Answer::FailAbove(30, error(Decision::Split));
    let exporter = ScriptedExporter::new([]).then_always(too_large);
    let rig = rig(&exporter, Settings::default());
    rig.send(100).await.expect("there is room");
    let account = rig.drained().await;
    assert_eq!(exporter.batches(), [25, 25, 25, 25]);
    assert_eq!((account.delivered, account.dropped), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn an_item_too_large_by_itself_is_dropped_and_counted() {
    let too_large = Answer::FailAbove(0, error(Decision::Split));
    let exporter = ScriptedExporter::new([]).then_always(too_large);
    let rig = rig(&exporter, Settings::default());
    rig.send(1).await.expect("there is room");
    assert_eq!(rig.drained().await.dropped, 1);
    assert_eq!(rig.dropped("too_large"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn items_the_destination_threw_away_do_not_count_as_delivered() {
    let exporter = ScriptedExporter::new([Answer::TakeBut(4)]);
    let rig = rig(&exporter, Settings::default());
    rig.send(10).await.expect("there is room");
    let account = rig.drained().await;
    assert_eq!((account.delivered, account.dropped), (6, 4));
    assert_eq!(rig.dropped("rejected_by_destination"), 4.0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_exporter_costs_its_request_and_nothing_else() {
    let exporter = ScriptedExporter::new([Answer::Panic]);
    let rig = rig(&exporter, Settings::default());
    rig.send(1).await.expect("there is room");
    exporter
        .eventually(|exporter| exporter.attempts().len() == 1)
        .await;
    rig.send(2).await.expect("there is room");
    let account = rig.drained().await;
    assert_eq!((account.delivered, account.dropped), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_answer_ends_and_is_made_again() {
    let exporter = ScriptedExporter::new([Answer::After(Duration::from_secs(3600))]);
    let rig = rig(&exporter, Settings::default());
    rig.send(1).await.expect("there is room");
    exporter.eventually(|exporter| exporter.items() == 1).await;
    assert_eq!(exporter.attempts(), [1, 1]);
    rig.drained().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_with_a_delay_after_max_wait() {
    let exporter = ScriptedExporter::new([]).then_always(Answer::Fail(unavailable()));
    let queue = QueueSettings {
        queue_size: 2,
        ..Default::default()
    };
    let settings = Settings {
        queue: Some(queue),
        ..Default::default()
    };
    let rig = rig(&exporter, settings);
    rig.send(1).await.expect("room for the first");
    rig.send(1).await.expect("room for the second");
    let begun = Instant::now();
    let refusal = rig
        .send(1)
        .await
        .expect_err("what is in flight takes room as well");
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    let Refusal::Retry { after, .. } = refusal else {
        panic!("{refusal:?}")
    };
    assert!(after >= Duration::from_secs(1));
    rig.shutdown.end();
    rig.tasks.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_the_queue_is_refused_for_good() {
    let queue = QueueSettings {
        queue_size: 10,
        sizer: Sizer::Items,
        ..Default::default()
    };
    let settings = Settings {
        queue: Some(queue),
        ..Default::default()
    };
    let rig = rig(&ScriptedExporter::new([]), settings);
    let refusal = rig.send(11).await.expect_err("it never fits");
    assert!(matches!(refusal, Refusal::Reject { .. }), "{refusal:?}");
    rig.drained().await;
}

#[tokio::test(start_paused = true)]
async fn batch_settings_wait_for_the_minimum_and_keep_the_maximum() {
    let batch = BatchSettings {
        min_size: 10,
        max_size: 15,
        ..Default::default()
    };
    let queue = QueueSettings {
        batch: Some(batch),
        ..Default::default()
    };
    let settings = Settings {
        queue: Some(queue),
        ..Default::default()
    };
    let exporter = ScriptedExporter::new([]);
    let rig = rig(&exporter, settings);
    let begun = Instant::now();
    rig.send(4).await.expect("there is room");
    exporter.eventually(|exporter| exporter.items() == 4).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(200), "flush_timeout");
    rig.send(40).await.expect("there is room");
    rig.drained().await;
    assert_eq!(exporter.batches(), [4, 15, 15, 10]);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_exporters_answer_is_the_callers() {
    let exporter = ScriptedExporter::new([
        Answer::Fail(unavailable()),
        Answer::Fail(error(Decision::Reject)),
    ]);
    let rig = rig(
        &exporter,
        Settings {
            queue: None,
            ..Default::default()
        },
    );
    assert!(matches!(rig.send(1).await, Err(Refusal::Retry { .. })));
    assert!(matches!(rig.send(1).await, Err(Refusal::Reject { .. })));
    assert_eq!(rig.send(1).await, Ok(()));
    assert_eq!(rig.drained().await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_drain_leaves_the_rest_counted() {
    let exporter = ScriptedExporter::new([]).then_always(Answer::Fail(unavailable()));
    let rig = rig(&exporter, Settings::default());
    rig.send(3).await.expect("there is room");
    rig.send(4).await.expect("there is room");
    rig.shutdown.begin();
    exporter
        .eventually(|exporter| exporter.attempts().len() > 3)
        .await;
    rig.shutdown.end();
    let account = rig.drained().await;
    assert_eq!((account.delivered, account.left()), (0, 7));
}

/// A batch of several chunks, of one item each.
fn chunks(count: usize) -> Batch {
    let chunks = (0..count).flat_map(|_| batch(Signal::Logs, 1).into_chunks());
    Batch::new(Signal::Logs, chunks.collect(), Arc::default())
}

fn half_way(error: ExportError, failed: &[usize], untried: &[usize]) -> Answer {
    Answer::Fail(error.after(Partial {
        failed: failed.to_vec(),
        untried: untried.to_vec(),
        refused: Vec::new(),
        delivery: Delivery {
            dropped: vec![("deduplicated", 1)],
            ..Delivery::default()
        },
    }))
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_came_half_way_is_repeated_for_the_rest_only() {
    let retry = half_way(ExportError::retry("not now"), &[2], &[3]);
    let exporter = ScriptedExporter::new([retry]).then_always(Answer::Take);
    let rig = rig(&exporter, Settings::default());
    rig.front.consume(chunks(4)).await.unwrap();
    let account = rig.drained().await;
    assert_eq!(exporter.attempts(), [4, 1, 1]);
    assert_eq!((account.delivered, account.dropped), (3, 1));
    assert_eq!(rig.dropped("deduplicated"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_chunk_that_is_never_taken_is_given_up_alone() {
    let part = batch(Signal::Logs, 2).into_chunks().remove(0);
    let refused = ExportError::new(Decision::Reject, "no buckets").after(Partial {
        refused: vec![(1, part)],
        ..Partial::default()
    });
    let exporter = ScriptedExporter::new([Answer::Fail(refused)]);
    let rig = rig(&exporter, Settings::default());
    let mut sent = batch(Signal::Logs, 1);
    sent.merge(batch(Signal::Logs, 5));
    rig.front.consume(sent).await.unwrap();
    let account = rig.drained().await;
    assert_eq!((account.delivered, account.dropped), (4, 2));
    assert_eq!(rig.dropped("rejected"), 2.0);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_refused_of_an_attempt_is_given_up() {
    let refused = ExportError::new(Decision::Reject, "never");
    let refused = half_way(refused, &[1], &[2, 3]);
    let exporter = ScriptedExporter::new([refused]).then_always(Answer::Take);
    let rig = rig(&exporter, Settings::default());
    rig.front.consume(chunks(4)).await.unwrap();
    let account = rig.drained().await;
    assert_eq!(exporter.attempts(), [4, 2]);
    assert_eq!(account.delivered, 2);
    assert_eq!(rig.dropped("rejected"), 1.0);
    assert_eq!(rig.dropped("deduplicated"), 1.0);
}

#[tokio::test]
async fn what_an_exporter_does_beside_its_attempts_ends_when_the_run_is_asked_to() {
    /// Waits for what never comes.
    struct Waiting(Arc<tokio::sync::Notify>);

    #[async_trait]
    impl Exporter for Waiting {
        async fn export(&self, _: &Batch) -> Result<Delivery, ExportError> {
            Ok(Delivery::default())
        }

        async fn run(&self) {
            self.0.notify_one();
            std::future::pending().await
        }
    }

    let begun = Arc::new(tokio::sync::Notify::new());
    let exporter = Arc::new(Waiting(Arc::clone(&begun)));
    let front = Front::new("test", exporter, Settings::default(), &[], &context());
    let shutdown = Shutdown::default();
    let tasks = Tasks::new(tokio::runtime::Handle::current(), shutdown.clone());
    front.run_exporter(&tasks, &shutdown);
    begun.notified().await;
    shutdown.begin();
    tasks.ended().await;
    assert_eq!(tasks.panicked(), None);
}
