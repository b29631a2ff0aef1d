//! Shows spans to the listeners and does what they say.

use engine::component::{Derivation, Deriver};
use pdata::edit::{Altered, Fate, Pair};
use pdata::view::{RecordView, Scope};
use pdata::{Batch, Chunk, Edit, Origin, OtlpChunk, Signal};
use telemetry::{Counter, Metrics};

use super::derived::Derived;
use super::listener::{ScopeView, SpanListener, SpanView};

/// Where SkyWalking's layer stands in a resource.
const LAYER: &str = "service.layer";

/// The listeners of one processor.
pub struct Dispatch {
    seats: Vec<Seat>,
}

/// A listener with what it asked for.
struct Seat {
    listener: Box<dyn SpanListener>,
    scopes: Vec<String>,
    shown: Counter,
    vetoed: Counter,
}

impl Seat {
    fn wants(&self, scope: &str) -> bool {
        self.scopes.iter().any(|wanted| wanted == scope)
    }
}

impl Dispatch {
    /// Shows spans to `listeners` in this order, on behalf of the processor with this id.
    pub fn new(
        listeners: Vec<Box<dyn SpanListener>>,
        processor: &str,
        metrics: &Metrics,
    ) -> Dispatch {
        let shown = "skyferry_span_listener_spans_total";
        let vetoed = "skyferry_span_listener_vetoed_spans_total";
        metrics.describe(shown, "spans shown to a listener, resent ones included");
        metrics.describe(vetoed, "spans that a listener kept from going on");
        let seat = |listener: Box<dyn SpanListener>| {
            let labels = [("processor", processor), ("listener", listener.name())];
            Seat {
                shown: metrics.counter(shown, &labels),
                vetoed: metrics.counter(vetoed, &labels),
                scopes: listener.scopes(),
                listener,
            }
        };
        Dispatch {
            seats: listeners.into_iter().map(seat).collect(),
        }
    }

    fn wants(&self, chunk: &OtlpChunk) -> bool {
        chunk.scopes().any(|scope| self.is_wanted(scope))
    }

    fn is_wanted(&self, scope: Scope<'_>) -> bool {
        let name = scope.name();
        self.seats.iter().any(|seat| seat.wants(name))
    }

    /// Shows a chunk's spans and changes it as the verdicts say; whether anything of it is left.
    fn show(&self, chunk: &mut OtlpChunk, origin: &Origin, chunks: &mut Vec<Chunk>) -> bool {
        let mut heard = Heard::default();
        let altered = {
            let whole = &*chunk;
            whole.alter_records(
                |scope| self.is_wanted(scope).then(|| ScopeView::of(scope)),
                |scope, record: RecordView<'_>| {
                    let span = SpanView {
                        chunk: whole,
                        scope: *scope,
                        record,
                        origin,
                    };
                    self.hear(&span, &mut heard)
                },
            )
        };
        let Heard { derived, layer } = heard;
        chunks.extend(derived.into_chunks(chunk));
        let has = chunk.resource_attribute(LAYER);
        let has = has.and_then(|layer| layer.as_str());
        let layer = layer.filter(|layer| has != Some(*layer));
        let edit = layer.map(|layer| Edit::Upsert(Pair::string(LAYER, layer)));
        match altered {
            Altered::Same => {}
            Altered::Changed(changed) => *chunk = changed,
            Altered::Emptied => return false,
        }
        if let Some(edit) = edit {
            *chunk = chunk.edit_resource(&[edit]);
        }
        true
    }

    /// What all listeners together say about a span.
    fn hear<'a>(&'a self, span: &SpanView<'a>, heard: &mut Heard<'a>) -> Fate {
        let mut vetoed = false;
        let mut edits = Vec::new();
        let scope = span.scope_name();
        for seat in self.seats.iter().filter(|seat| seat.wants(scope)) {
            seat.shown.increment(1);
            let verdict = seat.listener.look(span);
            if verdict.veto {
                seat.vetoed.increment(1);
                vetoed = true;
            }
            edits.extend(verdict.tags.into_iter().map(Edit::Upsert));
            heard.layer = heard.layer.or(verdict.layer);
            if let Some(measured) = verdict.measured {
                heard.derived.add(measured);
            }
        }
        match (vetoed, edits.is_empty()) {
            (true, _) => Fate::Remove,
            (false, true) => Fate::Keep,
            (false, false) => Fate::Edit(edits),
        }
    }
}

/// What listeners said about the spans of one chunk, beside their fate.
#[derive(Default)]
struct Heard<'a> {
    derived: Derived<'a>,
    layer: Option<&'a str>,
}

impl Deriver for Dispatch {
    fn derive(&self, mut batch: Batch) -> Derivation {
        let origin = batch.origin().clone();
        let mut derived = Vec::new();
        batch.chunks_mut().retain_mut(|chunk| match chunk {
            Chunk::Otlp(chunk) if self.wants(chunk) => self.show(chunk, &origin, &mut derived),
            Chunk::Otlp(_) | Chunk::Native(_) => true,
        });
        let derived = match derived.is_empty() {
            true => Vec::new(),
            false => vec![Batch::new(Signal::Metrics, derived, origin)],
        };
        Derivation {
            main: (!batch.is_empty()).then_some(batch),
            derived,
        }
    }
}

#[cfg(test)]
mod tests;
