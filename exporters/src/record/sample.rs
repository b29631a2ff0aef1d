//! A message of each kind of SkyWalking's agents.

use std::sync::Arc;

use pdata::skywalking::Kind;
use pdata::{Batch, Chunk, NativeChunk, Origin, Signal, json};

/// When all that has a time happened.
pub(crate) const TIME_UNIX_NANO: u64 = 1_795_219_200_000_000_000;

/// One message a line, as the writer writes it; service meshes have two forms.
const LINES: &str = include_str!("sample.jsonl");

/// The kind of each message, and the message as the writer writes it.
pub(crate) fn messages() -> Vec<(Kind, &'static str)> {
    let messages = LINES.lines().map(|line| {
        let message = line.strip_prefix(r#"{"skywalking":[{""#).unwrap();
        let message = message.strip_suffix("}]}").unwrap();
        let (name, text) = message.split_once(r#"":"#).unwrap();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        (kind.unwrap(), text)
    });
    let messages: Vec<_> = messages.collect();
    let has = |kind| messages.iter().any(|(of, _)| *of == kind);
    assert!(Kind::ALL.into_iter().all(has), "a kind is missing");
    messages
}

/// Every message as a chunk.
pub(crate) fn chunks() -> Vec<NativeChunk> {
    let chunks = messages().into_iter().map(|(kind, text)| {
        let read = json::read_message(kind.schema(), text.as_bytes()).unwrap();
        NativeChunk::from_checked(kind, read.wire.into(), 0)
    });
    chunks.collect()
}

/// Every message that `signal` has.
pub(crate) fn batch(signal: Signal) -> Batch {
    let chunks = chunks().into_iter().map(Chunk::Native);
    let chunks = chunks.filter(|chunk| chunk.signal() == signal).collect();
    Batch::new(signal, chunks, Arc::new(Origin::default()))
}
