//! Ordered keys and values, of which a key may come twice, as attributes, of which it may not.
//!
//! Pairs whose keys are unique and not ours are attributes and nothing else. Otherwise a list of all
//! of them stands beside the attributes, in which each key has its last value. What is read back
//! follows the attributes: an attribute that was changed, removed or added in between changes,
//! removes or adds the pair, so that a redaction is not undone by the list.

use std::borrow::Cow;
use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;

use super::decode::{FromWire, text};
use super::encode::{self, Value, attribute};
use super::keys::Keys;
use super::{Malformed, any, sw8};
use crate::wire::{Field, put_field};

/// A `KeyStringValuePair`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pair<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
    pub(super) unknown: Vec<u8>,
}

impl<'a> FromWire<'a> for Pair<'a> {
    const NAME: &'static str = "KeyStringValuePair";

    fn take(&mut self, field: Field<'a>) -> Result<bool, Malformed> {
        match field.number {
            1 => self.key = text::<Self>(field)?,
            2 => self.value = text::<Self>(field)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn unknown(&mut self) -> &mut Vec<u8> {
        &mut self.unknown
    }
}

impl<'a> Pair<'a> {
    pub(super) fn new(key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Pair {
            key: key.into(),
            value: value.into(),
            unknown: Vec::new(),
        }
    }

    /// Appends the message's fields.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        encode::text(out, 1, &self.key);
        encode::text(out, 2, &self.value);
        out.extend_from_slice(&self.unknown);
    }
}

/// Whether a key cannot be that of an attribute made from a pair.
fn is_reserved(key: &str) -> bool {
    key.is_empty() || key.starts_with(sw8::PREFIX)
}

/// Whether attributes alone say all that the pairs say.
pub(super) fn are_attributes(pairs: &[Pair<'_>]) -> bool {
    let plain = |pair: &Pair<'_>| !is_reserved(&pair.key) && pair.unknown.is_empty();
    let mut seen = Keys::default();
    pairs
        .iter()
        .all(|pair| plain(pair) && seen.insert(&pair.key))
}

/// Appends pairs of which [`are_attributes`] is not true: the attributes, and all pairs as a list
/// under the name `all`.
pub(super) fn put_all(out: &mut Vec<u8>, number: u32, all: &str, pairs: &[Pair<'_>]) {
    let mut seen = Keys::default();
    let from_last = pairs.iter().rev();
    let mut last: Vec<_> = from_last
        .filter(|pair| !is_reserved(&pair.key) && seen.insert(&pair.key))
        .collect();
    last.reverse();
    for pair in last {
        attribute(out, number, &pair.key, Value::Text(&pair.value));
    }
    encode::nested(out, number, |out| {
        put_field(out, 1, all.as_bytes());
        encode::nested(out, 2, |out| {
            encode::nested(out, 5, |out| {
                for pair in pairs {
                    put_listed(out, pair);
                }
            });
        });
    });
}

/// Appends `[key, value]`, or with unknown fields `[key, value, fields]`.
fn put_listed(out: &mut Vec<u8>, pair: &Pair<'_>) {
    encode::nested(out, 1, |out| {
        encode::nested(out, 5, |out| {
            encode::nested(out, 1, |out| Value::Text(&pair.key).put(out));
            encode::nested(out, 1, |out| Value::Text(&pair.value).put(out));
            if !pair.unknown.is_empty() {
                encode::nested(out, 1, |out| Value::Bytes(&pair.unknown).put(out));
            }
        });
    });
}

/// The list of all pairs, if `value` is one.
pub(super) fn listed(value: &AnyValue) -> Option<Vec<Pair<'_>>> {
    let Some(Any::ArrayValue(list)) = &value.value else {
        return None;
    };
    list.values.iter().map(listed_pair).collect()
}

fn listed_pair(value: &AnyValue) -> Option<Pair<'_>> {
    let Some(Any::ArrayValue(pair)) = &value.value else {
        return None;
    };
    let [key, value, more @ ..] = &pair.values[..] else {
        return None;
    };
    let mut pair = Pair::new(any::as_str(key)?, any::as_str(value)?);
    if let [unknown] = more {
        pair.unknown = any::as_bytes(unknown)?.to_vec();
    }
    Some(pair)
}

/// The pairs that `attributes` stand for, with `all` of the pairs as they once were, if they were
/// listed.
pub(super) fn restore<'a>(
    attributes: Vec<(&'a str, Cow<'a, str>)>,
    all: Option<Vec<Pair<'a>>>,
) -> Vec<Pair<'a>> {
    let Some(all) = all else {
        let pairs = attributes.into_iter();
        return pairs.map(|(key, value)| Pair::new(key, value)).collect();
    };
    let last = all
        .iter()
        .map(|pair| (pair.key.clone(), pair.value.clone()));
    let last: HashMap<Cow<'a, str>, Cow<'a, str>> = last.collect();
    let now = attributes.iter().map(|(key, value)| (*key, value));
    let now: HashMap<&str, &Cow<'a, str>> = now.collect();
    let kept = all.into_iter().filter_map(|mut pair| {
        if !is_reserved(&pair.key) {
            let value = *now.get(&*pair.key)?;
            if *value != last[&pair.key] {
                pair.value = value.clone();
            }
        }
        Some(pair)
    });
    let mut pairs: Vec<_> = kept.collect();
    let added = attributes
        .iter()
        .filter(|(key, _)| !last.contains_key(*key));
    pairs.extend(added.map(|(key, value)| Pair::new(*key, value.clone())));
    pairs
}
