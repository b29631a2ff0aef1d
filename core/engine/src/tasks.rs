//! The only place where tasks start, and how they are told to stop.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

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

/// Starts named tasks on the process's runtime and knows when all have ended.
///
/// A panic in a task begins the shutdown of the whole graph: a half-dead collector that still
/// answers is worse than one that its supervisor restarts.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    runtime: Handle,
    panicked: Arc<Mutex<Option<String>>>,
    shutdown: Shutdown,
}

impl Tasks {
    pub fn new(runtime: Handle, shutdown: Shutdown) -> Self {
        Tasks {
            tracker: TaskTracker::new(),
            runtime,
            panicked: Arc::default(),
            shutdown,
        }
    }

    /// Starts a task. The name is what a panic of it is reported by.
    pub fn spawn<F>(&self, name: &str, future: F)
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
        self.tracker.spawn_on(watched, &self.runtime);
    }

    /// Starts a thread for work that waits for a disk. It ends by itself; nothing can end it.
    pub fn spawn_thread<F>(&self, name: &str, work: F)
    where
        F: FnOnce() + Send + 'static,
    {
        let work = self.tracker.spawn_blocking_on(work, &self.runtime);
        let finished = async move {
            if let Err(error) = work.await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        };
        self.spawn(name, finished);
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
        let tasks = Tasks::new(Handle::current(), shutdown.clone());
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
