//! What an edit has asked for, until it is applied to the bytes of one item.

use std::ops::Range;

use super::Splice;
use crate::otlp::{AnyValue, KeyValue};
use crate::wire::{Fields, Value};

/// The changes of one item. The buffers are used again for the next.
#[derive(Default)]
pub(super) struct Changes {
    /// Keys and encoded fields, as the ranges below name them.
    bytes: Vec<u8>,
    attributes: Vec<Attribute>,
    singles: Vec<Single>,
    is_dropped: bool,
}

struct Attribute {
    key: Range<usize>,
    /// The whole field; `None` removes it.
    field: Option<Range<usize>>,
    is_done: bool,
}

/// A field that is there once: a name, or a body.
struct Single {
    number: u32,
    field: Range<usize>,
    is_done: bool,
}

impl Changes {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.attributes.clear();
        self.singles.clear();
        self.is_dropped = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_dropped && self.attributes.is_empty() && self.singles.is_empty()
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped
    }

    pub(super) fn drop_item(&mut self) {
        self.is_dropped = true;
    }

    /// `number` is the field that the item has its attributes in.
    pub(super) fn set_attribute(&mut self, number: u32, key: &str, value: AnyValue<'_>) {
        let key_range = self.put_key(key);
        let start = self.bytes.len();
        KeyValue::put(&mut self.bytes, number, key, value);
        let field = Some(start..self.bytes.len());
        self.push(key_range, field);
    }

    pub(super) fn remove_attribute(&mut self, key: &str) {
        let key = self.put_key(key);
        self.push(key, None);
    }

    /// Replaces the field of this number by what `write` appends, tag included.
    pub(super) fn set_field(&mut self, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.singles.retain(|single| single.number != number);
        self.singles.push(Single {
            number,
            field: start..self.bytes.len(),
            is_done: false,
        });
    }

    fn put_key(&mut self, key: &str) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key.as_bytes());
        start..self.bytes.len()
    }

    /// The last word on a key counts.
    fn push(&mut self, key: Range<usize>, field: Option<Range<usize>>) {
        let bytes = &self.bytes;
        self.attributes
            .retain(|earlier| bytes[earlier.key.clone()] != bytes[key.clone()]);
        self.attributes.push(Attribute {
            key,
            field,
            is_done: false,
        });
    }

    /// Changes what is there. An attribute that is set is there once afterwards, where it stood first.
    pub(super) fn change_present(&mut self, number: u32, item: &[u8], splice: &mut Splice<'_>) {
        let bytes = &self.bytes;
        for field in Fields::of(item) {
            let (new, is_done) = match field.value {
                Value::Len(pair) if field.number == number => {
                    let pair = KeyValue::of(pair);
                    let mut asked = self.attributes.iter_mut();
                    let Some(change) =
                        asked.find(|change| pair.has_raw_key(&bytes[change.key.clone()]))
                    else {
                        continue;
                    };
                    (change.field.clone(), &mut change.is_done)
                }
                _ => {
                    let mut asked = self.singles.iter_mut();
                    let Some(change) = asked.find(|change| change.number == field.number) else {
                        continue;
                    };
                    (Some(change.field.clone()), &mut change.is_done)
                }
            };
            let new = new.filter(|_| !*is_done).map(|new| &bytes[new]);
            *is_done = true;
            if item.get(field.start..field.end) != new {
                splice.replace(field.start, field.end, |out| {
                    out.extend_from_slice(new.unwrap_or_default());
                });
            }
        }
    }

    /// Adds what was not there to the end of `item`.
    pub(super) fn add_missing(&mut self, item: &[u8], splice: &mut Splice<'_>) {
        let attributes = self.attributes.iter().filter(|change| !change.is_done);
        let attributes = attributes.filter_map(|change| change.field.clone());
        let singles = self.singles.iter().filter(|change| !change.is_done);
        for field in singles.map(|single| single.field.clone()).chain(attributes) {
            splice.replace(item.len(), item.len(), |out| {
                out.extend_from_slice(&self.bytes[field]);
            });
        }
    }
}
