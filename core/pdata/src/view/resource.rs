//! What a resource says about a few keys.

use super::{AttributeValue, all_len};
use crate::OtlpChunk;
use crate::wire::{Fields, Value};

impl OtlpChunk {
    /// The first value of each of these keys among the resource's attributes: one pass, in which no value
    /// is read that nobody asked for.
    pub fn resource_values<const KEYS: usize>(
        &self,
        keys: [&str; KEYS],
    ) -> [Option<AttributeValue<'_>>; KEYS] {
        let mut values = [None; KEYS];
        let resources = all_len(self.body(), 1);
        for pair in resources.flat_map(|resource| all_len(resource, 1)) {
            let (key, value) = parts(pair);
            let asked = keys.iter().position(|asked| asked.as_bytes() == key);
            if let Some(index) = asked
                && values[index].is_none()
            {
                values[index] = Some(value.map_or(AttributeValue::Empty, AttributeValue::of));
            }
        }
        values
    }
}

/// Key and value of a `KeyValue`.
pub(super) fn parts(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (mut key, mut value) = (&[][..], None);
    for field in Fields::of(pair) {
        match (field.number, field.value) {
            (1, Value::Len(bytes)) => key = bytes,
            (2, Value::Len(bytes)) => value = Some(bytes),
            _ => {}
        }
    }
    (key, value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::Signal;
    use crate::wire::put_field;
    use crate::{OtlpChunk, view::AttributeValue};

    /// Attributes with keys of which some are asked for, some come twice, and some have no value.
    fn resources() -> impl Strategy<Value = Vec<u8>> {
        let key = prop::sample::select(vec!["a", "os.name", "service.name", ""]);
        let attribute = (key, prop::option::of("[a-z]{0,5}")).prop_map(|(key, value)| {
            let mut pair = Vec::new();
            put_field(&mut pair, 1, key.as_bytes());
            if let Some(value) = value {
                let mut any_value = Vec::new();
                put_field(&mut any_value, 1, value.as_bytes());
                put_field(&mut pair, 2, &any_value);
            }
            pair
        });
        prop::collection::vec(attribute, 0..6).prop_map(|attributes| {
            let mut resource = Vec::new();
            for attribute in attributes {
                put_field(&mut resource, 1, &attribute);
            }
            resource
        })
    }

    proptest! {
        #[test]
        fn they_are_the_values_that_each_key_has_alone(first in resources(), second in resources()) {
            let mut body = Vec::new();
            put_field(&mut body, 1, &first);
            put_field(&mut body, 1, &second);
            let chunk = OtlpChunk::frame(Signal::Logs, 0, &body);
            let keys = ["os.name", "service.name", "missing"];
            let alone = keys.map(|key| chunk.resource_attribute(key));
            prop_assert_eq!(chunk.resource_values(keys), alone);
            prop_assert_eq!(alone[2], None::<AttributeValue<'_>>);
        }
    }
}
