//! The few operations on files that a log needs, apart so that tests can put faults in between.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags, access};
use rustix::io::Errno;

/// Files hold telemetry of people: others than the group read nothing.
const FILE_MODE: Mode = Mode::from_raw_mode(0o640);

/// Opens files. The real one is [`OsDisk`].
pub(super) trait Disk: Send + 'static {
    type File: Storage;

    /// Opens `path` for appending and creates it if it is missing.
    fn open(&self, path: &Path) -> Result<Self::File, OpenError>;
}

/// An open file that bytes are appended to.
pub(super) trait Storage: Send {
    /// Bytes it holds.
    fn len(&self) -> io::Result<u64>;

    /// Appends the first of `bytes`; says how many.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Removes what is behind the first `len` bytes.
    fn cut(&mut self, len: u64) -> io::Result<()>;

    /// Returns when everything appended would survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("`{0}` is a symbolic link, which is not followed; write the path it leads to")]
    Symlink(PathBuf),
    #[error("`{0}` is no regular file")]
    NotAFile(PathBuf),
    #[error("`{0}` is being written by another process; give each its own path")]
    Locked(PathBuf),
    #[error("the directory of `{0}` does not exist; create it or set `create_directory` to `true`")]
    NoDirectory(PathBuf),
    #[error("`{path}` holds {found}, and the configuration asks for {expected}; move it away")]
    OtherForm {
        path: PathBuf,
        found: &'static str,
        expected: &'static str,
    },
    #[error("cannot open `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// What a look at the machine says against writing to `path`; changes nothing.
pub(super) fn check(path: &Path, create_directory: bool) -> Result<(), OpenError> {
    let writable =
        |place: &Path| access(place, Access::WRITE_OK).map_err(|error| OpenError::io(place, error));
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => Err(OpenError::Symlink(path.to_owned())),
        Ok(found) if !found.is_file() => Err(OpenError::NotAFile(path.to_owned())),
        Ok(_) => writable(path),
        Err(_) => {
            let directory = directory_of(path);
            let mut existing = directory.ancestors().filter(|place| place.exists());
            match existing.next() {
                Some(nearest) if !nearest.is_dir() => {
                    Err(OpenError::io(nearest, io::ErrorKind::NotADirectory))
                }
                Some(nearest) if nearest == directory || create_directory => writable(nearest),
                // A relative path whose every part is missing starts where the process is.
                None if create_directory => writable(Path::new(".")),
                _ => Err(OpenError::NoDirectory(path.to_owned())),
            }
        }
    }
}

impl OpenError {
    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        OpenError::Io {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}

/// The operating system's files.
pub(super) struct OsDisk;

impl Disk for OsDisk {
    type File = File;

    fn open(&self, path: &Path) -> Result<File, OpenError> {
        let file = open_regular(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.to_owned())),
            // Some network file systems have no locks; then nothing is known of other writers.
            Err(TryLockError::Error(_)) => Ok(file),
        }
    }
}

/// Opens a file for reading and appending; creates it if it is missing.
pub(super) fn open_regular(path: &Path) -> Result<File, OpenError> {
    // Whoever may write to the directory must not choose by a link what is written to; and
    // opening a pipe must not wait for its reader.
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, FILE_MODE).map_err(|errno| match errno {
        Errno::LOOP => OpenError::Symlink(path.to_owned()),
        Errno::ISDIR | Errno::NXIO => OpenError::NotAFile(path.to_owned()),
        Errno::NOENT => OpenError::NoDirectory(path.to_owned()),
        errno => OpenError::io(path, errno),
    })?;
    let file = File::from(opened);
    let metadata = file
        .metadata()
        .map_err(|error| OpenError::io(path, error))?;
    match metadata.is_file() {
        true => Ok(file),
        false => Err(OpenError::NotAFile(path.to_owned())),
    }
}

impl Storage for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The directory a file is in; `.` for a bare name.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates a directory and those above it that are missing, and makes them survive a loss of power.
pub(super) fn create_directory(path: &Path, mode: u32) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    missing
        .into_iter()
        .try_for_each(|created| sync_directory(directory_of(created)))
}

/// Makes the names in a directory survive a loss of power.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
