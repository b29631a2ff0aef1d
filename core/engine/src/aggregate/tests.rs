//! What is answered is delivered once, whenever the process is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;

use parking_lot::Mutex;
use pdata::{Chunk, Origin};
use tokio::time::Instant;

use super::*;
use crate::testkit::{CapturingConsumer, batch, context};

const MINUTE: Duration = Duration::from_secs(60);
/// Some minute's begin and some seconds.
const BEGAN_UNIX_MS: u64 = 1_790_000_040_000 + 13_000;
/// Batches that are sent; each has a size of its own, by which it is known again.
const BATCHES: usize = 9;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(23);

/// Holds everything and gives it back as one batch.
struct Collecting;

impl Aggregator for Collecting {
    fn divide(&self, batch: Batch) -> Division {
        Division {
            pass: None,
            held: Some(batch),
        }
    }

    fn interval(&self) -> Duration {
        MINUTE
    }

    fn journal_bytes(&self) -> u64 {
        1 << 20
    }

    fn merger(&self) -> Box<dyn Merger> {
        Box::new(Collected::default())
    }
}

#[derive(Default)]
struct Collected(Vec<Chunk>);

impl Merger for Collected {
    fn fold(&mut self, batch: &Batch, _: u64) {
        self.0.extend_from_slice(batch.chunks());
    }

    fn close(&mut self, window: Window) -> Vec<Batch> {
        let origin = Origin {
            arrived_unix_nano: window.start_unix_ms,
            ..Origin::default()
        };
        let chunks = std::mem::take(&mut self.0);
        match chunks.is_empty() {
            true => Vec::new(),
            false => vec![Batch::new(Signal::Metrics, chunks, Arc::new(origin))],
        }
    }
}

/// Stops the process at a step. Clones are of the same process.
#[derive(Clone, Default)]
struct Fate(Arc<FateInner>);

#[derive(Default)]
struct FateInner {
    /// Steps that it still has; `None` is for ever.
    left: Mutex<Option<u32>>,
    is_dead: AtomicBool,
    died: Notify,
}

impl Fate {
    fn at(step: Option<u32>) -> Self {
        let fate = Fate::default();
        *fate.0.left.lock() = step;
        fate
    }

    /// Whether the process is still there to do the next step.
    fn lives(&self) -> bool {
        let mut left = self.0.left.lock();
        if *left == Some(0) {
            self.0.is_dead.store(true, Ordering::Relaxed);
            self.0.died.notify_one();
            return false;
        }
        *left = left.map(|left| left - 1);
        true
    }

    async fn step(&self) {
        if !self.lives() {
            pending::<()>().await;
        }
    }
}

/// What survives a process: records, and of what was finished the part that was written down.
#[derive(Default)]
struct Disk {
    records: BTreeMap<u64, NewRecord>,
    appended: u64,
    finished: Vec<u64>,
    random: fastrand::Rng,
}

impl Disk {
    fn append(&mut self, record: NewRecord) {
        self.appended += 1;
        self.records.insert(self.appended, record);
    }

    /// After the end of a process: one that was killed has written down some of it.
    fn recover(&mut self, was_killed: bool) {
        let all = self.finished.len();
        let saved = match was_killed {
            true => self.random.usize(..=all),
            false => all,
        };
        for sequence in self.finished.drain(..).take(saved) {
            self.records.remove(&sequence);
        }
    }
}

struct FakeLedger {
    disk: Arc<Mutex<Disk>>,
    fate: Fate,
    taken_below: AtomicU64,
    arrived: Notify,
    unix_ms: UnixClock,
    is_full: AtomicBool,
}

#[async_trait]
impl Ledger for FakeLedger {
    type Room = ();

    fn producer(&self) -> u64 {
        7
    }

