//! A batch as a record of the log, and back.
//!
//! ```text
//! payload   OTLP: the chunks' bytes behind each other, a request of the signal
//!           otherwise: an envelope (`pdata::skywalking::envelope`), which needs no table
//!
//! meta      version u8 | parts u8 | arrived, Unix ns u64 | peer | credential
//!           headers: count u16, and so many (name, value)
//!           if parts has 1:  chunks: count u32, and so many (length u32, items u32)
//!           if parts has 2:  why it was given up: reason, message, attempts u32
//! ```
//!
//! Texts are a length u16 and so many bytes; what has none is empty. Numbers are little endian. A
//! record without a table of its chunks is read like a request from the network.

use std::sync::Arc;

use bytes::Bytes;
use pdata::otlp::{InvalidUtf8, receive, restore};
use pdata::skywalking::envelope;
use pdata::{Batch, Budget, Chunk, Origin, Signal};
use queue::{NewRecord, Producer, Ready};

use crate::exporter::queue::DeathReason;

/// OTLP as protobuf.
const CODEC_OTLP: u8 = 1;
/// Chunks of which some are messages of SkyWalking.
const CODEC_ENVELOPE: u8 = 2;
const VERSION: u8 = 1;
const HAS_CHUNKS: u8 = 1;
const HAS_REASON: u8 = 2;
/// A table of chunks that is longer is left out.
const TABLE_BYTES_MAX: usize = 32 << 10;
/// What a destination says is kept up to this length.
const MESSAGE_BYTES_MAX: usize = 1024;

/// The record of a batch; with the reason, if it has been given up.
pub(crate) fn encode(batch: &Batch, reason: Option<&DeathReason>) -> NewRecord {
    let chunks = batch.chunks();
    let (codec, payload) = match otlp(chunks) {
        Some(request) => (CODEC_OTLP, request),
        None => (CODEC_ENVELOPE, envelope::pieces(chunks)),
    };
    let has_table = codec == CODEC_OTLP && chunks.len() * 8 <= TABLE_BYTES_MAX;
    let mut meta = Writer::default();
    meta.0.push(VERSION);
    let parts = [(has_table, HAS_CHUNKS), (reason.is_some(), HAS_REASON)];
    let parts = parts.iter().filter(|(has, _)| *has);
    meta.0.push(parts.fold(0, |all, (_, part)| all | part));
    meta.origin(batch.origin());
    if has_table {
        meta.u32(chunks.len());
        for (chunk, bytes) in chunks.iter().zip(&payload) {
            meta.u32(bytes.len());
            meta.u32(chunk.items());
        }
    }
    if let Some(reason) = reason {
        meta.text(&reason.reason);
        meta.text(cut(&reason.message, MESSAGE_BYTES_MAX));
        meta.u32(reason.attempts as usize);
    }
    let producer = batch.numbered().map(|numbered| Producer {
        id: numbered.producer,
        sequence: numbered.number,
    });
    NewRecord {
        producer: producer.filter(|_| reason.is_none()),
        // The queue's own clock says when.
        enqueued_unix_ms: 0,
        items: batch.items() as u32,
        lane: batch.signal() as u8,
        codec,
        meta: meta.0.into(),
        payload,
    }
}

/// The pieces of a request, if all chunks are OTLP.
fn otlp(chunks: &[Chunk]) -> Option<Vec<Bytes>> {
    let framed = |chunk: &Chunk| match chunk {
        Chunk::Otlp(chunk) => Some(chunk.framed().clone()),
        Chunk::Native(_) => None,
    };
    chunks.iter().map(framed).collect()
}

/// The batch of a record: the one it was made of, as long as that is there. A record that [`encode`]
/// did not make is given back.
pub(crate) fn decode(mut ready: Ready, signal: Signal) -> Result<Batch, Ready> {
    let companion = ready.companion.take();
    let batch = companion.and_then(|companion| companion.downcast::<Batch>().ok());
    match batch {
        Some(batch) => Ok(*batch),
        None => match decode_letter(&ready, signal) {
            Some((batch, _)) => Ok(batch),
            None => Err(ready),
        },
    }
}

