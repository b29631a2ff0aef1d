//! Protobuf's wire format: what views and edits are built from.
//!
//! Source: the protocol buffers encoding specification. Every function takes any bytes: what is behind the
//! first fault of a message is not there. Nothing here allocates but what says `put`.

/// Groups within groups may go this deep; nobody has written one on purpose for years.
const GROUPS_MAX: u32 = 100;
/// Bytes of the longest varint.
const VARINT_MAX: usize = 10;

/// Reads a varint at `at`; returns the value and the offset behind it.
#[inline]
pub fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    match *bytes.get(at)? {
        byte @ 0..=0x7F => Some((u64::from(byte), at + 1)),
        _ => long_varint(bytes, at),
    }
}

fn long_varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, &byte) in bytes.get(at..)?.iter().take(VARINT_MAX).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            // Of the tenth byte only the lowest bit has room.
            let fits = index < VARINT_MAX - 1 || byte < 2;
            return fits.then_some((value, at + index + 1));
        }
    }
    None
}

/// Bytes a varint of this value takes.
pub const fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// The value of a `sint32` or `sint64`.
pub fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// One field of a message, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// Offsets in the message, tag included.
    pub start: usize,
    pub end: usize,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, a message, or numbers that are packed.
    Len(&'a [u8]),
    /// A deprecated group, of which only the bytes matter.
    Group,
}

/// The fields of a message in the order in which they stand.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields { message, at: 0 }
    }

    /// Those from `at` on, which is where a field begins.
    pub(crate) fn from(message: &'a [u8], at: usize) -> Self {
        Fields { message, at }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.at;
        let (tag, at) = varint(self.message, start)?;
        let read = value(self.message, at, tag & 7);
        let number = u32::try_from(tag).unwrap_or(0) >> 3;
        let Some((value, end)) = read.filter(|_| number != 0) else {
            self.at = usize::MAX;
            return None;
        };
        self.at = end;
        Some(Field {
            number,
            value,
            start,
            end,
        })
    }
}

#[inline]
fn value(bytes: &[u8], at: usize, wire_type: u64) -> Option<(Value<'_>, usize)> {
    Some(match wire_type {
        0 => {
            let (value, end) = varint(bytes, at)?;
            (Value::Varint(value), end)
        }
        1 => {
            let fixed = bytes.get(at..)?.first_chunk()?;
            (Value::Fixed64(u64::from_le_bytes(*fixed)), at + 8)
        }
        2 => {
            let (length, start) = varint(bytes, at)?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (Value::Len(bytes.get(start..end)?), end)
        }
        3 => (Value::Group, group_end(bytes, at)?),
        5 => {
            let fixed = bytes.get(at..)?.first_chunk()?;
            (Value::Fixed32(u32::from_le_bytes(*fixed)), at + 4)
        }
        _ => return None,
    })
}

#[cold]
fn group_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 1;
    while open > 0 {
        let (tag, after) = varint(bytes, at)?;
        at = after;
        match tag & 7 {
            3 if open == GROUPS_MAX => return None,
            3 => open += 1,
            4 => open -= 1,
            wire_type => (_, at) = value(bytes, at, wire_type)?,
        }
    }
    Some(at)
}

/// All texts, bytes or messages in the fields of this number.
pub fn all_len<'a>(message: &'a [u8], number: u32) -> impl Iterator<Item = &'a [u8]> + Clone {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(bytes) if field.number == number => Some(bytes),
        _ => None,
    })
}

/// The text, bytes or message in the field of this number; of several the last.
pub fn last_len(message: &[u8], number: u32) -> Option<&[u8]> {
    all_len(message, number).last()
}

/// The number in the field of this number, as [`last_len`].
pub fn last_varint(message: &[u8], number: u32) -> Option<u64> {
    last(message, number, |value| match value {
        Value::Varint(value) => Some(value),
        _ => None,
    })
}

/// As [`last_varint`].
pub fn last_fixed64(message: &[u8], number: u32) -> Option<u64> {
    last(message, number, |value| match value {
        Value::Fixed64(value) => Some(value),
        _ => None,
    })
}

/// As [`last_varint`].
pub fn last_fixed32(message: &[u8], number: u32) -> Option<u32> {
    last(message, number, |value| match value {
        Value::Fixed32(value) => Some(value),
        _ => None,
    })
}

fn last<T>(message: &[u8], number: u32, read: impl Fn(Value<'_>) -> Option<T>) -> Option<T> {
    let fields = Fields::of(message).filter(|field| field.number == number);
    fields.filter_map(|field| read(field.value)).last()
}

/// Repeated `fixed64`, `sfixed64` or `double`, packed or not.
pub fn all_fixed64<'a>(message: &'a [u8], number: u32) -> impl Iterator<Item = u64> + use<'a> {
    let parts = Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(packed) if field.number == number => Some(packed),
        Value::Fixed64(_) if field.number == number => message.get(field.end - 8..field.end),
        _ => None,
    });
    parts.flat_map(|part| {
        let (words, _) = part.as_chunks();
        words.iter().map(|word| u64::from_le_bytes(*word))
    })
}

/// Repeated varints, packed or not.
pub fn all_varints<'a>(message: &'a [u8], number: u32) -> impl Iterator<Item = u64> + use<'a> {
    let parts = Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(packed) if field.number == number => Some(packed),
        Value::Varint(_) if field.number == number => {
            let (_, at) = varint(message, field.start)?;
            message.get(at..field.end)
        }
        _ => None,
    });
    parts.flat_map(|part| {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (value, end) = varint(part, at)?;
            at = end;
            Some(value)
        })
    })
}

/// Text, or nothing where it is no UTF-8, which the host has seen to.
#[inline]
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Appends `value` as a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends the tag and length of a length-delimited field.
#[inline]
pub fn put_head(out: &mut Vec<u8>, number: u32, length: usize) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, length as u64);
}

/// Appends a length-delimited field.
#[inline]
pub fn put_len(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_head(out, number, content.len());
    out.extend_from_slice(content);
}

/// Appends a length-delimited field of what `write` appends.
pub fn put_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_varint(out, u64::from(number) << 3 | 2);
    let at = out.len();
    out.push(0);
    write(out);
    set_length(out, at, 1);
}

/// Writes the length of everything behind the `room` bytes at `at` into them; where it takes another number
/// of bytes, what is behind moves.
pub(crate) fn set_length(out: &mut Vec<u8>, at: usize, room: usize) {
    let mut length = (out.len() - at - room) as u64;
    let mut digits = [0; VARINT_MAX];
    let count = varint_len(length);
    for digit in &mut digits[..count] {
        *digit = length as u8 | 0x80;
        length >>= 7;
    }
    digits[count - 1] &= 0x7F;
    if count == room {
        out[at..at + room].copy_from_slice(&digits[..count]);
    } else {
        out.splice(at..at + room, digits[..count].iter().copied());
    }
}

/// Appends a `fixed64`, `sfixed64` or `double`.
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a number of variable length.
pub fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

#[cfg(test)]
mod tests;
