//! Cutting a resource-level message in two between its items.
//!
//! ```text
//! resource-level: resource, schema URL, [scope-level: scope, schema URL, [item] [item] | [item]]
//! ```
//!
//! What is not an item is a header and goes to both sides.

use crate::Signal;
use crate::wire::{Field, Fields, Value, put_field};

/// For each level, the fields whose messages lead down to the items.
type Levels = &'static [&'static [u32]];

/// Field 2 of the resource level holds scopes, field 2 of these the spans or log records.
const RECORDS: Levels = &[&[2], &[2]];
/// Metrics go on: one of five kinds of data, and in each field 1 the points.
const POINTS: Levels = &[&[2], &[2], &[5, 7, 9, 10, 11], &[1]];

const fn levels(signal: Signal) -> Levels {
    match signal {
        Signal::Traces | Signal::Logs => RECORDS,
        Signal::Metrics => POINTS,
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// Splits `body` behind its first `items` items; `None` if repeating the headers would add more
/// than half of its size.
pub(crate) fn at(signal: Signal, body: &[u8], items: usize) -> Option<[Vec<u8>; 2]> {
    let halves = split(body, levels(signal), items);
    let grown: usize = halves.iter().map(Vec::len).sum();
    (grown.saturating_sub(body.len()) <= body.len() / 2).then_some(halves)
}

/// Items in a resource-level message.
pub(crate) fn items(signal: Signal, body: &[u8]) -> usize {
    count(body, levels(signal))
}

/// Items in a span, a log record (one) or a metric (its points).
pub(crate) fn items_of_record(signal: Signal, record: &[u8]) -> usize {
    count(record, &levels(signal)[RECORDS.len()..])
}

fn split(message: &[u8], levels: Levels, items: usize) -> [Vec<u8>; 2] {
    let mut head = Vec::with_capacity(message.len());
    let mut tail = Vec::with_capacity(message.len());
    let mut passed = 0;
    for field in Fields::of(message) {
        let Some((inner, below)) = child(&field, levels) else {
            head.extend_from_slice(field.raw);
            tail.extend_from_slice(field.raw);
            continue;
        };
        let count = count(inner, below);
        if passed + count <= items {
            head.extend_from_slice(field.raw);
        } else if passed >= items {
            tail.extend_from_slice(field.raw);
        } else {
            let [first, second] = split(inner, below, items - passed);
            put_field(&mut head, field.number, &first);
            put_field(&mut tail, field.number, &second);
        }
        passed += count;
    }
    [head, tail]
}

/// The message of a field that leads to items, and the levels below it.
fn child<'a>(field: &Field<'a>, levels: Levels) -> Option<(&'a [u8], Levels)> {
    let (numbers, below) = levels.split_first()?;
    match field.value {
        Value::Len(inner) if numbers.contains(&field.number) => Some((inner, below)),
        _ => None,
    }
}

/// Items in a message; one, if it is an item itself.
fn count(message: &[u8], levels: Levels) -> usize {
    if levels.is_empty() {
        return 1;
    }
    Fields::of(message)
        .filter_map(|field| child(&field, levels))
        .map(|(inner, below)| count(inner, below))
        .sum()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use proptest::prelude::*;
    use prost::Message as _;

    use crate::otlp::{InvalidUtf8, receive};
    use crate::{Budget, OtlpChunk, Signal, sample};

    fn chunk(signal: Signal, request: Vec<u8>) -> OtlpChunk {
        let budget = Budget::new(1 << 30);
        let received = receive(signal, Bytes::from(request), InvalidUtf8::Repair, &budget);
        let chunk = received.expect("samples are valid").chunks.remove(0);
        chunk.into_otlp().expect("it is OTLP")
    }

    proptest! {
        #[test]
        fn both_sides_are_valid_and_hold_every_item_once(
            signal in prop::sample::select(Signal::OTLP.to_vec()),
            count in 40usize..90,
            at in 1usize..40,
        ) {
            let whole = chunk(signal, sample::request(signal, count));
            let [head, tail] = whole.split_at(at).expect("headers are small beside 40 items");
            prop_assert_eq!((head.items(), tail.items()), (at, count - at));
            for side in [&head, &tail] {
                let again = chunk(signal, side.framed().to_vec());
                prop_assert_eq!(again.items(), side.items());
            }
        }
    }

    #[test]
    fn items_keep_their_order_and_their_headers() {
        let whole = chunk(Signal::Logs, sample::logs(50));
        let decode = |chunk: &OtlpChunk| {
            let mut request = ExportLogsServiceRequest::decode(&chunk.framed()[..]).expect("valid");
            request.resource_logs.remove(0)
        };
        let [head, tail] = whole
            .split_at(20)
            .expect("it has 50 items")
            .map(|side| decode(&side));
        let all = decode(&whole);
        assert_eq!(
            (&head.resource, &tail.resource),
            (&all.resource, &all.resource)
        );
        let (head, tail, all) = (&head.scope_logs[0], &tail.scope_logs[0], &all.scope_logs[0]);
        assert_eq!((&head.scope, &tail.scope), (&all.scope, &all.scope));
        assert_eq!(
            [&head.log_records[..], &tail.log_records[..]].concat(),
            all.log_records
        );
    }

    #[test]
    fn a_metric_is_split_between_its_points() {
        let whole = chunk(Signal::Metrics, sample::points(30));
        let [head, tail] = whole.split_at(15).expect("it has 30 points");
        for side in [head, tail] {
            let request = ExportMetricsServiceRequest::decode(&side.framed()[..]).expect("valid");
            let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
            assert_eq!(metrics.len(), 2, "one metric of ten points and one of five");
            assert!(metrics.iter().all(|metric| metric.unit == "{request}"));
        }
    }

    #[test]
    fn headers_larger_than_the_items_are_not_repeated() {
        let mut request = ExportLogsServiceRequest::decode(&sample::logs(2)[..]).expect("valid");
        request.resource_logs[0].schema_url = "x".repeat(4096);
        assert!(
            chunk(Signal::Logs, request.encode_to_vec())
                .split_at(1)
                .is_none()
        );
        let whole = chunk(Signal::Logs, sample::logs(50));
        assert!(whole.split_at(0).is_none() && whole.split_at(50).is_none());
    }
}
