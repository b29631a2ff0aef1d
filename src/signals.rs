//! What the operating system asks of the process.

use std::convert::Infallible;
use std::io;

use engine::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal;

/// SIGTERM and SIGINT, caught from here on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// To be called on a runtime.
    pub(crate) fn catch() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }

    /// Begins `stop` with the first signal and ends the process with the second: whoever asks
    /// twice does not want to wait.
    pub(crate) async fn watch(mut self, stop: Shutdown) -> Infallible {
        let first = self.next().await;
        let name = match first == SignalKind::terminate() {
            true => "SIGTERM",
            false => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        stop.begin();
        let second = self.next().await;
        terminal::complain("ended at once by a second signal\n");
        std::process::exit(128 + second.as_raw_value());
    }
}
