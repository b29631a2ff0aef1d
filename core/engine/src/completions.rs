//! Appends that a queue's thread has ended, brought to those who wait for them.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use queue::Completed;
use tokio::sync::Notify;

/// Between the thread of a queue and one task that answers for it, so that a group of appends wakes
/// the runtime once.
#[derive(Default)]
pub(crate) struct Completions {
    /// No more than the queue takes at once.
    ended: Mutex<Vec<Completed>>,
    arrived: Notify,
    is_closed: AtomicBool,
}

impl Completions {
    pub(crate) fn extend(&self, group: Vec<Completed>) {
        self.ended.lock().extend(group);
        self.arrived.notify_one();
    }

    /// The queue's thread has ended: nothing more will come.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.arrived.notify_one();
    }

    /// Tells callers what became of their appends, until the queue's thread has ended.
    pub(crate) async fn answer(&self) {
        loop {
            let woken = self.arrived.notified();
            let is_closed = self.is_closed.load(Ordering::Acquire);
            let group = std::mem::take(&mut *self.ended.lock());
            if group.is_empty() {
                if is_closed {
                    break;
                }
                woken.await;
            }
            for completed in group {
                (completed.completion)(completed.outcome);
            }
        }
    }
}
