//! Records that are kept aside: a log of its own beside the queue's.

use std::io;
use std::iter::once;
use std::path::PathBuf;

use super::Open;
use crate::format::RecordHeader;
use crate::fs::Fs;
use crate::index::Totals;
use crate::log::{Log, LogSettings, NewRecord, SyncMode};
use crate::queue::{Letter, NotStored, QueueSettings};

/// Letters that are written at once.
const LETTERS_MAX: usize = 64;
/// A log that is kept aside is cut by its oldest part, so it needs several.
const SEGMENTS_MIN: u64 = 8;
const SEGMENT_BYTES_MIN: u64 = 256 << 10;

/// See the module's documentation. Opened when there is something in it or for it.
pub(super) struct Aside<F: Fs> {
    fs: F,
    directory: PathBuf,
    max_bytes: u64,
    seed: u64,
    log: Option<Log<F>>,
    totals: Totals,
}

impl<F: Fs + Clone> Aside<F> {
    pub(super) fn new(fs: &F, directory: PathBuf, settings: &QueueSettings) -> Self {
        let mut aside = Aside {
            fs: fs.clone(),
            directory,
            max_bytes: settings.dead_letter_max_bytes,
            // Not the same numbers as the queue's own log.
            seed: settings.seed.rotate_left(32) ^ 1,
            log: None,
            totals: Totals::default(),
        };
        let names = aside.fs.list(&aside.directory).unwrap_or_default();
        if names.iter().any(|name| name.ends_with(".seg")) {
            // One that cannot be opened is tried again when there is something for it.
            drop(aside.open());
        }
        aside
    }

    fn open(&mut self) -> io::Result<()> {
        let settings = LogSettings {
            segment_bytes: (self.max_bytes / SEGMENTS_MIN).max(SEGMENT_BYTES_MIN),
            sync: SyncMode::Always,
            // It is written to seldom.
            spare_bytes: 0,
            seed: self.seed,
        };
        let opened = Log::open(self.fs.clone(), &self.directory, settings);
        let (log, recovery) = opened.map_err(io::Error::other)?;
        for lane in recovery.backlog.lanes {
            self.totals.merge(lane);
        }
        self.log = Some(log);
        Ok(())
    }

    /// Keeps `records`; the oldest make room for them.
    pub(super) fn keep(&mut self, records: &[NewRecord]) -> io::Result<()> {
        if self.log.is_none() {
            self.open()?;
        }
        let Some(log) = &mut self.log else {
            return Err(io::ErrorKind::NotFound.into());
        };
        log.append(records).map_err(io::Error::other)?;
        for record in records {
            self.totals.add(record.items, record.payload_len() as u32);
        }
        while log.bytes() > self.max_bytes {
            let Some(end) = log.oldest_segment().map(|oldest| oldest.end) else {
                break;
            };
            for entry in log.entries_below(end)? {
                if !log.is_finished(entry.lane, entry.sequence) {
                    self.totals.subtract(entry.items, entry.payload_len);
                }
            }
            log.finish(once(0..end))?;
        }
        Ok(())
    }

    /// Lets go of these records, of those that it still has; says which that were.
    pub(super) fn forget(&mut self, records: &[RecordHeader]) -> io::Result<Totals> {
        if self.log.is_none() {
            self.open()?;
        }
        let Some(log) = &mut self.log else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let is_here = |of: &&RecordHeader| {
            of.sequence < log.next_sequence() && !log.is_finished(of.lane, of.sequence)
        };
        let here: Vec<&RecordHeader> = records.iter().filter(is_here).collect();
        let runs: Vec<_> = here.iter().map(|of| of.run()).collect();
        log.finish(runs)?;
        let mut forgotten = Totals::default();
        for header in here {
            forgotten.add(header.items, header.payload_len);
            self.totals.subtract(header.items, header.payload_len);
        }
        Ok(forgotten)
    }

    /// Lets go of everything; says what that was.
    pub(super) fn forget_all(&mut self) -> io::Result<Totals> {
        if self.log.is_none() {
            self.open()?;
        }
        if let Some(log) = &mut self.log {
            log.finish(once(0..log.next_sequence()))?;
        }
        Ok(std::mem::take(&mut self.totals))
    }

    /// What it holds.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    #[cfg(test)]
    pub(super) fn records(&mut self) -> Vec<crate::scan::StoredRecord> {
        let records = self.log.as_mut().map(|log| log.records(0));
        records.map_or_else(Vec::new, |read| read.expect("the disk works"))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::bytes)
    }
}

impl<F: Fs + Clone> Open<F> {
    /// Keeps what has been given up, and lets go of it in the queue.
    pub(super) fn bury_letters(&mut self) {
        let mut state = self.shared.lock();
        if state.letters.is_empty() || self.times.is_resting() {
            return;
        }
        let count = state.letters.len().min(LETTERS_MAX);
        let letters: Vec<Letter> = state.letters.drain(..count).collect();
        drop(state);
        let stamp = |letter: &Letter| NewRecord {
            enqueued_unix_ms: self.times.unix_ms(),
            ..letter.record.clone()
        };
        let records: Vec<NewRecord> = letters.iter().map(stamp).collect();
        let kept = self.letters.keep(&records);
        let failed = kept.map_err(|error| NotStored::Failed(format!("dead letters: {error}")));
        let mut state = self.shared.lock();
        state.statistics.dead_letters = self.letters.totals();
        state.statistics.dead_letter_bytes = self.letters.bytes();
        if failed.is_err() {
            self.times.failed();
            letters
                .into_iter()
                .rev()
                .for_each(|letter| state.letters.push_front(letter));
            drop(state);
            self.report_writing(failed.as_ref().err());
            return;
        }
        drop(state);
        letters.into_iter().for_each(|letter| (letter.stored)());
    }
}
