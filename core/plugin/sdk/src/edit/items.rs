//! Edits of spans and log records.

use super::Splice;
use super::attributes::Changes;
use crate::otlp::{AnyValue, LogRecord, Span};
use crate::wire::{Fields, Value, put_len, put_message};

const SPAN_NAME: u32 = 5;
const SPAN_ATTRIBUTES: u32 = 9;
const LOG_BODY: u32 = 5;
const LOG_ATTRIBUTES: u32 = 6;

/// What becomes of one span.
pub struct SpanEdit<'e> {
    changes: &'e mut Changes,
}

impl SpanEdit<'_> {
    /// Gives the attribute this value, or adds it at the end.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) {
        self.changes
            .set_attribute(SPAN_ATTRIBUTES, key, value.into());
    }

    pub fn remove_attribute(&mut self, key: &str) {
        self.changes.remove_attribute(key);
    }

    pub fn set_name(&mut self, name: &str) {
        self.changes
            .set_field(SPAN_NAME, |out| put_len(out, SPAN_NAME, name.as_bytes()));
    }

    pub fn drop_span(&mut self) {
        self.changes.drop_item();
    }
}

/// Edits the spans of a `ResourceSpans`.
pub fn edit_spans(
    message: &[u8],
    mut edit: impl FnMut(&Span<'_>, &mut SpanEdit<'_>),
) -> Option<Vec<u8>> {
    edit_records(message, SPAN_ATTRIBUTES, |span, changes| {
        edit(&Span::of(span), &mut SpanEdit { changes });
    })
}

/// What becomes of one log record.
pub struct LogEdit<'e> {
    changes: &'e mut Changes,
}

impl LogEdit<'_> {
    /// Gives the attribute this value, or adds it at the end.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<AnyValue<'v>>) {
        self.changes
            .set_attribute(LOG_ATTRIBUTES, key, value.into());
    }

    pub fn remove_attribute(&mut self, key: &str) {
        self.changes.remove_attribute(key);
    }

    pub fn set_body<'v>(&mut self, body: impl Into<AnyValue<'v>>) {
        let body = body.into();
        self.changes.set_field(LOG_BODY, |out| {
            put_message(out, LOG_BODY, |out| body.put(out));
        });
    }

    pub fn drop_record(&mut self) {
        self.changes.drop_item();
    }
}

/// Edits the records of a `ResourceLogs`.
pub fn edit_logs(
    message: &[u8],
    mut edit: impl FnMut(&LogRecord<'_>, &mut LogEdit<'_>),
) -> Option<Vec<u8>> {
    edit_records(message, LOG_ATTRIBUTES, |record, changes| {
        edit(&LogRecord::of(record), &mut LogEdit { changes });
    })
}

/// Edits what scopes have in their second field: spans, metrics or log records, which have their attributes
/// in the field `attributes`.
pub(super) fn edit_records(
    message: &[u8],
    attributes: u32,
    mut edit: impl FnMut(&[u8], &mut Changes),
) -> Option<Vec<u8>> {
    let mut changes = Changes::default();
    edit_scopes(message, |record, splice| {
        changes.clear();
        edit(record, &mut changes);
        if !changes.is_empty() && !changes.is_dropped() {
            changes.change_present(attributes, record, splice);
            changes.add_missing(record, splice);
        }
        !changes.is_dropped()
    })
}

/// Shows each record to `edit`, which says whether it stays; the splice stands in it.
pub(super) fn edit_scopes<'a>(
    message: &'a [u8],
    mut edit: impl FnMut(&'a [u8], &mut Splice<'a>) -> bool,
) -> Option<Vec<u8>> {
    let mut splice = Splice::new(message);
    let mut kept_in_all = 0;
    for (scope, start, end) in messages(message, 2) {
        splice.enter(2, scope, start, end);
        let mut kept = 0;
        for (record, start, end) in messages(scope, 2) {
            splice.enter(2, record, start, end);
            if edit(record, &mut splice) {
                kept += 1;
                splice.leave();
            } else {
                splice.remove();
            }
        }
        kept_in_all += kept;
        // One that came without records is left as it came.
        if kept == 0 && splice.is_open() {
            splice.remove();
        } else {
            splice.leave();
        }
    }
    let changed = splice.finish()?;
    Some(if kept_in_all == 0 {
        Vec::new()
    } else {
        changed
    })
}

/// Messages in the fields of this number, and where they stand with their tags.
pub(super) fn messages(message: &[u8], number: u32) -> impl Iterator<Item = (&[u8], usize, usize)> {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(inner) if field.number == number => Some((inner, field.start, field.end)),
        _ => None,
    })
}
