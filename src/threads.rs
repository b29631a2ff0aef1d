//! The threads everything runs on.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long calls that block, such as a name resolution, may outlive the run.
const BLOCKED_MAX: Duration = Duration::from_secs(1);

/// One runtime with a thread for each core, which take work from each other. One runtime for each
/// core was measured and lost (ADR 0005).
pub(crate) struct Threads(Runtime);

impl Threads {
    pub(crate) fn start() -> io::Result<Threads> {
        Builder::new_multi_thread()
            .enable_all()
            .build()
            .map(Threads)
    }

    /// Runs `future` on this thread, and what it starts on the others, which end with it.
    pub(crate) fn run<T>(self, future: impl Future<Output = T>) -> T {
        let value = self.0.block_on(future);
        self.0.shutdown_timeout(BLOCKED_MAX);
        value
    }
}
