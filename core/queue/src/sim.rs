//! A file system in memory that loses power.
//!
//! It keeps apart what programs see and what is on the disk. Until a file is synced its writes are
//! pending: after a crash each of them is there, or not, or torn at any 512 bytes, in any
//! combination; where one is not, there is what was there before, also from the time when the file
//! had another name. Until a directory is synced its changes are pending in the same way, so that a
//! file that was renamed may have both names, or none. From the moment the power goes every call
//! fails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::fs::{Fs, FsFile, LockError, Space};

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// How many seeds a test of losses of power goes through; a long run sets a multiple.
pub(crate) fn seeds(default: u64) -> u64 {
    let times = std::env::var("SKYFERRY_SEEDS_TIMES").ok();
    default * times.map_or(1, |times| times.parse::<u64>().expect("a number"))
}

/// See the module's documentation. Clones are the same file system.
#[derive(Clone, Default)]
pub(crate) struct SimFs(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<Arc<Mutex<Content>>>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    locked: BTreeSet<PathBuf>,
    calls: u64,
    faults: Faults,
}

/// What goes wrong, by the number of the call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// From this call on nothing works.
    pub(crate) power_off_at: Option<u64>,
    /// These calls fail once, with this kind.
    pub(crate) fail: Vec<(u64, io::ErrorKind)>,
    /// Every write stops after so many bytes.
    pub(crate) write_bytes_max: Option<usize>,
    /// Bytes that fit on the disk; writing more fails.
    pub(crate) disk_bytes: Option<u64>,
}

#[derive(Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Unset(PathBuf),
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    /// Sectors that were never written: the file has bytes there, the disk has given none.
    holes: BTreeSet<usize>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

pub(crate) struct SimFile {
    fs: SimFs,
    content: Arc<Mutex<Content>>,
}

/// Frees the lock.
pub(crate) struct SimLock(SimFs, PathBuf);

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.0.lock().locked.remove(&self.1);
    }
}

impl SimFs {
    pub(crate) fn with(faults: Faults) -> Self {
        let fs = SimFs::default();
        fs.0.lock().faults = faults;
        fs
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// What is on the disk after a loss of power, one of the many possibilities.
    pub(crate) fn crashed(&self, random: &mut fastrand::Rng) -> SimFs {
        let state = self.0.lock();
        let mut names = state.durable_names.clone();
        for change in &state.pending_names {
            if random.bool() {
                change.apply(&mut names);
            }
        }
        let files = state.files.iter().map(|content| {
            let after = content.lock().crashed(random);
            Arc::new(Mutex::new(Content::at_rest(after)))
        });
        SimFs(Arc::new(Mutex::new(State {
            files: files.collect(),
            durable_names: names.clone(),
            names,
            ..State::default()
        })))
    }

    /// The same disk with other faults and its calls counted anew; nothing is lost.
    pub(crate) fn restarted(&self, faults: Faults) -> SimFs {
        let mut state = self.0.lock();
        state.locked.clear();
        state.calls = 0;
        state.faults = faults;
        drop(state);
        self.clone()
    }

    /// The bytes of a file, to be looked at or changed behind the log's back.
    pub(crate) fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let state = self.0.lock();
        let file = state.names.get(path).expect("the file is there");
        let mut content = state.files[*file].lock();
        change(&mut content.now);
        *content = Content::at_rest(std::mem::take(&mut content.now));
    }

    /// Gives a file a second name, as a directory has that lost half of a change.
    pub(crate) fn link(&self, path: &Path, second: &Path) {
        let mut state = self.0.lock();
        let file = state.names[path];
        state.set(second, file);
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }

    fn call(&self) -> io::Result<()> {
        self.0.lock().call()
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            NameChange::Set(path, file) => names.extend([(path.clone(), *file)]),
            NameChange::Unset(path) => names.retain(|name, _| name != path),
        }
    }

    fn is_in(&self, directory: &Path) -> bool {
        let (NameChange::Set(path, _) | NameChange::Unset(path)) = self;
        path.parent() == Some(directory)
    }
}

impl State {
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        let faults = &self.faults;
        if faults.power_off_at.is_some_and(|at| self.calls >= at) {
            return Err(io::Error::other("the power is off"));
        }
        match faults.fail.iter().find(|(call, _)| *call == self.calls) {
            Some((_, kind)) => Err((*kind).into()),
            None => Ok(()),
        }
    }

    fn set(&mut self, path: &Path, file: usize) {
        self.names.insert(path.to_owned(), file);
        self.pending_names
            .push(NameChange::Set(path.to_owned(), file));
    }

    fn unset(&mut self, path: &Path) -> io::Result<usize> {
        let file = self.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        self.pending_names.push(NameChange::Unset(path.to_owned()));
        Ok(file)
    }
}

impl Content {
    fn at_rest(bytes: Vec<u8>) -> Self {
        Content {
            durable: bytes.clone(),
            now: bytes,
            ..Content::default()
        }
    }

    /// Bytes of the disk that the file takes up.
    fn taken(&self) -> u64 {
        (self.now.len() - self.holes.len() * SECTOR) as u64
    }

