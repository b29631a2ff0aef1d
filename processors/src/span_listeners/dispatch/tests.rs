use std::sync::Arc;

use pdata::NativeChunk;
use pdata::edit::Pair;
use pdata::skywalking::Kind as Report;
use serde_json::{Value, json};

use super::*;
use crate::span_listeners::listener::{Kind, Measured, Metric, Verdict};
use crate::span_listeners::testkit::{batch_of, only, points, span, traces};

static SEEN: Metric<'_> = Metric {
    name: "seen",
    unit: "{span}",
    labels: &[],
    kind: Kind::Sum,
};

/// Does what a span's name asks for: `veto`, `tag`, `layer`; counts all it is shown.
struct Obeying(&'static str);

impl SpanListener for Obeying {
    fn name(&self) -> &str {
        self.0
    }

    fn scopes(&self) -> Vec<String> {
        vec!["shown".to_owned(), format!("shown to {}", self.0)]
    }

    fn look<'a>(&'a self, span: &SpanView<'a>) -> Verdict<'a> {
        assert!(span.scope_name().starts_with("shown"));
        assert_eq!(span.scope_version(), "1.0.0");
        let asks = |word: &str| span.name().contains(&format!("{word} {}", self.0));
        Verdict {
            veto: asks("veto"),
            tags: match asks("tag") {
                true => vec![Pair::string("tag", self.0), Pair::int(self.0, 1)],
                false => Vec::new(),
            },
            layer: asks("layer").then_some(self.0),
            measured: Some(Measured {
                window: span.window(),
                attributes: vec![("by", self.0.into())],
                values: vec![(SEEN, 1.0)],
            }),
        }
    }
}

fn dispatch() -> Dispatch {
    let listeners: Vec<Box<dyn SpanListener>> =
        vec![Box::new(Obeying("first")), Box::new(Obeying("second"))];
    Dispatch::new(listeners, "span_listeners", &Metrics::new())
}

fn derive(scopes: &[(&str, Vec<Value>)]) -> Derivation {
    let resource = [("service.name", json!("shop"))];
    let body = traces(&resource, scopes);
    dispatch().derive(batch_of(Signal::Traces, &body))
}

fn named(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| span(name, &[])).collect()
}

fn chunk(batch: &Batch, index: usize) -> &OtlpChunk {
    match &batch.chunks()[index] {
        Chunk::Otlp(chunk) => chunk,
        Chunk::Native(native) => panic!("{native:?} is no OTLP"),
    }
}

/// Names of the spans in the batch's first chunk, with their tags.
fn spans(batch: &Batch) -> Vec<(String, Vec<String>)> {
    let scopes = chunk(batch, 0).scopes();
    let spans = scopes.flat_map(|scope| scope.records().collect::<Vec<_>>());
    let tags = |span: &RecordView<'_>| span.attributes().map(|tag| tag.key.to_owned()).collect();
    spans
        .map(|span| (span.name().to_owned(), tags(&span)))
        .collect()
}

#[test]
fn chunks_of_other_scopes_stay_the_same_bytes() {
    let body = traces(
        &[],
        &[("other", named(&["veto first"])), ("", named(&["a"]))],
    );
    let mut batch = batch_of(Signal::Traces, &body);
    let segment = NativeChunk::from_checked(Report::Segment, bytes::Bytes::from_static(b"s"), 1);
    batch.chunks_mut().push(Chunk::Native(segment.clone()));
    let before = chunk(&batch, 0).framed().as_ptr();
    let Derivation { main, derived } = dispatch().derive(batch);
    let main = main.expect("nothing was vetoed");
    assert!(derived.is_empty());
    assert_eq!(chunk(&main, 0).framed().as_ptr(), before);
    let Chunk::Native(native) = &main.chunks()[1] else {
        panic!("a segment stays one");
    };
    assert_eq!(native.message().as_ptr(), segment.message().as_ptr());
}

#[test]
fn a_chunk_that_is_only_measured_stays_the_same_bytes() {
    let body = traces(&[], &[("shown", named(&["a", "b"]))]);
    let batch = batch_of(Signal::Traces, &body);
    let before = chunk(&batch, 0).framed().as_ptr();
    let derivation = dispatch().derive(batch);
    let main = derivation.main.as_ref().expect("nothing was vetoed");
    assert_eq!(chunk(main, 0).framed().as_ptr(), before);
    assert_eq!(points(&derivation).len(), 2, "one of each listener");
}

