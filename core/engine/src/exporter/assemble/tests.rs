//! The window as a part of the stack, on a paused clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Chunk};
use tokio::sync::Notify;

use super::*;
use crate::component::{Delivery, ExportError, Exporter};
use crate::exporter::{Account, Front, MemoryQueue, QueueSettings, Settings};
use crate::testkit::{Answer, ScriptedExporter, batch, context};
use crate::{AckToken, Consumer, Tasks};

const HOLD: Duration = Duration::from_secs(2);

/// Joins all that came within [`HOLD`] into one record; holds at most so many items.
struct Joining {
    held: Vec<Record>,
    began: Option<Instant>,
    items_max: usize,
}

impl Assembler for Joining {
    fn push(&mut self, record: Record, now: Instant) {
        assert!(self.has_room(), "it is asked before");
        self.began.get_or_insert(now);
        self.held.push(record);
    }

    fn has_room(&self) -> bool {
        self.items() < self.items_max
    }

    fn take(&mut self, now: Instant, is_end: bool, ready: &mut VecDeque<Record>) {
        let is_due = self.due().is_some_and(|due| due <= now) || !self.has_room();
        if self.held.is_empty() || !(is_due || is_end) {
            return;
        }
        self.began = None;
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut tokens: Vec<AckToken> = Vec::new();
        for Record { batch, token } in self.held.drain(..) {
            chunks.extend(batch.into_chunks());
            tokens.push(token);
        }
        ready.push_back(Record {
            batch: Batch::new(Signal::Logs, chunks, Arc::default()),
            token: AckToken::join(tokens),
        });
    }

    fn due(&self) -> Option<Instant> {
        self.began.map(|began| began + HOLD)
    }

    fn items(&self) -> usize {
        self.held.iter().map(|record| record.batch.items()).sum()
    }
}

/// A scripted exporter behind a window.
struct Windowed {
    scripted: Arc<ScriptedExporter>,
    items_max: usize,
}

#[async_trait]
impl Exporter for Windowed {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        self.scripted.export(batch).await
    }

    fn assembler(&self, _: Signal) -> Option<Box<dyn Assembler>> {
        Some(Box::new(Joining {
            held: Vec::new(),
            began: None,
            items_max: self.items_max,
        }))
    }
}

struct Rig {
    front: Arc<Front>,
    scripted: Arc<ScriptedExporter>,
    shutdown: Shutdown,
    tasks: Tasks,
}

fn rig(items_max: usize, script: impl IntoIterator<Item = Answer>) -> Rig {
    let scripted = ScriptedExporter::new(script);
    let exporter = Arc::new(Windowed {
        scripted: Arc::clone(&scripted),
        items_max,
    });
    let settings = Settings {
        queue: Some(QueueSettings::default()),
        ..Settings::default()
    };
    let front = Front::new("test", exporter, settings, &[Signal::Logs], &context());
    let shutdown = Shutdown::default();
    let tasks = Tasks::new(tokio::runtime::Handle::current(), shutdown.clone());
    front.run(&tasks, &shutdown);
    Rig {
        front,
        scripted,
        shutdown,
        tasks,
    }
}

impl Rig {
    async fn send(&self, items: usize) {
        let taken = self.front.consume(batch(Signal::Logs, items)).await;
        taken.expect("there is room");
    }

