//! A plain file, appended and synced in groups: what no queue can be better than.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::meter::{Meter, Used};

/// A new file after so many bytes, as the queue begins a new segment.
const FILE_BYTES: u64 = 64 << 20;

pub(crate) fn append(directory: &Path, bytes: u64, group: u64) -> Used {
    let content = vec![0x5A; group as usize];
    let meter = Meter::start();
    let mut written = 0;
    let mut paths = Vec::new();
    while written < bytes {
        let path = directory.join(format!("plain-{}", paths.len()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.expect("the directory is ours");
        paths.push(path);
        let mut at = 0;
        while at < FILE_BYTES && written < bytes {
            file.write_all_at(&content, at).expect("the disk has room");
            file.sync_data().expect("the disk works");
            at += group;
            written += group;
        }
    }
    let used = meter.stop(written);
    for path in paths {
        std::fs::remove_file(path).expect("it is ours");
    }
    used
}
