//! The fields of a message on the wire, one after the other.

use crate::schema::{Field, WireType};
use crate::wire;

/// One value as the wire has it.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Len(&'a [u8]),
    Fixed32(u32),
    /// A group, whatever it holds: protobuf has given them up, and OTLP never had any.
    Group,
}

impl Raw<'_> {
    #[inline]
    pub(super) fn is_of(&self, wire_type: WireType) -> bool {
        matches!(
            (self, wire_type),
            (Raw::Varint(_), WireType::Varint)
                | (Raw::Fixed64(_), WireType::Fixed64)
                | (Raw::Len(_), WireType::Len)
                | (Raw::Fixed32(_), WireType::Fixed32)
        )
    }

    #[inline]
    pub(super) fn is_default(&self) -> bool {
        matches!(
            self,
            Raw::Varint(0) | Raw::Fixed64(0) | Raw::Fixed32(0) | Raw::Len([])
        )
    }
}

/// Reads the field at `offset` and steps behind it: its number and value. `None` if this is no
/// field.
// Inlined, because the pair is too large to return in registers.
#[inline(always)]
pub(super) fn field<'a>(buf: &'a [u8], offset: &mut usize) -> Option<(u32, Raw<'a>)> {
    let (number, wire_type) = key(buf, offset)?;
    let raw = if wire_type == START_GROUP {
        skip_group(buf, offset, number)?;
        Raw::Group
    } else {
        value(buf, offset, wire_type)?
    };
    Some((number, raw))
}

const START_GROUP: u64 = 3;
const END_GROUP: u64 = 4;

#[inline]
fn key(buf: &[u8], offset: &mut usize) -> Option<(u32, u64)> {
    let (key, behind) = wire::varint(buf, *offset)?;
    *offset = behind;
    let number = u32::try_from(key).ok()? >> 3;
    (number > 0).then_some((number, key & 7))
}

#[inline]
fn value<'a>(buf: &'a [u8], offset: &mut usize, wire_type: u64) -> Option<Raw<'a>> {
    let rest = buf.get(*offset..)?;
    match wire_type {
        0 => {
            let (value, behind) = wire::varint(buf, *offset)?;
            *offset = behind;
            Some(Raw::Varint(value))
        }
        1 => {
            *offset += size_of::<u64>();
            let bytes = rest.first_chunk()?;
            Some(Raw::Fixed64(u64::from_le_bytes(*bytes)))
        }
        2 => {
            let (len, start) = wire::varint(buf, *offset)?;
            let content = buf.get(start..)?.get(..usize::try_from(len).ok()?)?;
            *offset = start + content.len();
            Some(Raw::Len(content))
        }
        5 => {
            *offset += size_of::<u32>();
            let bytes = rest.first_chunk()?;
            Some(Raw::Fixed32(u32::from_le_bytes(*bytes)))
        }
        _ => None,
    }
}

/// Steps behind the end of the group whose start has just been read.
#[cold]
fn skip_group(buf: &[u8], offset: &mut usize, number: u32) -> Option<()> {
    let mut open = vec![number];
    while let Some(&innermost) = open.last() {
        match key(buf, offset)? {
            (number, START_GROUP) if open.len() < wire::NESTING_MAX as usize => open.push(number),
            (number, END_GROUP) if number == innermost => drop(open.pop()),
            (_, wire_type) => drop(value(buf, offset, wire_type)?),
        }
    }
    Some(())
}

/// The place of the field with this number; `guess` and the one behind it are tried first.
#[inline]
pub(super) fn place(fields: &[Field], number: u32, guess: usize) -> Option<usize> {
    let is = |place: &usize| fields.get(*place).is_some_and(|f| f.number == number);
    Some(guess)
        .filter(is)
        .or_else(|| Some(guess + 1).filter(is))
        .or_else(|| fields.iter().position(|field| field.number == number))
}