    async fn drained(&self) -> Account {
        self.shutdown.begin();
        self.tasks.ended().await;
        let account = self.front.account(Signal::Logs);
        assert!(account.balances(), "{account:?}");
        account
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_within_the_window_goes_out_together() {
    let rig = rig(100, [Answer::Take, Answer::Take]);
    rig.send(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.send(2).await;
    assert!(rig.scripted.batches().is_empty());
    let account = rig.front.account(Signal::Logs);
    assert_eq!((account.queued, account.in_flight), (3, 0));
    assert!(account.balances(), "{account:?}");
    tokio::time::sleep(HOLD).await;
    assert_eq!(rig.scripted.batches(), [3]);
    rig.send(4).await;
    tokio::time::sleep(HOLD * 2).await;
    assert_eq!(rig.scripted.batches(), [3, 4]);
    assert_eq!(rig.drained().await.delivered, 7);
}

#[tokio::test(start_paused = true)]
async fn a_full_window_does_not_wait() {
    let rig = rig(3, [Answer::Take]);
    rig.send(1).await;
    rig.send(2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(rig.scripted.batches(), [3]);
    assert_eq!(rig.drained().await.delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_in_the_window_is_no_attempt_and_a_failure_repeats_what_was_joined() {
    let failure = Answer::Fail(ExportError::retry("not now"));
    let rig = rig(100, [failure, Answer::Take]);
    rig.send(1).await;
    rig.send(1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.scripted.attempts(), [2, 2]);
    assert_eq!(rig.drained().await.delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_no_window() {
    let rig = rig(100, [Answer::Take]);
    rig.send(1).await;
    rig.send(1).await;
    let began = Instant::now();
    assert_eq!(rig.drained().await.delivered, 2);
    assert!(began.elapsed() < HOLD);
    assert_eq!(rig.scripted.batches(), [2]);
}

/// A queue of which nothing can be taken before it was read, as of a backlog on disk.
struct Unread {
    queue: MemoryQueue,
    is_read: AtomicBool,
    read: Notify,
}

#[async_trait]
impl Queue for Unread {
    async fn reserve(
        &self,
        signal: Signal,
        size: Size,
        deadline: Instant,
    ) -> Result<Reservation, Refusal> {
        self.queue.reserve(signal, size, deadline).await
    }

    async fn append(
        &self,
        reservation: Reservation,
        batch: Batch,
        receipt: Receipt,
    ) -> Result<(), Refusal> {
        self.queue.append(reservation, batch, receipt).await
    }

    fn take(&self, signal: Signal, at_most: Amount) -> Vec<Record> {
        match self.is_read.load(Ordering::Relaxed) {
            true => self.queue.take(signal, at_most),
            false => Vec::new(),
        }
    }

    fn waiting(&self, signal: Signal) -> Waiting {
        self.queue.waiting(signal)
    }

    fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn used(&self, signal: Signal) -> usize {
        self.queue.used(signal)
    }

    async fn has_waiting(&self, signal: Signal, amount: Amount) {
        if !self.is_read.load(Ordering::Relaxed) {
            self.read.notified().await;
        }
        self.queue.has_waiting(signal, amount).await;
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn bury(&self, record: Record, reason: &DeathReason) -> Result<(), Record> {
        self.queue.bury(record, reason)
    }
}

#[tokio::test(start_paused = true)]
async fn a_backlog_that_has_to_be_read_first_is_waited_for() {
    let unread = Arc::new(Unread {
        queue: MemoryQueue::new(&QueueSettings::default()),
        is_read: AtomicBool::new(false),
        read: Notify::new(),
    });
    let observer = Observer::new(&context().metrics, "test", Signal::Logs);
    let size = Size::of(&batch(Signal::Logs, 1));
    let room = unread.reserve(Signal::Logs, size, Instant::now()).await;
    let receipt = Receipt {
        observer: observer.clone(),
        items: 1,
    };
    let room = room.expect("there is room");
    let appended = unread.append(room, batch(Signal::Logs, 1), receipt).await;
    appended.expect("there is room");
    let assembler = Box::new(Joining {
        held: Vec::new(),
        began: None,
        items_max: 1,
    });
    let queue: Arc<dyn Queue> = Arc::clone(&unread) as _;
    let shutdown = Shutdown::default();
    let window = Assembled::new(queue, Signal::Logs, assembler, observer, shutdown);
    assert_eq!(window.waiting(Signal::Logs).records, 0);
    let reading = async {
        tokio::time::sleep(HOLD).await;
        unread.is_read.store(true, Ordering::Relaxed);
        unread.read.notify_one();
    };
    tokio::join!(window.has_waiting(Signal::Logs, Amount::Items(1)), reading);
    let taken = window.take(Signal::Logs, Amount::Items(10));
    assert_eq!(taken.len(), 1);
    taken.into_iter().for_each(|record| record.token.done());
}
