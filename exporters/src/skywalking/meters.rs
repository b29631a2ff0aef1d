//! Metrics of OTLP towards a backend's rules for agents.

use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use pdata::OtlpChunk;
use pdata::convert::meter::{Meters, Options, from_otlp};
use prost::Message;

/// The meters of a resource.
pub(super) fn native(metrics: &OtlpChunk, options: &Options, arrived_unix_ms: i64) -> Meters {
    let decoded = ResourceMetrics::decode(metrics.body());
    let decoded = decoded.expect("the walk accepts only what the generated types do");
    from_otlp(&decoded, options, arrived_unix_ms)
}
