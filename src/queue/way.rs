//! How a queue is changed: by the process that has it open, or here where none has.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use engine::queues::{Place, RecordHeader, Source, Stopped, read};
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

/// A replay into a queue that is open here.
pub(super) struct Here {
    from: Place,
    source: Source,
    target: Stopped,
    /// The dead letters that leave as they are replayed.
    letters: Option<Stopped>,
}

impl Here {
    pub(super) fn open(from: &Place, source: Source, to: &Place) -> anyhow::Result<Self> {
        let target = open(&to.directory)?;
        let letters = match &source {
            Source::DeadLetters { .. } if from.letters().exists() => Some(open(&from.letters())?),
            _ => None,
        };
        Ok(Here {
            from: from.clone(),
            source,
            target,
            letters,
        })
    }

    /// Appends the next group, and only then lets go of it where it was. A crash in between makes
    /// records come twice.
    pub(super) fn replay(&mut self, position: u64) -> anyhow::Result<ReplayAnswer> {
        let group = read(&self.from, &self.source, position)?;
        let headers: Vec<RecordHeader> = group.found.iter().map(|found| found.header).collect();
        let items = headers.iter().map(|header| u64::from(header.items)).sum();
        let batches: Vec<_> = group.found.into_iter().map(|found| found.batch).collect();
        self.target
            .append(&batches)
            .map_err(|error| anyhow!(error))?;
        if let Some(letters) = &mut self.letters {
            letters
                .forget(&headers)
                .context("replayed, and still among the dead letters")?;
        }
        Ok(ReplayAnswer {
            records: headers.len() as u64,
            items,
            skipped: group.skipped,
            next: group.next,
            failed: None,
        })
    }

    pub(super) fn close(self) -> anyhow::Result<()> {
        Ok(self.target.close()?)
    }
}
