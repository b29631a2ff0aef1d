//! Protobuf's wire format: the few primitives everything here is built from.
//!
//! Source: the protocol buffers encoding specification. Accepts what prost accepts, which a
//! property test in [`crate::otlp`] holds.

use crate::schema::WireType;

/// Messages may nest this deep below the request; prost's limit, so that both agree.
pub const NESTING_MAX: u32 = 100;

/// Reads a varint at `at`; returns the value and the offset behind it.
#[inline]
pub fn varint(buf: &[u8], at: usize) -> Option<(u64, usize)> {
    match *buf.get(at)? {
        byte @ 0..=0x7F => Some((u64::from(byte), at + 1)),
        _ => long_varint(buf, at),
    }
}

fn long_varint(buf: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in buf.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            // The tenth byte has room for the 64th bit only.
            let fits = index < 9 || byte < 2;
            return fits.then_some((value, at + index + 1));
        }
    }
    None
}

/// Bytes a varint of this value takes.
pub const fn varint_len(value: u64) -> usize {
    // 1 to 10: one byte for each started group of seven bits.
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends `value` as a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What stands before each value on the wire.
pub const fn key(number: u32, wire_type: WireType) -> u64 {
    let wire_type = match wire_type {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Len => 2,
        WireType::Fixed32 => 5,
    };
    (number as u64) << 3 | wire_type
}

/// Fills all of `room` with `value`, padded with groups that are empty. `room` is at least
/// [`varint_len`] bytes and at most ten, which every reader of varints accepts.
pub fn fill_varint(room: &mut [u8], mut value: u64) {
    debug_assert!((varint_len(value)..=10).contains(&room.len()));
    if let Some((last, before)) = room.split_last_mut() {
        for byte in before {
            *byte = value as u8 | 0x80;
            value >>= 7;
        }
        *last = value as u8;
    }
}

/// Appends a length-delimited field.
pub fn put_field(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// One field of a message, as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    pub number: u32,
    pub value: Value<'a>,
    /// Tag and value.
    pub raw: &'a [u8],
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Len(&'a [u8]),
    /// A deprecated group, of which only the bytes matter.
    Group,
}

/// The fields of a message that has passed the walk; of other bytes, those before the first fault.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    #[inline]
    fn read(&self) -> Option<Field<'a>> {
        let buf = self.rest;
        let (key, at) = varint(buf, 0)?;
        let number = u32::try_from(key).ok()? >> 3;
        let (value, end) = value(buf, at, key & 7, NESTING_MAX)?;
        Some(Field {
            number,
            value,
            raw: &buf[..end],
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        self.rest = field.map_or(&[], |field| &self.rest[field.raw.len()..]);
        field
    }
}

#[inline]
fn value(buf: &[u8], at: usize, wire_type: u64, depth: u32) -> Option<(Value<'_>, usize)> {
    Some(match wire_type {
        0 => {
            let (value, end) = varint(buf, at)?;
            (Value::Varint(value), end)
        }
        1 => (
            Value::Fixed64(u64::from_le_bytes(*buf.get(at..)?.first_chunk()?)),
            at + 8,
        ),
        2 => {
            let (length, start) = varint(buf, at)?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (Value::Len(buf.get(start..end)?), end)
        }
        3 => (Value::Group, group_end(buf, at, depth)?),
        5 => (
            Value::Fixed32(u32::from_le_bytes(*buf.get(at..)?.first_chunk()?)),
            at + 4,
        ),
        _ => return None,
    })
}

fn group_end(buf: &[u8], mut at: usize, depth: u32) -> Option<usize> {
    const GROUP_END: u64 = 4;
    let depth = depth.checked_sub(1)?;
    loop {
        let (key, after) = varint(buf, at)?;
        if key & 7 == GROUP_END {
            return Some(after);
        }
        (_, at) = value(buf, after, key & 7, depth)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn varints_round_trip(value: u64, padding in 0usize..4) {
            let mut out = vec![0xFF; padding];
            put_varint(&mut out, value);
            prop_assert_eq!(out.len() - padding, varint_len(value));
            prop_assert_eq!(varint(&out, padding), Some((value, out.len())));
        }

        #[test]
        fn padded_varints_read_as_their_value(value: u64, padding in 0usize..10) {
            let mut room = vec![0xFF; (varint_len(value) + padding).min(10)];
            fill_varint(&mut room, value);
            prop_assert_eq!(varint(&room, 0), Some((value, room.len())));
        }

        #[test]
        fn varints_agree_with_prost(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            let theirs = prost::encoding::decode_varint(&mut rest)
                .ok()
                .map(|value| (value, bytes.len() - rest.len()));
            prop_assert_eq!(varint(&bytes, 0), theirs);
        }
    }
}