    async fn reserve(&self, _: &NewRecord) -> Result<(), Refusal> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(Refusal::retry("full", Duration::from_secs(1))),
            false => Ok(()),
        }
    }

    async fn append(&self, (): (), mut record: NewRecord, _: Option<Batch>) -> Result<(), Refusal> {
        self.fate.step().await;
        record.enqueued_unix_ms = (self.unix_ms)();
        self.disk.lock().append(record);
        self.arrived.notify_one();
        self.fate.step().await;
        Ok(())
    }

    fn take(&self) -> Vec<Ready> {
        let disk = self.disk.lock();
        let below = self.taken_below.swap(disk.appended + 1, Ordering::Relaxed);
        let records = disk.records.range(below..);
        let ready = records.map(|(sequence, record)| Ready {
            sequence: *sequence,
            enqueued_unix_ms: record.enqueued_unix_ms,
            items: record.items,
            codec: record.codec,
            meta: record.meta.clone(),
            payload_len: record.payload_len() as u32,
            payload: record.payload.clone(),
            companion: None,
        });
        ready.collect()
    }

    fn is_taken(&self) -> bool {
        self.taken_below.load(Ordering::Relaxed) > self.disk.lock().appended
    }

    async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn clear(&self, _: u64) {}

    fn finish(&self, sequence: u64) {
        if self.fate.lives() {
            self.disk.lock().finished.push(sequence);
        }
    }
}

/// What is behind: takes each number once, as a queue on disk does, and refuses now and then.
#[derive(Default)]
struct Behind {
    taken: Mutex<Vec<Batch>>,
    highest: AtomicU64,
    refusals: Mutex<fastrand::Rng>,
}

struct Way {
    behind: Arc<Behind>,
    fate: Fate,
}

#[async_trait]
impl Consumer for Way {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        self.fate.step().await;
        if self.behind.refusals.lock().u8(..4) == 0 {
            return Err(Refusal::retry("full", Duration::from_secs(1)));
        }
        let number = batch.numbered().expect("windows have numbers").number + 1;
        if self.behind.highest.fetch_max(number, Ordering::Relaxed) < number {
            self.behind.taken.lock().push(batch);
        }
        self.fate.step().await;
        Ok(())
    }
}

/// A sender, and everything that outlives the process.
struct World {
    disk: Arc<Mutex<Disk>>,
    behind: Arc<Behind>,
    unix_ms: UnixClock,
    next: usize,
    acknowledged: BTreeSet<usize>,
}

impl World {
    fn new(seed: u64) -> Self {
        let began = Instant::now();
        let disk = Disk {
            random: fastrand::Rng::with_seed(seed),
            ..Disk::default()
        };
        let behind = Behind {
            refusals: Mutex::new(fastrand::Rng::with_seed(seed)),
            ..Behind::default()
        };
        World {
            disk: Arc::new(Mutex::new(disk)),
            behind: Arc::new(behind),
            unix_ms: Arc::new(move || BEGAN_UNIX_MS + began.elapsed().as_millis() as u64),
            next: 1,
            acknowledged: BTreeSet::new(),
        }
    }

    fn aggregation(&self, fate: &Fate) -> Arc<Aggregation<FakeLedger>> {
        let ledger = FakeLedger {
            disk: Arc::clone(&self.disk),
            fate: fate.clone(),
            taken_below: AtomicU64::new(0),
            arrived: Notify::new(),
            unix_ms: Arc::clone(&self.unix_ms),
            is_full: AtomicBool::new(false),
        };
        let way = Way {
            behind: Arc::clone(&self.behind),
            fate: fate.clone(),
        };
        let place = Place {
            pipeline: "metrics",
            processor: "collecting",
            signal: Signal::Metrics,
            metrics: &context().metrics,
        };
        let unix_ms = Arc::clone(&self.unix_ms);
        Aggregation::new(
            &place,
            Arc::new(Collecting),
            Arc::new(way),
            Arc::new(ledger),
            unix_ms,
        )
    }

    /// One process; `false` if it was killed.
    async fn life(&mut self, fate: Fate) -> bool {
        let aggregation = self.aggregation(&fate);
        let shutdown = Shutdown::default();
        let sending = async {
            while self.next <= BATCHES {
                let size = self.next;
                // A sender whose process is gone does not know, and does not ask again here.
                self.next += 1;
                let taken = aggregation.consume(batch(Signal::Metrics, size)).await;
                taken.expect("the journal takes everything");
                self.acknowledged.insert(size);
                sleep(PAUSE).await;
            }
            // What an earlier process left is handed over before anything else.
            sleep(PAUSE).await;
            shutdown.begin();
        };
        let run = Arc::clone(&aggregation).run(shutdown.clone());
        let lived = tokio::select! {
            _ = async { tokio::join!(run, sending) } => true,
            () = fate.0.died.notified() => false,
        };
        self.disk.lock().recover(!lived);
        lived
    }

