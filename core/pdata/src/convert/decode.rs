//! Reading protobuf by hand: borrowed where possible, with the fields that nobody knows kept.

use std::borrow::Cow;

use super::Malformed;
use crate::wire::{Field, Fields, Value};

/// A message that is read field by field.
pub(super) trait FromWire<'a>: Default {
    /// In the definitions.
    const NAME: &'static str;

    /// Takes a field; `false` if it is unknown.
    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed>;

    /// Where unknown fields are kept, one behind the other.
    fn unknown(&mut self) -> &mut Vec<u8>;
}

/// Reads a whole message.
pub(super) fn read<'a, T: FromWire<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    let mut message = T::default();
    merge(&mut message, bytes)?;
    Ok(message)
}

/// Adds what `bytes` say to a message that has been read in part.
pub(super) fn merge<'a, T: FromWire<'a>>(
    message: &mut T,
    bytes: &'a [u8],
) -> Result<(), Malformed> {
    let mut end = 0;
    for field in Fields::of(bytes) {
        if field.number == 0 {
            return wrong::<T, _>();
        }
        end += field.raw.len();
        if !message.take(field)? {
            message.unknown().extend_from_slice(field.raw);
        }
    }
    // The walk over the fields ends at the first that is none.
    match end < bytes.len() {
        true => wrong::<T, _>(),
        false => Ok(()),
    }
}

/// A nested message.
pub(super) fn nested<'a, M, T>(field: Field<'a>) -> Result<T, Malformed>
where
    M: FromWire<'a>,
    T: FromWire<'a>,
{
    match field.value {
        Value::Len(bytes) => read(bytes),
        _ => wrong::<M, _>(),
    }
}

/// A nested message of which there is one: protobuf merges what comes twice.
pub(super) fn merge_nested<'a, M, T>(
    known: &mut Option<T>,
    field: Field<'a>,
) -> Result<(), Malformed>
where
    M: FromWire<'a>,
    T: FromWire<'a>,
{
    match field.value {
        Value::Len(bytes) => merge(known.get_or_insert_default(), bytes),
        _ => wrong::<M, _>(),
    }
}

pub(super) fn text<'a, M: FromWire<'a>>(field: Field<'a>) -> Result<Cow<'a, str>, Malformed> {
    match field.value {
        Value::Len(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => wrong::<M, _>(),
        },
        _ => wrong::<M, _>(),
    }
}

pub(super) fn int64<'a, M: FromWire<'a>>(field: Field<'a>) -> Result<i64, Malformed> {
    match field.value {
        Value::Varint(value) => Ok(value as i64),
        _ => wrong::<M, _>(),
    }
}

/// An integer of 32 bits or an enumeration. Protobuf's readers keep the lower half of a varint that
/// is too long.
pub(super) fn int32<'a, M: FromWire<'a>>(field: Field<'a>) -> Result<i32, Malformed> {
    int64::<M>(field).map(|value| value as i32)
}

pub(super) fn flag<'a, M: FromWire<'a>>(field: Field<'a>) -> Result<bool, Malformed> {
    int64::<M>(field).map(|value| value != 0)
}

#[cold]
fn wrong<'a, M: FromWire<'a>, T>() -> Result<T, Malformed> {
    Err(Malformed { message: M::NAME })
}
