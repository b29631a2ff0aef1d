//! OTLP's messages as structs: for those who would rather decode than look. Slower by an order of magnitude,
//! and the only part of this crate that depends on others; the feature `decoded`, off by default.

pub use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
pub use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
pub use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
pub use opentelemetry_proto::tonic::{common, logs, metrics, resource, trace};

use prost::Message;

use crate::Error;

/// Decodes a message of [`crate::Kind::Traces`]. What is no such message fails the call.
pub fn decode_spans(message: &[u8]) -> Result<ResourceSpans, Error> {
    decode(message)
}

/// Decodes a message of [`crate::Kind::Metrics`].
pub fn decode_metrics(message: &[u8]) -> Result<ResourceMetrics, Error> {
    decode(message)
}

/// Decodes a message of [`crate::Kind::Logs`].
pub fn decode_logs(message: &[u8]) -> Result<ResourceLogs, Error> {
    decode(message)
}

fn decode<M: Message + Default>(message: &[u8]) -> Result<M, Error> {
    M::decode(message)
        .map_err(|error| Error::Failed(format!("a message cannot be decoded: {error}")))
}

/// Encodes any of them.
pub fn encode(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{log, logs, metrics, point, span, spans};

    #[test]
    fn what_is_decoded_is_encoded_as_it_was() {
        let message = spans([span("GET /").attribute("url.path", "/")]);
        let decoded = decode_spans(&message).expect("it is valid");
        assert_eq!(decoded.scope_spans[0].spans[0].name, "GET /");
        assert_eq!(encode(&decoded).len(), message.len());
        let decoded = decode_logs(&logs([log("out of memory")])).expect("it is valid");
        assert_eq!(decoded.scope_logs[0].log_records.len(), 1);
        let decoded = decode_metrics(&metrics("requests", [point(1)])).expect("it is valid");
        assert_eq!(decoded.scope_metrics[0].metrics[0].name, "requests");
        assert!(matches!(decode_spans(&[0xFF]), Err(Error::Failed(_))));
    }
}
