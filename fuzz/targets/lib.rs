//! What the targets share: a request behind a byte for its signal, a message of an agent behind one for
//! its kind, and prost as the reference.
//!
//! Run one with `cargo +nightly fuzz run walk`.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use pdata::otlp::{InvalidUtf8, ReceiveError, Received};
use pdata::skywalking::{self, Kind, v3};
use pdata::wire::{Fields, Value};
use pdata::{Budget, Chunk, Signal};
use prost::Message;

/// More than any input of a fuzzer needs.
const BUDGET_BYTES: usize = 1 << 30;

/// The signal that the first byte chooses, and the rest.
pub fn signal_and_rest(input: &[u8]) -> Option<(Signal, &[u8])> {
    let (first, rest) = input.split_first()?;
    let signal = Signal::OTLP[usize::from(*first) % Signal::OTLP.len()];
    Some((signal, rest))
}

/// The kind that the first byte chooses, and the rest.
pub fn kind_and_rest(input: &[u8]) -> Option<(Kind, &[u8])> {
    let (first, rest) = input.split_first()?;
    Some((Kind::ALL[usize::from(*first) % Kind::ALL.len()], rest))
}

pub fn budget() -> Budget {
    Budget::new(BUDGET_BYTES)
}

/// The message, its text repaired.
pub fn receive_message(kind: Kind, message: &[u8]) -> Result<skywalking::Received, ReceiveError> {
    let message = Bytes::copy_from_slice(message);
    skywalking::receive(kind, message, 0, InvalidUtf8::Repair, &budget())
}

/// The request, its text repaired.
pub fn receive(signal: Signal, request: &[u8]) -> Result<Received, ReceiveError> {
    let request = Bytes::copy_from_slice(request);
    pdata::otlp::receive(signal, request, InvalidUtf8::Repair, &budget())
}

/// The request that chunks make together.
pub fn request_of(chunks: &[Chunk]) -> Vec<u8> {
    let mut request = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Otlp(chunk) => request.extend_from_slice(chunk.framed()),
            _ => unreachable!("OTLP makes OTLP chunks"),
        }
    }
    request
}

/// Whether prost takes the request.
pub fn prost_accepts(signal: Signal, request: &[u8]) -> bool {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request).is_ok(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request).is_ok(),
        Signal::Logs => ExportLogsServiceRequest::decode(request).is_ok(),
        Signal::Skywalking => unreachable!("it is one of OTLP's"),
    }
}

/// Whether prost takes the message.
pub fn prost_accepts_message(kind: Kind, message: &[u8]) -> bool {
    fn decodes<M: Message + Default>(message: &[u8]) -> bool {
        M::decode(message).is_ok()
    }
    match kind {
        Kind::Segment => decodes::<v3::SegmentObject>(message),
        Kind::Log => decodes::<v3::LogData>(message),
        Kind::Meters => decodes::<v3::MeterDataCollection>(message),
        Kind::SpanAttachedEvent => decodes::<v3::SpanAttachedEvent>(message),
        Kind::InstanceProperties => decodes::<v3::InstanceProperties>(message),
        Kind::InstancePing => decodes::<v3::InstancePingPkg>(message),
        Kind::Jvm => decodes::<v3::JvmMetricCollection>(message),
        Kind::Clr => decodes::<v3::ClrMetricCollection>(message),
        Kind::Event => maps_are_fields(message) && decodes::<v3::Event>(message),
        Kind::BrowserPerf => decodes::<v3::BrowserPerfData>(message),
        Kind::BrowserWebVitals => decodes::<v3::BrowserWebVitalsPerfData>(message),
        Kind::BrowserResource => decodes::<v3::BrowserResourcePerfData>(message),
        Kind::BrowserWebInteractions => decodes::<v3::BrowserWebInteractionsPerfData>(message),
        Kind::BrowserErrorLog => decodes::<v3::BrowserErrorLog>(message),
        Kind::ServiceMesh => decodes::<v3::ServiceMeshMetrics>(message),
    }
}

/// Whether an event is a row of fields, and what stands where a map does a message. Prost reads one there
/// whatever the tag says, be it the end of a group; where any other field stands it refuses that.
fn maps_are_fields(event: &[u8]) -> bool {
    const PARAMETERS: u32 = 6;
    let mut read = 0;
    let is_sound = Fields::of(event).all(|field| {
        read += field.raw.len();
        field.number != PARAMETERS || matches!(field.value, Value::Len(_))
    });
    is_sound && read == event.len()
}

/// Panics unless `request` is one that needs no repair and holds `items` items.
#[track_caller]
pub fn assert_sound(signal: Signal, request: &[u8], items: usize) {
    let received = receive(signal, request).expect("it is a request");
    assert_eq!((received.items, received.repaired), (items, 0));
    assert!(prost_accepts(signal, request), "prost refuses it");
}

/// Takes what rules give, and keeps nothing.
pub struct Nothing;

impl lal::Outcome for Nothing {
    fn record(&mut self, _: lal::RuleId, record: &lal::Record<'_>) {
        assert!(record.tags.iter().all(|(key, value)| !key.is_empty() && !value.is_empty()));
    }

    fn sample(&mut self, _: lal::RuleId, _: &lal::Sample<'_>) {}

    fn end(&mut self, _: lal::RuleId, _: lal::End<'_>) {}
}
