//! Whatever a queue's files hold, the log opens, reads to its end, and stores and gives again.
#![no_main]

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use libfuzzer_sys::fuzz_target;
use queue::format::{RecordHeader, SegmentHeader};
use queue::{Fs, FsFile, LockError, Log, LogSettings, NewRecord, Space, SyncMode};

const DIRECTORY: &str = "/queue";

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<PathBuf, Bytes>>>);

type Bytes = Arc<Mutex<Vec<u8>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct File(Bytes);

impl Fs for Memory {
    type File = File;
    const BLOCK_BYTES: u64 = 64;
    type Lock = ();

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let files = lock(&self.0);
        let inside = files.keys().filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| path.file_name()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let files = lock(&self.0);
        let file = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(File(Arc::clone(file)))
    }

    fn open_read(&self, path: &Path) -> io::Result<Self::File> {
        self.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        let file = Bytes::default();
        lock(&self.0).insert(path.to_owned(), Arc::clone(&file));
        Ok(File(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = lock(&self.0);
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = lock(&self.0).remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> Result<(), LockError> {
        Ok(())
    }

    fn holder(&self, _: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space { free: 1 << 40, total: 1 << 40 })
    }
}

impl FsFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read_at(&self, buffer: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        let content = lock(&self.0);
        let from = content.get(offset as usize..).unwrap_or_default();
        let read = from.len().min(buffer.capacity() - buffer.len());
        buffer.extend_from_slice(&from[..read]);
        Ok(read)
    }

    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let mut content = lock(&self.0);
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let end = offset as usize + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset as usize..end].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        lock(&self.0).truncate(len as usize);
        Ok(())
    }
}

/// Without a header that is whole nothing behind it would be looked at.
const HEADER: SegmentHeader = SegmentHeader {
    identity: [7; 16],
    epoch: 9,
    first: 1,
    is_written_over: false,
};

/// Five good records, changed at the places that `changes` says: offset u16, value u8.
fn records(changes: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sequence in 1..6 {
        let payload = vec![sequence as u8; 20 * sequence as usize];
        let header = RecordHeader {
            sequence,
            enqueued_unix_ms: sequence,
            producer: None,
            items: 1,
            lane: sequence as u8 % 3,
            codec: 1,
            meta_len: 4,
            payload_len: payload.len() as u32,
            payload_checksum: crc32c::crc32c(&payload),
        };
        bytes.extend(header.encode(HEADER.epoch, b"meta"));
        bytes.extend(b"meta");
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let (changes, _) = changes.as_chunks::<3>();
    for [low, high, value] in changes {
        let offset = usize::from(u16::from_le_bytes([*low, *high])) % bytes.len();
        bytes[offset] = *value;
    }
    bytes
}

fuzz_target!(|input: &[u8]| {
    let Some((mode, input)) = input.split_first() else {
        return;
    };
    let (cursor, rest) = input.split_at(input.len().min(64) / 2);
    let segment = match mode % 2 {
        0 => rest.to_vec(),
        // As remains that were chosen by whoever sent them.
        _ => [records(rest), rest.to_vec()].concat(),
    };
    let header = SegmentHeader {
        is_written_over: mode & 2 != 0,
        ..HEADER
    };
    let fs = Memory::default();
    for (name, content) in [
        ("cursor", cursor.to_vec()),
        ("00000000000000000001.seg", [&header.encode()[..], &segment].concat()),
    ] {
        let path = Path::new(DIRECTORY).join(name);
        lock(&fs.0).insert(path, Arc::new(Mutex::new(content)));
    }
    let settings = LogSettings {
        segment_bytes: 1 << 10,
        sync: SyncMode::Always,
        spare_bytes: 1 << 16,
        seed: 1,
    };
    let opened = Log::open(fs.clone(), Path::new(DIRECTORY), settings.clone());
    let (mut log, _) = opened.expect("no bytes keep a log from opening");
    let before = log.records(0).expect("memory reads").len();
    let record = NewRecord {
        producer: None,
        enqueued_unix_ms: 1,
        items: 1,
        lane: 0,
        codec: 0,
        meta: Default::default(),
        payload: vec![b"as before"[..].into()],
    };
    log.append(std::slice::from_ref(&record)).expect("memory has room");
    assert_eq!(log.records(0).expect("memory reads").len(), before + 1);
    // Over what the file held.
    log.finish(std::iter::once(0..log.next_sequence())).expect("memory keeps");
    log.append(std::slice::from_ref(&record)).expect("memory has room");
    assert_eq!(log.records(0).expect("memory reads").len(), 1);
    drop(log);
    let opened = Log::open(fs, Path::new(DIRECTORY), settings);
    let (mut log, _) = opened.expect("no bytes keep a log from opening");
    assert_eq!(log.records(0).expect("memory reads").len(), 1);
});
