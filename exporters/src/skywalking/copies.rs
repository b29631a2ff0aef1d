//! Spans of OTLP that were sent as they are, and come again.
//!
//! A backend counts a span for each time that it gets it, and some of its storages lose the neighbours
//! of the copy. Clients send a request again whose answer they have not seen.

use bytes::Bytes;
use pdata::wire::{Fields, Value};
use pdata::{Decoded, OtlpChunk};

use super::window::{Claim, Id, Window};

/// `ResourceSpans` and `ScopeSpans`: 2 what is in them. `Span`: 1 the trace's id, 2 its own, 6 its kind.
const CONTENT: u32 = 2;
const TRACE_ID: u32 = 1;
const SPAN_ID: u32 = 2;
const KIND: u32 = 6;

const SERVICE: &str = "service.name";

/// What is left of a chunk without its copies.
pub(super) struct Left {
    /// `None` if all of it are copies.
    pub(super) request: Option<Bytes>,
    /// Of the spans that are left and have one.
    pub(super) ids: Vec<Id>,
    /// Spans that are left out.
    pub(super) copies: usize,
}

/// Claims the spans of a chunk. One without copies stays the same bytes.
pub(super) fn leave_out(chunk: &OtlpChunk, window: &Window) -> Left {
    let service = chunk.resource_attribute(SERVICE);
    let service = service.and_then(|service| service.as_str());
    let mut ids = Vec::with_capacity(chunk.items());
    let mut is_copy = Vec::with_capacity(chunk.items());
    for span in contents(chunk.body()).flat_map(contents) {
        let claim = identity(span).map(|identity| window.claim((identity, service)));
        is_copy.push(claim == Some(Claim::Copy));
        if let Some(Claim::Send(id)) = claim {
            ids.push(id);
        }
    }
    let copies = is_copy.iter().filter(|is_copy| **is_copy).count();
    let request = match copies {
        0 => Some(chunk.framed().clone()),
        all if all == is_copy.len() => None,
        _ => Some(without(chunk, &is_copy)),
    };
    Left {
        request,
        ids,
        copies,
    }
}

/// What tells a span from others of its service: both sides of a call may share one id, as Zipkin's
/// clients have it. `None` if it has no id.
fn identity(span: &[u8]) -> Option<(&[u8], &[u8], u64)> {
    let (mut trace_id, mut span_id, mut kind) = (&[][..], &[][..], 0);
    for field in Fields::of(span) {
        match (field.number, field.value) {
            (TRACE_ID, Value::Len(id)) => trace_id = id,
            (SPAN_ID, Value::Len(id)) => span_id = id,
            (KIND, Value::Varint(number)) => kind = number,
            _ => {}
        }
    }
    (!trace_id.is_empty() && !span_id.is_empty()).then_some((trace_id, span_id, kind))
}

fn without(chunk: &OtlpChunk, is_copy: &[bool]) -> Bytes {
    let mut left = chunk.clone();
    if let Decoded::Traces(spans) = left.decoded_mut() {
        let mut is_copy = is_copy.iter();
        for scope in &mut spans.scope_spans {
            scope.spans.retain(|_| is_copy.next() != Some(&true));
        }
        spans.scope_spans.retain(|scope| !scope.spans.is_empty());
    }
    left.framed().clone()
}

fn contents(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter_map(|field| match field.value {
        Value::Len(content) if field.number == CONTENT => Some(content),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
