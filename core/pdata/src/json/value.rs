//! Single values in JSON: numbers, strings, bytes.

use super::fields::Raw;
use super::string::plain_run;
use super::{Malformed, binary};
use crate::schema::{Field, Kind, Message, WireType};
use crate::wire;

/// A field and the message it belongs to, for errors.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) message: &'static Message,
    pub(super) field: &'static Field,
}

impl Place {
    /// What is inside a length-delimited value.
    pub(super) fn content(self, raw: Raw<'_>) -> Result<&[u8], Malformed> {
        match raw {
            Raw::Len(content) => Ok(content),
            _ => Err(self.wrong_wire_type()),
        }
    }

    /// The first element of a packed list, and the rest.
    pub(super) fn unpack(self, packed: &[u8]) -> Result<(Raw<'_>, &[u8]), Malformed> {
        let element = match self.field.kind.wire_type() {
            WireType::Varint => wire::varint(packed, 0)
                .map(|(value, behind)| (Raw::Varint(value), &packed[behind..])),
            WireType::Fixed64 => packed
                .split_first_chunk()
                .map(|(bytes, rest)| (Raw::Fixed64(u64::from_le_bytes(*bytes)), rest)),
            WireType::Fixed32 => packed
                .split_first_chunk()
                .map(|(bytes, rest)| (Raw::Fixed32(u32::from_le_bytes(*bytes)), rest)),
            WireType::Len => None,
        };
        element.ok_or(Malformed::Framing {
            message: self.message.name,
        })
    }

    #[cold]
    pub(super) fn wrong_wire_type(self) -> Malformed {
        Malformed::WireType {
            message: self.message.name,
            field: self.field.name,
        }
    }

    #[cold]
    fn not_utf8(self) -> Malformed {
        Malformed::Utf8 {
            message: self.message.name,
            field: self.field.name,
        }
    }
}

/// Appends a value that is no message.
pub(super) fn append(place: Place, raw: Raw<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match (place.field.kind, raw) {
        (Kind::String, Raw::Len(text)) => return string(place, text, out),
        (Kind::Id, Raw::Len(bytes)) => quoted(out, |out| binary::encode_hex(bytes, out)),
        (Kind::Bytes, Raw::Len(bytes)) => quoted(out, |out| binary::encode_base64(bytes, out)),
        (Kind::Bool, Raw::Varint(0)) => out.extend_from_slice(b"false"),
        (Kind::Bool, Raw::Varint(_)) => out.extend_from_slice(b"true"),
        // Protobuf's readers keep the lower half of a varint that is too long.
        (Kind::Int32 | Kind::Enum(_), Raw::Varint(value)) => integer(value as i32, out),
        (Kind::Uint32, Raw::Varint(value)) => integer(value as u32, out),
        (Kind::Sint32, Raw::Varint(value)) => {
            let value = value as u32;
            integer((value >> 1) as i32 ^ -((value & 1) as i32), out);
        }
        (Kind::Int64, Raw::Varint(value)) => quoted_integer(value as i64, out),
        (Kind::Uint64, Raw::Varint(value)) => quoted_integer(value, out),
        (Kind::Fixed32, Raw::Fixed32(value)) => integer(value, out),
        (Kind::Fixed64, Raw::Fixed64(value)) => quoted_integer(value, out),
        (Kind::Sfixed64, Raw::Fixed64(value)) => quoted_integer(value as i64, out),
        (Kind::Double, Raw::Fixed64(bits)) => double(f64::from_bits(bits), out),
        _ => return Err(place.wrong_wire_type()),
    }
    Ok(())
}

pub(crate) fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(value).as_bytes());
}

/// 64-bit integers are strings, because JavaScript's numbers lose their last digits.
fn quoted_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    quoted(out, |out| integer(value, out));
}

fn quoted(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    content(out);
    out.push(b'"');
}

/// The shortest text that reads as the same value.
pub(crate) fn double(value: f64, out: &mut Vec<u8>) {
    /// Integers below have an exact double each, and no shorter text than their digits.
    const WHOLE_MAX: f64 = 1e15;
    if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value == f64::INFINITY {
        out.extend_from_slice(b"\"Infinity\"");
    } else if value == f64::NEG_INFINITY {
        out.extend_from_slice(b"\"-Infinity\"");
    } else if value.abs() < WHOLE_MAX && (value as i64 as f64).to_bits() == value.to_bits() {
        integer(value as i64, out);
    } else {
        let mut digits = zmij::Buffer::new();
        out.extend_from_slice(digits.format_finite(value).as_bytes());
    }
}

pub(super) fn string(place: Place, text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let ascii = quote(text, out);
    match ascii || std::str::from_utf8(text).is_ok() {
        true => Ok(()),
        false => Err(place.not_utf8()),
    }
}

/// Appends text between quotes: escapes what JSON demands and nothing more. Whether it is ASCII.
pub(crate) fn quote(text: &[u8], out: &mut Vec<u8>) -> bool {
    out.push(b'"');
    let mut ascii = true;
    let mut rest = text;
    loop {
        let run = plain_run(rest);
        ascii &= run.ascii;
        let (plain, stop) = rest.split_at(run.len);
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = stop.split_first() else {
            break;
        };
        escape(byte, out);
        rest = behind;
    }
    out.push(b'"');
    ascii
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            binary::encode_hex(&[byte], out);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}
