//! Is everything as it was written?

use std::io;

use super::View;
use crate::format::{ALIGNMENT, RECORD_HEADER_BYTES, RecordHeader, SegmentHeader};
use crate::fs::{Fs, FsFile, read_at_most};
use crate::index::{Index, Summary};
use crate::log::{QUARANTINE, Segment, is_still, read_footer, scan, scan_with, segment_name};
use crate::scan::{Damage, Found};

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Headers, indices and totals. A segment without a footer is read as a whole.
    Quick,
    /// Every byte.
    Deep,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In the log's directory.
    pub file: String,
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is no segment of this log; the next start moves it to `{QUARANTINE}`")]
    Stranger,
    #[error("{bytes} bytes at {offset} are damaged; records lost with them: {records}")]
    Records {
        offset: u64,
        bytes: u64,
        records: u64,
    },
    #[error("the zeros behind the record at {offset} are not zero; the record is intact")]
    Padding { offset: u64 },
    #[error("index or footer is damaged; the records are found without, more slowly")]
    Index,
    #[error("index and footer do not say what the records do")]
    Totals,
    #[error("records that no segment has though they were not finished: {records}")]
    Missing { records: u64 },
    #[error("{bytes} bytes behind the last record are damaged though the log was closed in order")]
    Tail { bytes: u64 },
    #[error("{bytes} bytes behind the last record are torn; the next start cuts them")]
    Torn { bytes: u64 },
    #[error("copies of the cursor that are not whole: {slots} of 2")]
    CursorSlots { slots: usize },
    #[error("the cursor speaks of records that were never written")]
    CursorRange,
}

impl Fault {
    /// Whether it is more than what the end of a process leaves behind.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Fault::Torn { .. })
    }
}

/// What a look at a whole log gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub segments: usize,
    pub records: u64,
}

impl Verdict {
    pub fn is_damaged(&self) -> bool {
        self.findings.iter().any(|found| found.fault.is_damage())
    }

    fn add(&mut self, file: &str, fault: Fault) {
        self.findings.push(Finding {
            file: file.to_owned(),
            fault,
        });
    }
}

/// One segment under examination.
struct Exam<'a, F> {
    file: F,
    name: String,
    header: SegmentHeader,
    limit: u64,
    verdict: &'a mut Verdict,
}

impl<F: Fs> View<F> {
    /// Looks for damage. `progress` is told the bytes of each segment that was looked at.
    pub fn verify(&self, depth: Depth, progress: &mut dyn FnMut(u64)) -> io::Result<Verdict> {
        let mut verdict = Verdict::default();
        for name in &self.strangers {
            verdict.add(name, Fault::Stranger);
        }
        for (index, segment) in self.segments.iter().enumerate() {
            self.verify_segment(index, segment, depth, &mut verdict)?;
            progress(segment.bytes);
        }
        self.verify_cursor(&mut verdict);
        Ok(verdict)
    }

    fn verify_segment(
        &self,
        index: usize,
        segment: &Segment,
        depth: Depth,
        verdict: &mut Verdict,
    ) -> io::Result<()> {
        let files = self.files();
        let file = match files.open(index) {
            // Finished with, and removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let before = verdict.findings.len();
        let mut exam = Exam {
            file,
            name: segment_name(segment.header.first),
            header: segment.header,
            limit: files.limit(index),
            verdict,
        };
        let is_last = index + 1 == self.segments.len();
        match read_footer(&exam.file, &exam.header)? {
            Some(footer) => {
                let (at, length) = footer.index_at();
                let bytes = read_at_most(&exam.file, at, length)?;
                let end = footer.summary.records_end;
                let index = footer.index(&bytes);
                exam.check_index(index.as_ref(), (depth, end))?;
            }
            None => {
                let found = exam.read_all(None)?;
                let bytes = found.torn_end - found.tail;
                match (is_last, bytes) {
                    (_, 0) => {}
                    (true, _) if self.holder.is_some() => {}
                    (true, bytes) if self.cursor.clean => exam.add(Fault::Tail { bytes }),
                    (true, bytes) => exam.add(Fault::Torn { bytes }),
                    (false, _) => exam.check_abandoned()?,
                }
            }
        }
        if !is_still(&exam.file, &exam.header)? {
            // Finished with, and written over meanwhile.
            exam.verdict.findings.truncate(before);
            return Ok(());
        }
        exam.verdict.segments += 1;
        exam.verdict.records += segment.summary.records();
        let records = files.missing_in(index, &self.cursor);
        let is_told = exam.verdict.findings.len() > before;
        // Where somebody writes, there may be more behind what was read.
        if records > 0 && !is_told && !(is_last && self.holder.is_some()) {
            exam.add(Fault::Missing { records });
        }
        Ok(())
    }

    fn verify_cursor(&self, verdict: &mut Verdict) {
        let cursor = &self.cursor;
        if self.holder.is_none() {
            if self.damaged_slots > 0 {
                let slots = self.damaged_slots;
                verdict.add(crate::log::CURSOR, Fault::CursorSlots { slots });
            }
            let records = self.files().missing_before(cursor);
            if records > 0 {
                verdict.add(crate::log::CURSOR, Fault::Missing { records });
            }
        }
        let is_in_range = |lane: &crate::LaneCursor| {
            let ends = lane.runs.iter().map(|run| run.end);
            let starts = lane.runs.iter().map(|run| run.start);
            let before = std::iter::once(lane.watermark).chain(ends.clone());
            lane.watermark <= cursor.next.max(1)
                && starts.zip(before).all(|(start, end)| start >= end)
                && ends.max().is_none_or(|end| end <= cursor.next)
        };
        if !cursor.lanes.iter().all(is_in_range) {
            verdict.add(crate::log::CURSOR, Fault::CursorRange);
        }
    }
}

impl<F: FsFile> Exam<'_, F> {
    fn add(&mut self, fault: Fault) {
        self.verdict.add(&self.name, fault);
    }

