//! Attributes and their values.

use crate::edit::Splice;
use crate::wire::{
    AllLen, Fields, Places, Value, len_tag, put_fixed64, put_head, put_len, put_number, text,
};

/// Values may nest this deep; deeper ones are left as they are.
const NESTING_MAX: usize = 64;

/// The value of an attribute, or the body of a log record; to look at, and to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyValue<'a> {
    /// No value at all, which is not the same as an empty string.
    Empty,
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(ArrayValue<'a>),
    KeyValues(KeyValueList<'a>),
    Bytes(&'a [u8]),
}

impl<'a> AnyValue<'a> {
    /// Reads an `AnyValue`; the last member set counts.
    pub fn of(message: &'a [u8]) -> Self {
        // As most are: one string and nothing else.
        let mut places = Places::of(message);
        if let Some(place) = places.next()
            && place.tag == len_tag(1)
            && place.end == message.len()
        {
            return AnyValue::String(text(places.len(place)));
        }
        let mut found = AnyValue::Empty;
        for field in Fields::of(message) {
            found = match (field.number, field.value) {
                (1, Value::Len(bytes)) => AnyValue::String(text(bytes)),
                (2, Value::Varint(value)) => AnyValue::Bool(value != 0),
                (3, Value::Varint(value)) => AnyValue::Int(value as i64),
                (4, Value::Fixed64(bits)) => AnyValue::Double(f64::from_bits(bits)),
                (5, Value::Len(message)) => AnyValue::Array(ArrayValue { message }),
                (6, Value::Len(message)) => AnyValue::KeyValues(KeyValueList { message }),
                (7, Value::Len(bytes)) => AnyValue::Bytes(bytes),
                _ => found,
            };
        }
        found
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            AnyValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            AnyValue::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number, whole or not.
    pub fn as_double(&self) -> Option<f64> {
        match *self {
            AnyValue::Double(value) => Some(value),
            AnyValue::Int(value) => Some(value as f64),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            AnyValue::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Gives every string in it, also those in arrays and lists, to `change`, which may return another.
    /// `None` if none was changed. Keys are left alone.
    pub fn change_strings(
        &self,
        mut change: impl FnMut(&str) -> Option<String>,
    ) -> Option<EncodedValue> {
        let mut message = Vec::new();
        self.put(&mut message);
        let mut splice = Splice::new(&message);
        change_strings(&message, &mut splice, &mut change, NESTING_MAX);
        let message = splice.finish()?;
        Some(EncodedValue { message })
    }

    /// Appends the fields of an `AnyValue`.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match *self {
            AnyValue::Empty => {}
            AnyValue::String(text) => put_len(out, 1, text.as_bytes()),
            AnyValue::Bool(value) => put_number(out, 2, u64::from(value)),
            AnyValue::Int(value) => put_number(out, 3, value as u64),
            AnyValue::Double(value) => put_fixed64(out, 4, value.to_bits()),
            AnyValue::Array(array) => put_len(out, 5, array.message),
            AnyValue::KeyValues(list) => put_len(out, 6, list.message),
            AnyValue::Bytes(bytes) => put_len(out, 7, bytes),
        }
    }
}

/// The splice stands in the `AnyValue` that `message` is.
fn change_strings<'a>(
    message: &'a [u8],
    splice: &mut Splice<'a>,
    change: &mut dyn FnMut(&str) -> Option<String>,
    depth: usize,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for field in Fields::of(message) {
        match (field.number, field.value) {
            (1, Value::Len(bytes)) => {
                if let Some(changed) = change(text(bytes)) {
                    let put = |out: &mut Vec<u8>| put_len(out, 1, changed.as_bytes());
                    splice.replace(field.start, field.end, put);
                }
            }
            // The values of an array, and the pairs of a list.
            (number @ (5 | 6), Value::Len(inner)) => {
                splice.enter(field.number, inner, field.start, field.end);
                for element in Fields::of(inner).filter(|element| element.number == 1) {
                    let Value::Len(value) = element.value else {
                        continue;
                    };
                    splice.enter(1, value, element.start, element.end);
                    if number == 5 {
                        change_strings(value, splice, change, depth);
                    } else {
                        change_pair(value, splice, change, depth);
                    }
                    splice.leave();
                }
                splice.leave();
            }
            _ => {}
        }
    }
}

fn change_pair<'a>(
    pair: &'a [u8],
    splice: &mut Splice<'a>,
    change: &mut dyn FnMut(&str) -> Option<String>,
    depth: usize,
) {
    for field in Fields::of(pair).filter(|field| field.number == 2) {
        if let Value::Len(value) = field.value {
            splice.enter(2, value, field.start, field.end);
            change_strings(value, splice, change, depth);
            splice.leave();
        }
    }
}

/// A value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedValue {
    message: Vec<u8>,
}

impl<'a> From<&'a EncodedValue> for AnyValue<'a> {
    fn from(value: &'a EncodedValue) -> Self {
        AnyValue::of(&value.message)
    }
}

impl<'a> From<&'a str> for AnyValue<'a> {
    fn from(text: &'a str) -> Self {
        AnyValue::String(text)
    }
}

