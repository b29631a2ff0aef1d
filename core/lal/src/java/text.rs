//! `java.lang.String`: lengths and places count UTF-16 units, as Java's do.
//!
//! Half of a surrogate pair, which a `String` of Java can hold and text of ours cannot, becomes U+FFFD.
//! An `Err` is what Java would throw, in words.

mod number;

use std::borrow::Cow;

pub use number::push_double;
pub(crate) use number::{
    narrow_to_long, parse_double, parse_float, parse_int, parse_long, push_float,
};

/// Longest text that a method makes of a shorter one, so that no rule fills the memory.
pub(crate) const MADE_BYTES_MAX: usize = 16 << 20;

pub(crate) fn length(text: &str) -> i32 {
    saturated(units(text))
}

pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_whitespace)
}

/// The unit at `index`.
pub(crate) fn char_at(text: &str, index: i32) -> Result<char, String> {
    let unit = usize::try_from(index).ok();
    let unit = unit.and_then(|index| text.encode_utf16().nth(index));
    match unit {
        Some(unit) => Ok(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
        None => Err(out_of_range(index, text)),
    }
}

pub(crate) fn substring(text: &str, begin: i32, end: Option<i32>) -> Result<Cow<'_, str>, String> {
    let length = units(text);
    let end = end.unwrap_or(saturated(length));
    let range = usize::try_from(begin).ok().zip(usize::try_from(end).ok());
    let Some((from, to)) = range.filter(|(from, to)| from <= to && *to <= length) else {
        return Err(format!("begin {begin}, end {end}, length {length}"));
    };
    Ok(match (byte_at(text, from), byte_at(text, to)) {
        (Ok(from), Ok(to)) => Cow::Borrowed(&text[from..to]),
        _ => {
            let cut: Vec<u16> = text.encode_utf16().skip(from).take(to - from).collect();
            Cow::Owned(String::from_utf16_lossy(&cut))
        }
    })
}

/// -1 if it is not there.
pub(crate) fn index_of(text: &str, part: &str, from: i32) -> i32 {
    let from = usize::try_from(from).unwrap_or(0).min(units(text));
    // A half pair cannot be the start of what is text.
    let start = byte_at(text, from).unwrap_or_else(|next| next);
    match text[start..].find(part) {
        Some(at) => length(&text[..start + at]),
        None => -1,
    }
}

/// The last place that is not behind `from`; -1 if there is none.
pub(crate) fn last_index_of(text: &str, part: &str, from: i32) -> i32 {
    let Ok(from) = usize::try_from(from) else {
        return -1;
    };
    let start = match byte_at(text, from.min(units(text))) {
        Ok(start) => start,
        Err(next) => text.floor_char_boundary(next - 1),
    };
    let end = start.saturating_add(part.len()).min(text.len());
    match text[..text.floor_char_boundary(end)].rfind(part) {
        Some(at) => length(&text[..at]),
        None => -1,
    }
}

pub(crate) fn starts_with(text: &str, prefix: &str, from: i32) -> bool {
    let from = usize::try_from(from).ok().filter(|it| *it <= units(text));
    let start = from.and_then(|from| byte_at(text, from).ok());
    start.is_some_and(|start| text[start..].starts_with(prefix))
}

/// By pairs of characters as Java compares them: in upper case, or that in lower case.
pub(crate) fn equals_ignore_case(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.eq_ignore_ascii_case(other) || folded(one).eq(folded(other))
}

/// By units.
pub(crate) fn compare_to(one: &str, other: &str) -> i32 {
    let units = one.encode_utf16().zip(other.encode_utf16());
    compare(
        units.map(|(one, other)| (one.into(), other.into())),
        one,
        other,
    )
}

