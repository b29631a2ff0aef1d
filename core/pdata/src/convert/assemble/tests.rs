//! That spans become segments of which OAP can make a topology.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};

use super::*;
use crate::skywalking::v3::{RefType, SegmentReference, SpanLayer, SpanObject, SpanType};

mod fields;
mod forests;

#[derive(Default)]
struct Memory(HashMap<(Vec<u8>, Vec<u8>), Place>);

impl Places for Memory {
    fn find(&self, trace_id: &[u8], span_id: &[u8]) -> Option<Place> {
        self.0.get(&(trace_id.to_vec(), span_id.to_vec())).cloned()
    }

    fn record(&mut self, trace_id: &[u8], span_id: &[u8], place: Place) {
        self.0.insert((trace_id.to_vec(), span_id.to_vec()), place);
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn service(name: &str) -> Resource {
    Resource {
        attributes: vec![text("service.name", name), text("service.instance.id", "1")],
        ..Resource::default()
    }
}

fn id(number: u32) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        number => u64::from(number).to_be_bytes().to_vec(),
    }
}

/// Starts at as many milliseconds as its number says. A parent of 0 is none.
fn span(number: u32, parent: u32, kind: SpanKind) -> Span {
    Span {
        trace_id: vec![0xAB; 16],
        span_id: id(number),
        parent_span_id: id(parent),
        name: format!("operation {number}"),
        kind: kind.into(),
        start_time_unix_nano: u64::from(number) * 1_000_000,
        end_time_unix_nano: 1_000_000_000_000,
        ..Span::default()
    }
}

fn with(mut span: Span, attributes: &[(&str, &str)]) -> Span {
    let attributes = attributes.iter().map(|(key, value)| text(key, value));
    span.attributes.extend(attributes);
    span
}

fn part<'a>(resource: &'a Resource, spans: &'a [Span]) -> Part<'a> {
    let scoped = |span| ScopedSpan { scope: None, span };
    Part {
        resource: Some(resource),
        spans: spans.iter().map(scoped).collect(),
    }
}

fn alone(spans: &[Span]) -> Vec<Assembled> {
    let resource = service("shop");
    assemble(
        &[part(&resource, spans)],
        &mut Memory::default(),
        &Options::default(),
    )
}

const TRACE: &str = "abababababababababababababababab";

fn segment_id(number: u32) -> String {
    format!("{TRACE}.{number:016x}")
}

/// A browser's page calls the cart (1 to 3), which calls the stock (11).
fn two_services() -> [Vec<Span>; 2] {
    let caller = vec![
        span(1, 0, SpanKind::Server),
        span(2, 1, SpanKind::Internal),
        with(
            span(3, 2, SpanKind::Client),
            &[
                ("server.address", "stock.svc"),
                ("server.port", "8080"),
                ("url.full", "http://x/"),
            ],
        ),
    ];
    [caller, vec![span(11, 3, SpanKind::Server)]]
}

fn call_of_cart() -> SegmentReference {
    SegmentReference {
        ref_type: RefType::CrossProcess.into(),
        trace_id: TRACE.to_owned(),
        parent_trace_segment_id: segment_id(1),
        parent_span_id: 2,
        parent_service: "cart".to_owned(),
        parent_service_instance: "1".to_owned(),
        parent_endpoint: "operation 1".to_owned(),
        network_address_used_at_peer: "stock.svc:8080".to_owned(),
    }
}

#[test]
fn a_call_between_two_services_joins_in_whatever_order_they_come() {
    let [caller, callee] = two_services();
    let (cart, stock) = (service("cart"), service("stock"));
    let parts = [part(&stock, &callee), part(&cart, &caller)];
    let found = assemble(&parts, &mut Memory::default(), &Options::default());
    let [stock, cart] = &found[..] else {
        panic!("two segments are due: {found:?}");
    };
    assert_eq!(cart.segment.trace_id, TRACE);
    assert_eq!(cart.segment.trace_segment_id, segment_id(1));
    assert_eq!((cart.part, &*cart.sources), (1, &[0, 1, 2][..]));
    let exit = &cart.segment.spans[2];
    assert_eq!(exit.span_type(), SpanType::Exit);
    assert_eq!(exit.peer, "stock.svc:8080");
    assert_eq!(stock.segment.service, "stock");
    assert_eq!(stock.segment.spans[0].refs, [call_of_cart()]);
    assert_eq!(stock.segment.spans[0].span_type(), SpanType::Entry);
}

#[test]
fn a_call_joins_when_the_caller_came_long_before() {
    let [caller, callee] = two_services();
    let (cart, stock) = (service("cart"), service("stock"));
    let mut memory = Memory::default();
    assemble(&[part(&cart, &caller)], &mut memory, &Options::default());
    let found = assemble(&[part(&stock, &callee)], &mut memory, &Options::default());
    assert_eq!(found[0].segment.spans[0].refs, [call_of_cart()]);
}