/// The same record again.
pub(crate) fn as_it_is(ready: Ready, signal: Signal) -> NewRecord {
    NewRecord {
        producer: None,
        enqueued_unix_ms: ready.enqueued_unix_ms,
        items: ready.items,
        lane: signal as u8,
        codec: ready.codec,
        meta: ready.meta,
        payload: ready.payload,
    }
}

/// The batch of a record that has been given up, and why.
pub(crate) fn decode_letter(ready: &Ready, signal: Signal) -> Option<(Batch, Option<DeathReason>)> {
    let mut meta = Reader(&ready.meta);
    let [version, parts] = meta.take()?;
    if version != VERSION {
        return None;
    }
    let origin = meta.origin()?;
    let table = match parts & HAS_CHUNKS != 0 {
        true => Some(meta.table()?),
        false => None,
    };
    let reason = match parts & HAS_REASON != 0 {
        true => Some(DeathReason {
            reason: meta.text()?.to_owned(),
            message: meta.text()?.to_owned(),
            attempts: meta.u32()?,
        }),
        false => None,
    };
    let chunks = match (ready.codec, table) {
        (CODEC_ENVELOPE, _) => {
            let arrived_unix_ms = origin.arrived_unix_nano / 1_000_000;
            envelope::open(signal, &whole(&ready.payload), arrived_unix_ms)?
        }
        (CODEC_OTLP, Some(table)) => chunks(&ready.payload, signal, &table)?,
        (CODEC_OTLP, None) => {
            let request = Bytes::from(ready.payload.concat());
            let unbounded = Budget::new(usize::MAX);
            let received = receive(signal, request, InvalidUtf8::Repair, &unbounded);
            received.ok()?.chunks
        }
        _ => return None,
    };
    Some((Batch::new(signal, chunks, Arc::new(origin)), reason))
}

fn chunks(payload: &[Bytes], signal: Signal, table: &[(usize, u32)]) -> Option<Vec<Chunk>> {
    let lengths = table.iter().map(|(length, _)| *length);
    let pieces = match payload.iter().map(Bytes::len).eq(lengths) {
        true => payload.to_vec(),
        false => {
            let mut rest = whole(payload);
            let piece = |(length, _): &(usize, u32)| {
                (*length <= rest.len()).then(|| rest.split_to(*length))
            };
            table.iter().map(piece).collect::<Option<_>>()?
        }
    };
    let restored = pieces.into_iter().zip(table);
    restored
        .map(|(framed, (_, items))| restore(signal, framed, *items))
        .collect()
}

fn whole(payload: &[Bytes]) -> Bytes {
    match payload {
        [only] => only.clone(),
        pieces => pieces.concat().into(),
    }
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn origin(&mut self, origin: &Origin) {
        self.0.extend(origin.arrived_unix_nano.to_le_bytes());
        let peer = origin.peer.map(|peer| peer.to_string());
        self.text(peer.as_deref().unwrap_or_default());
        self.text(origin.credential.as_deref().unwrap_or_default());
        self.0.extend((origin.headers.len() as u16).to_le_bytes());
        for (name, value) in origin.headers.iter().take(usize::from(u16::MAX)) {
            self.text(name);
            self.text(value);
        }
    }

    fn text(&mut self, text: &str) {
        let text = cut(text, usize::from(u16::MAX));
        self.0.extend((text.len() as u16).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn u32(&mut self, value: usize) {
        self.0.extend((value as u32).to_le_bytes());
    }
}

/// The text, or as much of its beginning as has no more than `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.take().map(u16::from_le_bytes)?;
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn origin(&mut self) -> Option<Origin> {
        let arrived_unix_nano = self.take().map(u64::from_le_bytes)?;
        let peer = self.text()?.parse().ok();
        let credential = Some(self.text()?).filter(|name| !name.is_empty());
        let count = self.take().map(u16::from_le_bytes)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            headers.push((self.text()?.into(), self.text()?.into()));
        }
        Some(Origin {
            headers,
            peer,
            credential: credential.map(Into::into),
            arrived_unix_nano,
        })
    }

    fn table(&mut self) -> Option<Vec<(usize, u32)>> {
        let count = self.u32()?;
        // No more than there are bytes for, whatever the count says.
        let entries = (0..count).map(|_| Some((self.u32()? as usize, self.u32()?)));
        entries.collect()
    }
}

#[cfg(test)]
mod tests;
