//! Setting a full file aside, and removing those that are too old or too many.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Disk, Log, Rotation, Storage};
use crate::record::backup;

/// Names tried, a millisecond apart, before a file stays where it is.
const NAMES_MAX: u32 = 1000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl<D: Disk> Log<D> {
    /// Begins a new file if `bytes` more would be too many for this one. If that fails the old one
    /// grows beyond its limit: a file that is too large does less harm than data that is refused.
    pub(super) fn rotate_if_full(&mut self, bytes: u64) {
        let Some(rotation) = self.terms.rotation.clone() else {
            return;
        };
        if self.len == 0 || self.len + bytes <= rotation.bytes_max {
            return;
        }
        if let Err(error) = self.rotate(&rotation) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot rotate the file, it grows on");
        }
        if let Err(error) = self.prune(&rotation) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot remove rotated files");
        }
    }

    fn rotate(&mut self, rotation: &Rotation) -> io::Result<()> {
        let aside = self.free_name(rotation)?;
        let renamed = fs::rename(&self.path, &aside);
        match &renamed {
            Ok(()) => {}
            // Somebody has taken the file away already; a new one is all that is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return renamed,
        }
        let opened = self.disk.open(&self.path).map_err(io::Error::other);
        match opened.and_then(|file| Ok((file.len()?, file))) {
            Ok((len, file)) => {
                self.file = file;
                self.len = len;
                self.name_unsynced = self.terms.sync;
                Ok(())
            }
            Err(error) => {
                if renamed.is_ok() {
                    fs::rename(&aside, &self.path)?;
                }
                Err(error)
            }
        }
    }

    /// A name for now that no file has.
    fn free_name(&self, rotation: &Rotation) -> io::Result<PathBuf> {
        let zone = zone(rotation);
        let now = self.now()?;
        for later in 0..NAMES_MAX {
            let time = now.checked_add(Duration::from_millis(later.into()));
            let time = time.map_err(io::Error::other)?;
            let path = backup::path(&self.path, time, &zone);
            if !path.try_exists()? {
                return Ok(path);
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Removes what was set aside too long ago, and the oldest of too many.
    fn prune(&self, rotation: &Rotation) -> io::Result<()> {
        let backups = backup::list(&self.path)?;
        let surplus = match rotation.backups_max {
            0 => 0,
            max => backups.len().saturating_sub(max),
        };
        let oldest = match rotation.days_max {
            0 => None,
            days => self.now()?.checked_sub(DAY * days).ok(),
        };
        let oldest = oldest.map(|time| zone(rotation).to_datetime(time));
        for (index, backup) in backups.iter().enumerate() {
            if index < surplus || oldest.is_some_and(|oldest| backup.time < oldest) {
                fs::remove_file(&backup.path)?;
            }
        }
        Ok(())
    }

    fn now(&self) -> io::Result<Timestamp> {
        Timestamp::try_from((self.clock)()).map_err(io::Error::other)
    }
}

fn zone(rotation: &Rotation) -> TimeZone {
    match rotation.local_time {
        true => TimeZone::system(),
        false => TimeZone::UTC,
    }
}
