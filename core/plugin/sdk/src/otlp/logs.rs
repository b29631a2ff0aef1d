//! Log records.

use super::{AnyValue, Attributes, InstrumentationScope, Resource};
use crate::wire::{Fields, Value, all_len, last_len, last_varint, text};

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
        self.scopes().flat_map(|scope| scope.log_records())
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

/// One log record. Its fields are found once, when the view is made.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    message: &'a [u8],
    time: u64,
    observed_time: u64,
    severity_text: &'a [u8],
    body: &'a [u8],
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: &'a [u8],
    /// Where the first attribute begins, or the end.
    attributes_at: usize,
    severity_number: i32,
    flags: u32,
}

impl<'a> LogRecord<'a> {
    #[inline]
    pub fn of(message: &'a [u8]) -> Self {
        let mut record = LogRecord {
            message,
            time: 0,
            observed_time: 0,
            severity_text: &[],
            body: &[],
            trace_id: &[],
            span_id: &[],
            event_name: &[],
            attributes_at: message.len(),
            severity_number: 0,
            flags: 0,
        };
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (1, Value::Fixed64(time)) => record.time = time,
                (2, Value::Varint(number)) => record.severity_number = number as i32,
                (3, Value::Len(text)) => record.severity_text = text,
                (5, Value::Len(body)) => record.body = body,
                (6, _) => record.attributes_at = record.attributes_at.min(field.start),
                (8, Value::Fixed32(flags)) => record.flags = flags,
                (9, Value::Len(id)) => record.trace_id = id,
                (10, Value::Len(id)) => record.span_id = id,
                (11, Value::Fixed64(time)) => record.observed_time = time,
                (12, Value::Len(name)) => record.event_name = name,
                _ => {}
            }
        }
        record
    }

    /// 0 if the sender does not know it.
    pub fn time_unix_nano(&self) -> u64 {
        self.time
    }

    pub fn observed_time_unix_nano(&self) -> u64 {
        self.observed_time
    }

    /// `SeverityNumber`: 1 to 4 trace, to 8 debug, to 12 info, to 16 warn, to 20 error, to 24 fatal; 0 unset.
    pub fn severity_number(&self) -> i32 {
        self.severity_number
    }

    pub fn severity_text(&self) -> &'a str {
        text(self.severity_text)
    }

    pub fn body(&self) -> AnyValue<'a> {
        AnyValue::of(self.body)
    }

    pub fn event_name(&self) -> &'a str {
        text(self.event_name)
    }

    /// Empty outside of a trace.
    pub fn trace_id(&self) -> &'a [u8] {
        self.trace_id
    }

    pub fn span_id(&self) -> &'a [u8] {
        self.span_id
    }

    pub fn flags(&self) -> u32 {
        self.flags
    }

    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::from(self.message, self.attributes_at, 6)
    }

    /// The first attribute with this key.
    #[inline]
    pub fn attribute(&self, key: &str) -> Option<AnyValue<'a>> {
        self.attributes().find_value(key)
    }

    pub fn dropped_attributes_count(&self) -> u32 {
        last_varint(self.message, 7).unwrap_or_default() as u32
    }
}