#[test]
fn one_veto_is_enough_and_all_listeners_measure() {
    let names = ["veto first", "veto second", "veto first, veto second", "a"];
    let derivation = derive(&[("shown", named(&names))]);
    let main = derivation.main.as_ref().expect("one span is left");
    assert_eq!(spans(main), [("a".to_owned(), vec![])]);
    assert_eq!(main.items(), 1);
    for point in points(&derivation) {
        assert_eq!(point.value.number(), 4.0, "{point:?}");
    }
}

#[test]
fn a_listener_is_shown_its_own_scopes_only() {
    let scope = "shown to second";
    let derivation = derive(&[(scope, named(&["veto first, tag second"]))]);
    let main = derivation.main.as_ref().expect("the first has no say here");
    assert_eq!(spans(main)[0].1, ["tag", "second"]);
    assert_eq!(
        only(&points(&derivation), "seen").attributes["by"],
        "second"
    );
}

#[test]
fn tags_of_all_listeners_are_added_and_the_last_wins() {
    let name = "tag first, tag second";
    let derivation = derive(&[("shown", named(&[name, "a"]))]);
    let main = derivation.main.as_ref().expect("nothing was vetoed");
    let tags = ["tag", "first", "second"].map(str::to_owned).to_vec();
    assert_eq!(
        spans(main),
        [(name.to_owned(), tags), ("a".to_owned(), vec![])]
    );
    let scope = chunk(main, 0).scopes().next().expect("one scope");
    let tagged = scope.records().next().expect("two spans");
    let tag = tagged.attribute("tag").and_then(|tag| tag.as_str());
    assert_eq!(tag, Some("second"));
}

#[test]
fn the_first_layer_that_is_asked_for_counts() {
    let names = ["layer second", "layer first"];
    let derivation = derive(&[("shown", named(&names))]);
    let main = derivation.main.expect("nothing was vetoed");
    let layer = chunk(&main, 0).resource_attribute(LAYER);
    assert_eq!(layer.and_then(|it| it.as_str()), Some("second"));
}

#[test]
fn a_layer_that_is_there_already_changes_nothing() {
    let resource = [("service.layer", json!("first"))];
    let body = traces(&resource, &[("shown", named(&["layer first"]))]);
    let batch = batch_of(Signal::Traces, &body);
    let before = chunk(&batch, 0).framed().as_ptr();
    let main = dispatch().derive(batch).main.expect("nothing was vetoed");
    assert_eq!(chunk(&main, 0).framed().as_ptr(), before);
}

#[test]
fn nothing_goes_on_where_every_span_was_vetoed() {
    let derivation = derive(&[("shown", named(&["veto first"]))]);
    assert!(derivation.main.is_none());
    assert_eq!(derivation.derived.len(), 1);
}

#[test]
fn other_chunks_of_the_batch_are_untouched_by_a_veto() {
    let vetoed = traces(&[], &[("shown", named(&["veto first"]))]);
    let mut batch = batch_of(Signal::Traces, &vetoed);
    batch.merge(engine::testkit::batch(Signal::Traces, 3));
    let kept = chunk(&batch, 1).framed().clone();
    let main = dispatch().derive(batch).main.expect("samples are left");
    assert_eq!(main.chunks().len(), 1);
    assert_eq!(chunk(&main, 0).framed().as_ptr(), kept.as_ptr());
}

#[test]
fn batches_of_other_signals_and_empty_ones_pass() {
    for signal in [Signal::Metrics, Signal::Logs] {
        let batch = engine::testkit::batch(signal, 2);
        let before = chunk(&batch, 0).framed().as_ptr();
        let main = dispatch().derive(batch).main.expect("nothing was vetoed");
        assert_eq!(chunk(&main, 0).framed().as_ptr(), before);
    }
    let empty = Batch::new(Signal::Traces, Vec::new(), Arc::new(Origin::default()));
    assert!(dispatch().derive(empty).main.is_none());
}
