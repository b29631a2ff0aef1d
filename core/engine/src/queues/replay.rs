//! Records of a queue, its dead letters and what was set aside, as batches again.

use std::io;
use std::ops::Range;

use pdata::{Batch, Signal};
use queue::format::RecordHeader;
use queue::inspect::Selection;
use queue::{Loaded, OpenError, OsFs, Ready, StoredRecord, View};
use serde::{Deserialize, Serialize};

use super::{LETTERS, Place, is_log, signal_of_lane};
use crate::exporter::DeathReason;
use crate::exporter::disk::stored;

/// Payload read at once, not counting one record more.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// A position in the quarantine: of its records a sequence number, and then of its files this with the
/// file's number, and below that how many of its records were read.
const FILES: u64 = 1 << 63;
const FILE_SHIFT: u32 = 40;
const IN_FILE: u64 = (1 << FILE_SHIFT) - 1;

/// What to read of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// What is or was in the queue itself.
    Records {
        sequences: Range<u64>,
        /// When they were enqueued.
        unix_ms: Range<u64>,
        /// Only those that are not finished.
        waiting: bool,
    },
    /// What has been given up, below this sequence number: what is given up again meanwhile is not
    /// replayed for ever.
    DeadLetters {
        until: u64,
    },
    Quarantine,
}

/// A record, as the batch it was made of.
#[derive(Clone, Debug)]
pub struct Found {
    pub header: RecordHeader,
    pub batch: Batch,
    pub signal: Signal,
    /// Why it was given up, if it was.
    pub reason: Option<DeathReason>,
}

/// Some of what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub found: Vec<Found>,
    /// What cannot be read, and why.
    pub skipped: Vec<String>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// Reads a group from `position` on, which is 0 for the first.
pub fn read(place: &Place, source: &Source, position: u64) -> Result<Group, OpenError> {
    let (directory, selection) = match source {
        Source::Quarantine if position & FILES != 0 => return read_files(place, position),
        Source::Quarantine => (place.quarantine(), Selection::unfinished()),
        Source::DeadLetters { until } => {
            let selection = Selection {
                sequences: 0..*until,
                ..Selection::unfinished()
            };
            (place.letters(), selection)
        }
        Source::Records {
            sequences,
            unix_ms,
            waiting,
        } => {
            let selection = Selection {
                lane: None,
                sequences: sequences.clone(),
                unix_ms: unix_ms.clone(),
                finished: !waiting,
            };
            (place.directory.clone(), selection)
        }
    };
    // What was set aside as files comes behind what was set aside as records.
    let behind = (*source == Source::Quarantine).then_some(FILES);
    if !is_log(&directory) {
        return Ok(Group {
            next: behind,
            ..Group::default()
        });
    }
    let wanted = Selection {
        sequences: selection.sequences.start.max(position)..selection.sequences.end,
        ..selection
    };
    let view = View::open(OsFs, &directory)?;
    let failed = |source| OpenError::Io {
        path: directory.clone(),
        source,
    };
    let part = view.read(&wanted, GROUP_BYTES_MAX).map_err(failed)?;
    let mut group = Group {
        next: part.next.or(behind),
        ..Group::default()
    };
    for found in part.found {
        match found {
            Loaded::Record(record) => group.add(record, ""),
            Loaded::Lost(entry) => group.skipped.push(format!(
                "record {} is damaged ({} items)",
                entry.sequence, entry.items
            )),
        }
    }
    Ok(group)
}

impl Group {
    fn add(&mut self, record: StoredRecord, of: &str) {
        let header = record.header;
        let batch = signal_of_lane(header.lane).and_then(|signal| {
            let (batch, reason) = stored::decode_letter(&Ready::read(record), signal)?;
            Some((signal, batch, reason))
        });
        match batch {
            Some((signal, batch, reason)) => self.found.push(Found {
                header,
                batch,
                signal,
                reason,
            }),
            None => self.skipped.push(format!(
                "record {}{of} holds nothing this program knows",
                header.sequence
            )),
        }
    }
}

fn read_files(place: &Place, position: u64) -> Result<Group, OpenError> {
    let files = place.set_aside()?;
    let mut group = Group::default();
    let (number, skip) = ((position & !FILES) >> FILE_SHIFT, position & IN_FILE);
    let Some(file) = usize::try_from(number).ok().and_then(|at| files.get(at)) else {
        return Ok(group);
    };
    let (directory, name) = match file.name.strip_prefix(LETTERS) {
        Some(name) => (place.letters(), name.trim_start_matches('/')),
        None => (place.directory.clone(), &*file.name),
    };
    let salvaged = View::open(OsFs, &directory)?.salvage(name, skip, GROUP_BYTES_MAX);
    group.next = Some(FILES | (number + 1) << FILE_SHIFT);
    match salvaged {
        Ok(Some(salvage)) => {
            for record in salvage.records {
                group.add(record, &format!(" of `{}`", file.name));
            }
            if let Some(skip) = salvage.next {
                group.next = Some(FILES | number << FILE_SHIFT | skip);
            } else if group.found.is_empty() && group.skipped.is_empty() && skip == 0 {
                group
                    .skipped
                    .push(format!("`{}` holds no whole record", file.name));
            } else if salvage.unreadable_bytes > 0 {
                group.skipped.push(format!(
                    "{} bytes of `{}` are no record",
                    salvage.unreadable_bytes, file.name
                ));
            }
        }
        Ok(None) => group.skipped.push(format!(
            "`{}` ({} bytes) does not say how to read it",
            file.name, file.bytes
        )),
        // Somebody has cleared it away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(OpenError::Io {
                path: directory,
                source,
            });
        }
    }
    Ok(group)
}
