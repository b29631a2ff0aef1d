//! Segments as OTLP spans, and back without loss.
//!
//! A span of a segment becomes a span with its tags as attributes, its logs as events and its
//! references as links. What OTLP has no place for is in attributes named `sw8.*`, so that
//! [`restore()`] makes the segment again, byte for byte if it was encoded canonically (fields
//! ascending, defaults left out). The one thing without an OTLP form is a segment without spans.

mod forward;
mod model;
mod read;
mod reverse;
mod semantics;
mod write;

pub use forward::to_otlp;
pub use reverse::{MissingFirst, Restored, is_restorable, restore};

use super::ids::Scheme;

/// How a segment becomes spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    pub semconv: Semconv,
    pub ids: Scheme,
}

/// Whether tags that OpenTelemetry has names for get them: `http.method` is `http.request.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Semconv {
    /// Tags as they are.
    None,
    /// Beside the tags.
    #[default]
    Add,
    /// In place of the tags where nothing is lost by it, otherwise beside them.
    Replace,
}

/// What the bytes of a segment are after reading and writing: fields ascending, defaults left out,
/// what is unknown at the end of its message.
///
/// # Errors
///
/// `segment` is no `SegmentObject`.
pub fn canonical(segment: &[u8]) -> Result<Vec<u8>, super::Malformed> {
    super::decode::read(segment).map(|segment| write::segment(&segment))
}

const SPAN_TYPE_ENTRY: i32 = 0;
const SPAN_TYPE_EXIT: i32 = 1;
const SPAN_TYPE_LOCAL: i32 = 2;
const SPAN_LAYER_MQ: i32 = 4;

#[cfg(test)]
mod tests;
