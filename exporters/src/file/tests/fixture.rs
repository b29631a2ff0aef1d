//! A directory, a disk with faults, a clock to set.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::super::disk::{Disk, OpenError, OsDisk, Storage};
use super::super::log::{Clock, Log, Rotation, Terms};
use crate::record::{Encoding, Format};

/// What goes wrong, and what went well.
#[derive(Default)]
pub(super) struct State {
    /// Bytes until the disk is full.
    pub(super) room: Option<usize>,
    /// Bytes that one call appends at most.
    pub(super) append_max: Option<usize>,
    /// Whether the next syncs succeed; those after them do.
    pub(super) syncs_succeed: VecDeque<bool>,
    /// Calls that fail from now on.
    pub(super) cuts_fail: u32,
    pub(super) opens_fail: u32,
    pub(super) interrupts: u32,
    pub(super) syncs: u32,
}

/// The file system with faults; clones share them.
#[derive(Clone, Default)]
pub(super) struct FaultyDisk {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) gate: Option<Arc<Gate>>,
}

/// Holds the first sync until it is let through.
pub(super) struct Gate {
    pub(super) entered: Notify,
    let_through: SyncSender<()>,
    passage: Mutex<Receiver<()>>,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        let (let_through, passage) = sync_channel(8);
        Arc::new(Gate {
            entered: Notify::new(),
            let_through,
            passage: Mutex::new(passage),
        })
    }

    /// Lets the next `count` syncs through.
    pub(super) fn open(&self, count: usize) {
        (0..count).for_each(|_| self.let_through.send(()).unwrap());
    }
}

pub(super) struct FaultyFile {
    file: File,
    disk: FaultyDisk,
}

fn fails(calls: &mut u32) -> bool {
    let fails = *calls > 0;
    *calls = calls.saturating_sub(1);
    fails
}

fn input_output_error() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

impl Disk for FaultyDisk {
    type File = FaultyFile;

    fn open(&self, path: &Path) -> Result<FaultyFile, OpenError> {
        if fails(&mut self.state.lock().opens_fail) {
            return Err(OpenError::io(path, input_output_error()));
        }
        Ok(FaultyFile {
            file: OsDisk.open(path)?,
            disk: self.clone(),
        })
    }
}

impl Storage for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        Storage::len(&self.file)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        if fails(&mut state.interrupts) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let room = state.room.unwrap_or(usize::MAX);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes
            .len()
            .min(room)
            .min(state.append_max.unwrap_or(usize::MAX));
        let written = self.file.append(&bytes[..taken])?;
        state.room = state.room.map(|room| room - written);
        Ok(written)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        if fails(&mut self.disk.state.lock().cuts_fail) {
            return Err(input_output_error());
        }
        self.file.cut(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some(gate) = &self.disk.gate {
            gate.entered.notify_one();
            gate.passage
                .lock()
                .recv()
                .expect("the gate outlives the file");
        }
        let mut state = self.disk.state.lock();
        if state.syncs_succeed.pop_front() == Some(false) {
            return Err(input_output_error());
        }
        state.syncs += 1;
        self.file.sync()
    }
}

/// One file in a directory of its own.
pub(super) struct Fixture {
    pub(super) directory: TempDir,
    pub(super) path: PathBuf,
    pub(super) disk: FaultyDisk,
    pub(super) time: Arc<Mutex<SystemTime>>,
}

/// 2026-11-21T10:00:00Z.
const START: Duration = Duration::from_secs(1_795_255_200);

pub(super) const JSON: Format = Format {
    encoding: Encoding::Json,
    compressed: false,
};
pub(super) const PROTO: Format = Format {
    encoding: Encoding::Proto,
    compressed: false,
};

pub(super) fn terms(format: Format) -> Terms {
    Terms {
        format,
        append: true,
        sync: false,
        rotation: None,
    }
}

pub(super) fn rotation(bytes_max: u64) -> Rotation {
    Rotation {
        bytes_max,
        days_max: 0,
        backups_max: 0,
        local_time: false,
    }
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Fixture {
            path: directory.path().join("data.json"),
            directory,
            disk: FaultyDisk::default(),
            time: Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + START)),
        }
    }

    pub(super) fn open(&self, terms: Terms) -> Result<Log<FaultyDisk>, OpenError> {
        let time = Arc::clone(&self.time);
        let clock: Clock = Arc::new(move || *time.lock());
        Log::open(self.disk.clone(), &self.path, None, terms, clock)
    }

    pub(super) fn advance(&self, by: Duration) {
        *self.time.lock() += by;
    }

    pub(super) fn content(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    /// What else is in the directory, with its content as text.
    pub(super) fn others(&self) -> Vec<(String, String)> {
        let read = |entry: io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let content = std::fs::read(&path).unwrap();
            (name, String::from_utf8_lossy(&content).into_owned())
        };
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut others: Vec<_> = entries.map(read).collect();
        others.retain(|(name, _)| name != "data.json");
        others.sort();
        others
    }
}
