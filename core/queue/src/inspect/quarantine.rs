//! What recovery has set aside, and which of it can still be read.

use std::io;
use std::path::Path;

use super::View;
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{Fs, FsFile, read_at_most};
use crate::log::{QUARANTINE, segment_name};
use crate::scan::{Found, Scanner, StoredRecord};

const FOREIGN_SUFFIX: &str = ".foreign";
const TAIL_SUFFIX: &str = ".tail";
const RAW_SUFFIXES: [&str; 3] = [FOREIGN_SUFFIX, TAIL_SUFFIX, ".damaged"];

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedFile {
    pub name: String,
    pub bytes: u64,
}

/// Records of a file that was set aside.
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    pub records: Vec<StoredRecord>,
    /// How many records of the file to leave out the next time; `None` at its end.
    pub next: Option<u64>,
    /// Bytes that are no record, once the end of the file was reached.
    pub unreadable_bytes: u64,
}

/// The files that were set aside of the log in `directory`, by name. Records that were set aside
/// whole are in a log of their own in the same place, and none of these.
pub fn quarantined<F: Fs>(fs: &F, directory: &Path) -> io::Result<Vec<QuarantinedFile>> {
    let directory = directory.join(QUARANTINE);
    let names = match fs.list(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut found = Vec::new();
    let raw = |name: &String| RAW_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    for name in names.into_iter().filter(raw) {
        match fs.open_read(&directory.join(&name)) {
            // Somebody has cleared it away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            file => {
                let bytes = file?.size()?;
                found.push(QuarantinedFile { name, bytes });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

impl<F: Fs> View<F> {
    /// Reads a file of the quarantine without its first `skip` records: a segment by its own header,
    /// a tail by that of the segment it was cut from. `None` if it has neither.
    pub fn salvage(&self, name: &str, skip: u64, at_most: usize) -> io::Result<Option<Salvage>> {
        let path = self.directory.join(QUARANTINE).join(name);
        let file = self.fs.open_read(&path)?;
        if name.ends_with(FOREIGN_SUFFIX) {
            let begin = read_at_most(&file, 0, SEGMENT_HEADER_BYTES)?;
            let Ok(header) = SegmentHeader::decode(&begin) else {
                return Ok(None);
            };
            let scanner = Scanner::new(&file, &header, u64::MAX)?;
            return collect(scanner, skip, at_most).map(Some);
        }
        let cut_from = |name: &str| {
            let segments = self.segments.iter();
            let mut of = segments.filter(|of| name.starts_with(&segment_name(of.header.first)));
            of.next().map(|segment| segment.header)
        };
        match name.strip_suffix(TAIL_SUFFIX).and_then(cut_from) {
            Some(header) => collect(Scanner::of_tail(&file, &header)?, skip, at_most).map(Some),
            None => Ok(None),
        }
    }
}

fn collect<F: FsFile>(
    mut scanner: Scanner<'_, F>,
    skip: u64,
    at_most: usize,
) -> io::Result<Salvage> {
    let mut salvage = Salvage::default();
    let (mut seen, mut bytes) = (0, 0);
    while let Some(found) = scanner.step()? {
        match found {
            Found::Damage(damage) => salvage.unreadable_bytes += damage.bytes,
            Found::Record(record) => {
                seen += 1;
                if seen <= skip {
                    continue;
                }
                bytes += record.payload.len();
                if bytes > at_most && !salvage.records.is_empty() {
                    salvage.next = Some(seen - 1);
                    salvage.unreadable_bytes = 0;
                    return Ok(salvage);
                }
                salvage.records.push(record);
            }
        }
    }
    Ok(salvage)
}
