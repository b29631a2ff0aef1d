//! Makes bad input out of good.

use bytes::Bytes;
use fastrand::Rng;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Levels of arrays in a body that is nothing else.
const DEEP: usize = 10_000;

/// A changed body. Not every change makes it unreadable.
pub(super) fn of_json(good: &Value, random: &mut Rng) -> Bytes {
    let text = good.to_string().into_bytes();
    match random.u8(..8) {
        0 => of_bytes(&text, random).into(),
        1 => [&text[..], b"}"].concat().into(),
        2 => shape_for(good, random).to_string().into(),
        3 => "[".repeat(random.usize(1..DEEP)).into(),
        4 => {
            let noise = std::iter::repeat_with(|| random.u8(..)).take(64);
            noise.collect::<Vec<_>>().into()
        }
        _ => {
            let mut changed = good.clone();
            change_value(&mut changed, random);
            changed.to_string().into()
        }
    }
}

/// Whether nobody may take this body where `good` is one: it is no JSON, or of another shape.
pub(super) fn is_bad(body: &[u8], good: &Value) -> bool {
    // What is not UTF-8 may be repaired before it is read.
    let text = String::from_utf8_lossy(body);
    if serde_json::from_str::<IgnoredAny>(&text).is_err() {
        return true;
    }
    let begins = if good.is_array() { '[' } else { '{' };
    !text.trim_start().starts_with(begins)
}

/// An array where an object is due, or the other way round, or a plain value.
fn shape_for(good: &Value, random: &mut Rng) -> Value {
    match (random.u8(..4), good) {
        (0, _) => json!("text"),
        (1, _) => json!(12),
        (_, Value::Array(values)) => values[0].clone(),
        (_, value) => json!([value]),
    }
}

/// Puts something else in some place of a value.
fn change_value(value: &mut Value, random: &mut Rng) {
    match value {
        Value::Array(values) if !values.is_empty() && random.u8(..8) > 0 => {
            let place = random.usize(..values.len());
            change_value(&mut values[place], random);
        }
        Value::Object(fields) if !fields.is_empty() && random.u8(..8) > 0 => {
            let place = random.usize(..fields.len());
            let field = fields.values_mut().nth(place);
            change_value(field.expect("it is below the length"), random);
        }
        value => *value = strange(random),
    }
}

fn strange(random: &mut Rng) -> Value {
    match random.u8(..12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(u64::MAX),
        5 => json!("9223372036854775808"),
        6 => json!("NoSuchName"),
        7 => json!(0.5),
        8 => json!([]),
        9 => json!({}),
        10 => json!([[[{"key": []}]]]),
        _ => json!("\u{0}\u{1F600}"),
    }
}

/// Bytes with some changed, left out, added or cut off.
pub(super) fn of_bytes(good: &[u8], random: &mut Rng) -> Vec<u8> {
    /// Changes made at once.
    const CHANGES_MAX: usize = 4;
    let mut bytes = good.to_vec();
    for _ in 0..random.usize(1..=CHANGES_MAX) {
        let place = random.usize(..=bytes.len());
        match random.u8(..5) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, random.u8(..)),
            2 if place < bytes.len() => {
                bytes.remove(place);
            }
            3 if place < bytes.len() => bytes[place] = random.u8(..),
            // A length that nothing is behind.
            _ => bytes.extend([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        }
    }
    bytes
}
