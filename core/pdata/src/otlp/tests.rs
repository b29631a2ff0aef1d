use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::sample;
use crate::wire::{NESTING_MAX, put_field};

mod generate;

use generate::Generator;

fn roomy() -> Budget {
    Budget::new(1 << 30)
}

fn repair(signal: Signal, request: &[u8]) -> Result<Received, ReceiveError> {
    receive(
        signal,
        Bytes::copy_from_slice(request),
        InvalidUtf8::Repair,
        &roomy(),
    )
}

fn concatenated(received: &Received) -> Vec<u8> {
    let mut request = Vec::new();
    for chunk in received.chunks.clone() {
        let chunk = chunk.into_otlp().expect("it is OTLP");
        request.extend_from_slice(chunk.framed());
    }
    request
}

/// Whether prost, the reference, takes these bytes.
fn prost_accepts(signal: Signal, request: &[u8]) -> bool {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request).is_ok(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request).is_ok(),
        Signal::Logs => ExportLogsServiceRequest::decode(request).is_ok(),
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

fn agrees_with_prost(signal: Signal, request: &[u8]) -> Result<(), TestCaseError> {
    match repair(signal, request) {
        Ok(received) if received.repaired > 0 => {
            prop_assert!(!prost_accepts(signal, request), "repaired what was valid");
            if received.items > 0 {
                prop_assert!(
                    prost_accepts(signal, &concatenated(&received)),
                    "repair is broken"
                );
            }
        }
        Ok(received) => {
            prop_assert!(
                prost_accepts(signal, request),
                "accepted what prost refuses"
            );
            if received.items > 0 {
                prop_assert_eq!(concatenated(&received), request, "bytes were lost");
            }
        }
        Err(fault) => prop_assert!(!prost_accepts(signal, request), "refused: {}", fault),
    }
    Ok(())
}

