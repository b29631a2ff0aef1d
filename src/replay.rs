//! `skyferry replay`: recorded requests, sent again to any OTLP backend, and what SkyWalking's agents
//! reported to SkyWalking OAP.
//!
//! One recorded request of OTLP is one request again, made by the exporter that a configuration would
//! use: TLS, compression and what an answer means are its matter. Messages of agents go out as agents
//! send them. Here are the pace, the retries and the account. The process takes nothing in, so nothing but the file is at stake: what is
//! not delivered is counted, and the exit code says so.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use engine::Shutdown;
use engine::config::{LogEncoding, LogLevel, LogSettings};
use exporters::replay::{Content, Pace, Place, ReadError, Reader, Record, Speed};
use futures_util::{StreamExt, TryStreamExt, future, stream};
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use pdata::otlp::{InvalidUtf8, ReceiveError, receive};
use pdata::{Batch, Budget, Origin, Signal};
use tokio::time::{Instant, sleep_until};

use crate::cli::{PaceArg, ReplayArgs};
use crate::failure::Failure;
use crate::run::start_logs;
use crate::signals::Signals;
use crate::terminal;
use crate::threads::Threads;

mod agents;
mod destination;
mod totals;

use destination::{Destination, Outcome};
use totals::Totals;

/// Requests on their way at once.
const IN_FLIGHT_MAX: usize = 8;

/// Memory for text that is repaired on the way; as much as all requests in flight may need.
const REPAIR_BYTES_MAX: usize = 512 << 20;

/// Sends every record of the files.
pub(crate) fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let logs = LogSettings {
        level: LogLevel::Warn,
        encoding: LogEncoding::Console,
    };
    start_logs(&logs)?;
    if args.signal == Some(Signal::Skywalking) {
        let text = "`--signal skywalking` is not needed: messages of SkyWalking's agents say of which \
                    kind they are; write `traces`, `metrics` or `logs` for requests of OTLP";
        return Err(Failure::Usage(text.to_owned()));
    }
    let replay = Replay {
        destination: Destination::new(args)?,
        totals: Mutex::default(),
        progress: progress(&args.files).map_err(Failure::Start)?,
        budget: Budget::new(REPAIR_BYTES_MAX),
    };
    let threads = Threads::start().context("cannot start threads");
    let ended = threads.map_err(Failure::Start)?.run(async {
        let signals = Signals::catch().context("cannot catch signals");
        let signals = signals.map_err(Failure::Start)?;
        let stop = Shutdown::default();
        tokio::select! {
            ended = replay.files(args) => ended,
            () = stop.begun() => Err(Failure::NotDelivered("stopped before the end".to_owned())),
            never = signals.watch(stop.clone()) => match never {},
        }
    });
    replay.progress.finish_and_clear();
    let totals = replay.totals.into_inner();
    terminal::print(&totals.to_string())?;
    ended?;
    match totals.is_complete() {
        true => Ok(()),
        false => Err(Failure::NotDelivered(
            "not every record was delivered".to_owned(),
        )),
    }
}

/// A bar over the bytes of all files; indicatif shows it on terminals only.
fn progress(files: &[PathBuf]) -> anyhow::Result<ProgressBar> {
    let mut bytes = 0;
    for file in files {
        let metadata = fs::metadata(file);
        bytes += metadata
            .with_context(|| format!("`{}`", file.display()))?
            .len();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")?;
    Ok(ProgressBar::new(bytes).with_style(style))
}

struct Replay {
    destination: Destination,
    totals: Mutex<Totals>,
    progress: ProgressBar,
    budget: Budget,
}

impl Replay {
    /// One file after the other, each at its own pace.
    async fn files(&self, args: &ReplayArgs) -> Result<(), Failure> {
        let mut before = 0;
        for path in &args.files {
            let reader = Reader::open(path, args.signal);
            let reader = reader.with_context(|| format!("cannot read `{}`", path.display()));
            self.file(reader.map_err(Failure::Start)?, args.pace, before)
                .await?;
            before += fs::metadata(path).map_or(0, |metadata| metadata.len());
            self.progress.set_position(before);
        }
        Ok(())
    }

    /// `before` is how many bytes the files before this one have.
    async fn file(
        &self,
        reader: impl Iterator<Item = Result<Record, ReadError>>,
        pace: PaceArg,
        before: u64,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::from(pace));
        let due = |record: Record| {
            let due = start + pace.due(record.earliest_unix_nano);
            (record, due)
        };
        stream::iter(reader)
            .map(|read| self.readable(read))
            .try_filter_map(future::ok)
            .map_ok(due)
            .and_then(|(record, due)| async move {
                sleep_until(due).await;
                Ok(record)
            })
            .map_ok(|record| self.send(record, before))
            .try_buffer_unordered(IN_FLIGHT_MAX)
            .try_for_each(|()| future::ok(()))
            .await
    }

    /// A record, or `None` in the place of a damaged one.
    fn readable(&self, read: Result<Record, ReadError>) -> Result<Option<Record>, Failure> {
        match read {
            Ok(record) => Ok(Some(record)),
            Err(error @ ReadError::Damaged { .. }) => {
                self.skip(&error.to_string());
                Ok(None)
            }
            Err(error @ ReadError::Io(_)) => Err(Failure::NotDelivered(error.to_string())),
        }
    }

    async fn send(&self, record: Record, before: u64) -> Result<(), Failure> {
        let place = record.place;
        match self.batches(record.content) {
            Ok(batches) => {
                for batch in batches {
                    self.deliver(batch, place).await?;
                }
            }
            Err(error) => self.skip(&format!("{place}: {error}")),
        }
        self.progress.set_position(before + place.offset);
        Ok(())
    }

    /// One for each request that is to be made.
    fn batches(&self, content: Content) -> Result<Vec<Batch>, ReceiveError> {
        match content {
            Content::Native(messages) => Ok(self.destination.calls(messages)),
            Content::Otlp { signal, request } => {
                let received = receive(signal, request, InvalidUtf8::Repair, &self.budget)?;
                let origin = Arc::new(Origin::default());
                Ok(vec![Batch::new(signal, received.chunks, origin)])
            }
        }
    }

    async fn deliver(&self, batch: Batch, place: Place) -> Result<(), Failure> {
        let signal = batch.signal();
        let outcome = self.destination.deliver(batch).await;
        if let Some(reason) = &outcome.reason {
            self.warn(&format!(
                "{place}: {} items refused: {reason}",
                outcome.refused
            ));
        }
        self.totals.lock().add(signal, &outcome);
        match outcome {
            Outcome {
                closed: true,
                reason: Some(reason),
                ..
            } => Err(Failure::NotDelivered(reason)),
            _ => Ok(()),
        }
    }

    /// Counts a record that cannot be sent.
    fn skip(&self, text: &str) {
        self.warn(text);
        self.totals.lock().damaged += 1;
    }

    /// Says something without tearing the bar apart.
    fn warn(&self, text: &str) {
        self.progress.suspend(|| tracing::warn!("{text}"));
    }
}

#[cfg(test)]
mod tests;
