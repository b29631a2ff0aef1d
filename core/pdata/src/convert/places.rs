//! Where spans went: what joins the parts of a trace that are converted at different times.

use std::sync::Arc;

/// The place of an OTLP span in SkyWalking's segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub segment_id: Arc<str>,
    /// The span's number in the segment.
    pub span_id: i32,
    pub service: Arc<str>,
    pub instance: Arc<str>,
    /// The operation by which the process was entered.
    pub endpoint: Arc<str>,
    /// The address that the span called; empty if it called nobody.
    pub peer: Arc<str>,
}

/// A memory of places by trace id and span id. It may forget: a parent that is not found is treated
/// as one that was never seen.
pub trait Places {
    fn find(&self, trace_id: &[u8], span_id: &[u8]) -> Option<Place>;

    fn record(&mut self, trace_id: &[u8], span_id: &[u8], place: Place);
}
