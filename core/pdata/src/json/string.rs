//! Strings between their two forms: what stands between quotes, and the bytes it means.

use std::borrow::Cow;

/// What stands between two quotes. Its escapes have been checked.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a> {
    raw: &'a [u8],
    escaped: bool,
    ascii: bool,
}

impl<'a> Quoted<'a> {
    /// `raw` holds no quotes or control bytes but escaped ones, and only whole escapes.
    pub(super) fn of_checked(raw: &'a [u8], escaped: bool, ascii: bool) -> Self {
        Quoted {
            raw,
            escaped,
            ascii,
        }
    }

    /// The bytes on the wire, if they are the same as in the text.
    pub(super) fn verbatim(&self) -> Option<&'a [u8]> {
        (self.ascii && !self.escaped).then_some(self.raw)
    }

    /// The bytes without escapes, valid UTF-8 or not.
    pub(super) fn text(&self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = Vec::with_capacity(self.raw.len());
        self.unescape_into(&mut text);
        Cow::Owned(text)
    }

    /// Appends the string; whether it had to be repaired to be Unicode.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if self.escaped {
            self.unescape_into(out);
        } else {
            out.extend_from_slice(self.raw);
        }
        repair(&mut out[start..])
    }

    fn unescape_into(&self, out: &mut Vec<u8>) {
        let mut rest = self.raw;
        loop {
            let (plain, escape) = rest.split_at(plain_run(rest).len);
            out.extend_from_slice(plain);
            rest = match escape {
                [] => return,
                [_, b'u', rest @ ..] => unescape_unicode(rest, out),
                [_, letter, rest @ ..] => {
                    out.push(match letter {
                        b'b' => 0x08,
                        b'f' => 0x0C,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        same => *same,
                    });
                    rest
                }
                [_] => &[],
            };
        }
    }
}

/// Appends the character whose escape's digits `rest` begins with; returns what follows.
///
/// Half of a surrogate pair is appended in the three bytes that UTF-8 forbids, for [`repair`] to
/// replace.
fn unescape_unicode<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (unit, rest) = code_unit(rest);
    if let 0xD800..=0xDBFF = unit
        && let Some(second) = rest.strip_prefix(b"\\u")
        && let (low @ 0xDC00..=0xDFFF, rest) = code_unit(second)
    {
        let scalar = 0x10000 + ((u32::from(unit) - 0xD800) << 10) + (u32::from(low) - 0xDC00);
        let pair = char::from_u32(scalar).expect("a surrogate pair is a character");
        out.extend_from_slice(pair.encode_utf8(&mut [0; 4]).as_bytes());
        return rest;
    }
    match char::from_u32(unit.into()) {
        Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[
            0xE0 | (unit >> 12) as u8,
            0x80 | (unit >> 6 & 0x3F) as u8,
            0x80 | (unit & 0x3F) as u8,
        ]),
    }
    rest
}

/// The four digits at the start of `rest`, which [`Quoted::of_checked`] was promised.
fn code_unit(rest: &[u8]) -> (u16, &[u8]) {
    let (digits, rest) = rest.split_at(4);
    let unit = digits.iter().fold(0, |unit, &digit| {
        let value = char::from(digit).to_digit(16).expect("checked to be hex");
        unit << 4 | value as u16
    });
    (unit, rest)
}

/// Makes `text` UTF-8 without changing its length; whether it had to.
fn repair(text: &mut [u8]) -> bool {
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&text[from..]) {
        from += error.valid_up_to();
        match &mut text[from..] {
            [a @ 0xED, b @ 0xA0..=0xBF, c @ 0x80..=0xBF, ..] => {
                (*a, *b, *c) = (0xEF, 0xBF, 0xBD);
                from += 3;
            }
            [invalid, ..] => {
                *invalid = b'?';
                from += 1;
            }
            [] => return true,
        }
    }
    from > 0
}

/// A run of bytes that mean themselves inside a JSON string.
pub(super) struct PlainRun {
    pub(super) len: usize,
    pub(super) ascii: bool,
}

/// The run before the first quote, backslash or control byte of `text`.
#[inline]
pub(super) fn plain_run(text: &[u8]) -> PlainRun {
    let mut rest = text;
    let mut seen = 0;
    let (word, stops) = loop {
        let Some((word, behind)) = rest.split_first_chunk() else {
            let word = last_word(text, rest);
            break (word, stops(word));
        };
        let word = u64::from_le_bytes(*word);
        let stops = stops(word);
        if stops != 0 {
            break (word, stops);
        }
        seen |= word;
        rest = behind;
    };
    let before = stops.trailing_zeros() / 8;
    seen |= word & !(u64::MAX << (8 * before));
    PlainRun {
        len: text.len() - rest.len() + before as usize,
        ascii: seen & EACH_HIGH_BIT == 0,
    }
}

/// The fewer than eight bytes of `rest`, the end of `text`, with zeros behind them, which stop a
/// run as control bytes do.
#[inline]
fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(word) if !rest.is_empty() => u64::from_le_bytes(*word) >> (64 - 8 * rest.len()),
        _ => rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;
const EACH_HIGH_BIT: u64 = 0x80 * EACH_BYTE;

/// The high bit of every quote, backslash or control byte. Bits above the lowest may be wrong,
/// because the subtractions borrow from the byte above; the lowest is exact.
#[inline]
fn stops(word: u64) -> u64 {
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * EACH_BYTE) & !word;
    let quote = below(word ^ (u64::from(b'"') * EACH_BYTE), 1);
    let backslash = below(word ^ (u64::from(b'\\') * EACH_BYTE), 1);
    (quote | backslash | below(word, 0x20)) & EACH_HIGH_BIT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_run_ends_at_the_first_byte_that_means_more(
            text in prop::collection::vec(
                prop_oneof![8 => any::<u8>().prop_map(|b| b | 0x40), 2 => any::<u8>(), 1 => Just(b'"')],
                0..40,
            )
        ) {
            let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
            let len = text.iter().position(stop).unwrap_or(text.len());
            let run = plain_run(&text);
            prop_assert_eq!(run.len, len);
            prop_assert_eq!(run.ascii, text[..len].is_ascii());
        }

        #[test]
        fn repair_leaves_utf8_alone_and_makes_the_rest_utf8(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0xA0u8..=0xED], 0..24)
        ) {
            let mut repaired = bytes.clone();
            let valid = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(repair(&mut repaired), !valid);
            prop_assert!(std::str::from_utf8(&repaired).is_ok());
            prop_assert_eq!(repaired == bytes, valid);
        }
    }
}
