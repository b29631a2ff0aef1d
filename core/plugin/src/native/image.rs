//! A private copy of a library's file, for the loader of the system to map.
//!
//! The operator overwrites the file to bring a new version. Were it mapped itself, its pages would change
//! under the code that runs in them; and the loader, asked for the same path again, would hand out the old
//! version. So each load has a file of its own: in memory on Linux, else among the temporary files.

use std::io::{Result, Write};
use std::path::{Path, PathBuf};

/// The copy, there until this is dropped.
pub(super) struct Image {
    path: PathBuf,
    keep: Keep,
}

/// What the path leads to.
enum Keep {
    #[cfg(target_os = "linux")]
    Memory {
        _fd: std::os::fd::OwnedFd,
    },
    Disk {
        _file: tempfile::TempPath,
    },
}

impl Image {
    pub(super) fn new(file: &[u8]) -> Result<Image> {
        // A sandbox may forbid the one or the other: no files in memory, no `/proc`, no temporary folder.
        #[cfg(target_os = "linux")]
        if let Ok(image) = in_memory::image(file) {
            return Ok(image);
        }
        Image::on_disk(file)
    }

    /// The name is random, so no loader has seen it before.
    fn on_disk(file: &[u8]) -> Result<Image> {
        let mut copy = tempfile::Builder::new()
            .prefix("skyferry-plugin-")
            .tempfile()?;
        copy.write_all(file)?;
        let path = copy.into_temp_path();
        Ok(Image {
            path: path.to_path_buf(),
            keep: Keep::Disk { _file: path },
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is worth to be kept while the library is mapped. A file on disk is not: it would be left behind
    /// by a process that is killed.
    pub(super) fn into_kept(self) -> Option<Image> {
        match self.keep {
            #[cfg(target_os = "linux")]
            Keep::Memory { .. } => Some(self),
            Keep::Disk { .. } => None,
        }
    }
}

#[cfg(target_os = "linux")]
mod in_memory {
    use std::fs::File;
    use std::io::{Result, Write};
    use std::os::fd::{AsRawFd, OwnedFd, RawFd};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::{Image, Keep};

    /// How many libraries this process has loaded.
    static LOADS: AtomicU64 = AtomicU64::new(0);

    pub(super) fn image(file: &[u8]) -> Result<Image> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut copy = File::from(memfd_create("skyferry-plugin", flags)?);
        copy.write_all(file)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&copy, seals)?;
        let fd = OwnedFd::from(copy);
        let path = spelled(fd.as_raw_fd(), LOADS.fetch_add(1, Ordering::Relaxed));
        std::fs::metadata(&path)?;
        Ok(Image {
            path,
            keep: Keep::Memory { _fd: fd },
        })
    }

    /// The path of an open file, spelled as no load before. The loader knows libraries by the text of their
    /// paths; the numbers of files are used again; and some libraries stay mapped when they are closed: of Go,
    /// or of Rust while a thread has values of theirs. So a short path would lead to the plugin before.
    ///
    /// `/` and `/./` mean the same, so each step of the path can tell one bit.
    pub(super) fn spelled(fd: RawFd, load: u64) -> PathBuf {
        let mut path = "/proc/self/fd".to_owned();
        for bit in 0..u64::BITS - load.leading_zeros() {
            path.push_str(if load >> bit & 1 == 1 { "/." } else { "/" });
        }
        path.push_str(&format!("/{fd}"));
        PathBuf::from(path)
    }
}

#[cfg(test)]
mod tests;
