//! What the operating system asks of the process.

use std::convert::Infallible;
use std::io;

use engine::{Reload, Shutdown};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal;

/// SIGTERM and SIGINT, caught from here on, and SIGHUP where it means something.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<(Signal, Reload)>,
}

impl Signals {
    /// To be called on a runtime.
    pub(crate) fn catch() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: None,
        })
    }

    /// The same, and SIGHUP no longer ends the process: it asks `reload`.
    pub(crate) fn reloading(self, reload: Reload) -> io::Result<Signals> {
        let hangup = Some((signal(SignalKind::hangup())?, reload));
        Ok(Signals { hangup, ..self })
    }

    /// The next signal that asks for the end.
    async fn next(&mut self) -> SignalKind {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return SignalKind::terminate(),
                _ = self.interrupt.recv() => return SignalKind::interrupt(),
                reload = wish(&mut self.hangup) => {
                    tracing::info!(signal = "SIGHUP", "looking at the files of components again");
                    reload.ask();
                }
            }
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

/// Ready with each SIGHUP that is caught.
async fn wish(hangup: &mut Option<(Signal, Reload)>) -> &Reload {
    match hangup {
        Some((hangup, reload)) => {
            hangup.recv().await;
            reload
        }
        None => std::future::pending().await,
    }
}
