//! The stack with a queue on disk, on a real disk.

use std::time::Duration;

use telemetry::Condition;

use super::*;
use crate::component::{BuildContext, Decision, ExportError, Exporter};
use crate::exporter::{Account, Front, Settings, Storage};
use crate::testkit::{Answer, ScriptedExporter, batch, context};
use crate::{Consumer, Shutdown};

const LOGS: Signal = Signal::Logs;

/// A stack at work, in a directory that outlives it.
struct Rig {
    front: Arc<Front>,
    context: BuildContext,
    shutdown: Shutdown,
    senders: Tasks,
    queues: Tasks,
}

fn rig(directory: &Path, exporter: &Arc<ScriptedExporter>, disk: DiskSettings) -> Rig {
    let mut settings = Settings {
        queue: Some(QueueSettings {
            storage: Storage::Disk(disk),
            queue_size: usize::MAX,
            max_wait: Duration::from_secs(5),
            ..QueueSettings::default()
        }),
        ..Settings::default()
    };
    settings.retry.initial_interval = Duration::from_millis(1);
    settings.retry.max_interval = Duration::from_millis(1);
    settings.retry.max_elapsed_time = Duration::ZERO;
    rig_with(directory, exporter, settings)
}

fn rig_with(directory: &Path, exporter: &Arc<ScriptedExporter>, settings: Settings) -> Rig {
    let context = BuildContext {
        data_dir: directory.to_owned(),
        ..context()
    };
    let exporter: Arc<dyn Exporter> = Arc::clone(exporter) as _;
    let front = Front::new("test/a b", exporter, settings, &Signal::ALL, &context);
    let shutdown = Shutdown::default();
    let tasks = || Tasks::new(tokio::runtime::Handle::current(), shutdown.clone());
    let (senders, queues) = (tasks(), tasks());
    front.run_queue(&queues);
    front.run(&senders, &shutdown);
    Rig {
        front,
        context,
        shutdown,
        senders,
        queues,
    }
}

impl Rig {
    async fn send(&self, items: usize) -> Result<(), Refusal> {
        self.front.consume(batch(LOGS, items)).await
    }

    /// Ends in order; every item has one place.
    async fn ended(self) -> Account {
        self.shutdown.begin();
        self.senders.ended().await;
        self.front.close().await;
        self.queues.ended().await;
        let account = self.front.account(LOGS);
        assert!(account.balances(), "{account:?}");
        account
    }
}

fn fails(decision: Decision) -> Answer {
    Answer::Fail(ExportError::new(decision, "backend says no"))
}

const RETRY: Decision = Decision::Retry { after: None };

#[tokio::test]
async fn delivers_what_it_acknowledged_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let exporter = ScriptedExporter::new([]);
    let first = rig(directory.path(), &exporter, DiskSettings::default());
    for items in 1..=20 {
        first.send(items).await.expect("there is room");
    }
    exporter
        .eventually(|exporter| exporter.items() == 210)
        .await;
    let account = first.ended().await;
    assert_eq!(
        (account.enqueued, account.delivered, account.left()),
        (210, 210, 0)
    );
    let second = rig(directory.path(), &exporter, DiskSettings::default());
    second.send(1).await.expect("there is room");
    exporter
        .eventually(|exporter| exporter.items() == 211)
        .await;
    assert_eq!(second.ended().await.recovered, 0);
}

#[tokio::test]
async fn otelcol_15677_a_shutdown_with_a_dead_destination_costs_no_attempt_and_no_data() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let dead = ScriptedExporter::new([]).then_always(fails(RETRY));
    let first = rig(directory.path(), &dead, DiskSettings::default());
    for _ in 0..5 {
        first.send(3).await.expect("there is room");
    }
    dead.eventually(|exporter| exporter.attempts().len() > 2)
        .await;
    let account = first.ended().await;
    assert_eq!((account.delivered, account.left()), (0, 15));
    let alive = ScriptedExporter::new([]);
    let second = rig(directory.path(), &alive, DiskSettings::default());
    alive.eventually(|exporter| exporter.items() == 15).await;
    let account = second.ended().await;
    assert_eq!((account.recovered, account.delivered), (15, 15));
}

