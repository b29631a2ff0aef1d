//! Logs of OTLP towards a backend.
//!
//! A native log keeps more than what OAP makes of an OTLP record: trace, span, level and endpoint. But
//! OAP's rules for mini programs and iOS apps look at attributes of the resource, which a native log
//! has no place for, so what they wait for goes as OTLP.

use bytes::Bytes;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use pdata::convert::log::{Options, from_otlp, make_searchable};
use pdata::convert::places::Places;
use pdata::{Decoded, OtlpChunk};
use prost::Message;

const LAYER: &str = "service.layer";
const PLATFORM: &str = "miniprogram.platform";
const SYSTEM: &str = "os.name";
const IOS: [&str; 2] = ["iOS", "iPadOS"];

/// Whether the backend's automatic rules would give the logs of this resource a layer.
pub(super) fn wait_for_rules(logs: &OtlpChunk) -> bool {
    let text = |key| {
        let value = logs.resource_attribute(key);
        value.and_then(|value| value.as_str()).unwrap_or_default()
    };
    text(LAYER).is_empty() && (!text(PLATFORM).is_empty() || IOS.contains(&text(SYSTEM)))
}

/// A `LogData` for each record.
pub(super) fn native(logs: &OtlpChunk, options: &Options, places: &dyn Places) -> Vec<Vec<u8>> {
    let decoded = ResourceLogs::decode(logs.body());
    let decoded = decoded.expect("the walk accepts only what the generated types do");
    from_otlp(&decoded, options, places)
}

/// The request, with what the backend would lose of it in attributes.
pub(super) fn searchable(logs: &OtlpChunk) -> Bytes {
    let mut logs = logs.clone();
    if let Decoded::Logs(decoded) = logs.decoded_mut() {
        make_searchable(decoded);
    }
    logs.framed().clone()
}
