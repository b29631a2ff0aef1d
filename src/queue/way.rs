//! How a queue is changed: by the process that has it open, or here where none has.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use engine::queues::{Found, Intake, Place, RecordHeader, Source, Stopped, read};
use net::local;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use super::wire::{
    PURGE, PurgeAnswer, PurgeRequest, REPLAY, Refusal, ReplayAnswer, ReplayRequest, socket,
};
use crate::terminal;

/// Somebody who has a queue open, in its own words; `None` also for a queue that is yet to be made.
pub(super) fn holder(place: &Place) -> anyhow::Result<Option<String>> {
    match place.directory.exists() {
        true => Ok(place.holder()?),
        false => Ok(None),
    }
}

/// The process that runs.
pub(super) struct Running {
    socket: PathBuf,
    holder: String,
    runtime: Runtime,
}

impl Running {
    pub(super) fn new(data_dir: &Path, holder: String) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Running {
            socket: socket(data_dir),
            holder,
            runtime: runtime.context("cannot start")?,
        })
    }

    pub(super) fn replay(&self, request: &ReplayRequest) -> anyhow::Result<ReplayAnswer> {
        self.ask(REPLAY, request)
    }

    pub(super) fn purge(&self, request: &PurgeRequest) -> anyhow::Result<PurgeAnswer> {
        self.ask(PURGE, request)
    }

    fn ask<A: DeserializeOwned>(&self, path: &str, request: &impl Serialize) -> anyhow::Result<A> {
        let body = serde_json::to_vec(request)?;
        let answered = local::post(&self.socket, path, body.into());
        let answered = self.runtime.block_on(answered);
        let (status, body) = answered.with_context(|| {
            format!(
                "the queue is open in {}, which has to be asked over its socket",
                self.holder
            )
        })?;
        if !status.is_success() {
            let refusal: Result<Refusal, _> = serde_json::from_slice(&body);
            let error = refusal.map_or_else(|_| status.to_string(), |refusal| refusal.error);
            bail!("{} refuses: {error}", self.holder);
        }
        serde_json::from_slice(&body).context("the answer of the running process cannot be read")
    }
}

/// Opens a queue that no process has open, and says what that repaired.
pub(super) fn open(directory: &Path) -> anyhow::Result<Stopped> {
    let opened = Stopped::open(directory)?;
    let found = opened.recovery();
    if found.quarantined > 0 || found.torn_bytes > 0 || found.missing_records > 0 {
        terminal::complain(&format!(
            "`{}` was damaged and is repaired: {} files set aside, {} torn bytes cut, {} records \
             missing\n",
            directory.display(),
            found.quarantined,
            found.torn_bytes,
            found.missing_records
        ));
    }
    Ok(opened)
}

/// That nobody would send a record if it were in the queue of this exporter.
fn not_taken(found: &Found, exporter: &str) -> String {
    format!(
        "record {}: no pipeline brings `{exporter}` any {}",
        found.header.sequence, found.signal
    )
}

/// A replay into a queue that is open here.
pub(super) struct Here {
    from: Place,
    source: Source,
    to: Place,
    intake: Intake,
    target: Stopped,
    /// The dead letters that leave as they are replayed.
    letters: Option<Stopped>,
}

impl Here {
    pub(super) fn open(
        from: &Place,
        source: Source,
        (to, intake): (&Place, Intake),
    ) -> anyhow::Result<Self> {
        if let Source::DeadLetters { .. } = source
            && let Some(holder) = holder(from)?
        {
            bail!(
                "the dead letters of `{}` are open in {holder}, which alone can let go of them and \
                 has no queue of `{}` to put them into: give it that exporter, or stop it first",
                from.exporter,
                to.exporter
            );
        }
        let target = open(&to.directory)?;
        let letters = match &source {
            Source::DeadLetters { .. } if from.letters().exists() => Some(open(&from.letters())?),
            _ => None,
        };
        Ok(Here {
            from: from.clone(),
            source,
            to: to.clone(),
            intake,
            target,
            letters,
        })
    }

    /// Appends the next group, and only then lets go of it where it was. A crash in between makes
    /// records come twice.
    pub(super) fn replay(&mut self, position: u64) -> anyhow::Result<ReplayAnswer> {
        let (answer, appended) = self.append(position)?;
        self.let_go(&appended)?;
        Ok(answer)
    }

    fn append(&mut self, position: u64) -> anyhow::Result<(ReplayAnswer, Vec<RecordHeader>)> {
        let mut group = read(&self.from, &self.source, position)?;
        let skipped = &mut group.skipped;
        group.found.retain(|found| {
            let is_taken = self.intake.signals.contains(&found.signal);
            if !is_taken {
                skipped.push(not_taken(found, &self.to.exporter));
            }
            is_taken
        });
        let headers: Vec<RecordHeader> = group.found.iter().map(|found| found.header).collect();
        let batches: Vec<_> = group.found.into_iter().map(|found| found.batch).collect();
        let appended = self.target.append(&batches, &self.intake);
        appended.map_err(|error| anyhow!(error))?;
        let answer = ReplayAnswer {
            records: headers.len() as u64,
            items: headers.iter().map(|header| u64::from(header.items)).sum(),
            skipped: group.skipped,
            next: group.next,
            failed: None,
        };
        Ok((answer, headers))
    }

    fn let_go(&mut self, appended: &[RecordHeader]) -> anyhow::Result<()> {
        let Some(letters) = &mut self.letters else {
            return Ok(());
        };
        let forgotten = letters.forget(appended);
        forgotten.context("replayed, and still among the dead letters")
    }

    pub(super) fn close(self) -> anyhow::Result<()> {
        Ok(self.target.close()?)
    }
}

#[cfg(test)]
mod tests;