#[tokio::test]
async fn what_is_refused_alone_goes_to_the_dead_letters_and_the_rest_is_delivered() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let refusal = ExportError::new(Decision::Reject, "not this one");
    // Requests with more than the good records together are refused, and the bad one alone.
    let exporter = ScriptedExporter::new([]).then_always(Answer::FailAbove(7, refusal));
    let rig = rig(directory.path(), &exporter, DiskSettings::default());
    for items in [2, 9, 5] {
        rig.send(items).await.expect("there is room");
    }
    exporter.eventually(|exporter| exporter.items() == 7).await;
    let name = "skyferry_queue_dead_letter_items";
    let labels = [("exporter", "test/a b")];
    let metrics = rig.context.metrics.clone();
    let account = rig.ended().await;
    assert_eq!((account.delivered, account.dead_lettered), (7, 9));
    assert_eq!(account.dropped, 0);
    metrics.render();
    assert_eq!(metrics.value(name, &labels), Some(9.0));
}

#[tokio::test]
async fn contrib_45747_refused_credentials_condemn_no_data() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let exporter = ScriptedExporter::new([fails(Decision::Park)]);
    let parked = rig(directory.path(), &exporter, DiskSettings::default());
    parked.send(4).await.expect("there is room");
    exporter
        .eventually(|exporter| exporter.attempts().len() == 1)
        .await;
    let account = parked.ended().await;
    assert_eq!(
        (account.dead_lettered, account.dropped, account.left()),
        (0, 0, 4)
    );
    let again = rig(directory.path(), &exporter, DiskSettings::default());
    exporter.eventually(|exporter| exporter.items() == 4).await;
    assert_eq!(again.ended().await.delivered, 4);
}

