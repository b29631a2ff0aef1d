//! The spans of a request by trace, as slices of it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use pdata::wire::{Fields, Value};
use pdata::{Origin, OtlpChunk};
use prost::Message;

/// `ResourceSpans`: 1 the resource, 2 the scopes. `ScopeSpans`: 1 the scope, 2 the spans.
const HEADER: u32 = 1;
const CONTENT: u32 = 2;
/// `Span`: 1 the trace's id.
const TRACE_ID: u32 = 1;

/// One `ResourceSpans` of which spans are in the window.
pub(super) struct Source {
    chunk: OtlpChunk,
    pub(super) origin: Arc<Origin>,
    resource: OnceLock<Option<Resource>>,
    scopes: Vec<Scope>,
    /// What all sources hold.
    bytes: Arc<AtomicUsize>,
}

struct Scope {
    header: Option<Bytes>,
    decoded: OnceLock<Option<InstrumentationScope>>,
}

/// A span of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    scope: usize,
    /// In the resource-level message.
    span: Range<u32>,
}

/// Spans by the id of their trace.
pub(super) type ByTrace = HashMap<Bytes, Vec<Pick>>;

impl Source {
    pub(super) fn new(chunk: OtlpChunk, origin: Arc<Origin>, bytes: Arc<AtomicUsize>) -> Self {
        bytes.fetch_add(chunk.framed().len(), Ordering::Relaxed);
        Source {
            chunk,
            origin,
            resource: OnceLock::new(),
            scopes: Vec::new(),
            bytes,
        }
    }

    /// Itself with its scopes, and where its spans are.
    pub(super) fn by_trace(mut self) -> (Arc<Self>, ByTrace) {
        let framed = self.chunk.framed().clone();
        let body = self.chunk.body();
        let base = body.as_ptr() as usize;
        let mut traces = ByTrace::new();
        let mut scopes = Vec::new();
        for scope in contents(body, CONTENT) {
            let header = contents(scope, HEADER).last();
            scopes.push(Scope {
                header: header.map(|header| framed.slice_ref(header)),
                decoded: OnceLock::new(),
            });
            for span in contents(scope, CONTENT) {
                let trace_id = contents(span, TRACE_ID).last().unwrap_or_default();
                let start = (span.as_ptr() as usize - base) as u32;
                let pick = Pick {
                    scope: scopes.len() - 1,
                    span: start..start + span.len() as u32,
                };
                match traces.get_mut(trace_id) {
                    Some(picks) => picks.push(pick),
                    None => {
                        // A copy, so that an index does not keep a request.
                        let trace_id = Bytes::copy_from_slice(trace_id);
                        traces.insert(trace_id, vec![pick]);
                    }
                }
            }
        }
        self.scopes = scopes;
        (Arc::new(self), traces)
    }

    pub(super) fn resource(&self) -> Option<&Resource> {
        let decode = || {
            let resource = contents(self.chunk.body(), HEADER).last();
            resource.and_then(|resource| Resource::decode(resource).ok())
        };
        self.resource.get_or_init(decode).as_ref()
    }

    pub(super) fn scope(&self, pick: &Pick) -> Option<&InstrumentationScope> {
        let scope = &self.scopes[pick.scope];
        let decode = || {
            let header = scope.header.as_deref();
            header.and_then(|header| InstrumentationScope::decode(header).ok())
        };
        scope.decoded.get_or_init(decode).as_ref()
    }

    pub(super) fn span(&self, pick: &Pick) -> Span {
        let range = pick.span.start as usize..pick.span.end as usize;
        let span = Span::decode(&self.chunk.body()[range]);
        span.expect("the walk accepts only what the generated types do")
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let bytes = self.chunk.framed().len();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The contents of a field, in their order.
fn contents(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter_map(move |field| match field.value {
        Value::Len(content) if field.number == number => Some(content),
        _ => None,
    })
}
