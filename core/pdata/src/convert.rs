//! Between SkyWalking's messages and OTLP's.
//!
//! What came from SkyWalking keeps everything that OTLP has no place for in attributes named `sw8.*`,
//! so that it comes back as it was. The names are those of the collector's SkyWalking receiver where
//! it has one.

mod any;
pub mod assemble;
mod attributes;
mod decode;
mod encode;
pub mod identity;
pub mod ids;
mod keys;
pub mod log;
pub mod meter;
pub mod places;
pub mod segment;

use crate::skywalking::Kind;
use crate::{NativeChunk, OtlpChunk};

/// Bytes that are not the message that was due, which what passed the check cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the bytes of a `{message}`, found a field that is cut short, of another type or not UTF-8"
)]
pub struct Malformed {
    message: &'static str,
}

/// A segment, a log or a collection of meters as OTLP, by the defaults of each. Nothing comes of a
/// segment without spans and of meters without values, which OTLP cannot say, and of reports.
pub fn to_otlp(message: &NativeChunk) -> Vec<OtlpChunk> {
    let bytes = message.message();
    let converted = match message.kind() {
        Kind::Segment => {
            let spans = segment::to_otlp(bytes, segment::Options::default());
            spans.map(|spans| spans.into_iter().collect())
        }
        Kind::Log => log::to_otlp(bytes, ids::Scheme::default()).map(|log| vec![log]),
        Kind::Meters => meter::to_otlp(bytes),
        _ => Ok(Vec::new()),
    };
    converted.expect("a chunk has passed the check at reception")
}

/// Attributes that carry what OTLP has no place for.
pub(crate) mod sw8 {
    pub(crate) const PREFIX: &str = "sw8.";

    pub(crate) const TRACE_ID: &str = "sw8.trace_id";
    pub(crate) const SEGMENT_ID: &str = "sw8.segment_id";
    pub(crate) const SPAN_ID: &str = "sw8.span_id";
    pub(crate) const PARENT_SPAN_ID: &str = "sw8.parent_span_id";
    /// Of a span's place in its segment.
    pub(crate) const SPAN_INDEX: &str = "sw8.span_index";
    /// A number that no kind of span stands for.
    pub(crate) const SPAN_TYPE: &str = "sw8.span_type";
    /// A name, or the decimal of a number that has none.
    pub(crate) const SPAN_LAYER: &str = "sw8.span_layer";
    pub(crate) const COMPONENT_ID: &str = "sw8.component_id";
    pub(crate) const PEER: &str = "sw8.peer";
    pub(crate) const SKIP_ANALYSIS: &str = "sw8.skip_analysis";
    pub(crate) const IS_SIZE_LIMITED: &str = "sw8.is_size_limited";
    /// All of the tags as `[key, value]`, where attributes cannot hold them.
    pub(crate) const TAGS: &str = "sw8.tags";
    /// The data of a log, likewise.
    pub(crate) const DATA: &str = "sw8.data";
    /// Milliseconds, where nanoseconds of OTLP cannot hold them.
    pub(crate) const START_TIME: &str = "sw8.start_time";
    pub(crate) const END_TIME: &str = "sw8.end_time";
    pub(crate) const TIME: &str = "sw8.time";
    /// Which of the references is the OTLP span's parent.
    pub(crate) const PARENT_REF: &str = "sw8.parent_ref";
    /// Attributes that were made from others: their keys, and the keys that they were made from.
    pub(crate) const DERIVED: &str = "sw8.derived";
    pub(crate) const UNKNOWN_FIELDS: &str = "sw8.unknown_fields";
    pub(crate) const SEGMENT_UNKNOWN_FIELDS: &str = "sw8.segment_unknown_fields";

    /// Of a log's content: `text`, `json`, `yaml` or `none`. On every log that was a `LogData`.
    pub(crate) const LOG_CONTENT: &str = "sw8.log.content";
    pub(crate) const LOG_BODY_TYPE: &str = "sw8.log.body_type";
    pub(crate) const LOG_ENDPOINT: &str = "sw8.log.endpoint";
    pub(crate) const LOG_TRACE_ID: &str = "sw8.log.trace_id";
    pub(crate) const LOG_SEGMENT_ID: &str = "sw8.log.segment_id";
    pub(crate) const LOG_SPAN_ID: &str = "sw8.log.span_id";
    pub(crate) const LOG_TIMESTAMP: &str = "sw8.log.timestamp";
    /// Messages of a `LogData` that have nothing but unknown fields here.
    pub(crate) const LOG_REST: &str = "sw8.log.unknown_fields";

    pub(crate) const PARENT_SEGMENT_ID: &str = "sw8.parent_segment_id";
    pub(crate) const REF_TYPE: &str = "refType";
    pub(crate) const PARENT_SERVICE: &str = "parent.service";
    pub(crate) const PARENT_INSTANCE: &str = "parent.service.instance";
    pub(crate) const PARENT_ENDPOINT: &str = "parent.endpoint";
    pub(crate) const ADDRESS_USED: &str = "network.AddressUsedAtPeer";
}

const SERVICE_NAME: &str = "service.name";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";
const SERVICE_LAYER: &str = "service.layer";

/// Nanoseconds since 1970. `None` for times that OTLP's unsigned 64 bits cannot hold.
pub(crate) fn nanos(millis: i64) -> Option<u64> {
    u64::try_from(millis).ok()?.checked_mul(1_000_000)
}

/// Milliseconds since 1970.
pub(crate) fn millis(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}
