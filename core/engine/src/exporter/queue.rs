//! What stands between an acknowledged batch and its delivery.

use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Signal};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::observe::Observer;
use super::pending::Pending;
use super::size::{Amount, Size};
use crate::{AckToken, Refusal};

/// Holds batches until they are settled, one lane for each signal.
///
/// A batch takes room from its reservation until its record's last token is gone, so what is in
/// flight counts against the capacity.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes room for a batch of this size, waiting until `deadline` for it.
    async fn reserve(
        &self,
        signal: Signal,
        size: Size,
        deadline: Instant,
    ) -> Result<Reservation, Refusal>;

    /// Takes responsibility for `batch`, in the room that was reserved for it. When this returns
    /// `Ok`, the batch is as safe as the queue makes it, and `receipt` has counted it. A caller
    /// that stops waiting does not take the batch back.
    async fn append(
        &self,
        reservation: Reservation,
        batch: Batch,
        receipt: Receipt,
    ) -> Result<(), Refusal>;

    /// The next records of a lane, in order of arrival: at least one if any waits, and more while
    /// they stay within `at_most` together.
    fn take(&self, signal: Signal, at_most: Amount) -> Vec<Record>;

    /// What waits in a lane, without what was taken.
    fn waiting(&self, signal: Signal) -> Waiting;

    /// The bound of a lane, in the unit of its sizer.
    fn capacity(&self) -> usize;

    /// Room taken in a lane, in the unit of its sizer: waiting, reserved and in flight.
    fn used(&self, signal: Signal) -> usize;

    /// Ready when at least `amount` waits in the lane. Cancel safe; one caller for each lane.
    async fn has_waiting(&self, signal: Signal, amount: Amount);

    /// Whether what is in the queue outlives the process.
    fn is_durable(&self) -> bool;

    /// Keeps a record that has been given up among the dead letters, and then finishes with it.
    /// Gives it back if this queue keeps none.
    fn bury(&self, record: Record, reason: &DeathReason) -> Result<(), Record>;
}

/// Why a record was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeathReason {
    /// As in the counter of what was dropped.
    pub reason: String,
    /// What the destination said last.
    pub message: String,
    pub attempts: u32,
}

/// Counts a batch once it is stored.
pub struct Receipt {
    pub(super) observer: Observer,
    pub(super) items: usize,
}

impl Receipt {
    pub(super) fn stored(self) {
        self.observer.enqueued(self.items);
    }
}

/// Room taken for one batch; dropping it gives the room back.
#[derive(Debug)]
pub struct Reservation {
    pub(super) signal: Signal,
    pub(super) room: Room,
}

#[derive(Debug)]
pub(super) enum Room {
    Memory(OwnedSemaphorePermit),
    Disk { room: queue::Room, pending: Pending },
}

/// One batch on its way out.
#[derive(Debug)]
pub struct Record {
    pub batch: Batch,
    pub token: AckToken,
}

/// What waits in a lane of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub records: usize,
    pub size: Size,
    /// How long the oldest record has waited.
    pub oldest: Duration,
}

impl Waiting {
    pub fn reaches(&self, amount: Amount) -> bool {
        self.records > 0 && self.size.reaches(amount)
    }
}
