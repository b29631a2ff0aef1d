//! The queue in memory: what it holds is lost when the process dies.
//!
//! It is the operator's explicit choice (`sending_queue.storage: memory`). Its buffers hold their
//! leases on the process's budget until they are delivered, so it is bounded in bytes whatever
//! unit `queue_size` counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pdata::{Batch, Signal};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::drain_rate::DrainRate;
use super::pace::Pace;
use super::queue::{DeathReason, Queue, Receipt, Record, Reservation, Room, Waiting};
use super::settings::{QueueSettings, Sizer};
use super::size::{Amount, Size};
use crate::Refusal;
use crate::ack::{AckToken, Settle, Settlement};

#[cfg(test)]
mod tests;

/// See the module's documentation.
pub struct MemoryQueue {
    capacity: usize,
    sizer: Sizer,
    lanes: [Arc<Lane>; Signal::ALL.len()],
}

struct Lane {
    room: Arc<Semaphore>,
    state: Mutex<LaneState>,
    arrival: Notify,
    pace: Pace,
}

struct LaneState {
    records: VecDeque<Waiter>,
    size: Size,
    /// What the sender waits for, while it waits.
    wake_at: Option<Amount>,
    drain: DrainRate,
}

struct Waiter {
    batch: Batch,
    size: Size,
    since: Instant,
    room: OwnedSemaphorePermit,
}

impl MemoryQueue {
    pub fn new(settings: &QueueSettings) -> Self {
        let capacity = settings.queue_size.min(Semaphore::MAX_PERMITS);
        let lanes = Signal::ALL.map(|_| Arc::new(Lane::new(capacity)));
        MemoryQueue {
            capacity,
            sizer: settings.sizer,
            lanes,
        }
    }

    fn lane(&self, signal: Signal) -> &Arc<Lane> {
        &self.lanes[signal as usize]
    }

    fn units(&self, size: Size) -> usize {
        match self.sizer {
            Sizer::Requests => 1,
            Sizer::Items => size.items,
            Sizer::Bytes => size.bytes,
        }
    }
}

impl Lane {
    fn new(capacity: usize) -> Self {
        Lane {
            room: Arc::new(Semaphore::new(capacity)),
            state: Mutex::new(LaneState {
                records: VecDeque::new(),
                size: Size::default(),
                wake_at: None,
                drain: DrainRate::new(Instant::now()),
            }),
            arrival: Notify::new(),
            pace: Pace::default(),
        }
    }

    fn waiting_bytes(&self) -> usize {
        self.state.lock().size.bytes
    }

    /// When a refused caller may find room.
    fn delay(&self) -> Duration {
        let state = self.state.lock();
        state.drain.delay(state.size.bytes, Instant::now())
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn reserve(
        &self,
        signal: Signal,
        size: Size,
        deadline: Instant,
    ) -> Result<Reservation, Refusal> {
        let lane = self.lane(signal);
        let units = self.units(size);
        let Some(units) = u32::try_from(units).ok().filter(|_| units <= self.capacity) else {
            return Err(self.sizer.exceeds(units, self.capacity));
        };
        let room = match Arc::clone(&lane.room).try_acquire_many_owned(units) {
            Ok(room) => Some(room),
            Err(_) => {
                let waiting = Arc::clone(&lane.room).acquire_many_owned(units);
                timeout_at(deadline, waiting)
                    .await
                    .ok()
                    .and_then(Result::ok)
            }
        };
        match room {
            Some(room) => {
                lane.pace.slow(deadline, || lane.waiting_bytes()).await;
                Ok(Reservation {
                    signal,
                    room: Room::Memory(room),
                })
            }
            None => Err(Refusal::retry("sending queue is full", lane.delay())),
        }
    }

    async fn append(
        &self,
        reservation: Reservation,
        batch: Batch,
        receipt: Receipt,
    ) -> Result<(), Refusal> {
        let Room::Memory(room) = reservation.room else {
            unreachable!("this queue handed out the reservation")
        };
        receipt.stored();
        let lane = self.lane(reservation.signal);
        let size = Size::of(&batch);
        let mut state = lane.state.lock();
        state.size.items += size.items;
        state.size.bytes += size.bytes;
        let since = Instant::now();
        state.records.push_back(Waiter {
            batch,
            size,
            since,
            room,
        });
        let size = state.size;
        if state
            .wake_at
            .take_if(|amount| size.reaches(*amount))
            .is_some()
        {
            drop(state);
            lane.arrival.notify_one();
        }
        Ok(())
    }

    fn take(&self, signal: Signal, at_most: Amount) -> Vec<Record> {
        let lane = self.lane(signal);
        let mut state = lane.state.lock();
        let before = state.size.bytes;
        let mut taken = Vec::new();
        let mut total = Size::default();
        while let Some(next) = state.records.front() {
            total.items += next.size.items;
            total.bytes += next.size.bytes;
            if !total.fits(at_most) && !taken.is_empty() {
                break;
            }
            let Some(waiter) = state.records.pop_front() else {
                break;
            };
            state.size.items -= waiter.size.items;
            state.size.bytes -= waiter.size.bytes;
            let held = Held {
                lane: Arc::clone(lane),
                bytes: waiter.size.bytes,
                room: waiter.room,
            };
            taken.push(Record {
                batch: waiter.batch,
                token: AckToken::new(Box::new(held)),
            });
        }
        let after = state.size.bytes;
        drop(state);
        lane.pace.went(before, after);
        taken
    }

    fn waiting(&self, signal: Signal) -> Waiting {
        let state = self.lane(signal).state.lock();
        Waiting {
            records: state.records.len(),
            size: state.size,
            oldest: state
                .records
                .front()
                .map(|oldest| oldest.since.elapsed())
                .unwrap_or_default(),
        }
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn used(&self, signal: Signal) -> usize {
        self.capacity - self.lane(signal).room.available_permits()
    }

    async fn has_waiting(&self, signal: Signal, amount: Amount) {
        let lane = self.lane(signal);
        loop {
            {
                let mut state = lane.state.lock();
                if !state.records.is_empty() && state.size.reaches(amount) {
                    return;
                }
                state.wake_at = Some(amount);
            }
            lane.arrival.notified().await;
        }
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn bury(&self, record: Record, _: &DeathReason) -> Result<(), Record> {
        Err(record)
    }
}

/// The room of a record that was handed out.
struct Held {
    lane: Arc<Lane>,
    bytes: usize,
    room: OwnedSemaphorePermit,
}

impl Settle for Held {
    /// Memory has no second copy, so an open record is as gone as a finished one; whoever let go
    /// of it has counted it.
    fn settle(self: Box<Self>, _: Settlement) {
        self.lane
            .state
            .lock()
            .drain
            .count(self.bytes, Instant::now());
        drop(self.room);
    }
}
