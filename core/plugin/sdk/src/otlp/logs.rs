//! Log records.

use super::{AnyValue, Attributes, Index, InstrumentationScope, Records, Resource};
use crate::wire::{all_len, last_len, text};

const ATTRIBUTES: u32 = 6;

/// The logs of one resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourceLogs<'a> {
    message: &'a [u8],
}

impl<'a> ResourceLogs<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        ResourceLogs { message }
    }

    pub fn resource(&self) -> Resource<'a> {
        Resource::of(self.message)
    }

    pub fn scopes(&self) -> impl Iterator<Item = ScopeLogs<'a>> + use<'a> {
        all_len(self.message, 2).map(|message| ScopeLogs { message })
    }

    /// Those of all scopes.
    pub fn log_records(&self) -> impl Iterator<Item = LogRecord<'a>> + use<'a> {
        Records::of(self.message).map(LogRecord::of)
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// The logs of one scope.
#[derive(Clone, Copy, Debug)]
pub struct ScopeLogs<'a> {
    message: &'a [u8],
}

impl<'a> ScopeLogs<'a> {
    pub fn scope(&self) -> InstrumentationScope<'a> {
        InstrumentationScope::of(self.message)
    }

    pub fn log_records(&self) -> impl Iterator<Item = LogRecord<'a>> + use<'a> {
        all_len(self.message, 2).map(LogRecord::of)
    }

    pub fn schema_url(&self) -> &'a str {
        last_len(self.message, 3).map(text).unwrap_or_default()
    }
}

/// One log record. Where its fields are is found once, when the view is made.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    index: Index<'a, 13>,
}

impl<'a> LogRecord<'a> {
    #[inline]
    pub fn of(message: &'a [u8]) -> Self {
        LogRecord {
            index: Index::of(message, ATTRIBUTES),
        }
    }

    /// 0 if the sender does not know it.
    pub fn time_unix_nano(&self) -> u64 {
        self.index.fixed64(1)
    }

    pub fn observed_time_unix_nano(&self) -> u64 {
        self.index.fixed64(11)
    }

    /// `SeverityNumber`: 1 to 4 trace, to 8 debug, to 12 info, to 16 warn, to 20 error, to 24 fatal; 0 unset.
    #[inline]
    pub fn severity_number(&self) -> i32 {
        self.index.varint(2) as i32
    }

    pub fn severity_text(&self) -> &'a str {
        text(self.index.len(3))
    }

    #[inline]
    pub fn body(&self) -> AnyValue<'a> {
        AnyValue::of(self.index.len(5))
    }

    pub fn event_name(&self) -> &'a str {
        text(self.index.len(12))
    }

    /// Empty outside of a trace.
    pub fn trace_id(&self) -> &'a [u8] {
        self.index.len(9)
    }

    pub fn span_id(&self) -> &'a [u8] {
        self.index.len(10)
    }

    pub fn flags(&self) -> u32 {
        self.index.fixed32(8)
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
        self.index.varint(7) as u32
    }
}
