//! Reading records in the order in which they were appended.

use std::io;
use std::ops::Range;

use super::View;
use crate::format::LANES;
use crate::fs::Fs;
use crate::index::Entry;
use crate::log::{Loaded, Segment, Unreadable, is_still, read_entries};
use crate::scan::Scanner;

/// Which records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// `None` is all of them.
    pub lane: Option<u8>,
    pub sequences: Range<u64>,
    /// When they were enqueued, in Unix milliseconds.
    pub unix_ms: Range<u64>,
    /// Whether also those that are finished, as long as they are on the disk.
    pub finished: bool,
}

/// Some of the records that were selected.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// In order.
    pub found: Vec<Loaded>,
    /// Where to read on; `None` if nothing more is selected.
    pub next: Option<u64>,
}

impl Selection {
    /// Everything that is not finished.
    pub fn unfinished() -> Self {
        Selection {
            lane: None,
            sequences: 0..u64::MAX,
            unix_ms: 0..u64::MAX,
            finished: false,
        }
    }

    fn may_be_in(&self, segment: &Segment) -> bool {
        let summary = &segment.summary;
        summary.records() > 0
            && summary.oldest_unix_ms < self.unix_ms.end
            && summary.newest_unix_ms >= self.unix_ms.start
    }
}

impl<F: Fs> View<F> {
    /// Reads what is selected from its first sequence number on: records with `at_most` bytes of
    /// payload, and at least one if there is any.
    pub fn read(&self, wanted: &Selection, at_most: usize) -> io::Result<Part> {
        let files = self.files();
        let mut from = wanted.sequences.start;
        for (index, segment) in self.segments.iter().enumerate() {
            let limit = files.limit(index).min(wanted.sequences.end);
            if from >= limit || !wanted.may_be_in(segment) {
                continue;
            }
            let header = &segment.header;
            from = from.max(header.first);
            let Some((file, of_segment)) = files.index(index, limit)? else {
                continue;
            };
            let chosen = self.choose(wanted, &of_segment.entries, from..limit, at_most);
            let Some(last) = chosen.last() else {
                continue;
            };
            let next = last.sequence + 1;
            let mut scanner = Scanner::new(&file, header, limit)?;
            let mut found = read_entries(&mut scanner, &chosen, Unreadable::IsLost)?;
            if !is_still(&file, header)? {
                continue;
            }
            found.retain(|found| match found {
                Loaded::Record(record) => wanted.unix_ms.contains(&record.header.enqueued_unix_ms),
                Loaded::Lost(_) => true,
            });
            return Ok(Part {
                found,
                next: (next < wanted.sequences.end).then_some(next),
            });
        }
        Ok(Part::default())
    }

    fn choose(
        &self,
        wanted: &Selection,
        entries: &[Entry],
        range: Range<u64>,
        at_most: usize,
    ) -> Vec<Entry> {
        let is_wanted = |entry: &&Entry| {
            let lane = &self.cursor.lanes[usize::from(entry.lane) % LANES];
            range.contains(&entry.sequence)
                && wanted.lane.is_none_or(|lane| lane == entry.lane)
                && (wanted.finished || !lane.is_finished(entry.sequence))
        };
        let mut bytes = 0_usize;
        let mut chosen: Vec<Entry> = Vec::new();
        for entry in entries.iter().filter(is_wanted) {
            bytes = bytes.saturating_add(entry.payload_len as usize);
            if bytes > at_most && !chosen.is_empty() {
                break;
            }
            chosen.push(*entry);
        }
        chosen
    }
}
