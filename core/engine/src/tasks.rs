//! The only place where tasks start, and how they are told to stop.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Two stages of an orderly end. Clones hear the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    kill: CancellationToken,
}

impl Shutdown {
    /// Asks to close intakes and finish what was begun.
    pub fn begin(&self) {
        self.drain.cancel();
    }

    /// The time to finish is over.
    pub fn end(&self) {
        self.drain.cancel();
        self.kill.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Ready when intakes are to close. Cancel safe.
    pub async fn begun(&self) {
        self.drain.cancelled().await;
    }

    /// Ready when the time to finish is over. Cancel safe.
    pub async fn ended(&self) {
        self.kill.cancelled().await;
    }

    /// A shutdown that hears this one and can be begun alone.
    pub fn child(&self) -> Shutdown {
        Shutdown {
            drain: self.drain.child_token(),
            kill: self.kill.child_token(),
        }
    }
}

/// Starts named tasks on the process's runtimes and knows when all have ended.
///
/// A panic in a task begins the shutdown of the whole graph: a half-dead collector that still
/// answers is worse than one that its supervisor restarts.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    runtimes: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
    panicked: Arc<Mutex<Option<String>>>,
    shutdown: Shutdown,
}

impl Tasks {
    /// Tasks run on these runtimes, in turn.
    pub fn new(runtimes: Vec<Handle>, shutdown: Shutdown) -> Self {
        assert!(!runtimes.is_empty(), "tasks need a runtime");
        Tasks {
            tracker: TaskTracker::new(),
            runtimes: runtimes.into(),
            next: Arc::default(),
            panicked: Arc::default(),
            shutdown,
        }
    }

    /// How many runtimes there are to place work on.
    pub fn runtimes(&self) -> usize {
        self.runtimes.len()
    }

    /// Starts a task on the next runtime.
    pub fn spawn<F>(&self, name: &str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.spawn_on(turn, name, future);
    }

    /// Starts a task on runtime number `runtime`, modulo their count.
    pub fn spawn_on<F>(&self, runtime: usize, name: &str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        let name = name.to_owned();
        let watched = async move {
            if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                tracing::error!(component = name, "task panicked, shutting down");
                tasks.panicked.lock().get_or_insert(name);
                tasks.shutdown.begin();
            }
        };
        let runtime = &self.runtimes[runtime % self.runtimes.len()];
        self.tracker.spawn_on(watched, runtime);
    }

    /// The name of the first task that panicked.
    pub fn panicked(&self) -> Option<String> {
        self.panicked.lock().clone()
    }

    /// Ready when every task has ended; to be called once no more are started.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_begins_the_shutdown_and_is_named() {
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(vec![Handle::current()], shutdown.clone());
        tasks.spawn("exporters/otlp", async { panic!("on purpose") });
        shutdown.begun().await;
        tasks.ended().await;
        assert_eq!(tasks.panicked().as_deref(), Some("exporters/otlp"));
    }

    #[tokio::test]
    async fn a_child_begins_alone_and_ends_with_its_parent() {
        let parent = Shutdown::default();
        let child = parent.child();
        child.begin();
        assert!(child.has_begun() && !parent.has_begun());
        parent.end();
        child.ended().await;
    }
}
