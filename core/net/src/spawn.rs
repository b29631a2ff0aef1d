//! The seam through which this crate's `run` functions start tasks.

use std::future::Future;
use std::pin::Pin;

/// A task: it owns everything it uses, and dropping it is how it is cancelled.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where tasks run. The caller decides about runtime, name, owner and what a panic means.
///
/// The server hands over one task per connection, the client one per connection and one for its
/// pool. None of them starts further tasks. An implementation that runs on a runtime of its own may
/// be called from another thread; it must not run the task inside `spawn`.
pub trait Spawn: Send + Sync {
    fn spawn(&self, task: Task);
}

/// Runs a client's connections on the runtime of the request that opened them: for clients that are
/// made before there is a runtime.
pub struct OnCurrentRuntime;

impl Spawn for OnCurrentRuntime {
    fn spawn(&self, task: Task) {
        drop(tokio::runtime::Handle::current().spawn(task));
    }
}

impl Spawn for tokio::runtime::Handle {
    fn spawn(&self, task: Task) {
        drop(tokio::runtime::Handle::spawn(self, task));
    }
}
