//! One file of records: appended to in groups, of which all is there or nothing, and rotated.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::disk::{Disk, OpenError, Storage, create_directory, directory_of, sync_directory};
use super::recover::recover;
use crate::record::Format;

mod rotate;

/// Bytes written, and synced, together. Beyond it a sync costs more by its bytes than by itself.
const GROUP_BYTES_MAX: u64 = 16 << 20;

/// What exporters that write to one file must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) format: Format,
    /// Whether what the file holds is kept.
    pub(super) append: bool,
    /// Whether a write returns only when it would survive a loss of power.
    pub(super) sync: bool,
    pub(super) rotation: Option<Rotation>,
}

/// When a file is set aside, and how long such files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) bytes_max: u64,
    /// Zero is for ever.
    pub(super) days_max: u32,
    /// Zero is all.
    pub(super) backups_max: usize,
    /// Whether names are in local time instead of UTC.
    pub(super) local_time: bool,
}

/// Tells the time for names and ages of files.
pub(super) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An open file of records.
pub(super) struct Log<D: Disk> {
    disk: D,
    clock: Clock,
    terms: Terms,
    path: PathBuf,
    file: D::File,
    /// Bytes of whole records.
    len: u64,
    /// Whether the file may hold more than `len` bytes.
    torn: bool,
    /// Whether the name of the file may not survive a loss of power yet.
    name_unsynced: bool,
}

/// A group that was not written: none of it is in the file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {action} `{path}`: {cause}")]
pub(super) struct WriteError {
    action: &'static str,
    path: PathBuf,
    cause: Arc<io::Error>,
}

impl<D: Disk> Log<D> {
    /// Opens `path` and cuts off what a crash has left behind its last whole record.
    /// `directory_mode` is that of directories to create; `None` creates none.
    pub(super) fn open(
        disk: D,
        path: &Path,
        directory_mode: Option<u32>,
        terms: Terms,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let io = |error| OpenError::io(path, error);
        if let Some(mode) = directory_mode {
            create_directory(directory_of(path), mode).map_err(io)?;
        }
        // The lock comes first: another process may be in the middle of a record.
        let mut file = disk.open(path)?;
        if !terms.append {
            file.cut(0).map_err(io)?;
        } else if let Some(torn) = recover(path, terms.format.layout())? {
            tracing::warn!(
                path = %path.display(),
                bytes = torn.bytes,
                kept_in = %torn.kept_in.display(),
                "the file ended in part of a record, which was moved away"
            );
        }
        Ok(Log {
            len: file.len().map_err(io)?,
            torn: false,
            name_unsynced: terms.sync,
            path: path.to_owned(),
            disk,
            clock,
            terms,
            file,
        })
    }

    /// Whether a write returns only when it would survive a loss of power.
    pub(super) fn syncs(&self) -> bool {
        self.terms.sync
    }

    /// Bytes of records that may be written as one group.
    pub(super) fn group_max(&self) -> u64 {
        let rotation = self.terms.rotation.as_ref();
        rotation.map_or(GROUP_BYTES_MAX, |rotation| {
            rotation.bytes_max.min(GROUP_BYTES_MAX)
        })
    }

    /// Appends `records`, and syncs if that is agreed. A group that fails is cut off again, so
    /// that the file holds whole records only and none of them twice when the group comes again.
    pub(super) fn write(&mut self, records: &[&[u8]]) -> Result<(), WriteError> {
        self.cut_torn()
            .map_err(|error| self.error("repair", error))?;
        let bytes = records.iter().map(|record| record.len() as u64).sum();
        self.rotate_if_full(bytes);
        let written = self
            .append(records)
            .map_err(|error| self.error("write to", error));
        // After a failed sync the kernel forgets what it could not write, and the next sync
        // succeeds without it. So nothing since the last good sync may stay.
        let written = written.and_then(|()| self.sync().map_err(|error| self.error("sync", error)));
        match &written {
            Ok(()) => self.len += bytes,
            Err(_) => {
                self.torn = true;
                if let Err(error) = self.cut_torn() {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "cannot cut a failed write off yet");
                }
            }
        }
        written
    }

    fn append(&mut self, records: &[&[u8]]) -> io::Result<()> {
        for record in records {
            let mut rest = *record;
            while !rest.is_empty() {
                match self.file.append(rest) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => rest = &rest[written..],
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if !self.terms.sync {
            return Ok(());
        }
        self.file.sync()?;
        if self.name_unsynced {
            sync_directory(directory_of(&self.path))?;
            self.name_unsynced = false;
        }
        Ok(())
    }

    /// Leaves whole records only.
    fn cut_torn(&mut self) -> io::Result<()> {
        if !self.torn {
            return Ok(());
        }
        let found = self.file.len()?;
        if found > self.len {
            self.file.cut(self.len)?;
        }
        // Shorter, if somebody else has emptied it meanwhile.
        self.len = self.len.min(found);
        self.torn = false;
        Ok(())
    }

    fn error(&self, action: &'static str, cause: io::Error) -> WriteError {
        WriteError {
            action,
            path: self.path.clone(),
            cause: Arc::new(cause),
        }
    }
}
