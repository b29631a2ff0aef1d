//! What tells series and groups apart: sets of attributes as bytes.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use prost::Message;

/// Attributes in the order of their keys, encoded. Equal sets have equal keys.
pub(super) type Key = Vec<u8>;

/// What a metric's overflow series has instead of attributes, as the SDKs' does.
const OVERFLOW: &str = "otel.metric.overflow";

/// The attributes of a series: a point's own, and those that move down from the resource to those
/// points that do not have them.
pub(super) struct Series<'a> {
    own: &'a [KeyValue],
    moved: &'a [KeyValue],
}

impl<'a> Series<'a> {
    pub(super) fn new(own: &'a [KeyValue], moved: &'a [KeyValue]) -> Self {
        Series { own, moved }
    }

    fn sorted(&self) -> Vec<&'a KeyValue> {
        let is_new = |moved: &&KeyValue| self.own.iter().all(|own| own.key != moved.key);
        let mut all: Vec<_> = self.own.iter().collect();
        all.extend(self.moved.iter().filter(is_new));
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    pub(super) fn key(&self) -> Key {
        encode(&self.sorted())
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        self.sorted().into_iter().cloned().collect()
    }
}

pub(super) fn encode(attributes: &[&KeyValue]) -> Key {
    let mut key = Vec::with_capacity(attributes.len() * 32);
    for attribute in attributes {
        attribute
            .encode_length_delimited(&mut key)
            .expect("a vector has room for everything");
    }
    key
}

pub(super) fn overflow() -> Vec<KeyValue> {
    vec![KeyValue {
        key: OVERFLOW.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::BoolValue(true)),
        }),
        ..KeyValue::default()
    }]
}
