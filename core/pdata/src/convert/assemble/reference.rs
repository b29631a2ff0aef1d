//! What joins a segment with its callers.

use std::collections::HashMap;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::forest::is_entry;
use super::{Assembled, Draft, Options, Part, UnresolvedParent};
use crate::convert::ids::hex_text;
use crate::convert::places::{Place, Places};
use crate::skywalking::v3::{
    KeyStringValuePair, RefType, SegmentObject, SegmentReference, SpanLayer, SpanObject,
};

pub(super) struct Joiner<'j> {
    /// By span id: what is converted together.
    pub(super) here: &'j HashMap<&'j [u8], Place>,
    pub(super) before: &'j dyn Places,
    pub(super) options: &'j Options,
}

impl Joiner<'_> {
    /// Gives the spans whose parents are in other segments their references.
    pub(super) fn join(&self, parts: &[Part<'_>], draft: Draft) -> Assembled {
        let Draft {
            mut assembled,
            parents,
            is_continuation,
        } = draft;
        let spans = &parts[assembled.part].spans;
        for (index, parent) in parents.into_iter().enumerate() {
            if assembled.segment.spans[index].parent_span_id >= 0 {
                continue;
            }
            let span = spans[assembled.sources[index]].span;
            match parent {
                Some(parent) => {
                    let within = is_continuation || !is_entry(span.kind());
                    let ref_type = if within {
                        RefType::CrossThread
                    } else {
                        RefType::CrossProcess
                    };
                    refer(
                        &mut assembled.segment,
                        index,
                        &hex_text(&span.trace_id),
                        ref_type,
                        &parent,
                    );
                }
                None => self.join_elsewhere(&mut assembled.segment, index, span),
            }
        }
        assembled
    }

    /// Refers to a parent that is not in the same part, or to what the span has instead of one.
    fn join_elsewhere(&self, segment: &mut SegmentObject, index: usize, span: &Span) {
        let trace_id = hex_text(&span.trace_id);
        if has_parent(span) {
            let here = self.here.get(&*span.parent_span_id).cloned();
            let known = here.or_else(|| self.before.find(&span.trace_id, &span.parent_span_id));
            match known.filter(|parent| !is_in(parent, segment)) {
                Some(parent) => {
                    let is_same = *parent.service == *segment.service
                        && *parent.instance == *segment.service_instance;
                    if is_same && !is_entry(span.kind()) {
                        refer(segment, index, &trace_id, RefType::CrossThread, &parent);
                        tag(&mut segment.spans[index], "sidecar.late", "true");
                    } else {
                        refer(segment, index, &trace_id, RefType::CrossProcess, &parent);
                    }
                }
                None => self.unresolved(segment, index, span),
            }
        } else if self.options.links_are_references && span.kind() == SpanKind::Consumer {
            for link in &span.links {
                let found = self.before.find(&link.trace_id, &link.span_id);
                let here = || self.here.get(&*link.span_id).cloned();
                let is_here = link.trace_id == span.trace_id;
                if let Some(parent) = found.or_else(|| here().filter(|_| is_here)) {
                    let trace_id = hex_text(&link.trace_id);
                    refer(segment, index, &trace_id, RefType::CrossProcess, &parent);
                }
            }
        }
    }

    fn unresolved(&self, segment: &mut SegmentObject, index: usize, span: &Span) {
        let parent = hex_text(&span.parent_span_id);
        let trace_id = hex_text(&span.trace_id);
        match &self.options.unresolved_parent {
            UnresolvedParent::Placeholder(name) if is_entry(span.kind()) && !name.is_empty() => {
                let place = Place {
                    segment_id: format!("{trace_id}.{parent}").into(),
                    span_id: 0,
                    service: (&**name).into(),
                    instance: (&**name).into(),
                    endpoint: (&**name).into(),
                    peer: "".into(),
                };
                refer(segment, index, &trace_id, RefType::CrossProcess, &place);
            }
            _ => {}
        }
        tag(&mut segment.spans[index], "otlp.parent_span_id", &parent);
    }
}

fn has_parent(span: &Span) -> bool {
    span.parent_span_id.iter().any(|byte| *byte != 0)
}

/// Whether a place is in this segment: a ring of parents leads to itself.
fn is_in(place: &Place, segment: &SegmentObject) -> bool {
    *place.segment_id == *segment.trace_segment_id
}

fn refer(
    segment: &mut SegmentObject,
    index: usize,
    trace_id: &str,
    ref_type: RefType,
    parent: &Place,
) {
    let span = &mut segment.spans[index];
    // OAP takes the address for the caller of whoever receives a message.
    let needs_address = span.span_layer == SpanLayer::Mq as i32;
    let address = match needs_address && parent.peer.is_empty() {
        true => span.peer.clone(),
        false => parent.peer.to_string(),
    };
    span.refs.push(SegmentReference {
        ref_type: ref_type.into(),
        trace_id: trace_id.to_owned(),
        parent_trace_segment_id: parent.segment_id.to_string(),
        parent_span_id: parent.span_id,
        parent_service: parent.service.to_string(),
        parent_service_instance: parent.instance.to_string(),
        parent_endpoint: parent.endpoint.to_string(),
        network_address_used_at_peer: address,
    });
}

/// Adds a tag unless its key is there.
fn tag(span: &mut SpanObject, key: &str, value: &str) {
    if span.tags.iter().all(|tag| tag.key != key) {
        span.tags.push(KeyStringValuePair {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }
}
