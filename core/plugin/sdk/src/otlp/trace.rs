//! Spans.

use super::{AnyValue, Attributes, InstrumentationScope, Resource};
use crate::wire::{
    Fields, Value, all_len, last_fixed32, last_fixed64, last_len, last_varint, text,
};

/// The spans of one resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourceSpans<'a> {
    message: &'a [u8],
}

impl<'a> ResourceSpans<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        ResourceSpans { message }
    }

    pub fn resource(&self) -> Resource<'a> {
        Resource::of(self.message)
    }

    pub fn scopes(&self) -> impl Iterator<Item = ScopeSpans<'a>> + use<'a> {
        all_len(self.message, 2).map(|message| ScopeSpans { message })
    }

    /// Those of all scopes.
    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + use<'a> {
        self.scopes().flat_map(|scope| scope.spans())
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// The spans of one scope.
#[derive(Clone, Copy, Debug)]
pub struct ScopeSpans<'a> {
    message: &'a [u8],
}

impl<'a> ScopeSpans<'a> {
    pub fn scope(&self) -> InstrumentationScope<'a> {
        InstrumentationScope::of(self.message)
    }

    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + use<'a> {
        all_len(self.message, 2).map(Span::of)
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// One span. Its fields are found once, when the view is made.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    message: &'a [u8],
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a [u8],
    name: &'a [u8],
    start_time: u64,
    end_time: u64,
    status: Status<'a>,
    /// Where the first attribute begins, or the end.
    attributes_at: usize,
    kind: i32,
    flags: u32,
}

impl<'a> Span<'a> {
    #[inline]
    pub fn of(message: &'a [u8]) -> Self {
        let mut span = Span {
            message,
            trace_id: &[],
            span_id: &[],
            parent_span_id: &[],
            trace_state: &[],
            name: &[],
            start_time: 0,
            end_time: 0,
            status: Status::default(),
            attributes_at: message.len(),
            kind: 0,
            flags: 0,
        };
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (1, Value::Len(id)) => span.trace_id = id,
                (2, Value::Len(id)) => span.span_id = id,
                (3, Value::Len(state)) => span.trace_state = state,
                (4, Value::Len(id)) => span.parent_span_id = id,
                (5, Value::Len(name)) => span.name = name,
                (6, Value::Varint(kind)) => span.kind = kind as i32,
                (7, Value::Fixed64(time)) => span.start_time = time,
                (8, Value::Fixed64(time)) => span.end_time = time,
                (9, _) => span.attributes_at = span.attributes_at.min(field.start),
                (15, Value::Len(status)) => span.status.merge(status),
                (16, Value::Fixed32(flags)) => span.flags = flags,
                _ => {}
            }
        }
        span
    }

    /// 16 bytes, or another number where the sender was wrong.
    pub fn trace_id(&self) -> &'a [u8] {
        self.trace_id
    }

    /// 8 bytes, as [`Self::trace_id`].
    pub fn span_id(&self) -> &'a [u8] {
        self.span_id
    }

    /// Empty for a span without a parent.
    pub fn parent_span_id(&self) -> &'a [u8] {
        self.parent_span_id
    }

    pub fn trace_state(&self) -> &'a str {
        text(self.trace_state)
    }

    pub fn name(&self) -> &'a str {
        text(self.name)
    }

    /// `SpanKind`: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub fn kind(&self) -> i32 {
        self.kind
    }

    pub fn start_time_unix_nano(&self) -> u64 {
        self.start_time
    }

    pub fn end_time_unix_nano(&self) -> u64 {
        self.end_time
    }

    pub fn flags(&self) -> u32 {
        self.flags
    }

    pub fn status(&self) -> Status<'a> {
        self.status
    }

    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::from(self.message, self.attributes_at, 9)
    }

    /// The first attribute with this key.
    #[inline]
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        self.attributes().find_value(key)
    }

    pub fn dropped_attributes_count(&self) -> u32 {
        last_varint(self.message, 10).unwrap_or_default() as u32
    }

    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        all_len(self.message, 11).map(|message| Event { message })
    }

    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        all_len(self.message, 13).map(|message| Link { message })
    }
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status<'a> {
    message: &'a [u8],
    code: i32,
}

impl<'a> Status<'a> {
    /// A message in several parts means all of them.
    fn merge(&mut self, part: &'a [u8]) {
        for field in Fields::of(part) {
            match (field.number, field.value) {
                (2, Value::Len(message)) => self.message = message,
                (3, Value::Varint(code)) => self.code = code as i32,
                _ => {}
            }
        }
    }

    /// `StatusCode`: 0 unset, 1 ok, 2 error.
    pub fn code(&self) -> i32 {
        self.code
    }

    pub fn is_error(&self) -> bool {
        self.code == 2
    }

    pub fn message(&self) -> &'a str {
        text(self.message)
    }
}

/// What happened during a span.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    message: &'a [u8],
}

impl<'a> Event<'a> {
    pub fn time_unix_nano(&self) -> u64 {
        last_fixed64(self.message, 1).unwrap_or_default()
    }

    pub fn name(&self) -> &'a str {
        last_len(self.message, 2).map(text).unwrap_or_default()
    }

    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::of(self.message, 3)
    }

    /// The first attribute with this key.
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        self.attributes().find_value(key)
    }
}

/// Another span that this one has to do with.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    message: &'a [u8],
}

impl<'a> Link<'a> {
    pub fn trace_id(&self) -> &'a [u8] {
        last_len(self.message, 1).unwrap_or_default()
    }

    pub fn span_id(&self) -> &'a [u8] {
        last_len(self.message, 2).unwrap_or_default()
    }

    pub fn trace_state(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }

    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::of(self.message, 4)
    }

    pub fn flags(&self) -> u32 {
        last_fixed32(self.message, 6).unwrap_or_default()
    }
}
