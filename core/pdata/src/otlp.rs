//! OTLP requests: checked, repaired and cut into chunks on the way in.
//!
//! ```text
//! request bytes --walk--> repairs, item counts --cut--> chunks (slices of the same buffer)
//! ```
//!
//! What passes here is a valid request for every protobuf implementation, so that nothing behind
//! it needs to check again. The walk accepts exactly what prost accepts, apart from text that is
//! not UTF-8, which it repairs.

use bytes::Bytes;

use crate::wire::{Fields, Value, put_field};
use crate::{Budget, Chunk, OtlpChunk, Signal, repair, walk};

pub(crate) mod split;

pub use crate::repair::InvalidUtf8;
pub use crate::walk::Fault;

/// The gRPC method that takes export requests of a signal, as `/package.Service/Method`.
pub const fn grpc_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// The path to which export requests of a signal are posted by default.
pub const fn http_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Skywalking => Signal::has_no_otlp(),
    }
}

/// What [`receive`] made of a request.
#[derive(Clone, Debug)]
pub struct Received {
    /// One for each resource, in the order of the request. Empty if the request holds no item.
    pub chunks: Vec<Chunk>,
    /// Spans, metric data points or log records.
    pub items: usize,
    /// Strings whose broken UTF-8 was replaced.
    pub repaired: usize,
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The bytes are not a request of this signal; sending them again cannot help.
    #[error(transparent)]
    Malformed(#[from] Fault),
    /// More than 4 GiB, which the offsets of a chunk cannot express.
    #[error("a request of {0} bytes exceeds the 4 GiB a request may have")]
    TooLarge(usize),
    /// The memory budget has no room for the repaired copy; worth trying again later.
    #[error("no memory left for a request of {0} bytes")]
    Overloaded(usize),
}

/// Checks an `Export*ServiceRequest` and cuts it into resource-level chunks.
///
/// No object is built and nothing is copied, unless text has to be repaired: that copies the
/// request once, within `budget`.
pub fn receive(
    signal: Signal,
    request: Bytes,
    invalid_utf8: InvalidUtf8,
    budget: &Budget,
) -> Result<Received, ReceiveError> {
    if u32::try_from(request.len()).is_err() {
        return Err(ReceiveError::TooLarge(request.len()));
    }
    let walked = walk::request(signal, &request, invalid_utf8)?;
    let request = match walked.broken.is_empty() {
        true => request,
        false => {
            let lease = budget.try_lease(request.len());
            let lease = lease.ok_or(ReceiveError::Overloaded(request.len()))?;
            lease.hold(repair::copy(&request, &walked.broken))
        }
    };
    Ok(Received {
        chunks: cut(signal, &request, &walked),
        items: walked.items,
        repaired: walked.broken.len(),
    })
}

/// Checks a resource-level message that somebody else has made, and copies it into a chunk: what they may
/// still do to `message` changes nothing. `None` if it holds no item. Text has to be UTF-8.
pub fn made(signal: Signal, message: &[u8]) -> Result<Option<OtlpChunk>, ReceiveError> {
    let mut framed = Vec::with_capacity(message.len() + FRAME_BYTES_MAX);
    put_field(&mut framed, 1, message);
    // Nothing is repaired, so nothing is taken of this budget.
    let received = receive(signal, framed.into(), InvalidUtf8::Refuse, &Budget::new(0))?;
    let chunk = received.chunks.into_iter().find_map(Chunk::into_otlp);
    Ok(chunk.map(OtlpChunk::made))
}

/// What a field's header takes in front of a message of up to 4 GiB.
const FRAME_BYTES_MAX: usize = 6;

/// The items of a request that has passed the walk before; `None` if it has not.
pub(crate) fn items(signal: Signal, request: &[u8]) -> Option<u32> {
    let walked = walk::request(signal, request, InvalidUtf8::Refuse).ok()?;
    u32::try_from(walked.items).ok()
}

/// A chunk from the bytes that [`OtlpChunk::framed`] gave before; `None` if they are none. They are
/// not checked again.
pub fn restore(signal: Signal, framed: Bytes, items: u32) -> Option<Chunk> {
    let mut end = 0;
    for field in Fields::of(&framed) {
        end += field.raw.len();
        if let (1, Value::Len(body)) = (field.number, field.value) {
            let body = u32::try_from(end - body.len()).ok()?..u32::try_from(end).ok()?;
            let chunk = OtlpChunk::from_checked(signal, items, framed, body);
            return Some(Chunk::Otlp(chunk));
        }
    }
    None
}

fn cut(signal: Signal, request: &Bytes, walked: &walk::Walked) -> Vec<Chunk> {
    if walked.items == 0 {
        return Vec::new();
    }
    let mut chunks = Vec::with_capacity(walked.resources.len());
    let mut start = 0;
    for (index, resource) in walked.resources.iter().enumerate() {
        // Unknown fields between two resources travel with the one before them, those at the
        // start with the first.
        let end = match walked.resources.get(index + 1) {
            Some(next) => next.start,
            None => request.len(),
        };
        let framed = request.slice(start..end);
        let body = (resource.body.start - start) as u32..(resource.body.end - start) as u32;
        chunks.push(Chunk::Otlp(OtlpChunk::from_checked(
            signal,
            resource.items,
            framed,
            body,
        )));
        start = end;
    }
    chunks
}

#[cfg(test)]
mod tests;
