//! A segment with everything that its bytes say, unknown fields included, borrowed from where it
//! was read.

use std::borrow::Cow;

use crate::convert::attributes::Pair;

/// Fields that the protocol's definitions do not know, as they stood, one behind the other.
pub(super) type Unknown = Vec<u8>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Segment<'a> {
    pub(super) trace_id: Cow<'a, str>,
    pub(super) segment_id: Cow<'a, str>,
    pub(super) spans: Vec<Span<'a>>,
    pub(super) service: Cow<'a, str>,
    pub(super) instance: Cow<'a, str>,
    pub(super) is_size_limited: bool,
    pub(super) unknown: Unknown,
}

/// Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Span<'a> {
    pub(super) id: i32,
    pub(super) parent: i32,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) refs: Vec<Reference<'a>>,
    pub(super) operation: Cow<'a, str>,
    pub(super) peer: Cow<'a, str>,
    pub(super) span_type: i32,
    pub(super) layer: i32,
    pub(super) component: i32,
    pub(super) is_error: bool,
    pub(super) tags: Vec<Pair<'a>>,
    pub(super) logs: Vec<Log<'a>>,
    pub(super) skip_analysis: bool,
    pub(super) unknown: Unknown,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reference<'a> {
    pub(super) ref_type: i32,
    pub(super) trace_id: Cow<'a, str>,
    pub(super) segment_id: Cow<'a, str>,
    pub(super) span: i32,
    pub(super) service: Cow<'a, str>,
    pub(super) instance: Cow<'a, str>,
    pub(super) endpoint: Cow<'a, str>,
    pub(super) address_used: Cow<'a, str>,
    pub(super) unknown: Unknown,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Log<'a> {
    pub(super) time: i64,
    pub(super) data: Vec<Pair<'a>>,
    pub(super) unknown: Unknown,
}