    /// A closed segment, by its index; `end` is where its footer says that the records end.
    fn check_index(&mut self, index: Option<&Index>, (depth, end): (Depth, u64)) -> io::Result<()> {
        match index {
            None => self.add(Fault::Index),
            Some(index) if !agrees(index) => self.add(Fault::Totals),
            Some(_) => {}
        }
        if depth == Depth::Quick {
            return Ok(());
        }
        let before = self.verdict.findings.len();
        let found = self.read_all(Some(end))?;
        if found.tail < end {
            let (offset, bytes) = (found.tail, end - found.tail);
            let read = found.index.entries.len();
            let records = index.map_or(0, |index| index.entries.len().saturating_sub(read) as u64);
            self.add(Fault::Records {
                offset,
                bytes,
                records,
            });
        }
        let is_whole = self.verdict.findings.len() == before;
        if is_whole && index.is_some_and(|index| index.entries != found.index.entries) {
            self.add(Fault::Totals);
        }
        Ok(())
    }

    /// Reads every record and the zeros between them.
    fn read_all(&mut self, end: Option<u64>) -> io::Result<crate::log::Scan> {
        let mut faults = Vec::new();
        let file = &self.file;
        let found = scan_with(file, &self.header, self.limit, |offset, found| {
            match found {
                Found::Record(record) if !is_padded(file, offset, &record.header)? => {
                    faults.push(Fault::Padding { offset });
                }
                Found::Record(_) => {}
                Found::Damage(damage) => faults.push(of_damage(damage)),
            }
            Ok(())
        })?;
        // The index of a closed segment is no record and no damage.
        let within = |fault: &Fault| match (fault, end) {
            (Fault::Records { offset, .. }, Some(end)) => *offset < end,
            _ => true,
        };
        faults
            .into_iter()
            .filter(within)
            .for_each(|fault| self.add(fault));
        Ok(found)
    }

    /// What stands behind the records of a segment that was not the last one: after a failed sync
    /// they are written again in the next one.
    fn check_abandoned(&mut self) -> io::Result<()> {
        if scan(&self.file, &self.header, u64::MAX)?.next <= self.limit {
            self.add(Fault::Index);
        }
        Ok(())
    }
}

/// Whether an index and its summary say the same.
fn agrees(index: &Index) -> bool {
    let mut lanes = Summary::default().lanes;
    let mut end = 0;
    for entry in &index.entries {
        if entry.offset < end {
            return false;
        }
        end = entry.offset + RECORD_HEADER_BYTES as u64 + u64::from(entry.payload_len);
        let lane = usize::from(entry.lane) % lanes.len();
        lanes[lane].add(entry.items, entry.payload_len);
    }
    lanes == index.summary.lanes && end <= index.summary.records_end
}

fn of_damage(damage: &Damage) -> Fault {
    Fault::Records {
        offset: damage.offset,
        bytes: damage.bytes,
        records: damage.records,
    }
}

/// Whether the bytes between a record and the next one are zero. At the end of a file they may be
/// missing.
fn is_padded(file: &impl FsFile, offset: u64, header: &RecordHeader) -> io::Result<bool> {
    let content = u64::from(header.meta_len) + u64::from(header.payload_len);
    let end = offset + RECORD_HEADER_BYTES as u64 + content;
    let padding = offset + header.record_len() - end;
    if padding == 0 {
        return Ok(true);
    }
    debug_assert!(padding < ALIGNMENT);
    let bytes = read_at_most(file, end, padding as usize)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}
