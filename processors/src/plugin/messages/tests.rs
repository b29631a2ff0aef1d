use std::sync::Arc;

use engine::testkit::batch;
use pdata::skywalking::v3::{SegmentObject, SpanObject};
use pdata::{NativeChunk, Origin};
use prost::Message as _;

use super::*;

fn description(signals: &[plugin::Signal], segments: Segments) -> Description {
    Description {
        name: "test".to_owned(),
        version: "1".to_owned(),
        summary: String::new(),
        signals: signals.to_vec(),
        emits: vec![plugin::Signal::Metrics],
        segments,
        parallel: false,
        resident: false,
        schema: None,
    }
}

const TRACES: &[plugin::Signal] = &[plugin::Signal::Traces];

/// Two requests of two and three spans as one batch.
fn spans() -> Batch {
    let mut spans = batch(Signal::Traces, 2);
    spans.merge(batch(Signal::Traces, 3));
    spans
}

fn segment() -> Batch {
    let span = |span_id| SpanObject {
        span_id,
        parent_span_id: span_id - 1,
        operation_name: "/pay".to_owned(),
        ..SpanObject::default()
    };
    let segment = SegmentObject {
        trace_id: "t.1".to_owned(),
        trace_segment_id: "s.1".to_owned(),
        spans: vec![span(0), span(1)],
        service: "shop".to_owned(),
        service_instance: "i".to_owned(),
        is_size_limited: false,
    };
    let message = Bytes::from(segment.encode_to_vec());
    let chunk = NativeChunk::from_checked(NativeKind::Segment, message, 7);
    Batch::new(
        Signal::Traces,
        vec![Chunk::Native(chunk)],
        Arc::new(Origin::default()),
    )
}

fn bytes_of(batch: &Batch) -> Vec<Bytes> {
    let chunks = batch.chunks().iter().map(|chunk| match chunk {
        Chunk::Otlp(chunk) => chunk.framed().clone(),
        Chunk::Native(chunk) => chunk.message().clone(),
    });
    chunks.collect()
}

fn shown_to(description: &Description, batch: &Batch) -> Shown {
    let kind = kind_of(batch.signal(), description).expect("it processes this signal");
    show(batch, kind, description.segments)
}

/// What becomes of a batch if the plugin answers so.
fn processed(
    batch: &Batch,
    description: &Description,
    answer: impl Fn(usize, Kind, &Bytes) -> Processed,
) -> Result<Result<Derivation, Refusal>, Failure> {
    let shown = shown_to(description, batch);
    let messages = shown.messages.iter().enumerate();
    let answers = messages.map(|(index, (kind, bytes))| answer(index, *kind, bytes));
    let done = Done {
        answers: answers.collect(),
        shown,
        took: Duration::ZERO,
    };
    let taken = take(batch, done)?;
    Ok(settle(batch.clone(), taken, "plugin/test"))
}

fn untouched() -> Processed {
    Processed {
        main: Main::Unchanged,
        derived: Vec::new(),
    }
}

fn replaced(kind: Kind, messages: &[&[u8]]) -> Processed {
    let emitted = messages.iter().map(|message| Emitted {
        kind,
        message: Bytes::copy_from_slice(message),
    });
    Processed {
        main: Main::Replaced(emitted.collect()),
        derived: Vec::new(),
    }
}

#[track_caller]
fn goes_on(processed: Result<Result<Derivation, Refusal>, Failure>) -> Derivation {
    processed
        .expect("it did not fail")
        .expect("it is not refused")
}

#[test]
fn what_a_plugin_leaves_alone_stays_the_same_bytes() {
    for batch in [spans(), segment()] {
        let description = description(TRACES, Segments::Otlp);
        let on = goes_on(processed(&batch, &description, |_, _, _| untouched()));
        let main = on.main.expect("everything goes on");
        assert_eq!(bytes_of(&main), bytes_of(&batch));
        assert!(on.derived.is_empty());
    }
}

#[test]
fn a_signal_that_is_not_its_own_is_not_shown() {
    let logs = description(&[plugin::Signal::Logs], Segments::Otlp);
    assert_eq!(kind_of(Signal::Traces, &logs), None);
    assert_eq!(kind_of(Signal::Skywalking, &logs), None);
    assert_eq!(kind_of(Signal::Logs, &logs), Some(Kind::Logs));
}

