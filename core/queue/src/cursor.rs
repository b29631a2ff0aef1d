//! Which records are finished with, kept over restarts.
//!
//! ```text
//! cursor    slot 0 (4 KiB) | slot 1 (4 KiB)         written in turn, so that one is always whole
//!
//! slot      0  magic "SKYCURS2"     32  next sequence number u64
//!           8  generation u64       40  1 after an orderly end, else 0
//!          16  identity (16 bytes)  48  lanes, producers, suspects
//!                                 4092  CRC-32C of bytes 0 to 4091
//!
//! lanes     for each: watermark u64, count u64, and so many runs (first u64, end u64)
//! producers count u64, and so many (id u64, highest sequence u64)
//! suspects  count u64, and so many (sequence number u64, exits * 2 + 1 if it is out u64)
//! ```
//!
//! Every record of a lane below its watermark is finished; above it, those in the runs. A cursor
//! that is lost or behind makes records come again, never get lost. The next sequence number keeps
//! one from being given twice after the newest segment is gone, because the second record would
//! count as finished.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::Path;

use crate::format::{Identity, LANES, PRODUCERS_MAX};
use crate::fs::{Fs, FsFile, read_at_most, write_all_at};

/// Records that are handed out alone because the process has ended while they were out.
pub const SUSPECTS_MAX: usize = 32;

const SLOT_BYTES: usize = 4096;
const CHECKSUM_AT: usize = SLOT_BYTES - 4;
const HEAD_BYTES: usize = 48;
const PAIR_BYTES: usize = 16;
const MAGIC: u64 = u64::from_le_bytes(*b"SKYCURS2");

/// Runs of finished records above the watermarks that one slot can list. What does not fit comes
/// again after a crash; an orderly end leaves none above.
const RUNS_MAX: usize =
    (CHECKSUM_AT - HEAD_BYTES) / PAIR_BYTES - LANES - (PRODUCERS_MAX + 1) - (SUSPECTS_MAX + 1);

/// What is finished in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneCursor {
    /// Every record below is finished.
    pub watermark: u64,
    /// Finished ones above it: ascending, apart from each other. Numbers in a run that belong to
    /// other lanes mean nothing.
    pub runs: Vec<Range<u64>>,
}

impl LaneCursor {
    pub fn is_finished(&self, sequence: u64) -> bool {
        let later = self.runs.partition_point(|run| run.end <= sequence);
        let within = self
            .runs
            .get(later)
            .is_some_and(|run| run.start <= sequence);
        sequence < self.watermark || within
    }

    /// Finishes with every record in `run`.
    pub fn finish(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        let begin = self.runs.partition_point(|of| of.end < run.start);
        let end = self.runs.partition_point(|of| of.start <= run.end);
        let joined = self.runs[begin..end]
            .iter()
            .fold(run, |all, of| all.start.min(of.start)..all.end.max(of.end));
        self.runs.splice(begin..end, [joined]);
        while let Some(first) = self.runs.first().cloned()
            && first.start <= self.watermark
        {
            self.watermark = self.watermark.max(first.end);
            self.runs.remove(0);
        }
    }

    /// Whether nothing in `range` is finished.
    pub fn is_untouched(&self, range: &Range<u64>) -> bool {
        let later = self.runs.partition_point(|run| run.end <= range.start);
        let run = self.runs.get(later);
        self.watermark <= range.start && run.is_none_or(|run| run.start >= range.end)
    }
}

/// What is finished in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub next: u64,
    /// Whether it was saved at an orderly end.
    pub clean: bool,
    pub lanes: [LaneCursor; LANES],
    /// The highest sequence number of each producer; at most [`PRODUCERS_MAX`].
    pub producers: BTreeMap<u64, u64>,
    /// Records that may have ended the process; at most [`SUSPECTS_MAX`].
    pub suspects: BTreeMap<u64, Suspect>,
}

/// What is known of a record that may have ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Ends without order that it was there for, in a row.
    pub exits: u64,
    /// Whether it has been handed out since the last of them.
    pub is_out: bool,
}

/// The file that keeps a cursor.
pub struct CursorFile<F> {
    file: F,
    identity: Identity,
    generation: u64,
}

impl<F: FsFile> CursorFile<F> {
    /// Opens or creates the file at `path`. Gives the newest cursor of this log that is whole;
    /// without one, everything is unfinished. A log without segments has the `identity` that its
    /// cursor says, or else `fresh`.
    pub fn open<S: Fs<File = F>>(
        fs: &S,
        path: &Path,
        identity: Option<Identity>,
        fresh: Identity,
    ) -> io::Result<(Self, Cursor)> {
        let file = match fs.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs.create(path)?,
            opened => opened?,
        };
        // What is finished has to be written down above all when the disk is full. Where there is no
        // room even now, saving will say so.
        drop(take_room(&file));
        let newest = newest(&file, identity)?.0;
        let newest = newest.unwrap_or_else(|| Slot {
            generation: 0,
            identity: identity.unwrap_or(fresh),
            cursor: Cursor::default(),
        });
        let opened = CursorFile {
            file,
            identity: newest.identity,
            generation: newest.generation,
        };
        Ok((opened, newest.cursor))
    }

    /// The log it belongs to.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Returns when `cursor` would survive a loss of power. After an error the one before does.
    pub fn save(&mut self, cursor: &Cursor) -> io::Result<()> {
        let generation = self.generation + 1;
        let slot = encode(generation, self.identity, cursor);
        let offset = (generation % 2) * SLOT_BYTES as u64;
        write_all_at(&self.file, &mut [IoSlice::new(&slot)], offset)?;
        self.file.sync()?;
        self.generation = generation;
        Ok(())
    }
}

