//! Files of finished segments, kept to be written over.
//!
//! Blocks that were written before cost the disk half of what new ones do: a sync has no file length
//! and no allocation to write down. Spares are the open log's alone: they have names that are no
//! segment's, hold nothing that anybody needs, are given up first when room is short, and are
//! removed when the log is opened again.
//!
//! A file becomes a spare when its segment would otherwise be removed, and may be written over once
//! its old name is gone for good. It becomes a segment when a header of its own is on the disk.

use std::io::{self, IoSlice};

use super::write::Active;
use super::{Log, segment_name};
use crate::format::{MARK_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::fs::{BLOCK_BYTES_MAX, Fs, FsFile, write_all_at};
use crate::index::Index;

pub(super) const SPARE_SUFFIX: &str = ".spare";

/// See the module's documentation.
pub(super) struct Spare {
    name: String,
    bytes: u64,
}

impl<F: Fs> Log<F> {
    /// Bytes of files that hold nothing any more, beside [`Log::bytes`].
    pub fn spare_bytes(&self) -> u64 {
        let remains = self.active.as_ref().map_or(0, Active::remains);
        remains + self.spares.iter().map(|spare| spare.bytes).sum::<u64>()
    }

    /// Gives spare files back to the disk until they take up no more than `bytes`.
    pub fn limit_spares(&mut self, bytes: u64) {
        while self.spare_bytes() > bytes
            && let Some(spare) = self.spares.pop()
        {
            self.give_back(&spare);
        }
        if self.spare_bytes() > bytes
            && let Some(active) = &mut self.active
        {
            // Where that fails, the remains stay until they are written over.
            drop(active.cut_remains());
        }
    }

    /// Takes the file of the first segment, which nobody needs, out of the log: to be written over,
    /// if there is use for it.
    pub(super) fn retire_first(&mut self, retired: &mut Vec<Spare>) -> io::Result<()> {
        let segment = &self.segments[0];
        let path = self.directory.join(segment_name(segment.header.first));
        let kept = self.spares.iter().chain(&*retired);
        let kept: u64 = kept.map(|spare| spare.bytes).sum();
        if !segment.is_closed || kept + segment.bytes > self.settings.spare_bytes {
            return self.fs.remove(&path);
        }
        let spare = Spare {
            name: format!("{:020}{SPARE_SUFFIX}", segment.header.first),
            bytes: segment.bytes,
        };
        self.fs.rename(&path, &self.directory.join(&spare.name))?;
        retired.push(spare);
        Ok(())
    }

    /// Takes in what was retired, once its old names are gone for good.
    pub(super) fn keep_spares(&mut self, retired: Vec<Spare>) {
        self.spares.extend(retired);
        self.spares.sort_by_key(|spare| spare.bytes);
    }

    /// Gives a file back to the disk. One that cannot be removed now is when the log is opened again.
    pub(super) fn give_back(&self, spare: &Spare) {
        drop(self.fs.remove(&self.directory.join(&spare.name)));
    }

    /// Makes a spare file the segment with this header, whose name does not yet survive a loss of
    /// power. The header does before the file has the name: a segment that cannot say what it is would
    /// be damage.
    pub(super) fn write_over(
        &self,
        spare: &Spare,
        header: SegmentHeader,
    ) -> io::Result<Active<F::File>> {
        let path = self.directory.join(&spare.name);
        let file = self.fs.open(&path)?;
        let begin = SEGMENT_HEADER_BYTES as u64;
        let active = Active {
            length: file.size()?.max(begin),
            file,
            header,
            index: Index::default(),
        };
        let encoded = header.encode();
        let ending = active.ending::<F>(begin);
        let mut pieces = vec![IoSlice::new(&encoded)];
        pieces.extend(ending.iter().flat_map(Ending::pieces));
        write_all_at(&active.file, &mut pieces, 0)?;
        active.file.sync()?;
        self.fs
            .rename(&path, &self.directory.join(segment_name(header.first)))?;
        Ok(active)
    }
}

/// What stands between the last record and the remains of an older file.
pub(super) struct Ending {
    mark: [u8; MARK_BYTES],
    zeros: usize,
}

impl Ending {
    /// Behind records that end at `end`, before remains that reach to `length`. A block is written
    /// to its end, so that none has to be read first.
    pub(super) fn new<F: Fs>(header: &SegmentHeader, end: u64, length: u64) -> Self {
        let after = end + MARK_BYTES as u64;
        let block_end = after.next_multiple_of(F::BLOCK_BYTES).min(length);
        Ending {
            mark: header.end_mark(end),
            zeros: block_end.saturating_sub(after) as usize,
        }
    }

    pub(super) fn len(&self) -> u64 {
        (self.mark.len() + self.zeros) as u64
    }

    pub(super) fn pieces(&self) -> [IoSlice<'_>; 2] {
        static ZEROS: [u8; BLOCK_BYTES_MAX as usize] = [0; BLOCK_BYTES_MAX as usize];
        [IoSlice::new(&self.mark), IoSlice::new(&ZEROS[..self.zeros])]
    }
}