    fn delivered(&self) -> Vec<usize> {
        let taken = self.behind.taken.lock();
        let chunks = taken.iter().flat_map(Batch::chunks);
        let mut sizes: Vec<_> = chunks.map(Chunk::items).collect();
        sizes.sort_unstable();
        sizes
    }

    fn windows(&self) -> Vec<u64> {
        let taken = self.behind.taken.lock();
        let windows = taken.iter().map(|batch| batch.origin().arrived_unix_nano);
        windows.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_window_holds_what_came_in_its_time_and_a_stop_hands_over_the_open_one() {
    let mut world = World::new(1);
    assert!(world.life(Fate::default()).await);
    assert_eq!(world.delivered(), (1..=BATCHES).collect::<Vec<_>>());
    let windows = world.windows();
    assert!(windows.is_sorted_by(|a, b| a < b), "{windows:?}");
    assert_eq!(
        windows.len(),
        4,
        "{BATCHES} batches, one in 23 s: {windows:?}"
    );
    assert!(windows.iter().all(|window| window % 60_000 == 0));
    let left = world.disk.lock().records.len();
    assert_eq!(left, 1, "the last cut stays, and nothing else");
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_step_loses_nothing_and_counts_nothing_twice() {
    for seed in 0..8 {
        for step in 0.. {
            let mut world = World::new(seed);
            let lived = world.life(Fate::at(Some(step))).await;
            // Killed once more on its way up, somewhere.
            let again = (!lived).then_some(step % 7);
            if !world.life(Fate::at(again)).await {
                assert!(world.life(Fate::default()).await);
            }
            let delivered = world.delivered();
            let at = format!("seed {seed}, step {step}: {delivered:?}");
            assert!(delivered.is_sorted_by(|a, b| a < b), "twice, {at}");
            let delivered: BTreeSet<_> = delivered.into_iter().collect();
            assert!(world.acknowledged.is_subset(&delivered), "lost, {at}");
            let windows = world.windows();
            assert!(windows.is_sorted_by(|a, b| a < b), "{windows:?}, {at}");
            if lived {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_restart_in_the_same_minute_is_of_the_next_window() {
    let mut world = World::new(1);
    world.next = BATCHES;
    assert!(world.life(Fate::default()).await);
    world.next = BATCHES;
    // The pause after the last batch, and into a minute that has been handed over.
    assert!(world.life(Fate::default()).await);
    world.next = BATCHES;
    assert!(world.life(Fate::default()).await);
    let windows = world.windows();
    assert_eq!(windows.len(), 3);
    assert!(windows.is_sorted_by(|a, b| a < b), "{windows:?}");
}

/// Passes everything on, and holds it, too.
struct Dividing;

impl Aggregator for Dividing {
    fn divide(&self, batch: Batch) -> Division {
        Division {
            pass: Some(batch.clone()),
            held: Some(batch),
        }
    }

    fn interval(&self) -> Duration {
        MINUTE
    }

    fn journal_bytes(&self) -> u64 {
        1 << 20
    }

    fn merger(&self) -> Box<dyn Merger> {
        Box::new(Collected::default())
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_by_a_full_journal_has_passed_on_nothing() {
    let world = World::new(1);
    let (fate, next) = (Fate::default(), CapturingConsumer::new());
    let ledger = Arc::new(FakeLedger {
        disk: Arc::clone(&world.disk),
        fate,
        taken_below: AtomicU64::new(0),
        arrived: Notify::new(),
        unix_ms: Arc::clone(&world.unix_ms),
        is_full: AtomicBool::new(true),
    });
    let place = Place {
        pipeline: "metrics",
        processor: "dividing",
        signal: Signal::Metrics,
        metrics: &context().metrics,
    };
    let aggregation = Aggregation::new(
        &place,
        Arc::new(Dividing),
        Arc::clone(&next) as Arc<dyn Consumer>,
        Arc::clone(&ledger),
        Arc::clone(&world.unix_ms),
    );
    let refused = aggregation.consume(batch(Signal::Metrics, 3)).await;
    assert!(matches!(refused, Err(Refusal::Retry { .. })), "{refused:?}");
    assert_eq!(next.items(), 0);
    ledger.is_full.store(false, Ordering::Relaxed);
    let taken = aggregation.consume(batch(Signal::Metrics, 3)).await;
    assert_eq!((taken.is_ok(), next.items()), (true, 3));
}
