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

/// Where fields stand, of which no value has been read: the loop that everything that looks runs in.
#[derive(Clone, Debug)]
pub(crate) struct Places<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) at: usize,
}

/// Where a field stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Number and wire type, as [`len_tag`] and its like make them.
    pub(crate) tag: u32,
    pub(crate) start: usize,
    /// Where the value begins; of a text the text.
    pub(crate) value: usize,
    pub(crate) end: usize,
}

/// The tag of a length-delimited field.
pub(crate) const fn len_tag(number: u32) -> u32 {
    number << 3 | 2
}

/// The tag of a varint.
pub(crate) const fn varint_tag(number: u32) -> u32 {
    number << 3
}

/// The tag of a `fixed64`, `sfixed64` or `double`.
pub(crate) const fn fixed64_tag(number: u32) -> u32 {
    number << 3 | 1
}

/// The tag of a `fixed32`.
pub(crate) const fn fixed32_tag(number: u32) -> u32 {
    number << 3 | 5
}

impl<'a> Places<'a> {
    #[inline(always)]
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Places { message, at: 0 }
    }

    /// The next field, whose bytes are all there.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Place> {
        let start = self.at;
        let place = match *self.message.get(start..)? {
            [tag @ 8..0x80, length @ 0..0x80, ..] if tag & 7 == 2 => {
                let value = start + 2;
                Place {
                    tag: u32::from(tag),
                    start,
                    value,
                    end: value + usize::from(length),
                }
            }
            [tag @ 8..0x80, low @ 0x80..=0xFF, high @ 0..0x80, ..] if tag & 7 == 2 => {
                let length = usize::from(low & 0x7F) | usize::from(high) << 7;
                let value = start + 3;
                Place {
                    tag: u32::from(tag),
                    start,
                    value,
                    end: value + length,
                }
            }
            [tag @ 8..0x80, ..] if tag & 7 == 1 => {
                let value = start + 1;
                Place {
                    tag: u32::from(tag),
                    start,
                    value,
                    end: value + 8,
                }
            }
            [tag @ 8..0x80, 0..0x80, ..] if tag & 7 == 0 => {
                let value = start + 1;
                Place {
                    tag: u32::from(tag),
                    start,
                    value,
                    end: value + 1,
                }
            }
            [] => return None,
            _ => any_place(self.message, start)?,
        };
        if place.end > self.message.len() {
            return None;
        }
        self.at = place.end;
        Some(place)
    }

    /// The content of a length-delimited field.
    #[inline(always)]
    pub(crate) fn len(&self, place: Place) -> &'a [u8] {
        self.message.get(place.value..place.end).unwrap_or_default()
    }

    /// The value of a varint.
    #[inline(always)]
    pub(crate) fn varint(&self, place: Place) -> u64 {
        varint(self.message, place.value).map_or(0, |(value, _)| value)
    }

    #[inline(always)]
    pub(crate) fn fixed64(&self, place: Place) -> u64 {
        let bytes = self
            .message
            .get(place.value..)
            .and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    #[inline(always)]
    pub(crate) fn fixed32(&self, place: Place) -> u32 {
        let bytes = self
            .message
            .get(place.value..)
            .and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// A field of any form, or nothing where it is none.
#[inline(never)]
fn any_place(message: &[u8], start: usize) -> Option<Place> {
    let (tag, at) = varint(message, start)?;
    let tag = u32::try_from(tag).ok().filter(|tag| *tag >= 8)?;
    let (value, end) = match tag & 7 {
        0 => (at, varint(message, at)?.1),
        1 => (at, at + 8),
        2 => {
            let (length, value) = varint(message, at)?;
            (value, value.checked_add(usize::try_from(length).ok()?)?)
        }
        3 => (at, group_end(message, at)?),
        5 => (at, at + 4),
        _ => return None,
    };
    Some(Place {
        tag,
        start,
        value,
        end,
    })
}

/// The fields of a message in the order in which they stand.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    places: Places<'a>,
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Fields {
            places: Places::of(message),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let place = self.places.next()?;
        let value = match place.tag & 7 {
            0 => Value::Varint(self.places.varint(place)),
            1 => Value::Fixed64(self.places.fixed64(place)),
            2 => Value::Len(self.places.len(place)),
            5 => Value::Fixed32(self.places.fixed32(place)),
            _ => Value::Group,
        };
        Some(Field {
            number: place.tag >> 3,
            value,
            start: place.start,
            end: place.end,
        })
    }
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
            0 => (_, at) = varint(bytes, at)?,
            1 => at += 8,
            2 => {
                let (length, start) = varint(bytes, at)?;
                at = start.checked_add(usize::try_from(length).ok()?)?;
            }
            5 => at += 4,
            _ => return None,
        }
    }
    Some(at)
}

/// All texts, bytes or messages in the fields of this number.
#[inline]
pub fn all_len<'a>(message: &'a [u8], number: u32) -> AllLen<'a> {
    AllLen {
        places: Places::of(message),
        tag: len_tag(number),
    }
}

/// See [`all_len`].
#[derive(Clone, Debug)]
pub struct AllLen<'a> {
    places: Places<'a>,
    tag: u32,
}

impl<'a> AllLen<'a> {
    /// Those from `at` on, which is where a field begins, or the end.
    #[inline]
    pub(crate) fn from(message: &'a [u8], at: usize, number: u32) -> Self {
        AllLen {
            places: Places { message, at },
            tag: len_tag(number),
        }
    }
}

impl<'a> Iterator for AllLen<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let place = self.places.next()?;
            if place.tag == self.tag {
                return Some(self.places.len(place));
            }
        }
    }
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
