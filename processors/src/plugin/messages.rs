//! Between batches and the messages that a plugin sees.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use engine::Refusal;
use engine::component::Derivation;
use pdata::convert;
use pdata::otlp::{self, ReceiveError};
use pdata::skywalking::{self, Kind as NativeKind};
use pdata::{Batch, Chunk, OtlpChunk, Signal};
use plugin::{Description, Emitted, Failure, Kind, Main, Processed, Refused, Segments};

/// What of a batch a plugin is shown.
pub(super) struct Shown {
    /// For each chunk of the batch.
    chunks: Vec<ShownChunk>,
    /// Those of all chunks, in their order.
    pub(super) messages: Vec<(Kind, Bytes)>,
}

enum ShownChunk {
    /// Not at all: it holds nothing that OTLP can say.
    Hidden,
    /// As the message that it is.
    Whole,
    /// As these, because it is a message of SkyWalking and the plugin reads OTLP.
    Converted(Vec<OtlpChunk>),
}

/// What the plugin made of what it was shown.
pub(super) struct Done {
    pub(super) shown: Shown,
    /// One for each message.
    pub(super) answers: Vec<Processed>,
    /// How long it worked.
    pub(super) took: Duration,
}

/// The same, checked.
pub(super) struct Taken {
    pub(super) fate: Fate,
    pub(super) derived: Vec<Chunk>,
    pub(super) tally: Tally,
}

/// What becomes of the batch.
pub(super) enum Fate {
    Unchanged,
    Chunks(Vec<Chunk>),
    /// For this reason, with the index of an item in the batch if one is meant.
    Refused(String, Option<u64>),
}

/// What was done, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) unchanged: u64,
    pub(super) replaced: u64,
    pub(super) refused: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) took: Duration,
}

impl Shown {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// What a plugin is shown of `batch`, whose messages of OTLP are of this kind.
pub(super) fn show(batch: &Batch, kind: Kind, segments: Segments) -> Shown {
    let mut shown = Shown {
        chunks: Vec::with_capacity(batch.chunks().len()),
        messages: Vec::with_capacity(batch.chunks().len()),
    };
    for chunk in batch.chunks() {
        let part = match chunk {
            Chunk::Otlp(chunk) => {
                shown.messages.push((kind, chunk.body_bytes()));
                ShownChunk::Whole
            }
            Chunk::Native(chunk)
                if chunk.kind() == NativeKind::Segment && segments == Segments::Native =>
            {
                shown
                    .messages
                    .push((Kind::Segment, chunk.message().clone()));
                ShownChunk::Whole
            }
            Chunk::Native(chunk) => {
                let converted = convert::to_otlp(chunk);
                let messages = converted.iter().map(|chunk| (kind, chunk.body_bytes()));
                shown.messages.extend(messages);
                match converted.is_empty() {
                    true => ShownChunk::Hidden,
                    false => ShownChunk::Converted(converted),
                }
            }
        };
        shown.chunks.push(part);
    }
    shown
}

/// What messages of a signal are; `None` if the plugin does not process it.
pub(super) fn kind_of(signal: Signal, description: &Description) -> Option<Kind> {
    let kind = match signal {
        Signal::Traces => Kind::Traces,
        Signal::Metrics => Kind::Metrics,
        Signal::Logs => Kind::Logs,
        Signal::Skywalking => return None,
    };
    description.signals.contains(&kind.signal()).then_some(kind)
}

/// Checks what a plugin made of `batch`. What is no message of its kind fails the whole batch.
pub(super) fn take(batch: &Batch, done: Done) -> Result<Taken, Failure> {
    let mut tally = Tally {
        took: done.took,
        bytes_in: sum(done.shown.messages.iter().map(|(_, message)| message)),
        ..Tally::default()
    };
    let mut answers = done.answers;
    let mut derived = Vec::new();
    for answer in &mut answers {
        let emitted = std::mem::take(&mut answer.derived);
        tally.bytes_out += sum(emitted.iter().map(|emitted| &emitted.message));
        for emitted in emitted {
            derived.extend(chunk_of(&emitted, 0)?);
        }
        match &answer.main {
            Main::Unchanged => tally.unchanged += 1,
            Main::Replaced(emitted) => {
                tally.replaced += 1;
                tally.bytes_out += sum(emitted.iter().map(|emitted| &emitted.message));
            }
            Main::Refused(_) => tally.refused += 1,
        }
    }
    let is_unchanged = answers.iter().all(|answer| answer.main == Main::Unchanged);
    let fate = match is_unchanged {
        true => Fate::Unchanged,
        false => merge(batch, &done.shown.chunks, answers)?,
    };
    Ok(Taken {
        fate,
        derived,
        tally,
    })
}

fn sum<'a>(messages: impl Iterator<Item = &'a Bytes>) -> u64 {
    messages.map(|message| message.len() as u64).sum()
}

