//! `kill -9`: what was acknowledged is delivered by a later process, whatever the first was doing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::flood::numbers;
use crate::harness::{Backend, Collector, Exporter, Flood, Reply, route};

/// Kills in one run; a longer one sets more.
const KILLS: &str = "SKYFERRY_KILLS";
const KILLS_DEFAULT: u64 = 200;
/// Names one run again; it is told when a run fails.
const SEED: &str = "SKYFERRY_SEED";
/// Not more than this are set aside in one run.
const FEW: usize = 20;
const LANES: usize = 4;
const RECORD_BYTES_MAX: usize = 4000;
/// Kills of a program that fills segment after segment, and what it takes to fill some.
const KILLS_IN_SEGMENTS: u64 = 20;
const LARGE_BYTES_MAX: usize = 60_000;
const LARGE_RECORDS: usize = 250;

fn number(variable: &str, default: u64) -> u64 {
    let set = std::env::var(variable).ok();
    set.map_or(default, |text| text.parse().expect("a number"))
}

fn config(backend: &Backend, queue: &str) -> String {
    route(&[Exporter::grpc(backend).queue(queue)])
}

/// Everything that clients were told, over all processes.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<usize>,
    next: usize,
}

impl Told {
    /// Sends until so many more are acknowledged, and kills the program in the middle of it.
    async fn kill_one(
        &mut self,
        dir: Arc<TempDir>,
        config: &str,
        (acknowledged, bytes_max): (usize, usize),
    ) {
        let collector = Collector::start_in(dir, config);
        let http = collector.address("receivers/otlp", "http");
        let grpc = collector.address("receivers/otlp", "grpc");
        let mut flood = Flood::start_from(self.next, [http, grpc], LANES, bytes_max);
        flood.until_acknowledged(acknowledged).await;
        collector.kill();
        let outcome = flood.ended().await;
        assert_eq!(outcome.odd, Vec::<String>::new());
        self.acknowledged.extend(outcome.acknowledged);
        self.next = outcome.next;
    }
}

/// Records that were in an attempt at three kills in a row: they are set aside, and told.
fn quarantined(dir: &TempDir) -> BTreeSet<usize> {
    let exported = std::process::Command::new(env!("CARGO_BIN_EXE_skyferry"))
        .args(["queue", "export", "otlp_grpc", "--from", "quarantine"])
        .current_dir(dir.path())
        .output();
    let exported = exported
        .expect("the program was built for this test")
        .stdout;
    let text = String::from_utf8(exported).expect("it is JSON");
    let bodies = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        let record = &line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let body = record["body"]["stringValue"].as_str().expect("it is text");
        body[..8].parse().expect("every record has its number")
    });
    bodies.collect()
}

/// Fails unless the backend has everything that was acknowledged, by number, or it was set aside.
async fn assert_everything_arrives(backend: &Backend, told: &Told, dir: &TempDir, of: &str) {
    let missing = || -> Vec<usize> {
        let arrived = numbers(backend);
        let missing = told.acknowledged.difference(&arrived).copied();
        let missing: Vec<usize> = missing.collect();
        // To look into the quarantine takes a process.
        match missing.len() {
            0 | FEW.. => missing,
            _ => {
                let aside = quarantined(dir);
                missing
                    .into_iter()
                    .filter(|number| !aside.contains(number))
                    .collect()
            }
        }
    };
    let everything = async {
        loop {
            let seen = backend.tally().requests;
            if missing().is_empty() {
                break;
            }
            backend
                .until("one more request", |tally| tally.requests > seen)
                .await;
        }
    };
    let waited = tokio::time::timeout(crate::harness::PATIENCE, everything).await;
    assert!(waited.is_ok(), "{of}: {:?} are missing", missing());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_acknowledged_in_any_mode() {
    let seed = number(SEED, fastrand::u64(..));
    let kills = number(KILLS, KILLS_DEFAULT);
    let mut random = fastrand::Rng::with_seed(seed);
    let backend = Backend::start();
    let mut told = Told::default();
    let modes = [
        "sync: always",
        "sync: interval, sync_interval: 50ms",
        "sync: os",
    ];
    let dir = Arc::new(tempfile::tempdir().expect("the system has a folder for temporary files"));
    for _ in 0..kills {
        backend.reply_always(match random.u8(..4) {
            0 => Reply::Unavailable(None),
            1 => Reply::AcceptAfter(Duration::from_millis(random.u64(..20))),
            _ => Reply::Accept,
        });
        let mode = modes[random.usize(..modes.len())];
        let acknowledged = random.usize(..60);
        let config = config(&backend, mode);
        let load = (acknowledged, RECORD_BYTES_MAX);
        told.kill_one(Arc::clone(&dir), &config, load).await;
    }
    backend.reply_always(Reply::Accept);
    let last = Collector::start_in(Arc::clone(&dir), &config(&backend, modes[0]));
    assert_everything_arrives(&backend, &told, &dir, &format!("seed {seed}")).await;
    let aside = quarantined(&dir).len() as u64;
    assert!(
        aside <= kills / 20,
        "seed {seed}: {aside} records were suspected"
    );
    let ended = last.stop();
    assert_eq!(ended.code, Some(0), "seed {seed}: {}", ended.log);
    assert!(
        told.acknowledged.len() as u64 > kills,
        "nothing was acknowledged"
    );
}

/// Whether a segment of the queue is written over the file of another one: the flags of its header
/// say so.
fn is_written_over(dir: &TempDir) -> bool {
    let queue = dir.path().join("skyferry-data/queues/otlp_grpc");
    let files = std::fs::read_dir(queue).expect("the queue is there");
    let mut paths = files.map(|file| file.expect("it is there").path());
    paths.any(|path| {
        let is_segment = path.extension().is_some_and(|it| it == "seg");
        is_segment && std::fs::read(&path).is_ok_and(|bytes| bytes.get(10) == Some(&1))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_where_segments_are_written_over_others() {
    let seed = number(SEED, fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let backend = Backend::start();
    let mut told = Told::default();
    let dir = Arc::new(tempfile::tempdir().expect("the system has a folder for temporary files"));
    // Segments are of two megabytes then.
    let config = config(&backend, "max_bytes: 16MiB");
    let mut over = 0;
    for _ in 0..KILLS_IN_SEGMENTS {
        let load = (LARGE_RECORDS + random.usize(..100), LARGE_BYTES_MAX);
        told.kill_one(Arc::clone(&dir), &config, load).await;
        over += u64::from(is_written_over(&dir));
    }
    let last = Collector::start_in(Arc::clone(&dir), &config);
    assert_everything_arrives(&backend, &told, &dir, &format!("seed {seed}")).await;
    let ended = last.stop();
    assert_eq!(ended.code, Some(0), "seed {seed}: {}", ended.log);
    assert!(
        over > KILLS_IN_SEGMENTS / 2,
        "seed {seed}: {over} kills met a segment that was written over another one"
    );
}
