//! A window between a queue and what is sent from it.
//!
//! An exporter that has to see several records before it can send one (the spans of a trace) supplies
//! an [`Assembler`]. It stands behind the queue and in front of every attempt, so that waiting in its
//! window costs no attempt, and what it holds is still the queue's until it is delivered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pdata::Signal;
use tokio::time::{Instant, sleep_until};

use super::observe::Observer;
use super::queue::{DeathReason, Queue, Receipt, Record, Reservation, Waiting};
use super::size::{Amount, Size};
use crate::{Refusal, Shutdown};

/// Holds records back and makes others of them.
///
/// Every item that goes in comes out in one record, whose token stands for all the records that the
/// items came from (see [`crate::AckToken::join`]), or is told of by [`Assembler::ended`].
pub trait Assembler: Send {
    /// Takes a record. Called only while [`Assembler::has_room`].
    fn push(&mut self, record: Record, now: Instant);

    /// Whether the window is below its bound.
    fn has_room(&self) -> bool;

    /// Appends what is complete by `now` to `ready`; if nothing more will come, everything.
    fn take(&mut self, now: Instant, is_end: bool, ready: &mut VecDeque<Record>);

    /// When the next record will be complete, unless others come before; `None` if it holds nothing.
    fn due(&self) -> Option<Instant>;

    /// Items in the window.
    fn items(&self) -> usize;

    /// Items that have come to an end in the window since the last call.
    fn ended(&mut self) -> Vec<Ended> {
        Vec::new()
    }
}

/// Items that are not sent, for a reason that is no failure: they were there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub reason: &'static str,
    pub items: usize,
}

/// Taken from the queue at once.
const TAKE: Amount = Amount::Bytes(1 << 20);
/// Bytes that may be ready and not sent; then the window is not filled further.
const READY_BYTES_MAX: usize = 2 << 20;

/// A lane of a queue behind its window, as the sender sees it.
pub(super) struct Assembled {
    queue: Arc<dyn Queue>,
    signal: Signal,
    window: Mutex<Window>,
    observer: Observer,
    shutdown: Shutdown,
}

struct Window {
    assembler: Box<dyn Assembler>,
    ready: VecDeque<Record>,
    /// Of what is ready.
    size: Size,
    /// Since when something is ready.
    since: Option<Instant>,
}

impl Assembled {
    pub(super) fn new(
        queue: Arc<dyn Queue>,
        signal: Signal,
        assembler: Box<dyn Assembler>,
        observer: Observer,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        Arc::new(Assembled {
            queue,
            signal,
            window: Mutex::new(Window {
                assembler,
                ready: VecDeque::new(),
                size: Size::default(),
                since: None,
            }),
            observer,
            shutdown,
        })
    }

    /// Items that have left the queue and were not taken yet.
    pub(super) fn held(&self) -> usize {
        let window = self.window.lock();
        window.assembler.items() + window.size.items
    }

    /// Moves on what can be moved on.
    fn turn(&self) -> Waiting {
        let is_end = self.shutdown.has_begun();
        let now = Instant::now();
        let mut window = self.window.lock();
        loop {
            window.release(now, false);
            if !window.has_room() || self.queue.waiting(self.signal).records == 0 {
                break;
            }
            let taken = self.queue.take(self.signal, TAKE);
            if taken.is_empty() {
                // What waits on disk has to be read first.
                break;
            }
            for record in taken {
                window.assembler.push(record, now);
            }
        }
        // What waits in the queue comes first: it may belong to what is in the window.
        if is_end && self.queue.waiting(self.signal).records == 0 {
            window.release(now, true);
        }
        for Ended { reason, items } in window.assembler.ended() {
            self.observer.ended(items, reason);
        }
        Waiting {
            records: window.ready.len(),
            size: window.size,
            oldest: window.since.map_or(Duration::ZERO, |since| now - since),
        }
    }
}

impl Window {
    fn release(&mut self, now: Instant, is_end: bool) {
        let before = self.ready.len();
        self.assembler.take(now, is_end, &mut self.ready);
        for record in self.ready.iter().skip(before) {
            self.size.items += record.batch.items();
            self.size.bytes += record.batch.wire_len();
        }
        if !self.ready.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    fn has_room(&self) -> bool {
        self.size.bytes < READY_BYTES_MAX && self.assembler.has_room()
    }
}

#[async_trait]
impl Queue for Assembled {
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
        batch: pdata::Batch,
        receipt: Receipt,
    ) -> Result<(), Refusal> {
        self.queue.append(reservation, batch, receipt).await
    }

    fn take(&self, _: Signal, at_most: Amount) -> Vec<Record> {
        let mut window = self.window.lock();
        let mut taken = Vec::new();
        let mut size = Size::default();
        while let Some(record) = window.ready.front() {
            let grown = Size {
                items: size.items + record.batch.items(),
                bytes: size.bytes + record.batch.wire_len(),
            };
            if !taken.is_empty() && !grown.fits(at_most) {
                break;
            }
            size = grown;
            taken.extend(window.ready.pop_front());
        }
        window.size.items -= size.items;
        window.size.bytes -= size.bytes;
        window.since = (!window.ready.is_empty()).then(Instant::now);
        taken
    }

    fn waiting(&self, _: Signal) -> Waiting {
        self.turn()
    }

    fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn used(&self, signal: Signal) -> usize {
        self.queue.used(signal)
    }

    async fn has_waiting(&self, signal: Signal, amount: Amount) {
        loop {
            if self.turn().reaches(amount) {
                return;
            }
            let (due, has_room) = {
                let window = self.window.lock();
                (window.assembler.due(), window.has_room())
            };
            let due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.queue.has_waiting(signal, Amount::Items(1)), if has_room => {}
                () = self.shutdown.begun(), if !self.shutdown.has_begun() => {}
            }
        }
    }

    fn is_durable(&self) -> bool {
        self.queue.is_durable()
    }

    fn bury(&self, record: Record, reason: &DeathReason) -> Result<(), Record> {
        self.queue.bury(record, reason)
    }
}

#[cfg(test)]
mod tests;
