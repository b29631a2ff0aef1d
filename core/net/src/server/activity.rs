//! What a connection is doing, for its timeouts.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Shared by a connection's socket, its service and its driver. All three run in one task, so the
/// lock is never contended.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    requests_seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between requests, since then.
    Idle(Instant),
    /// The beginning of a request is there, since then.
    Header(Instant),
    /// As many requests are with the service.
    Busy(usize),
}

/// A request that is with the service; ends when dropped.
pub(super) struct Open(Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Activity(Arc::new(Mutex::new(State {
            phase: Phase::Idle(Instant::now()),
            requests_seen: false,
        })))
    }

    pub(super) fn phase(&self) -> Phase {
        self.0.lock().phase
    }

    pub(super) fn open_requests(&self) -> usize {
        match self.phase() {
            Phase::Busy(open) => open,
            Phase::Idle(_) | Phase::Header(_) => 0,
        }
    }

    pub(super) fn has_seen_requests(&self) -> bool {
        self.0.lock().requests_seen
    }

    /// Bytes came. Between requests they are the beginning of the next one.
    pub(super) fn bytes_came(&self) {
        let mut state = self.0.lock();
        if let Phase::Idle(_) = state.phase {
            state.phase = Phase::Header(Instant::now());
        }
    }

    pub(super) fn request_came(&self) -> Open {
        let mut state = self.0.lock();
        state.requests_seen = true;
        state.phase = match state.phase {
            Phase::Busy(open) => Phase::Busy(open + 1),
            Phase::Idle(_) | Phase::Header(_) => Phase::Busy(1),
        };
        Open(self.clone())
    }

    /// When the current phase is over; `None` while requests are open, which have limits of their own.
    pub(super) fn due(&self, header: Duration, idle: Duration) -> Option<Instant> {
        match self.phase() {
            Phase::Idle(since) => Some(since + idle),
            Phase::Header(since) => Some(since + header),
            Phase::Busy(_) => None,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.phase = match state.phase {
            Phase::Busy(open) if open > 1 => Phase::Busy(open - 1),
            _ => Phase::Idle(Instant::now()),
        };
    }
}
