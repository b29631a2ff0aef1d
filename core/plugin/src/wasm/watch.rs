//! Ends calls that take too long.
//!
//! Compiled code compares a counter of the engine, the epoch, with its own at every function and every turn
//! of a loop; when the epoch has moved on it asks the host, which looks at the clock. So this thread has to
//! move the epoch only when a deadline is reached: no tick while calls keep their time, none while nothing
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use wasmtime::Engine;

/// A call that is over its time, and has not ended yet, is asked again after this.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// A thread that knows the deadlines of the calls under way. It ends when this is dropped.
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    watched: Mutex<Watched>,
    /// There is a deadline before the thread would look, or it is the end.
    changed: Condvar,
}

#[derive(Default)]
struct Watched {
    /// How many calls have to end when. Bounded by the instances that may be at work.
    deadlines: BTreeMap<Instant, usize>,
    /// When the thread looks again by itself. The deadlines of calls that have ended in time leave it as it
    /// is, so that short calls, one after the other, wake nobody.
    looks_at: Option<Instant>,
    is_over: bool,
}

/// One call under way.
pub(super) struct Watching<'a> {
    shared: &'a Shared,
    deadline: Instant,
}

impl Watch {
    pub(super) fn start(engine: Engine) -> std::io::Result<Watch> {
        let shared = Arc::new(Shared {
            watched: Mutex::default(),
            changed: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name("plugin-deadline".to_owned())
            .spawn({
                let shared = shared.clone();
                move || shared.run(&engine)
            })?;
        Ok(Watch {
            shared,
            thread: Some(thread),
        })
    }

    /// Sees that the epoch moves at `deadline`, and again until the answer is dropped. The store's own
    /// deadline has to be set before: an epoch that moved in between would not be noticed.
    pub(super) fn until(&self, deadline: Instant) -> Watching<'_> {
        let mut watched = self.shared.watched.lock();
        let is_too_late = watched.looks_at.is_none_or(|then| deadline < then);
        *watched.deadlines.entry(deadline).or_default() += 1;
        drop(watched);
        if is_too_late {
            self.shared.changed.notify_one();
        }
        Watching {
            shared: &self.shared,
            deadline,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.watched.lock().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It cannot panic; and if it has, there is nobody left to care.
            drop(thread.join());
        }
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut watched = self.shared.watched.lock();
        if let Some(calls) = watched.deadlines.get_mut(&self.deadline) {
            *calls -= 1;
            if *calls == 0 {
                watched.deadlines.remove(&self.deadline);
            }
        }
    }
}

impl Shared {
    fn run(&self, engine: &Engine) {
        let mut watched = self.watched.lock();
        while !watched.is_over {
            let earliest = watched.deadlines.keys().next().copied();
            let Some(earliest) = earliest else {
                watched.looks_at = None;
                self.changed.wait(&mut watched);
                continue;
            };
            let now = Instant::now();
            let looks_at = if earliest <= now {
                engine.increment_epoch();
                now + ASK_AGAIN
            } else {
                earliest
            };
            watched.looks_at = Some(looks_at);
            self.changed.wait_until(&mut watched, looks_at);
        }
    }
}