#[tokio::test]
async fn a_queue_in_use_refuses_fails_readiness_and_works_once_it_is_free() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let exporter = ScriptedExporter::new([]);
    let first = rig(directory.path(), &exporter, DiskSettings::default());
    first.send(1).await.expect("there is room");
    let mut impatient = Settings {
        queue: Some(QueueSettings {
            storage: Storage::Disk(DiskSettings::default()),
            queue_size: usize::MAX,
            max_wait: Duration::from_millis(50),
            ..QueueSettings::default()
        }),
        ..Settings::default()
    };
    impatient.retry.initial_interval = Duration::from_millis(1);
    let second = rig_with(directory.path(), &exporter, impatient);
    let refused = loop {
        match second.send(1).await {
            Err(Refusal::Retry { cause, .. }) if cause.contains("in use") => break cause,
            Err(Refusal::Retry { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(refused.contains("process"), "{refused}");
    let report = second.context.health.report();
    let condition = report.get("exporters/test/a b/queue").expect("it reports");
    assert!(matches!(condition, Condition::Failing(_)), "{condition:?}");
    assert!(!second.context.health.ready());
    first.ended().await;
    while second.send(1).await.is_err() {}
    assert_eq!(second.ended().await.enqueued, 1);
}

/// The collector's queue deletes what it cannot read, and says so at debug level.
#[tokio::test]
async fn otelcol_get_next_item_a_record_that_cannot_be_read_is_counted_and_holds_nobody_back() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let data_dir = directory.path();
    let path = super::directory(data_dir, &DiskSettings::default(), "test/a b");
    let settings = queue::LogSettings {
        segment_bytes: 1 << 20,
        sync: queue::SyncMode::Always,
        spare_bytes: 0,
        seed: 1,
    };
    let opened = queue::Log::open(OsFs, &path, settings);
    let (mut log, _) = opened.expect("the directory is ours");
    let good = stored::encode(&batch(LOGS, 2), None);
    let strange = NewRecord {
        meta: bytes::Bytes::from_static(b"of another program"),
        items: 5,
        ..good.clone()
    };
    log.append(&[strange, good]).expect("there is room");
    drop(log);
    let exporter = ScriptedExporter::new([]);
    let rig = rig(directory.path(), &exporter, DiskSettings::default());
    exporter.eventually(|exporter| exporter.items() == 2).await;
    let account = rig.ended().await;
    assert_eq!(
        (account.recovered, account.delivered, account.quarantined),
        (7, 2, 5)
    );
}

/// In the collector, five minutes of retrying end with the data being dropped, also from a queue on
/// disk.
#[test]
fn otelcol_readme_a_queue_on_disk_tries_for_ever_unless_it_is_told_otherwise() {
    let retry = crate::exporter::RetryConfig::default();
    let queue = crate::exporter::QueueConfig::default();
    assert_eq!(
        retry.settings(Some(&queue)).max_elapsed_time,
        Duration::ZERO
    );
    let in_memory = crate::exporter::QueueConfig {
        storage: crate::exporter::StorageConfig::Memory,
        ..queue
    };
    for queue in [Some(&in_memory), None] {
        assert_eq!(
            retry.settings(queue).max_elapsed_time,
            Duration::from_secs(300)
        );
    }
}

#[tokio::test]
async fn directories_of_different_exporters_are_different() {
    for (id, name) in [
        ("otlp", "otlp"),
        ("otlp/a b", "otlp%2Fa%20b"),
        ("otlp/..", "otlp%2F%2E%2E"),
        ("otlp%2Fx", "otlp%252Fx"),
    ] {
        let settings = DiskSettings::default();
        let path = directory(Path::new("/data"), &settings, id);
        assert_eq!(path, Path::new("/data/queues").join(name));
    }
}

#[tokio::test]
async fn a_full_queue_refuses_with_a_delay() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let dead = ScriptedExporter::new([]).then_always(fails(RETRY));
    let settings = Settings {
        queue: Some(QueueSettings {
            storage: Storage::Disk(DiskSettings::default()),
            queue_size: 3,
            max_wait: Duration::from_millis(20),
            ..QueueSettings::default()
        }),
        ..Settings::default()
    };
    let rig = rig_with(directory.path(), &dead, settings);
    for _ in 0..3 {
        rig.send(1).await.expect("there is room");
    }
    let refused = rig.send(1).await;
    let Err(Refusal::Retry { cause, after }) = refused else {
        panic!("{refused:?}");
    };
    assert!(cause.contains("full"), "{cause}");
    assert!(after >= Duration::from_secs(1));
    assert_eq!(rig.ended().await.left(), 3);
}

/// What a backend that goes up and down answers.
fn answers(random: &mut fastrand::Rng) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..random.usize(..40) {
        answers.push(match random.u8(..8) {
            0..=2 => fails(RETRY),
            3 => fails(Decision::Retry {
                after: Some(Duration::from_millis(random.u64(..3))),
            }),
            4 => fails(Decision::Split),
            5 => fails(Decision::Reject),
            6 => Answer::After(Duration::from_millis(random.u64(..3))),
            _ => Answer::Take,
        });
    }
    answers
}

#[tokio::test]
async fn whatever_the_backend_answers_every_item_has_one_end() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let directory = tempfile::tempdir().expect("a directory can be made");
        let (mut sent, mut ended) = (0, 0);
        // Three processes in a row, of which only the last is let to deliver everything.
        for life in 0..3 {
            let exporter = ScriptedExporter::new(answers(&mut random));
            let rig = rig(directory.path(), &exporter, DiskSettings::default());
            for _ in 0..random.usize(1..12) {
                let items = random.usize(1..6);
                rig.send(items).await.expect("there is room");
                sent += items as u64;
            }
            while life == 2 && rig.front.account(LOGS).left() > 0 {
                tokio::task::yield_now().await;
            }
            let account = rig.ended().await;
            let left = account.left();
            assert!(life < 2 || left == 0, "seed {seed}: {account:?}");
            ended += account.delivered + account.dead_lettered;
            assert_eq!(
                account.dropped + account.quarantined,
                0,
                "seed {seed}: {account:?}"
            );
        }
        // A record that was delivered in part when a process ended comes again as a whole.
        assert!(ended >= sent, "seed {seed}: {ended} of {sent}");
    }
}