#[test]
fn the_same_spans_make_the_same_segments() {
    let [caller, _] = two_services();
    assert_eq!(alone(&caller), alone(&caller));
    let mut turned = caller.clone();
    turned.reverse();
    assert_eq!(alone(&caller)[0].segment, alone(&turned)[0].segment);
}

#[test]
fn a_caller_that_is_not_known_is_left_out() {
    let found = alone(&[span(11, 3, SpanKind::Server)]);
    let entry = &found[0].segment.spans[0];
    assert!(entry.refs.is_empty());
    assert_eq!(
        value(entry, "otlp.parent_span_id"),
        Some("0000000000000003")
    );
}

#[test]
fn a_caller_that_is_not_known_can_have_a_name() {
    let resource = service("stock");
    let options = Options {
        unresolved_parent: UnresolvedParent::Placeholder("outside".to_owned()),
        ..Options::default()
    };
    let spans = [
        span(11, 3, SpanKind::Server),
        span(12, 4, SpanKind::Internal),
        span(13, 0, SpanKind::Server),
    ];
    let found = assemble(&[part(&resource, &spans)], &mut Memory::default(), &options);
    let services = found.iter().map(|it| {
        let refs = it.segment.spans[0].refs.iter();
        refs.map(|reference| &*reference.parent_service)
            .collect::<Vec<_>>()
    });
    // Only what was called from outside, and says so.
    assert!(services.eq([vec!["outside"], vec![], vec![]]));
}

#[test]
fn a_span_that_comes_late_hangs_on_its_parent() {
    let resource = service("shop");
    let mut memory = Memory::default();
    let early = [span(1, 0, SpanKind::Server)];
    assemble(&[part(&resource, &early)], &mut memory, &Options::default());
    let late = [
        span(2, 1, SpanKind::Internal),
        span(3, 2, SpanKind::Internal),
    ];
    let found = assemble(&[part(&resource, &late)], &mut memory, &Options::default());
    let [late] = &found[..] else {
        panic!("one segment is due: {found:?}");
    };
    let first = &late.segment.spans[0];
    assert_eq!(first.refs.len(), 1);
    assert_eq!(first.refs[0].ref_type(), RefType::CrossThread);
    assert_eq!(first.refs[0].parent_trace_segment_id, segment_id(1));
    assert_eq!(value(first, "sidecar.late"), Some("true"));
    assert_eq!(late.segment.spans[1].parent_span_id, 0);
}

#[test]
fn a_long_segment_goes_on_in_another_one() {
    let resource = service("shop");
    let options = Options {
        span_limit: NonZeroUsize::new(2).unwrap(),
        ..Options::default()
    };
    // 1 over 2 and 4; 2 over 3.
    let spans = [(1, 0), (2, 1), (3, 2), (4, 1)];
    let spans = spans.map(|(number, parent)| span(number, parent, SpanKind::Internal));
    let found = assemble(&[part(&resource, &spans)], &mut Memory::default(), &options);
    let [first, second] = &found[..] else {
        panic!("two segments are due: {found:?}");
    };
    assert!(first.segment.is_size_limited && !second.segment.is_size_limited);
    assert_eq!(second.segment.trace_segment_id, segment_id(3));
    let parents = second.segment.spans.iter().map(|span| {
        assert_eq!((span.parent_span_id, span.refs.len()), (-1, 1));
        assert_eq!(span.refs[0].ref_type(), RefType::CrossThread);
        assert_eq!(span.refs[0].parent_trace_segment_id, segment_id(1));
        assert_eq!(span.refs[0].parent_endpoint, "operation 1");
        span.refs[0].parent_span_id
    });
    assert!(parents.eq([1, 0]));
}

#[test]
fn links_of_a_consumer_are_references_only_when_asked() {
    let mut memory = Memory::default();
    let sender = service("sender");
    let broker = ("messaging.system", "kafka");
    let sent = [with(span(5, 0, SpanKind::Producer), &[broker])];
    assemble(&[part(&sender, &sent)], &mut memory, &Options::default());
    let link = |span_id| Link {
        trace_id: vec![0xAB; 16],
        span_id,
        ..Link::default()
    };
    let mut batch = with(span(9, 0, SpanKind::Consumer), &[broker]);
    batch.links = vec![link(id(5)), link(id(6))];
    let resource = service("shop");
    let spans = [batch];
    for (links_are_references, services) in [(false, vec![]), (true, vec!["sender"])] {
        let options = Options {
            links_are_references,
            ..Options::default()
        };
        let found = assemble(&[part(&resource, &spans)], &mut memory, &options);
        let entry = &found[0].segment.spans[0];
        let found = entry
            .refs
            .iter()
            .map(|reference| &*reference.parent_service);
        assert!(found.eq(services));
        let target = format!("{TRACE}.{}", hex_text(&id(6)));
        assert_eq!(value(entry, "otlp.link.1"), Some(&*target));
    }
}

fn value<'a>(span: &'a SpanObject, key: &str) -> Option<&'a str> {
    let mut tags = span.tags.iter().filter(|tag| tag.key == key);
    let found = tags.next().map(|tag| &*tag.value);
    assert!(tags.next().is_none(), "two tags are called {key}");
    found
}