/// The chunks of a batch of which a plugin has changed something.
fn merge(batch: &Batch, shown: &[ShownChunk], answers: Vec<Processed>) -> Result<Fate, Failure> {
    let mut answers = answers.into_iter().map(|answer| answer.main);
    let mut merged = Vec::with_capacity(batch.chunks().len());
    let mut items_before = 0;
    for (chunk, shown) in batch.chunks().iter().zip(shown) {
        let parts: Cow<'_, [Chunk]> = match shown {
            ShownChunk::Hidden => Cow::Borrowed(&[]),
            ShownChunk::Whole => Cow::Borrowed(std::slice::from_ref(chunk)),
            ShownChunk::Converted(parts) => parts.iter().cloned().map(Chunk::Otlp).collect(),
        };
        let start = merged.len();
        let mut is_changed = false;
        let mut items_of_parts = items_before;
        for part in parts.iter() {
            match answers.next().unwrap_or(Main::Unchanged) {
                Main::Unchanged => merged.push(part.clone()),
                Main::Replaced(emitted) => {
                    is_changed = true;
                    for emitted in &emitted {
                        merged.extend(chunk_of(emitted, arrival(chunk))?);
                    }
                }
                Main::Refused(Refused { reason, item }) => {
                    let item = item.map(|item| item.saturating_add(items_of_parts));
                    return Ok(Fate::Refused(reason, item));
                }
            }
            items_of_parts += part.items() as u64;
        }
        if !is_changed {
            // Also a message of SkyWalking that was shown as OTLP leaves as what it came as.
            merged.truncate(start);
            merged.push(chunk.clone());
        }
        items_before += chunk.items() as u64;
    }
    Ok(Fate::Chunks(merged))
}

fn arrival(chunk: &Chunk) -> u64 {
    match chunk {
        Chunk::Otlp(_) => 0,
        Chunk::Native(chunk) => chunk.arrived_unix_ms(),
    }
}

/// What a plugin has made as a chunk, copied; `None` if it holds no item.
pub(super) fn chunk_of(emitted: &Emitted, arrived_unix_ms: u64) -> Result<Option<Chunk>, Failure> {
    let of = |signal| {
        let made = otlp::made(signal, &emitted.message);
        made.map(|chunk| chunk.map(Chunk::Otlp))
    };
    let made = match emitted.kind {
        Kind::Traces => of(Signal::Traces),
        Kind::Metrics => of(Signal::Metrics),
        Kind::Logs => of(Signal::Logs),
        Kind::Segment => {
            let made = skywalking::made(NativeKind::Segment, &emitted.message, arrived_unix_ms);
            made.map(|chunk| (chunk.items() > 0).then_some(Chunk::Native(chunk)))
        }
    };
    made.map_err(|error| unreadable(emitted.kind, &error))
}

fn unreadable(kind: Kind, error: &ReceiveError) -> Failure {
    let message = match kind {
        Kind::Traces => "ResourceSpans",
        Kind::Metrics => "ResourceMetrics",
        Kind::Logs => "ResourceLogs",
        Kind::Segment => "SegmentObject",
    };
    Failure::Broken(format!("it emitted bytes that are no `{message}`: {error}"))
}

/// What goes on of a batch, or the plugin's refusal.
pub(super) fn settle(
    mut batch: Batch,
    taken: Taken,
    processor: &str,
) -> Result<Derivation, Refusal> {
    match taken.fate {
        Fate::Unchanged => {}
        Fate::Chunks(chunks) => *batch.chunks_mut() = chunks,
        Fate::Refused(reason, item) => return Err(refusal(processor, &reason, item)),
    }
    let derived = derived(&batch, taken.derived);
    Ok(Derivation {
        main: (!batch.is_empty()).then_some(batch),
        derived,
    })
}

fn refusal(processor: &str, reason: &str, item: Option<u64>) -> Refusal {
    let reason = match reason {
        "" => "it gives no reason",
        reason => reason,
    };
    Refusal::reject(match item {
        Some(item) => format!("plugin `{processor}` refuses item {item}: {reason}"),
        None => format!("plugin `{processor}` refuses it: {reason}"),
    })
}

/// Chunks of several signals as a batch for each, of the origin of what they were made from.
fn derived(batch: &Batch, chunks: Vec<Chunk>) -> Vec<Batch> {
    by_signal(chunks)
        .map(|(signal, chunks)| Batch::new(signal, chunks, batch.origin().clone()))
        .collect()
}

/// What a plugin has gathered, as a batch for each signal.
pub(super) fn gathered(emitted: &[Emitted]) -> Result<Vec<Batch>, Failure> {
    let mut chunks = Vec::new();
    for emitted in emitted {
        chunks.extend(chunk_of(emitted, 0)?);
    }
    let batches = by_signal(chunks);
    let batches = batches.map(|(signal, chunks)| Batch::new(signal, chunks, Default::default()));
    Ok(batches.collect())
}

fn by_signal(chunks: Vec<Chunk>) -> impl Iterator<Item = (Signal, Vec<Chunk>)> {
    let mut sorted: [Vec<Chunk>; Signal::ALL.len()] = Default::default();
    for chunk in chunks {
        sorted[chunk.signal() as usize].push(chunk);
    }
    let sorted = Signal::ALL.into_iter().zip(sorted);
    sorted.filter(|(_, chunks)| !chunks.is_empty())
}

#[cfg(test)]
mod tests;
