use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::super::window::SPANS_MAX;
use super::*;

fn span(id: u8, kind: i32) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: if id == 0 { Vec::new() } else { vec![id; 8] },
        kind,
        ..Span::default()
    }
}

/// A chunk of these spans, each in a scope of its own.
fn chunk(service: &str, spans: &[Span]) -> OtlpChunk {
    let name = KeyValue {
        key: SERVICE.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(service.to_owned())),
        }),
        ..KeyValue::default()
    };
    let scopes = spans.iter().map(|span| ScopeSpans {
        spans: vec![span.clone()],
        ..ScopeSpans::default()
    });
    OtlpChunk::from_decoded(Decoded::Traces(ResourceSpans {
        resource: Some(Resource {
            attributes: vec![name],
            ..Resource::default()
        }),
        scope_spans: scopes.collect(),
        ..ResourceSpans::default()
    }))
}

/// The ids of what a request has.
fn sent(left: &Left) -> Vec<u8> {
    let request = left.request.clone().unwrap_or_default();
    let request = ExportTraceServiceRequest::decode(request).expect("it is valid");
    let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
    let spans = scopes.flat_map(|scope| &scope.spans);
    spans
        .map(|span| *span.span_id.first().unwrap_or(&0))
        .collect()
}

#[test]
fn what_has_no_copies_stays_the_same_bytes() {
    let window = Window::new(SPANS_MAX);
    let chunk = chunk("shop", &[span(1, 2), span(2, 3)]);
    let left = leave_out(&chunk, &window);
    let request = left.request.expect("nothing of it was sent");
    assert_eq!(request.as_ptr(), chunk.framed().as_ptr());
    assert_eq!((left.ids.len(), left.copies), (2, 0));
}

#[test]
fn spans_that_come_again_are_left_out_and_their_neighbours_stay() {
    let window = Window::new(SPANS_MAX);
    leave_out(&chunk("shop", &[span(1, 2), span(2, 3)]), &window);
    let left = leave_out(
        &chunk("shop", &[span(3, 1), span(2, 3), span(4, 1)]),
        &window,
    );
    assert_eq!((sent(&left), left.copies), (vec![3, 4], 1));
    let left = leave_out(&chunk("shop", &[span(1, 2), span(4, 1)]), &window);
    assert!(left.request.is_none());
    assert_eq!((left.ids.len(), left.copies), (0, 2));
}

#[test]
fn the_two_sides_of_a_call_may_share_an_id() {
    let window = Window::new(SPANS_MAX);
    leave_out(&chunk("shop", &[span(1, 3)]), &window);
    for (service, kind) in [("shop", 2), ("stock", 3)] {
        let left = leave_out(&chunk(service, &[span(1, kind)]), &window);
        assert_eq!(left.copies, 0, "{service} {kind}");
    }
}

#[test]
fn spans_without_an_id_are_no_copies_of_each_other() {
    let window = Window::new(SPANS_MAX);
    let left = leave_out(&chunk("shop", &[span(0, 1), span(0, 1)]), &window);
    assert_eq!((sent(&left), left.copies), (vec![0, 0], 0));
}
