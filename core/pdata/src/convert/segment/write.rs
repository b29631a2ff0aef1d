//! A [`Segment`] to the bytes of a `SegmentObject`: fields ascending, defaults left out, what is
//! unknown at the end of its message.

use super::model::{Log, Reference, Segment, Span};
use crate::convert::encode::{flag, integer, nested, text};

pub(super) fn segment(segment: &Segment<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 256 * segment.spans.len());
    text(&mut out, 1, &segment.trace_id);
    text(&mut out, 2, &segment.segment_id);
    for it in &segment.spans {
        nested(&mut out, 3, |out| span(out, it));
    }
    text(&mut out, 4, &segment.service);
    text(&mut out, 5, &segment.instance);
    flag(&mut out, 6, segment.is_size_limited);
    out.extend_from_slice(&segment.unknown);
    out
}

fn span(out: &mut Vec<u8>, span: &Span<'_>) {
    integer(out, 1, span.id.into());
    integer(out, 2, span.parent.into());
    integer(out, 3, span.start);
    integer(out, 4, span.end);
    for it in &span.refs {
        nested(out, 5, |out| reference(out, it));
    }
    text(out, 6, &span.operation);
    text(out, 7, &span.peer);
    integer(out, 8, span.span_type.into());
    integer(out, 9, span.layer.into());
    integer(out, 10, span.component.into());
    flag(out, 11, span.is_error);
    for tag in &span.tags {
        nested(out, 12, |out| tag.put(out));
    }
    for it in &span.logs {
        nested(out, 13, |out| log(out, it));
    }
    flag(out, 14, span.skip_analysis);
    out.extend_from_slice(&span.unknown);
}

fn reference(out: &mut Vec<u8>, reference: &Reference<'_>) {
    integer(out, 1, reference.ref_type.into());
    text(out, 2, &reference.trace_id);
    text(out, 3, &reference.segment_id);
    integer(out, 4, reference.span.into());
    text(out, 5, &reference.service);
    text(out, 6, &reference.instance);
    text(out, 7, &reference.endpoint);
    text(out, 8, &reference.address_used);
    out.extend_from_slice(&reference.unknown);
}

fn log(out: &mut Vec<u8>, log: &Log<'_>) {
    integer(out, 1, log.time);
    for pair in &log.data {
        nested(out, 2, |out| pair.put(out));
    }
    out.extend_from_slice(&log.unknown);
}
