//! What a command asks of a running process, and what it is answered: JSON over the admin socket.

use std::path::{Path, PathBuf};

use engine::queues::{Source, Totals};
use serde::{Deserialize, Serialize};

pub(crate) const REPLAY: &str = "/queues/replay";
pub(crate) const PURGE: &str = "/queues/purge";

/// The socket of the process that uses a data directory.
pub(crate) fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.sock")
}

/// One group of records, appended to the queue of another exporter or the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReplayRequest {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) source: Source,
    /// What the answer before says is next; 0 for the first.
    pub(crate) position: u64,
}

/// What became of a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ReplayAnswer {
    pub(crate) records: u64,
    pub(crate) items: u64,
    /// What cannot be replayed, and why.
    pub(crate) skipped: Vec<String>,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<u64>,
    /// Why it is not to go on.
    pub(crate) failed: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PurgeRequest {
    pub(crate) exporter: String,
    pub(crate) part: Part,
}

/// A part of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Waiting,
    DeadLetters,
    Quarantine,
}

/// What was dropped.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PurgeAnswer {
    pub(crate) records: u64,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

impl From<Totals> for PurgeAnswer {
    fn from(totals: Totals) -> Self {
        PurgeAnswer {
            records: totals.records,
            items: totals.items,
            bytes: totals.bytes,
        }
    }
}

/// Why nothing was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: String,
}