fn signals() -> impl Strategy<Value = Signal> {
    prop::sample::select(Signal::OTLP.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_prost_on_well_formed_requests(signal in signals(), seed: u64) {
        let request = Generator::new(seed).request(signal);
        prop_assert!(repair(signal, &request).is_ok());
        agrees_with_prost(signal, &request)?;
    }

    #[test]
    fn agrees_with_prost_on_mutated_requests(
        signal in signals(),
        seed: u64,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut request = Generator::new(seed).request(signal);
        for (index, byte) in edits {
            if !request.is_empty() {
                let at = index.index(request.len());
                request[at] = byte;
            }
        }
        agrees_with_prost(signal, &request)?;
    }

    #[test]
    fn agrees_with_prost_on_truncated_requests(
        signal in signals(),
        seed: u64,
        end: prop::sample::Index,
    ) {
        let request = Generator::new(seed).request(signal);
        agrees_with_prost(signal, &request[..end.index(request.len() + 1)])?;
    }

    #[test]
    fn agrees_with_prost_on_arbitrary_bytes(
        signal in signals(),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        agrees_with_prost(signal, &bytes)?;
    }
}

#[test]
fn counts_items_and_cuts_by_resource_without_copying() {
    let mut request = sample::logs(3);
    request.extend(sample::logs(4));
    let request = Bytes::from(request);
    let received = receive(Signal::Logs, request.clone(), InvalidUtf8::Repair, &roomy())
        .expect("sample requests are valid");
    assert_eq!((received.items, received.repaired), (7, 0));
    let items: Vec<_> = received.chunks.iter().map(Chunk::items).collect();
    assert_eq!(items, [3, 4]);
    let second = received.chunks[1].clone().into_otlp().expect("it is OTLP");
    assert_eq!(request.slice_ref(second.framed()), second.framed());
}

#[test]
fn counts_the_points_of_every_kind_of_metric() {
    let received = repair(Signal::Metrics, &sample::points(25)).expect("samples are valid");
    assert_eq!(received.items, 25);
    // gauge, sum, histogram, exponential histogram, summary: two empty points each.
    for data in [5, 7, 9, 10, 11] {
        let mut points = Vec::new();
        put_field(&mut points, 1, &[]);
        put_field(&mut points, 1, &[]);
        let request = nested(&[1, 2, 2, data], &points);
        let received = repair(Signal::Metrics, &request).expect("empty points are valid");
        assert_eq!(received.items, 2, "metric data in field {data}");
    }
}

#[test]
fn a_request_without_items_has_no_chunks() {
    let received = repair(Signal::Traces, &nested(&[1, 2], &[])).expect("an empty scope is valid");
    assert_eq!((received.items, received.chunks.len()), (0, 0));
}

/// `content` inside one message for each field number, outermost first.
fn nested(fields: &[u32], content: &[u8]) -> Vec<u8> {
    fields.iter().rev().fold(content.to_vec(), |inner, number| {
        let mut outer = Vec::new();
        put_field(&mut outer, *number, &inner);
        outer
    })
}

/// A span's attribute: 1 resource_spans, 2 scope_spans, 2 spans, 9 attributes.
const ATTRIBUTE: &[u32] = &[1, 2, 2, 9];

#[test]
fn faults_name_the_field_and_the_byte() {
    let cases: &[(&[u8], &str)] = &[
        (
            b"\x0A\x05\x12",
            "`resource_spans` at byte 1: length 5 exceeds the 1 bytes left",
        ),
        (
            b"\x08\x01",
            "`resource_spans` at byte 1: wire type 0 where 2 is right",
        ),
        (b"\x0F", "byte 0: there is no wire type 7"),
        (b"\x00\x01", "byte 0: field numbers go from 1 to 536870911"),
        (b"\x80", "byte 0: varint is cut off or longer than 64 bits"),
        (b"\x14", "byte 1: end of a group that did not start"),
        (
            &nested(&[1, 2, 2], b"\x39\x01"),
            "`resource_spans.scope_spans.spans.start_time_unix_nano` at byte 7: \
             8 bytes expected, 1 left",
        ),
        (
            &nested(ATTRIBUTE, b"\x0A\x09key"),
            "`resource_spans.scope_spans.spans.attributes.key` at byte 9: \
             length 9 exceeds the 3 bytes left",
        ),
    ];
    for (request, text) in cases {
        let fault = repair(Signal::Traces, request).expect_err(text);
        assert_eq!(fault.to_string(), *text);
    }
}

#[test]
fn refuses_broken_text_where_told_to() {
    let request = nested(ATTRIBUTE, b"\x0A\x04k\xED\xA0\x80");
    let refused = receive(
        Signal::Traces,
        request.into(),
        InvalidUtf8::Refuse,
        &roomy(),
    );
    assert_eq!(
        refused.expect_err("text is broken").to_string(),
        "`resource_spans.scope_spans.spans.attributes.key` at byte 11: text is not valid UTF-8"
    );
}

#[test]
fn repairs_broken_text_within_the_budget() {
    let request = Bytes::from(nested(ATTRIBUTE, b"\x0A\x04k\xED\xA0\x80"));
    let budget = Budget::new(request.len());
    let received = receive(
        Signal::Traces,
        request.clone(),
        InvalidUtf8::Repair,
        &budget,
    )
    .expect("the copy fits the budget");
    assert_eq!((received.repaired, budget.used()), (1, request.len()));
    assert_eq!(
        concatenated(&received),
        nested(ATTRIBUTE, "\x0A\x04k\u{FFFD}".as_bytes())
    );
    let refused = receive(Signal::Traces, request, InvalidUtf8::Repair, &budget);
    assert!(
        matches!(refused, Err(ReceiveError::Overloaded(_))),
        "{refused:?}"
    );
    drop(received);
    assert_eq!(budget.used(), 0);
}

#[test]
fn nesting_is_bounded_where_prost_bounds_it() {
    for levels in [NESTING_MAX as usize - 5, NESTING_MAX as usize] {
        // AnyValue 5 is an array, its field 1 an AnyValue: two levels each.
        let mut fields = vec![1, 2, 2, 9, 2];
        fields.extend([5, 1].iter().cycle().take(levels - fields.len()));
        let request = nested(&fields, &[]);
        assert_eq!(
            repair(Signal::Traces, &request).is_ok(),
            prost_accepts(Signal::Traces, &request),
            "{levels} levels"
        );
    }
    let mut deep = vec![1, 2, 2, 9, 2];
    deep.extend([5, 1].iter().cycle().take(500));
    let fault = repair(Signal::Traces, &nested(&deep, &[])).expect_err("far too deep");
    assert!(
        fault
            .to_string()
            .ends_with("messages nest deeper than 100 levels"),
        "{fault}"
    );
}
