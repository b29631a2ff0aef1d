//! Segments from spans that never were segments.
//!
//! A segment is what one process did after it was entered: the tree below a span of kind `SERVER` or
//! `CONSUMER`, or below one whose parent is elsewhere. From its entry, its exits and the reference
//! between them OAP makes the topology; so a reference names the caller's service and the address
//! that the caller used exactly as the caller's own exit has it.
//!
//! Everything here is a function of the spans and the places known before: the same spans give the
//! same ids, so that what is sent again is recognised. Windows and memory are the caller's.

mod component;
mod exchange;
mod forest;
mod peer;
mod reference;
mod span;
mod tags;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};

use self::forest::Forest;
use super::identity::{Defaults, Identity};
use super::ids::hex_text;
use super::places::{Place, Places};
use crate::skywalking::v3::SegmentObject;

/// Spans of one trace that one resource recorded.
#[derive(Clone, Debug, Default)]
pub struct Part<'a> {
    pub resource: Option<&'a Resource>,
    pub spans: Vec<ScopedSpan<'a>>,
}

/// A span and what recorded it.
#[derive(Clone, Copy, Debug)]
pub struct ScopedSpan<'a> {
    pub scope: Option<&'a InstrumentationScope>,
    pub span: &'a Span,
}

/// The spans of a resource-level message, of whatever traces they are.
pub fn spans_of(resource: &ResourceSpans) -> impl Iterator<Item = ScopedSpan<'_>> {
    resource.scope_spans.iter().flat_map(|scope| {
        scope.spans.iter().map(|span| ScopedSpan {
            scope: scope.scope.as_ref(),
            span,
        })
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub defaults: Defaults,
    /// A segment with more spans goes on in another one.
    pub span_limit: NonZeroUsize,
    pub unresolved_parent: UnresolvedParent,
    /// Whether the links of a consumer that was called by nobody else are references. Each counts as
    /// one more call in OAP's metrics.
    pub links_are_references: bool,
}

/// What stands for a caller that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnresolvedParent {
    /// Nothing: OAP shows a user. The parent's id stays in the tag `otlp.parent_span_id`.
    Omit,
    /// A service of this name.
    Placeholder(String),
}

impl Default for Options {
    fn default() -> Self {
        /// The Java agent's default.
        const SPAN_LIMIT: NonZeroUsize = NonZeroUsize::new(300).unwrap();
        Options {
            defaults: Defaults::default(),
            span_limit: SPAN_LIMIT,
            unresolved_parent: UnresolvedParent::Omit,
            links_are_references: false,
        }
    }
}

/// A segment and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    pub segment: SegmentObject,
    /// The index of the part.
    pub part: usize,
    /// Which spans of the part it holds: first those of the segment's spans in their order, then
    /// repetitions of them.
    pub sources: Vec<usize>,
}

/// Makes segments of the parts of one trace. Callers and callees among them are joined with each
/// other and with what `places` knows; the new places are recorded there.
///
/// Every span is in one segment, and every segment has exactly one span with the number 0.
pub fn assemble(parts: &[Part<'_>], places: &mut dyn Places, options: &Options) -> Vec<Assembled> {
    let mut drafts = Vec::new();
    let mut here: HashMap<&[u8], Place> = HashMap::new();
    for (index, part) in parts.iter().enumerate() {
        draft(index, part, options, &mut drafts, &mut here);
    }
    let joiner = reference::Joiner {
        here: &here,
        before: places,
        options,
    };
    let joined = drafts.into_iter().map(|draft| joiner.join(parts, draft));
    let joined: Vec<_> = joined.collect();
    if let Some(first) = parts.iter().find_map(|part| part.spans.first()) {
        for (span_id, place) in here {
            places.record(&first.span.trace_id, span_id, place);
        }
    }
    joined
}

/// A segment without its references.
struct Draft {
    assembled: Assembled,
    /// For each span the place of its parent, if that is in another segment of the same part.
    parents: Vec<Option<Place>>,
    /// Whether it continues a segment that was too long.
    is_continuation: bool,
}

fn draft<'a>(
    index: usize,
    part: &Part<'a>,
    options: &Options,
    drafts: &mut Vec<Draft>,
    here: &mut HashMap<&'a [u8], Place>,
) {
    let Identity { service, instance } = Identity::of(part.resource, &options.defaults);
    let (service, instance) = (Arc::<str>::from(service), Arc::<str>::from(instance));
    let forest = Forest::of(&part.spans, options.span_limit);
    let mut made: Vec<Option<Place>> = vec![None; part.spans.len()];
    let start = drafts.len();
    for piece in &forest.pieces {
        let first = part.spans[piece.sources[0]].span;
        let entry = span::operation(part.spans[piece.entry].span);
        let segment_id = segment_id(first, piece.sources[0]);
        let spans = piece.sources.iter().zip(0..).map(|(source, number)| {
            let parent = forest.parent_in_piece(*source);
            span::convert(part.spans[*source], number, parent)
        });
        let segment = SegmentObject {
            trace_id: hex_text(&first.trace_id),
            trace_segment_id: segment_id.clone(),
            spans: spans.collect(),
            service: service.to_string(),
            service_instance: instance.to_string(),
            is_size_limited: piece.is_limited,
        };
        let shared = Place {
            segment_id: segment_id.into(),
            span_id: 0,
            service: Arc::clone(&service),
            instance: Arc::clone(&instance),
            endpoint: entry.into(),
            peer: "".into(),
        };
        for (source, span) in piece.sources.iter().zip(&segment.spans) {
            let mut place = shared.clone();
            place.span_id = span.span_id;
            if !span.peer.is_empty() {
                place.peer = (&*span.peer).into();
            }
            let span_id = &*part.spans[*source].span.span_id;
            if !span_id.is_empty() {
                here.entry(span_id).or_insert_with(|| place.clone());
            }
            made[*source] = Some(place);
        }
        let mut sources = piece.sources.clone();
        sources.extend(forest.repetitions(piece));
        drafts.push(Draft {
            assembled: Assembled {
                segment,
                part: index,
                sources,
            },
            parents: Vec::new(),
            is_continuation: piece.is_continuation,
        });
    }
    for (piece, draft) in forest.pieces.iter().zip(&mut drafts[start..]) {
        let outside = |source: &usize| match forest.parent_in_piece(*source) {
            Some(_) => None,
            None => forest.parents[*source].and_then(|parent| made[parent].clone()),
        };
        draft.parents = piece.sources.iter().map(outside).collect();
    }
}

/// The same for the same span, whenever it comes.
fn segment_id(first: &Span, source: usize) -> String {
    let trace_id = hex_text(&first.trace_id);
    match first.span_id.is_empty() {
        false => format!("{trace_id}.{}", hex_text(&first.span_id)),
        // Not a span by OTLP's rules, but one that somebody sent.
        true => format!("{trace_id}.{source}"),
    }
}

#[cfg(test)]
mod tests;