impl<'a> From<&'a String> for AnyValue<'a> {
    fn from(text: &'a String) -> Self {
        AnyValue::String(text)
    }
}

impl From<bool> for AnyValue<'_> {
    fn from(value: bool) -> Self {
        AnyValue::Bool(value)
    }
}

impl From<i64> for AnyValue<'_> {
    fn from(value: i64) -> Self {
        AnyValue::Int(value)
    }
}

impl From<i32> for AnyValue<'_> {
    fn from(value: i32) -> Self {
        AnyValue::Int(i64::from(value))
    }
}

impl From<f64> for AnyValue<'_> {
    fn from(value: f64) -> Self {
        AnyValue::Double(value)
    }
}

impl<'a> From<&'a [u8]> for AnyValue<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        AnyValue::Bytes(bytes)
    }
}

/// Values in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayValue<'a> {
    message: &'a [u8],
}

impl<'a> ArrayValue<'a> {
    pub fn values(&self) -> impl Iterator<Item = AnyValue<'a>> + use<'a> {
        crate::wire::all_len(self.message, 1).map(AnyValue::of)
    }
}

/// Values with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyValueList<'a> {
    message: &'a [u8],
}

impl<'a> KeyValueList<'a> {
    pub fn values(&self) -> Attributes<'a> {
        Attributes::of(self.message, 1)
    }
}

/// One attribute, of which no more has been read than where its parts are.
#[derive(Clone, Copy, Debug)]
pub struct KeyValue<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> KeyValue<'a> {
    #[inline(always)]
    pub(crate) fn of(message: &'a [u8]) -> Self {
        // As everybody writes it: the key, then the value, then nothing.
        let mut places = Places::of(message);
        if let Some(key) = places.next()
            && key.tag == len_tag(1)
            && let Some(value) = places.next()
            && value.tag == len_tag(2)
            && value.end == message.len()
        {
            return KeyValue {
                key: places.len(key),
                value: Some(places.len(value)),
            };
        }
        KeyValue::of_any(message)
    }

    #[cold]
    fn of_any(message: &'a [u8]) -> Self {
        let mut found = KeyValue {
            key: &[],
            value: None,
        };
        for field in Fields::of(message) {
            match (field.number, field.value) {
                (1, Value::Len(key)) => found.key = key,
                (2, Value::Len(value)) => found.value = Some(value),
                _ => {}
            }
        }
        found
    }

    pub fn key(&self) -> &'a str {
        text(self.key)
    }

    pub fn value(&self) -> AnyValue<'a> {
        self.value.map_or(AnyValue::Empty, AnyValue::of)
    }

    /// Faster than comparing [`Self::key`], which checks the text first.
    #[inline]
    pub fn has_key(&self, key: &str) -> bool {
        self.key == key.as_bytes()
    }

    #[inline]
    pub(crate) fn has_raw_key(&self, key: &[u8]) -> bool {
        self.key == key
    }

    /// Appends an attribute as a field.
    pub(crate) fn put(out: &mut Vec<u8>, number: u32, key: &str, value: AnyValue<'_>) {
        crate::wire::put_message(out, number, |out| {
            put_len(out, 1, key.as_bytes());
            if let AnyValue::String(text) = value {
                // The common case, with a length that is known.
                put_head(
                    out,
                    2,
                    crate::wire::varint_len(text.len() as u64) + 1 + text.len(),
                );
                value.put(out);
            } else {
                crate::wire::put_message(out, 2, |out| value.put(out));
            }
        });
    }
}

/// Whether a `KeyValue` is as everybody writes it, a short key and then the value, and its key has not this
/// many bytes.
#[inline(always)]
fn has_other_length(pair: &[u8], key: usize) -> bool {
    const KEY: u8 = len_tag(1) as u8;
    const VALUE: u8 = len_tag(2) as u8;
    let [KEY, length @ 0..0x80, rest @ ..] = pair else {
        return false;
    };
    let length = usize::from(*length);
    let Some([VALUE, value]) = rest.get(length..).and_then(<[u8]>::first_chunk) else {
        return false;
    };
    length != key && *value < 0x80 && length + 2 + usize::from(*value) == rest.len()
}

/// The attributes of a message, in order.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    pairs: AllLen<'a>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn of(message: &'a [u8], number: u32) -> Self {
        Attributes::from(message, 0, number)
    }

    /// Those from `at` on, where a field begins, or the end is.
    #[inline]
    pub(crate) fn from(message: &'a [u8], at: usize, number: u32) -> Self {
        let pairs = AllLen::from(message, at, number);
        Attributes { pairs }
    }

    /// The first with this key. No value is read but its own.
    #[inline]
    pub(crate) fn find_value(self, key: &str) -> Option<AnyValue<'a>> {
        let mut pairs = self.pairs;
        loop {
            let pair = pairs.next()?;
            // Most are passed over by the length of their key alone.
            if has_other_length(pair, key.len()) {
                continue;
            }
            let pair = KeyValue::of(pair);
            if pair.has_key(key) {
                return Some(pair.value());
            }
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = KeyValue<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<KeyValue<'a>> {
        self.pairs.next().map(KeyValue::of)
    }
}
