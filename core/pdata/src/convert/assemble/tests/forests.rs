//! What holds for any spans, however they hang together.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        3 => Just(SpanKind::Internal),
        2 => Just(SpanKind::Client),
        2 => Just(SpanKind::Server),
        1 => Just(SpanKind::Consumer),
        1 => Just(SpanKind::Producer),
    ]
}

/// Spans with any parents: missing ones, themselves, rings, the same span twice, ids that are none.
fn any_span() -> impl Strategy<Value = Span> {
    let attributes = prop::sample::subsequence(
        vec![
            ("server.address", "h"),
            ("db.system.name", "redis"),
            ("messaging.system", "kafka"),
            ("a", "1"),
            ("a", "2"),
        ],
        0..=5,
    );
    (0..14u32, 0..14u32, kind(), attributes, 0..4u64).prop_map(
        |(number, parent, kind, attributes, start)| {
            let mut span = with(span(number, parent, kind), &attributes);
            span.start_time_unix_nano = start;
            span
        },
    )
}

/// A tree as an SDK makes it: each parent before its children.
fn real_spans() -> impl Strategy<Value = Vec<Span>> {
    vec((any::<prop::sample::Index>(), kind()), 1..40).prop_map(|choices| {
        let spans = choices.into_iter().zip(1u32..);
        let spans = spans.map(|((parent, kind), number)| {
            let parent = parent.index(number as usize) as u32;
            span(number, parent, kind)
        });
        spans.collect()
    })
}

fn check(parts: &[Part<'_>], limit: usize, memory: &mut Memory) -> Result<(), TestCaseError> {
    let options = Options {
        span_limit: NonZeroUsize::new(limit).unwrap(),
        ..Options::default()
    };
    let before: HashSet<String> = memory
        .0
        .values()
        .map(|place| place.segment_id.to_string())
        .collect();
    let found = assemble(parts, memory, &options);
    let mut sources = HashSet::new();
    for it in &found {
        prop_assert!(it.segment.spans.len() <= limit);
        prop_assert!(!it.segment.service.is_empty());
        for source in &it.sources {
            prop_assert!(
                sources.insert((it.part, *source)),
                "{source} is there twice"
            );
        }
        for (source, span) in it.sources.iter().zip(&it.segment.spans) {
            let name = &parts[it.part].spans[*source].span.name;
            prop_assert_eq!(&span.operation_name, name);
        }
        spans_are_consistent(&it.segment)?;
    }
    let count: usize = parts.iter().map(|part| part.spans.len()).sum();
    prop_assert_eq!(sources.len(), count, "a span is missing");
    references_lead_somewhere(&found, &before)
}

fn spans_are_consistent(segment: &SegmentObject) -> Result<(), TestCaseError> {
    for (span, number) in segment.spans.iter().zip(0..) {
        prop_assert_eq!(span.span_id, number);
        prop_assert!((-1..number.max(0)).contains(&span.parent_span_id));
        prop_assert!(span.parent_span_id < 0 || span.refs.is_empty());
        prop_assert!(span.end_time >= span.start_time);
        let keys: HashSet<_> = span.tags.iter().map(|tag| &tag.key).collect();
        prop_assert_eq!(keys.len(), span.tags.len());
        let is_local = span.span_type() == SpanType::Local;
        prop_assert_eq!(is_local && span.span_layer() != SpanLayer::Unknown, false);
        prop_assert!(span.span_type() != SpanType::Exit || !span.peer.is_empty());
    }
    Ok(())
}

fn references_lead_somewhere(
    found: &[Assembled],
    before: &HashSet<String>,
) -> Result<(), TestCaseError> {
    let segments: HashMap<&str, &SegmentObject> = found
        .iter()
        .map(|it| (&*it.segment.trace_segment_id, &it.segment))
        .collect();
    prop_assert_eq!(segments.len(), found.len(), "an id is there twice");
    for it in found {
        for span in &it.segment.spans {
            for reference in &span.refs {
                prop_assert!(!reference.parent_service.is_empty());
                prop_assert!(!reference.parent_endpoint.is_empty());
                let id = &*reference.parent_trace_segment_id;
                // What was sent before may come again with other spans.
                if before.contains(id) {
                    continue;
                }
                let parent = segments.get(id);
                prop_assert!(parent.is_some(), "{id} is nowhere");
                let parent = parent.unwrap();
                let parent_span = &parent.spans[reference.parent_span_id as usize];
                prop_assert_eq!(&parent.service, &reference.parent_service);
                if span.span_layer() != SpanLayer::Mq {
                    prop_assert_eq!(&parent_span.peer, &reference.network_address_used_at_peer);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_spans_make_consistent_segments(
        first in vec(any_span(), 0..16),
        later in vec(any_span(), 0..16),
        limit in 1..8usize,
    ) {
        let resource = service("shop");
        let mut memory = Memory::default();
        check(&[part(&resource, &first)], limit, &mut memory)?;
        check(&[part(&resource, &later)], limit, &mut memory)?;
    }

    #[test]
    fn the_parents_of_a_real_trace_are_the_parents_in_its_segments(
        spans in real_spans(),
        owners in vec(0..3usize, 40),
        limit in 1..20usize,
    ) {
        let resources = ["a", "b", "c"].map(service);
        let mut shares: [Vec<Span>; 3] = Default::default();
        for (span, owner) in spans.iter().zip(owners) {
            shares[owner].push(span.clone());
        }
        let parts: Vec<_> = resources.iter().zip(&shares).map(|(r, spans)| part(r, spans)).collect();
        check(&parts, limit, &mut Memory::default())?;
        let options = Options {
            span_limit: NonZeroUsize::new(limit).unwrap(),
            ..Options::default()
        };
        let found = assemble(&parts, &mut Memory::default(), &options);
        let names: HashMap<(&str, i32), &str> = found
            .iter()
            .flat_map(|it| {
                let id = &*it.segment.trace_segment_id;
                it.segment.spans.iter().map(move |span| ((id, span.span_id), &*span.operation_name))
            })
            .collect();
        for it in &found {
            for (source, span) in it.sources.iter().zip(&it.segment.spans) {
                let original = parts[it.part].spans[*source].span;
                let parent = match (&span.refs[..], span.parent_span_id) {
                    ([reference], -1) => {
                        let id = &*reference.parent_trace_segment_id;
                        Some(names[&(id, reference.parent_span_id)])
                    }
                    ([], -1) => None,
                    ([], number) => Some(names[&(&*it.segment.trace_segment_id, number)]),
                    other => panic!("two parents: {other:?}"),
                };
                let expected = spans.iter().find(|other| {
                    !other.span_id.is_empty() && other.span_id == original.parent_span_id
                });
                prop_assert_eq!(parent, expected.map(|span| &*span.name));
            }
        }
    }
}

#[test]
fn a_chain_of_any_length_is_cut_without_recursion() {
    let spans: Vec<_> = (1..=20_000)
        .map(|number| span(number, number - 1, SpanKind::Internal))
        .collect();
    let found = alone(&spans);
    assert_eq!(found.len(), 20_000usize.div_ceil(300));
    assert!(found.iter().all(|it| it.segment.spans[0].refs.len() <= 1));
}