#[test]
fn what_is_emitted_takes_the_place_of_its_message_alone() {
    let (batch, other) = (spans(), spans());
    let body = other.chunks()[1].clone().into_otlp().expect("it is OTLP");
    let description = description(TRACES, Segments::Otlp);
    let on = goes_on(processed(
        &batch,
        &description,
        |index, kind, _| match index {
            0 => replaced(kind, &[body.body(), body.body()]),
            _ => untouched(),
        },
    ));
    let main = on.main.expect("something goes on");
    let items: Vec<_> = main.chunks().iter().map(Chunk::items).collect();
    assert_eq!(items, [3, 3, 3]);
    assert_eq!(bytes_of(&main)[0], *body.framed());
    assert_eq!(bytes_of(&main)[2], bytes_of(&batch)[1]);
}

#[test]
fn a_message_in_whose_place_nothing_is_put_ends() {
    let description = description(TRACES, Segments::Otlp);
    let drop_first = |index, kind, _: &Bytes| match index {
        0 => replaced(kind, &[]),
        _ => untouched(),
    };
    let on = goes_on(processed(&spans(), &description, drop_first));
    assert_eq!(on.main.expect("the second is left").items(), 3);
    let drop_all = |_, kind, _: &Bytes| replaced(kind, &[]);
    assert!(
        goes_on(processed(&spans(), &description, drop_all))
            .main
            .is_none()
    );
    // A resource without spans is nothing either.
    let empty = |_, kind, _: &Bytes| replaced(kind, &[b""]);
    assert!(
        goes_on(processed(&spans(), &description, empty))
            .main
            .is_none()
    );
}

#[test]
fn garbage_fails_the_batch_and_names_the_field() {
    let description = description(TRACES, Segments::Otlp);
    let garbage = |_, kind, _: &Bytes| replaced(kind, &[b"\x12\x7fspans"]);
    let failure = processed(&spans(), &description, garbage).expect_err("it is no message");
    assert_eq!(failure.reason(), "broken_contract");
    let told = failure.to_string();
    assert!(
        told.contains("`ResourceSpans`") && told.contains("resource_spans"),
        "{told}"
    );
}

#[test]
fn a_refusal_names_the_item_of_the_whole_batch() {
    let description = description(TRACES, Segments::Otlp);
    let refuse = |index, _, _: &Bytes| match index {
        0 => untouched(),
        _ => Processed {
            main: Main::Refused(Refused {
                reason: "no phone numbers here".to_owned(),
                item: Some(2),
            }),
            derived: Vec::new(),
        },
    };
    let refusal = processed(&spans(), &description, refuse).expect("it did not fail");
    let expected = "plugin `plugin/test` refuses item 4: no phone numbers here";
    assert_eq!(
        refusal.expect_err("it is refused"),
        Refusal::reject(expected)
    );
}

#[test]
fn what_is_derived_is_a_batch_for_each_signal() {
    let points = batch(Signal::Metrics, 4).into_chunks().remove(0);
    let points = points.into_otlp().expect("it is OTLP").body_bytes();
    let description = description(TRACES, Segments::Otlp);
    let on = goes_on(processed(&spans(), &description, |_, _, _| Processed {
        main: Main::Unchanged,
        derived: vec![Emitted {
            kind: Kind::Metrics,
            message: points.clone(),
        }],
    }));
    let derived: Vec<_> = on
        .derived
        .iter()
        .map(|of| (of.signal(), of.items()))
        .collect();
    assert_eq!(derived, [(Signal::Metrics, 8)]);
}

#[test]
fn a_segment_is_shown_as_the_plugin_asks_for_it() {
    let kinds = |segments| {
        let shown = shown_to(&description(TRACES, segments), &segment());
        shown
            .messages
            .into_iter()
            .map(|(kind, _)| kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(Segments::Otlp), [Kind::Traces]);
    assert_eq!(kinds(Segments::Native), [Kind::Segment]);
}

#[test]
fn a_changed_segment_leaves_as_what_was_emitted() {
    let same = |_, kind, message: &Bytes| replaced(kind, &[message]);
    let native = description(TRACES, Segments::Native);
    let main = goes_on(processed(&segment(), &native, same))
        .main
        .expect("it goes on");
    assert_eq!(bytes_of(&main), bytes_of(&segment()));
    let Chunk::Native(chunk) = &main.chunks()[0] else {
        panic!("it is a segment")
    };
    assert_eq!(chunk.arrived_unix_ms(), 7);

    let otlp = description(TRACES, Segments::Otlp);
    let main = goes_on(processed(&segment(), &otlp, same))
        .main
        .expect("it goes on");
    assert!(matches!(main.chunks(), [Chunk::Otlp(chunk)] if chunk.items() == 2));
}