/// The newest cursor of the log with this identity, without opening it; and how many of the slots
/// that were written are not whole, or another log's.
pub(crate) fn look<S: Fs>(
    fs: &S,
    path: &Path,
    identity: Option<Identity>,
) -> io::Result<(Cursor, usize)> {
    let file = match fs.open_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        opened => opened?,
    };
    let (newest, damaged) = newest(&file, identity)?;
    Ok((newest.map(|slot| slot.cursor).unwrap_or_default(), damaged))
}

/// Writes the slots that nothing was written to, so that they have their place on the disk.
fn take_room(file: &impl FsFile) -> io::Result<()> {
    let bytes = read_at_most(file, 0, 2 * SLOT_BYTES)?;
    for slot in 0..2 {
        let written = bytes.iter().skip(slot * SLOT_BYTES).take(SLOT_BYTES);
        if written.copied().all(|byte| byte == 0) {
            let offset = (slot * SLOT_BYTES) as u64;
            write_all_at(file, &mut [IoSlice::new(&[0; SLOT_BYTES])], offset)?;
        }
    }
    Ok(())
}

fn newest(file: &impl FsFile, identity: Option<Identity>) -> io::Result<(Option<Slot>, usize)> {
    let bytes = read_at_most(file, 0, 2 * SLOT_BYTES)?;
    let written = bytes
        .chunks(SLOT_BYTES)
        .filter(|slot| slot.iter().any(|byte| *byte != 0));
    let count = written.clone().count();
    let whole: Vec<Slot> = written
        .filter(|slot| slot.len() == SLOT_BYTES)
        .filter_map(decode)
        .filter(|slot| identity.is_none_or(|identity| identity == slot.identity))
        .collect();
    let damaged = count - whole.len();
    let newest = whole.into_iter().max_by_key(|slot| slot.generation);
    Ok((newest, damaged))
}

/// A slot that is whole.
struct Slot {
    generation: u64,
    identity: Identity,
    cursor: Cursor,
}

fn encode(generation: u64, identity: Identity, cursor: &Cursor) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    let put = |slot: &mut Vec<u8>, value: u64| slot.extend(value.to_le_bytes());
    put(&mut slot, MAGIC);
    put(&mut slot, generation);
    slot.extend(identity);
    put(&mut slot, cursor.next);
    put(&mut slot, u64::from(cursor.clean));
    let mut room = RUNS_MAX;
    for lane in &cursor.lanes {
        let listed = lane.runs.len().min(room);
        room -= listed;
        put(&mut slot, lane.watermark);
        put(&mut slot, listed as u64);
        for run in lane.runs.iter().take(listed) {
            put(&mut slot, run.start);
            put(&mut slot, run.end);
        }
    }
    put(&mut slot, cursor.producers.len().min(PRODUCERS_MAX) as u64);
    for (id, sequence) in cursor.producers.iter().take(PRODUCERS_MAX) {
        put(&mut slot, *id);
        put(&mut slot, *sequence);
    }
    put(&mut slot, cursor.suspects.len().min(SUSPECTS_MAX) as u64);
    for (sequence, suspect) in cursor.suspects.iter().take(SUSPECTS_MAX) {
        put(&mut slot, *sequence);
        put(&mut slot, suspect.exits << 1 | u64::from(suspect.is_out));
    }
    slot.resize(CHECKSUM_AT, 0);
    let checksum = crc32c::crc32c(&slot);
    slot.extend(checksum.to_le_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<Slot> {
    let (content, checksum) = slot.split_last_chunk()?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (words, _) = content.as_chunks::<8>();
    let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mut word = || words.next();
    if word()? != MAGIC {
        return None;
    }
    let generation = word()?;
    let mut identity = Identity::default();
    identity[..8].copy_from_slice(&word()?.to_le_bytes());
    identity[8..].copy_from_slice(&word()?.to_le_bytes());
    let mut cursor = Cursor {
        next: word()?,
        clean: word()? == 1,
        ..Cursor::default()
    };
    for lane in &mut cursor.lanes {
        lane.watermark = word()?;
        for _ in 0..word()? {
            lane.runs.push(word()?..word()?);
        }
    }
    for _ in 0..word()? {
        cursor.producers.insert(word()?, word()?);
    }
    for _ in 0..word()? {
        let (sequence, known) = (word()?, word()?);
        let suspect = Suspect {
            exits: known >> 1,
            is_out: known & 1 == 1,
        };
        cursor.suspects.insert(sequence, suspect);
    }
    Some(Slot {
        generation,
        identity,
        cursor,
    })
}

#[cfg(test)]
mod tests;
