//! The places of the spans that were sent lately.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use pdata::convert::places::{Place, Places};
use tokio::time::Instant;

/// Spans remembered.
const SPANS_MAX: usize = 65_536;
/// How long a span is remembered; its callees are long there.
const AGE_MAX: Duration = Duration::from_secs(60);

/// A trace's id and a span's id, one behind the other.
type Key = Box<[u8]>;

/// A bounded memory that forgets the oldest first.
#[derive(Default)]
pub(in super::super) struct Memory {
    places: HashMap<Key, (Instant, Place)>,
    order: VecDeque<(Instant, Key)>,
}

fn key(trace_id: &[u8], span_id: &[u8]) -> Key {
    [trace_id, span_id].concat().into()
}

impl Memory {
    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.order.front()
            && (now - *at > AGE_MAX || self.order.len() > SPANS_MAX)
        {
            let Some((at, key)) = self.order.pop_front() else {
                return;
            };
            // A span that came again was remembered anew.
            if self.places.get(&key).is_some_and(|(since, _)| *since == at) {
                self.places.remove(&key);
            }
        }
    }
}

impl Places for Memory {
    fn find(&self, trace_id: &[u8], span_id: &[u8]) -> Option<Place> {
        let found = self.places.get(&key(trace_id, span_id));
        found.map(|(_, place)| place.clone())
    }

    fn record(&mut self, trace_id: &[u8], span_id: &[u8], place: Place) {
        let now = Instant::now();
        let key = key(trace_id, span_id);
        self.order.push_back((now, key.clone()));
        self.places.insert(key, (now, place));
        self.forget(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: i32) -> Place {
        Place {
            segment_id: "segment".into(),
            span_id: number,
            service: "service".into(),
            instance: "instance".into(),
            endpoint: "endpoint".into(),
            peer: "".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_what_is_old_and_what_is_too_much() {
        let mut memory = Memory::default();
        memory.record(b"trace", b"old", place(1));
        tokio::time::advance(AGE_MAX + Duration::from_secs(1)).await;
        memory.record(b"trace", b"again", place(2));
        assert_eq!(memory.find(b"trace", b"old"), None);
        for number in 0..SPANS_MAX as i32 {
            memory.record(b"trace", &number.to_le_bytes(), place(number));
        }
        assert_eq!(memory.find(b"trace", b"again"), None);
        assert_eq!(memory.find(b"trace", &0_i32.to_le_bytes()), Some(place(0)));
        assert!(memory.places.len() <= SPANS_MAX);
    }
}
