//! What is there of a trace, as segments.

use std::collections::HashMap;

use bytes::Bytes;
use opentelemetry_proto::tonic::trace::v1::Span;
use pdata::Chunk;
use pdata::convert::assemble::{self, Options, ScopedSpan};
use pdata::convert::identity::Identity;
use pdata::convert::places::Places;
use pdata::convert::segment::{MissingFirst, is_restorable, restore};
use pdata::skywalking::{Kind, NativeChunk};
use prost::Message;

use super::Part;

/// The segments of one trace. Spans that were segments once are made those again, and the others join
/// by who called whom.
pub(super) fn segments(parts: &[Part], places: &mut dyn Places, options: &Options) -> Vec<Chunk> {
    let arrived = parts
        .first()
        .map_or(0, |part| part.source.origin.arrived_unix_nano);
    let chunk = |segment: Vec<u8>| {
        let message = Bytes::from(segment);
        let arrived_unix_ms = arrived / 1_000_000;
        Chunk::Native(NativeChunk::from_checked(
            Kind::Segment,
            message,
            arrived_unix_ms,
        ))
    };
    let spans: Vec<Vec<Span>> = parts
        .iter()
        .map(|part| {
            part.spans
                .iter()
                .map(|pick| part.source.span(pick))
                .collect()
        })
        .collect();
    let mut chunks = Vec::new();
    let mut own: Vec<assemble::Part<'_>> = Vec::new();
    let mut senders: HashMap<Identity, usize> = HashMap::new();
    for (part, spans) in parts.iter().zip(&spans) {
        let resource = part.source.resource();
        let restored = restore(resource, spans, MissingFirst::Renumber);
        chunks.extend(restored.into_iter().map(|restored| chunk(restored.segment)));
        let others = part.spans.iter().zip(spans);
        let mut others = others.filter(|(_, span)| !is_restorable(span)).peekable();
        if others.peek().is_none() {
            continue;
        }
        let identity = Identity::of(resource, &options.defaults);
        let index = *senders.entry(identity).or_insert_with(|| {
            own.push(assemble::Part {
                resource,
                spans: Vec::new(),
            });
            own.len() - 1
        });
        own[index]
            .spans
            .extend(others.map(|(pick, span)| ScopedSpan {
                scope: part.source.scope(pick),
                span,
            }));
    }
    let assembled = assemble::assemble(&own, places, options);
    chunks.extend(
        assembled
            .into_iter()
            .map(|assembled| chunk(assembled.segment.encode_to_vec())),
    );
    chunks
}
