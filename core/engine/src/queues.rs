//! Queues on disk, from outside: where they are, what is in them, and how what is set aside comes
//! back. Looking needs no lock and changes nothing; everything else is for a queue that no process
//! has open, or goes through a [`crate::exporter::QueueHandle`].

use std::io;
use std::path::{Path, PathBuf};

use pdata::Signal;
use queue::inspect::quarantined;
use queue::{OsFs, View};

mod intake;
mod places;
mod replay;
mod stopped;

pub use intake::{Intake, intake};
pub use places::{Place, configured, list, roots};
pub use queue::format::RecordHeader;
pub use queue::inspect::{
    Depth, Fault, Finding, Inspection, QuarantinedFile, SegmentFound, Verdict,
};
pub use queue::{NotStored, OpenError, Recovery, Totals};
pub use replay::{Found, Group, Source, read};
pub use stopped::{Stopped, StoppedError};

/// The dead letters of a queue, in its directory.
const LETTERS: &str = "dlq";
/// Records that are not to be touched, in its directory; and files that are no records.
const QUARANTINE: &str = "quarantine";

/// Everything in one queue.
#[derive(Clone, Debug)]
pub struct Look {
    pub queue: Inspection,
    /// `None` if there never were any.
    pub letters: Option<Inspection>,
    /// Records that were set aside for what they may have done; `None` if there never were any.
    pub suspects: Option<Inspection>,
    pub set_aside: Vec<QuarantinedFile>,
}

impl Place {
    /// Where its dead letters are.
    pub fn letters(&self) -> PathBuf {
        self.directory.join(LETTERS)
    }

    pub fn look(&self) -> Result<Look, OpenError> {
        let inspect = |directory: PathBuf| match is_log(&directory) {
            true => View::open(OsFs, &directory)?.inspection().map(Some),
            false => Ok(None),
        };
        Ok(Look {
            queue: View::open(OsFs, &self.directory)?.inspection()?,
            letters: inspect(self.letters())?,
            suspects: inspect(self.quarantine())?,
            set_aside: self.set_aside()?,
        })
    }

    /// Who has the queue open, in its own words.
    pub fn holder(&self) -> Result<Option<String>, OpenError> {
        Ok(View::open(OsFs, &self.directory)?
            .holder()
            .map(str::to_owned))
    }

    /// Where what was set aside is.
    pub fn quarantine(&self) -> PathBuf {
        self.directory.join(QUARANTINE)
    }

    /// The logs it consists of, and what their files have in front of their names.
    fn logs(&self) -> Vec<(PathBuf, &'static str)> {
        let mut logs = vec![(self.directory.clone(), "")];
        let aside = [(self.letters(), "dlq/"), (self.quarantine(), "quarantine/")];
        logs.extend(aside.into_iter().filter(|(directory, _)| is_log(directory)));
        logs
    }

    /// The files set aside of the queue and of its dead letters, by name; those of the latter have
    /// their directory in front.
    fn set_aside(&self) -> Result<Vec<QuarantinedFile>, OpenError> {
        let failed = |source: io::Error| OpenError::Io {
            path: self.directory.clone(),
            source,
        };
        let mut found = quarantined(&OsFs, &self.directory).map_err(failed)?;
        let of_letters = quarantined(&OsFs, &self.letters()).map_err(failed)?;
        found.extend(of_letters.into_iter().map(|file| QuarantinedFile {
            name: format!("{LETTERS}/{}", file.name),
            ..file
        }));
        Ok(found)
    }

    /// Bytes that [`Place::verify`] goes through.
    pub fn bytes(&self) -> Result<u64, OpenError> {
        let logs = self.logs().into_iter();
        logs.map(|(directory, _)| Ok(View::open(OsFs, &directory)?.bytes()))
            .sum()
    }

    /// Looks for damage in the queue, in its dead letters and in what was set aside as records.
    pub fn verify(
        &self,
        depth: Depth,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Verdict, OpenError> {
        let mut verdict = Verdict::default();
        for (directory, before) in self.logs() {
            let view = View::open(OsFs, &directory)?;
            let found = view.verify(depth, progress);
            let found = found.map_err(|source| OpenError::Io {
                path: directory.clone(),
                source,
            })?;
            verdict.segments += found.segments;
            verdict.records += found.records;
            verdict
                .findings
                .extend(found.findings.into_iter().map(|finding| Finding {
                    file: format!("{before}{}", finding.file),
                    ..finding
                }));
        }
        Ok(verdict)
    }

    /// Removes what was set aside; says how many files and bytes.
    pub fn clear_set_aside(&self) -> Result<(usize, u64), OpenError> {
        let files = self.set_aside()?;
        for file in &files {
            let of_letters = file.name.strip_prefix("dlq/");
            let (directory, name) = match of_letters {
                Some(name) => (self.letters(), name),
                None => (self.directory.clone(), &*file.name),
            };
            let path = directory.join(QUARANTINE).join(name);
            let removed = std::fs::remove_file(&path);
            removed.map_err(|source| OpenError::Io { path, source })?;
        }
        Ok((files.len(), files.iter().map(|file| file.bytes).sum()))
    }
}

/// Opening a log begins with its lock.
fn is_log(directory: &Path) -> bool {
    directory.join("LOCK").exists()
}

/// The signal that a lane of a log is for.
pub fn signal_of_lane(lane: u8) -> Option<Signal> {
    Signal::ALL.get(usize::from(lane)).copied()
}
