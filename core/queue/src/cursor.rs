//! Which records are finished with, kept over restarts.
//!
//! ```text
//! cursor    slot 0 (4 KiB) | slot 1 (4 KiB)         written in turn, so that one is always whole
//!
//! slot      0  magic "SKYCURSR"     32  next sequence number u64
//!           8  generation u64       40  for each lane: watermark u64, count u64,
//!          16  identity (16 bytes)      and so many sequence numbers u64
//!                                 4092  CRC-32C of bytes 0 to 4091
//! ```
//!
//! Every record of a lane below its watermark is finished; above it, those that are listed. A
//! cursor that is lost or behind makes records come again, never get lost. The next sequence number
//! keeps one from being given twice after the newest segment is gone, because the second record
//! would count as finished.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::path::Path;

use crate::format::Identity;
use crate::fs::{Fs, FsFile, read_at_most, write_all_at};

/// Streams in one log.
pub const LANES: usize = 8;

const SLOT_BYTES: usize = 4096;
const CHECKSUM_AT: usize = SLOT_BYTES - 4;
const HEAD_BYTES: usize = 40;
const LANE_BYTES: usize = 16;
const MAGIC: u64 = u64::from_le_bytes(*b"SKYCURSR");

/// Finished records above a watermark that one slot can list. What does not fit comes again after
/// a crash; an orderly end leaves none above.
const LISTED_MAX: usize = (CHECKSUM_AT - HEAD_BYTES - LANES * LANE_BYTES) / 8;

/// What is finished in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneCursor {
    /// Every record below is finished.
    pub watermark: u64,
    /// Finished ones at or above it.
    pub above: BTreeSet<u64>,
}

impl LaneCursor {
    pub fn is_finished(&self, sequence: u64) -> bool {
        sequence < self.watermark || self.above.contains(&sequence)
    }

    pub fn finish(&mut self, sequence: u64) {
        if sequence >= self.watermark {
            self.above.insert(sequence);
        }
    }

    /// Moves the watermark to `sequence`: the first record that is not finished, or the one that
    /// will come next. It never moves back.
    pub fn advance_to(&mut self, sequence: u64) {
        if sequence > self.watermark {
            self.watermark = sequence;
            self.above = self.above.split_off(&sequence);
        }
    }
}

/// What is finished in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub next: u64,
    pub lanes: [LaneCursor; LANES],
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
        let bytes = read_at_most(&file, 0, 2 * SLOT_BYTES)?;
        let slots = bytes.chunks_exact(SLOT_BYTES);
        let newest = slots
            .filter_map(decode)
            .filter(|slot| identity.is_none_or(|identity| identity == slot.identity))
            .max_by_key(|slot| slot.generation);
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
    let mut room = LISTED_MAX;
    for lane in &cursor.lanes {
        let listed = lane.above.len().min(room);
        room -= listed;
        put(&mut slot, lane.watermark);
        put(&mut slot, listed as u64);
        let above = lane.above.iter().take(listed);
        above.for_each(|sequence| put(&mut slot, *sequence));
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
        ..Cursor::default()
    };
    for lane in &mut cursor.lanes {
        lane.watermark = word()?;
        let listed = word()?;
        for _ in 0..listed {
            lane.above.insert(word()?);
        }
    }
    Some(Slot {
        generation,
        identity,
        cursor,
    })
}

#[cfg(test)]
mod tests;
