//! Reading recorded requests back, to send them again: what the `file` exporter has written, or
//! the collector's.
//!
//! [`Reader`] yields the requests of a file, and goes on behind what is damaged. [`Pace`] says
//! when each is due. The sending is the caller's.
//!
//! A line of JSON says which signal it is of; protobuf does not. Mostly the structure does:
//! a record that is a valid request of one signal only is of that signal. Where it would be valid
//! for several, such as a log record with nothing but a body, the caller's word decides, else the
//! file's name if it has `traces`, `metrics` or `logs` in it; else the record is skipped as
//! [`Damage::Unclear`] rather than guessed. Messages of SkyWalking's agents stand in records of their
//! own, which say of which kind each is.

use std::io;
use std::path::{Path, PathBuf};

mod native;
mod pace;
mod reader;
mod signal;
mod times;

pub use native::NativeDamage;
pub use pace::{GAP_MAX, Pace, Speed};
pub use reader::{Content, Damage, Place, ReadError, Reader, Record, Tally};

use crate::record::backup;

/// The files that were written under `path`, oldest first: those that were rotated away, then the
/// file itself if it is there.
pub fn series(path: &Path) -> io::Result<Vec<PathBuf>> {
    let backups = backup::list(path)?.into_iter().map(|backup| backup.path);
    let mut series: Vec<PathBuf> = backups.collect();
    if path.try_exists()? {
        series.push(path.to_owned());
    }
    Ok(series)
}

#[cfg(test)]
mod tests;
