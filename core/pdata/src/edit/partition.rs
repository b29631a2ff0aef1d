//! Dividing a chunk's records among two chunks.

use crate::OtlpChunk;
use crate::otlp::split;
use crate::view::RecordView;
use crate::wire::{Fields, Value, put_field};

/// Scopes of a resource, and records of a scope.
const BELOW: u32 = 2;

impl OtlpChunk {
    /// The spans, metrics or log records for which `is_first` says yes, and the others, each under a
    /// copy of their headers. Where all are on one side, that is the chunk itself; scopes without
    /// records are with the others.
    pub fn partition(
        &self,
        mut is_first: impl FnMut(&RecordView<'_>) -> bool,
    ) -> [Option<OtlpChunk>; 2] {
        let records = self.scopes().flat_map(|scope| scope.records());
        let sides: Vec<bool> = records.map(|record| is_first(&record)).collect();
        if !sides.contains(&true) {
            return [None, Some(self.clone())];
        }
        if !sides.contains(&false) {
            return [Some(self.clone()), None];
        }
        [true, false].map(|side| {
            let body = side_of(self.body(), &sides, side);
            let items = split::items(self.signal(), &body);
            Some(OtlpChunk::frame(self.signal(), items as u32, &body))
        })
    }
}

/// The resource-level message with the records of one side.
fn side_of(body: &[u8], sides: &[bool], side: bool) -> Vec<u8> {
    let mut sides = sides.iter().copied();
    let mut out = Vec::with_capacity(body.len());
    for field in Fields::of(body) {
        let scope = match field.value {
            Value::Len(scope) if field.number == BELOW => scope,
            _ => {
                out.extend_from_slice(field.raw);
                continue;
            }
        };
        let mut kept = Vec::with_capacity(scope.len());
        let (mut records, mut of_side) = (0, 0);
        for field in Fields::of(scope) {
            if let Value::Len(_) = field.value
                && field.number == BELOW
            {
                records += 1;
                if sides.next() != Some(side) {
                    continue;
                }
                of_side += 1;
            }
            kept.extend_from_slice(field.raw);
        }
        if of_side > 0 || records == 0 && !side {
            put_field(&mut out, BELOW, &kept);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use crate::otlp::{InvalidUtf8, receive};
    use crate::{Budget, OtlpChunk, Signal, sample};

    fn chunk(signal: Signal, request: Vec<u8>) -> OtlpChunk {
        let budget = Budget::new(1 << 30);
        let received = receive(signal, Bytes::from(request), InvalidUtf8::Repair, &budget);
        let chunk = received.expect("it is valid").chunks.remove(0);
        chunk.into_otlp().expect("it is OTLP")
    }

    fn names(chunk: &OtlpChunk) -> Vec<String> {
        let records = chunk.scopes().flat_map(|scope| scope.records());
        let text = |record: crate::view::RecordView<'_>| {
            format!(
                "{} {:?}",
                record.name(),
                record.attributes().collect::<Vec<_>>()
            )
        };
        records.map(text).collect()
    }

    proptest! {
        #[test]
        fn every_record_is_on_its_side_once_and_in_order(
            signal in prop::sample::select(Signal::OTLP.to_vec()),
            sides in prop::collection::vec(any::<bool>(), 1..60),
        ) {
            let whole = chunk(signal, sample::request(signal, sides.len()));
            let all = names(&whole);
            let mut at = 0;
            let [first, second] = whole.partition(|_| {
                at += 1;
                sides[at - 1]
            });
            let mut items = 0;
            for (side, part) in [(true, first), (false, second)] {
                let expected = all.iter().zip(&sides).filter(|(_, of)| **of == side);
                let expected: Vec<_> = expected.map(|(name, _)| name.clone()).collect();
                prop_assert_eq!(part.as_ref().map(names).unwrap_or_default(), expected);
                if let Some(part) = part {
                    let again = chunk(signal, part.framed().to_vec());
                    prop_assert_eq!(again.items(), part.items());
                    items += part.items();
                    prop_assert_eq!(
                        part.resource_attributes().collect::<Vec<_>>(),
                        whole.resource_attributes().collect::<Vec<_>>()
                    );
                }
            }
            prop_assert_eq!(items, whole.items());
        }
    }

    #[test]
    fn a_chunk_that_is_on_one_side_stays_the_bytes_it_is() {
        let whole = chunk(Signal::Logs, sample::logs(3));
        let at = whole.framed().as_ptr();
        let [first, none] = whole.partition(|_| true);
        assert!(none.is_none() && first.is_some_and(|first| first.framed().as_ptr() == at));
        let [none, second] = whole.partition(|_| false);
        assert!(none.is_none() && second.is_some_and(|second| second.framed().as_ptr() == at));
    }
}
