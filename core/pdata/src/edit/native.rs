//! Changing tags, components and texts in the bytes of native messages.

use super::{each, sized};
use crate::NativeChunk;
use crate::skywalking::Kind;
use crate::skywalking::view::SpanView;
use crate::wire::{Fields, Value, put_field, put_varint, varint_len};

const SEGMENT_SPANS: u32 = 3;
const SPAN_COMPONENT: u32 = 10;
const SPAN_TAGS: u32 = 12;
const LOG_TAGS: u32 = 7;
const LOG_TAG: u32 = 1;

/// What to change of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpanEdit<'e> {
    /// The component from now on.
    pub component: Option<i32>,
    /// A tag's key and its value from now on. The tag is added if it is not there; where it is there
    /// more than once, all of them get the value.
    pub tag: Option<(&'e str, &'e str)>,
}

impl NativeChunk {
    /// The segment with its spans edited as `edit_of` says of each, by its index; everything else stays
    /// the bytes it is. Any other message stays as it is.
    #[must_use]
    pub fn edit_spans<'e>(
        &self,
        mut edit_of: impl FnMut(usize, &SpanView<'_>) -> SpanEdit<'e>,
    ) -> NativeChunk {
        if self.kind() != Kind::Segment {
            return self.clone();
        }
        let mut out = Vec::with_capacity(self.message().len() + ROOM_PER_SPAN);
        let mut index = 0;
        for field in Fields::of(self.message()) {
            match field.value {
                Value::Len(span) if field.number == SEGMENT_SPANS => {
                    let edit = edit_of(index, &SpanView::of(span));
                    index += 1;
                    if edit == SpanEdit::default() {
                        out.extend_from_slice(field.raw);
                        continue;
                    }
                    put_varint(&mut out, u64::from(SEGMENT_SPANS) << 3 | 2);
                    sized(&mut out, span.len(), |out| edit_span(span, &edit, out));
                }
                _ => out.extend_from_slice(field.raw),
            }
        }
        self.with_message(out)
    }

    /// The log with this tag, added if it is not there; where it is there more than once, all of them get
    /// the value. Any other message stays as it is.
    #[must_use]
    pub fn with_log_tag(&self, key: &str, value: &str) -> NativeChunk {
        if self.kind() != Kind::Log {
            return self.clone();
        }
        let mut out = Vec::with_capacity(self.message().len() + ROOM_PER_SPAN);
        let mut is_there = false;
        for field in Fields::of(self.message()) {
            match field.value {
                Value::Len(tags) if field.number == LOG_TAGS => {
                    put_varint(&mut out, u64::from(LOG_TAGS) << 3 | 2);
                    sized(&mut out, tags.len(), |out| {
                        is_there |= replace(tags, LOG_TAG, (key, value), out);
                    });
                }
                _ => out.extend_from_slice(field.raw),
            }
        }
        if !is_there {
            // Protobuf joins the lists of a message that comes in parts.
            put_varint(&mut out, u64::from(LOG_TAGS) << 3 | 2);
            sized(&mut out, key.len() + value.len() + PAIR_HEADS, |out| {
                put_pair(LOG_TAG, (key, value), out);
            });
        }
        self.with_message(out)
    }

    /// The message with this text in the field of this number, which holds text.
    #[must_use]
    pub fn with_text(&self, number: u32, text: &str) -> NativeChunk {
        let mut out = Vec::with_capacity(self.message().len() + text.len() + PAIR_HEADS);
        let others = Fields::of(self.message()).filter(|field| field.number != number);
        for field in others {
            out.extend_from_slice(field.raw);
        }
        put_field(&mut out, number, text.as_bytes());
        self.with_message(out)
    }
}

/// Bytes that a span is expected to grow by.
const ROOM_PER_SPAN: usize = 48;
/// Bytes of tags and lengths around a short key and value.
const PAIR_HEADS: usize = 6;

fn edit_span(span: &[u8], edit: &SpanEdit<'_>, out: &mut Vec<u8>) {
    let mut without_component = Vec::new();
    let span = match edit.component {
        None => span,
        Some(_) => {
            let others = Fields::of(span).filter(|field| field.number != SPAN_COMPONENT);
            others.for_each(|field| without_component.extend_from_slice(field.raw));
            &without_component
        }
    };
    match edit.tag {
        None => out.extend_from_slice(span),
        Some(tag) => {
            if !replace(span, SPAN_TAGS, tag, out) {
                put_pair(SPAN_TAGS, tag, out);
            }
        }
    }
    if let Some(component) = edit.component {
        put_varint(out, u64::from(SPAN_COMPONENT) << 3);
        // Negative numbers take all 64 bits on the wire.
        put_varint(out, i64::from(component) as u64);
    }
}

/// Copies `message` and gives the pairs in field `number` that have the key this value; whether there
/// was one.
fn replace(message: &[u8], number: u32, (key, value): (&str, &str), out: &mut Vec<u8>) -> bool {
    let mut is_there = false;
    each(message, number, out, |found, pair, out| {
        if found != key.as_bytes() {
            return true;
        }
        is_there = true;
        put_varint(out, u64::from(number) << 3 | 2);
        sized(out, pair.len(), |out| {
            let others = Fields::of(pair).filter(|field| field.number != 2);
            others.for_each(|field| out.extend_from_slice(field.raw));
            put_field(out, 2, value.as_bytes());
        });
        false
    });
    is_there
}

fn put_pair(number: u32, (key, value): (&str, &str), out: &mut Vec<u8>) {
    put_varint(out, u64::from(number) << 3 | 2);
    let length = [key, value].map(|text| 1 + varint_len(text.len() as u64) + text.len());
    put_varint(out, length.iter().sum::<usize>() as u64);
    put_field(out, 1, key.as_bytes());
    put_field(out, 2, value.as_bytes());
}

#[cfg(test)]
mod tests;
