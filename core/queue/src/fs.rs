//! What the log asks of a file system, and the real one.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::{fdatasync, ftruncate, statvfs};
use rustix::io::{pread, pwritev};

/// The files are telemetry of people: nobody else reads them.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// A lock file says no more than this.
const HOLDER_BYTES_MAX: u64 = 100;

/// See [`Fs::BLOCK_BYTES`].
pub const BLOCK_BYTES_MAX: u64 = 4096;

/// A file system. Paths are those of the log's directory and below.
pub trait Fs: Send + Sync + 'static {
    type File: FsFile;
    /// What it reads and writes files in: one that is written in part is read before. At most
    /// [`BLOCK_BYTES_MAX`].
    const BLOCK_BYTES: u64;
    /// Held as long as the log is open.
    type Lock: Send + 'static;

    /// Creates the directory, and those above it that are missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file for reading only.
    fn open_read(&self, path: &Path) -> io::Result<Self::File>;

    /// Creates a file that must not exist. Its name survives a loss of power only after
    /// [`Fs::sync_dir`].
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Gives a file another name, in place of the file that may have it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in the directory would survive a loss of power.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;

    /// Takes the lock at `path` and leaves there who has it.
    fn lock(&self, path: &Path) -> Result<Self::Lock, LockError>;

    /// Who has the lock at `path`, in its own words; `None` if nobody has. A process that takes the
    /// lock at this very moment may find it held and has to try again.
    fn holder(&self, path: &Path) -> io::Result<Option<String>>;

    /// What the volume of a directory has room for.
    fn space(&self, directory: &Path) -> io::Result<Space>;
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it, which may have said who it is.
    Held {
        holder: String,
    },
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        LockError::Io(error)
    }
}

/// Room on a volume, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    pub total: u64,
}

/// So much is to stay free whatever is configured, for the cursor and what is kept aside.
const FREE_MIN: u64 = 4 << 20;
/// Of a small volume, this part is to stay free instead of `min_free_disk`.
const FREE_PART: u64 = 20;

impl Space {
    /// Whether the volume has less left than is to stay free.
    pub fn is_short(&self, min_free_disk: u64) -> bool {
        self.free < min_free_disk.max(FREE_MIN).min(self.total / FREE_PART)
    }
}

/// An open file.
pub trait FsFile: Send + Sync + 'static {
    /// Its length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads into the room that `buffer` has left, behind what is in it; 0 is the end of the file.
    fn read_at(&self, buffer: &mut Vec<u8>, offset: u64) -> io::Result<usize>;

    /// Writes the first of the bytes in `pieces`; says how many.
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;

    /// Returns when everything written would survive a loss of power. After an error nothing is
    /// known about what was written, and asking again proves nothing.
    fn sync(&self) -> io::Result<()>;

    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFs;

impl Fs for OsFs {
    type File = File;
    const BLOCK_BYTES: u64 = 4096;
    type Lock = File;

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(directory)?;
        names
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn lock(&self, path: &Path) -> Result<File, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.write_all(format!("process {}", std::process::id()).as_bytes())?;
                Ok(file)
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                holder: holder_in(file)?,
            }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Shared, so that those who look do not see each other. It ends with the file.
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => holder_in(file).map(Some),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn space(&self, directory: &Path) -> io::Result<Space> {
        let found = statvfs(directory)?;
        Ok(Space {
            free: found.f_bavail * found.f_frsize,
            total: found.f_blocks * found.f_frsize,
        })
    }
}

/// What the holder of a lock has left in its file.
fn holder_in(file: File) -> io::Result<String> {
    let mut holder = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut holder)?;
    Ok(holder)
}

impl FsFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        Ok(pread(self, spare_capacity(buffer), offset)?)
    }

    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(pwritev(self, pieces, offset)?)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(fdatasync(self)?)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        Ok(ftruncate(self, len)?)
    }
}

/// Most pieces the system takes in one write (`IOV_MAX`).
const PIECES_MAX: usize = 1024;

/// Writes all of `pieces` from `offset` on; on failure any part of them may have been written.
pub(crate) fn write_all_at(
    file: &impl FsFile,
    pieces: &mut [IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    let mut left = pieces;
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let group = &left[..left.len().min(PIECES_MAX)];
        match file.write_at(group, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut left, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads `length` bytes from `offset` on, or fewer at the end of the file.
pub(crate) fn read_at_most(file: &impl FsFile, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let at = offset + buffer.len() as u64;
        match file.read_at(&mut buffer, at) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // The room may have been a little more.
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_short_below_what_is_to_stay_free_and_of_a_small_one_a_twentieth() {
        const GIB: u64 = 1 << 30;
        let left = |free, total| Space { free, total };
        assert!(left(GIB - 1, 100 * GIB).is_short(GIB));
        assert!(!left(GIB, 100 * GIB).is_short(GIB));
        assert!(left(GIB / 20 - 1, GIB).is_short(GIB));
        assert!(!left(GIB / 20, GIB).is_short(GIB));
        assert!(left(FREE_MIN - 1, GIB).is_short(0));
    }
}
