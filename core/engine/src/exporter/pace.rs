//! Slowing callers of a lane that is deep.
//!
//! Clients that send again on an answer then keep the pace of the backend, and the backlog stays in
//! the processor's cache; on disk, what is sent next need not be read back.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A caller is slowed while more bytes than this wait in its lane.
pub(super) const PACE_ABOVE: usize = 2 * 1024 * 1024;
/// How long a caller is slowed at most; a lane that does not drain fills up regardless.
pub(super) const PACE_MAX: Duration = Duration::from_millis(20);

/// Where callers of one lane are slowed.
#[derive(Default)]
pub(super) struct Pace {
    /// Told whenever the lane falls to [`PACE_ABOVE`] or below.
    drained: Notify,
}

impl Pace {
    /// Ready when no more than [`PACE_ABOVE`] waits, after [`PACE_MAX`], or at `deadline`.
    pub(super) async fn slow(&self, deadline: Instant, waiting: impl Fn() -> usize) {
        let is_shallow = || waiting() <= PACE_ABOVE;
        if is_shallow() {
            return;
        }
        let until = deadline.min(Instant::now() + PACE_MAX);
        let shallow = async {
            let drained = self.drained.notified();
            if !is_shallow() {
                drained.await;
            }
        };
        // Either way the caller has been slowed, which is all it was here for.
        drop(timeout_at(until, shallow).await);
    }

    /// What waits has gone from `before` to `after` bytes.
    pub(super) fn went(&self, before: usize, after: usize) {
        if before > PACE_ABOVE && after <= PACE_ABOVE {
            self.drained.notify_waiters();
        }
    }
}
