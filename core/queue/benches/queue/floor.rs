//! A plain file, written and synced in groups: what no queue can be better than.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::meter::{Meter, Used};

/// The next file after so many bytes, as the queue begins a new segment.
const FILE_BYTES: u64 = 64 << 20;
/// Files that are written over in turn, as many as a queue has that is kept up with.
const FILES: usize = 2;

/// What is written to.
#[derive(Clone, Copy)]
pub(crate) enum Blocks {
    /// Files that grow.
    New,
    /// Files that were as long before.
    Written,
}

pub(crate) fn write(directory: &Path, blocks: Blocks, bytes: u64, group: u64) -> Used {
    let content = vec![0x5A; group as usize];
    let groups_in_file = FILE_BYTES.div_ceil(group);
    let path = |number: usize| directory.join(format!("plain-{number}"));
    let old: Vec<PathBuf> = match blocks {
        Blocks::New => Vec::new(),
        Blocks::Written => (0..FILES).map(path).collect(),
    };
    for path in &old {
        fill(&create(path), &content, groups_in_file);
    }
    let meter = Meter::start();
    let (mut written, mut created) = (0, Vec::new());
    for number in 0.. {
        if written >= bytes {
            break;
        }
        let file = match old.get(number % FILES) {
            Some(old) => OpenOptions::new()
                .write(true)
                .open(old)
                .expect("it is ours"),
            None => {
                created.push(path(number));
                create(&created[number])
            }
        };
        for at in 0..groups_in_file {
            file.write_all_at(&content, at * group)
                .expect("the disk has room");
            file.sync_data().expect("the disk works");
            written += group;
        }
    }
    let used = meter.stop(written);
    for path in old.iter().chain(&created) {
        std::fs::remove_file(path).expect("it is ours");
    }
    used
}

fn create(path: &Path) -> File {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.expect("the directory is ours")
}

fn fill(file: &File, content: &[u8], groups: u64) {
    for at in 0..groups {
        let offset = at * content.len() as u64;
        file.write_all_at(content, offset)
            .expect("the disk has room");
    }
    file.sync_data().expect("the disk works");
}
