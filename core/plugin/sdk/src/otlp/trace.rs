//! Spans.

use super::{AnyValue, Attributes, Index, InstrumentationScope, Records, Resource};
use crate::wire::{Fields, Value, all_len, last_fixed32, last_fixed64, last_len, text};

const ATTRIBUTES: u32 = 9;

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
        Records::of(self.message).map(Span::of)
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

/// One span. Where its fields are is found once, when the view is made.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    index: Index<'a, 17>,
}

impl<'a> Span<'a> {
    #[inline]
    pub fn of(message: &'a [u8]) -> Self {
        Span {
            index: Index::of(message, ATTRIBUTES),
        }
    }

    /// 16 bytes, or another number where the sender was wrong.
    pub fn trace_id(&self) -> &'a [u8] {
        self.index.len(1)
    }

    /// 8 bytes, as [`Self::trace_id`].
    pub fn span_id(&self) -> &'a [u8] {
        self.index.len(2)
    }

    /// Empty for a span without a parent.
    pub fn parent_span_id(&self) -> &'a [u8] {
        self.index.len(4)
    }

    pub fn trace_state(&self) -> &'a str {
        text(self.index.len(3))
    }

    #[inline]
    pub fn name(&self) -> &'a str {
        text(self.index.len(5))
    }

    /// `SpanKind`: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    #[inline]
    pub fn kind(&self) -> i32 {
        self.index.varint(6) as i32
    }

    #[inline]
    pub fn start_time_unix_nano(&self) -> u64 {
        self.index.fixed64(7)
    }

    #[inline]
    pub fn end_time_unix_nano(&self) -> u64 {
        self.index.fixed64(8)
    }

    pub fn flags(&self) -> u32 {
        self.index.fixed32(16)
    }

    pub fn status(&self) -> Status<'a> {
        let mut status = Status::default();
        // Most have none, and a second look is not needed for that.
        if self.index.has(15) {
            for part in all_len(self.index.message(), 15) {
                status.merge(part);
            }
        }
        status
    }

    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        self.index.attributes()
    }

    /// The first attribute with this key.
    #[inline]
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        self.attributes().find_value(key)
    }

    pub fn dropped_attributes_count(&self) -> u32 {
        self.index.varint(10) as u32
    }

    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        all_len(self.index.message(), 11).map(|message| Event { message })
    }

    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        all_len(self.index.message(), 13).map(|message| Link { message })
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