/// By characters where both texts have one beyond Latin-1, else by units: so does the JDK.
pub(crate) fn compare_to_ignore_case(one: &str, other: &str) -> i32 {
    let is_wide = |text: &str| text.chars().any(|character| character > '\u{ff}');
    if is_wide(one) && is_wide(other) {
        let pairs = folded(one).zip(folded(other));
        return compare(
            pairs.map(|(one, other)| (one.into(), other.into())),
            one,
            other,
        );
    }
    let (folded_one, folded_other) = (folded(one).collect(), folded(other).collect());
    let units = |text: &String| text.encode_utf16().map(u32::from).collect::<Vec<_>>();
    let pairs = units(&folded_one).into_iter().zip(units(&folded_other));
    compare(pairs, one, other)
}

/// The difference of the first pair that differs, else that of the lengths.
fn compare(mut pairs: impl Iterator<Item = (u32, u32)>, one: &str, other: &str) -> i32 {
    match pairs.find(|(one, other)| one != other) {
        Some((one, other)) => one.cast_signed() - other.cast_signed(),
        None => length(one) - length(other),
    }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    let single = |character: char, mut mapped: std::char::ToUppercase| match (
        mapped.next(),
        mapped.next(),
    ) {
        (Some(upper), None) => upper,
        _ => character,
    };
    let lower = |character: char| {
        let mut mapped = character.to_lowercase();
        match (mapped.next(), mapped.next()) {
            (Some(lower), None) => lower,
            _ => character,
        }
    };
    text.chars()
        .map(move |character| lower(single(character, character.to_uppercase())))
}

pub(crate) fn hash_code(text: &str) -> i32 {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    text.encode_utf16().fold(0, add)
}

/// Without what is not above a blank at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// Without white space at both ends.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_whitespace)
}

pub(crate) fn strip_leading(text: &str) -> &str {
    text.trim_start_matches(is_whitespace)
}

pub(crate) fn strip_trailing(text: &str) -> &str {
    text.trim_end_matches(is_whitespace)
}

/// Every `from` by `to`, also that of single characters.
pub(crate) fn replace(text: &str, from: &str, to: &str) -> Result<String, String> {
    let count = text.matches(from).count();
    made(text.len() + count * to.len().saturating_sub(from.len()))?;
    Ok(text.replace(from, to))
}

pub(crate) fn concat(text: &str, other: &str) -> Result<String, String> {
    made(text.len() + other.len())?;
    Ok([text, other].concat())
}

pub(crate) fn repeat(text: &str, count: i32) -> Result<String, String> {
    let Ok(count) = usize::try_from(count) else {
        return Err(format!("count is negative: {count}"));
    };
    made(text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

/// `Err` for a text that would be longer than [`MADE_BYTES_MAX`].
pub(super) fn made(bytes: usize) -> Result<(), String> {
    if bytes > MADE_BYTES_MAX {
        return Err(format!(
            "the text would be longer than {MADE_BYTES_MAX} bytes"
        ));
    }
    Ok(())
}

/// `Character.isWhitespace`.
fn is_whitespace(character: char) -> bool {
    let is_control = matches!(character, '\t'..='\r' | '\u{1c}'..='\u{1f}');
    let is_fixed = matches!(character, '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}');
    is_control || (character.is_whitespace() && !is_fixed)
}

fn units(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(char::len_utf16).sum()
}

/// The byte at which a unit starts, at most the end; `Err` is that of the next character where the
/// unit is the second half of a pair.
fn byte_at(text: &str, unit: usize) -> Result<usize, usize> {
    if text.is_ascii() {
        return Ok(unit.min(text.len()));
    }
    let mut seen = 0;
    for (at, character) in text.char_indices() {
        if seen == unit {
            return Ok(at);
        }
        if seen > unit {
            return Err(at);
        }
        seen += character.len_utf16();
    }
    if seen > unit {
        return Err(text.len());
    }
    Ok(text.len())
}

fn saturated(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn out_of_range(index: i32, text: &str) -> String {
    format!("index {index} out of bounds for length {}", units(text))
}

#[cfg(test)]
mod tests;