    /// Writes, and leaves a hole behind the end if there is a gap.
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = self.now.len();
        self.holes
            .extend(end.div_ceil(SECTOR)..(offset / SECTOR).max(end.div_ceil(SECTOR)));
        for sector in offset / SECTOR..(offset + bytes.len()).div_ceil(SECTOR) {
            self.holes.remove(&sector);
        }
        overwrite(&mut self.now, offset, bytes);
    }

    /// Bytes of the disk that writing needs beside those the file has.
    fn wanted(&self, offset: usize, len: usize) -> u64 {
        let sectors = offset / SECTOR..(offset + len).div_ceil(SECTOR);
        let holes = self.holes.range(sectors).count() * SECTOR;
        ((offset + len).saturating_sub(self.now.len().max(offset)) + holes) as u64
    }

    fn crashed(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.pending {
            match change {
                Change::Cut(_) if random.bool() => {}
                Change::Cut(len) => bytes.truncate(*len),
                Change::Write(offset, written) => {
                    let fate = random.u8(..3);
                    let mut at = *offset;
                    for sector in sectors(*offset, written) {
                        if fate == 0 || (fate == 1 && random.bool()) {
                            overwrite(&mut bytes, at, sector);
                        }
                        at += sector.len();
                    }
                }
            }
        }
        bytes
    }
}

/// Cuts what is written at `offset` where the disk's sectors begin.
fn sectors(offset: usize, written: &[u8]) -> Vec<&[u8]> {
    let first = (SECTOR - offset % SECTOR).min(written.len());
    let (head, rest) = written.split_at(first);
    std::iter::once(head).chain(rest.chunks(SECTOR)).collect()
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = at + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(new);
}

impl Fs for SimFs {
    type File = SimFile;
    /// Less than others have, so that more of what was there before stays there.
    const BLOCK_BYTES: u64 = 64;
    type Lock = SimLock;

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        self.call()
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.call()?;
        let state = self.0.lock();
        let inside = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| path.file_name()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn open(&self, path: &Path) -> io::Result<SimFile> {
        self.call()?;
        let state = self.0.lock();
        let file = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile {
            fs: self.clone(),
            content: Arc::clone(&state.files[*file]),
        })
    }

    fn open_read(&self, path: &Path) -> io::Result<SimFile> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<SimFile> {
        self.call()?;
        let mut state = self.0.lock();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::<Mutex<Content>>::default();
        state.files.push(Arc::clone(&content));
        let file = state.files.len() - 1;
        state.set(path, file);
        Ok(SimFile {
            fs: self.clone(),
            content,
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.lock();
        let file = state.unset(from)?;
        state.set(to, file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        self.0.lock().unset(path).map(drop)
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.lock();
        let changes = std::mem::take(&mut state.pending_names);
        let (synced, left) = changes
            .into_iter()
            .partition::<Vec<_>, _>(|change| change.is_in(directory));
        state.pending_names = left;
        for change in synced {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> Result<SimLock, LockError> {
        self.call()?;
        let mut state = self.0.lock();
        if !state.locked.insert(path.to_owned()) {
            let holder = "a simulation".to_owned();
            return Err(LockError::Held { holder });
        }
        Ok(SimLock(self.clone(), path.to_owned()))
    }

    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.call()?;
        let is_held = self.0.lock().locked.contains(path);
        Ok(is_held.then(|| "a simulation".to_owned()))
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let state = self.0.lock();
        let used = |file: &Arc<Mutex<Content>>| file.lock().taken();
        let used: u64 = state
            .names
            .values()
            .map(|file| used(&state.files[*file]))
            .sum();
        let total = state.faults.disk_bytes.unwrap_or(u64::MAX);
        Ok(Space {
            free: total.saturating_sub(used),
            total,
        })
    }
}

impl FsFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        self.fs.call()?;
        Ok(self.content.lock().now.len() as u64)
    }

    fn read_at(&self, buffer: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        self.fs.call()?;
        let content = self.content.lock();
        let from = content.now.get(offset as usize..).unwrap_or_default();
        let read = from.len().min(buffer.capacity() - buffer.len());
        buffer.extend_from_slice(&from[..read]);
        Ok(read)
    }

    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let mut outcome = self.fs.call();
        let room = self.fs.space(Path::new(""))?.free;
        let mut bytes: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        if let Some(max) = self.fs.0.lock().faults.write_bytes_max {
            bytes.truncate(max);
        }
        // A write that fails may have written anything.
        let mut content = self.content.lock();
        if content.wanted(offset as usize, bytes.len()) > room {
            bytes.truncate(bytes.len() / 2);
            outcome = Err(io::ErrorKind::StorageFull.into());
        }
        content.write(offset as usize, &bytes);
        let written = bytes.len();
        content.pending.push(Change::Write(offset as usize, bytes));
        outcome.map(|()| written)
    }

    fn sync(&self) -> io::Result<()> {
        let outcome = self.fs.call();
        let mut content = self.content.lock();
        let mut pending = std::mem::take(&mut content.pending);
        if outcome.is_err() {
            // As kernels do: what could not be written is forgotten, and no later sync finds it.
            pending.truncate(pending.len() / 2);
        }
        for change in pending {
            match change {
                Change::Write(offset, bytes) => overwrite(&mut content.durable, offset, &bytes),
                Change::Cut(len) => content.durable.truncate(len),
            }
        }
        outcome
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.fs.call()?;
        let mut content = self.content.lock();
        content.now.truncate(len as usize);
        content.holes.split_off(&(len as usize).div_ceil(SECTOR));
        content.pending.push(Change::Cut(len as usize));
        Ok(())
    }
}
