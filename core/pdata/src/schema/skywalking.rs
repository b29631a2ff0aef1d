//! The messages of SkyWalking's v3 protocol that reach us as reports, from `proto/skywalking`.
//!
//! Their fields are named in lowerCamelCase in the definitions themselves, so that the name and the
//! name in JSON are one.

use super::{EnumValue, Field, Kind, Message, many, one};

mod browser;
mod ebpf;
mod event;
mod logging;
mod management;
mod mesh;
mod meter;
mod pairs;
mod runtime;
mod tracing;

pub use browser::{
    BROWSER_ERROR_LOG, BROWSER_PERF_DATA, BROWSER_RESOURCE, BROWSER_WEB_INTERACTIONS,
    BROWSER_WEB_VITALS,
};
pub use ebpf::{EBPF_PROCESS_PING_LIST, EBPF_PROCESS_REPORT_LIST};
pub use event::EVENT;
pub use logging::LOG_DATA;
pub use management::{INSTANCE_PING, INSTANCE_PROPERTIES};
pub use mesh::SERVICE_MESH_METRICS;
pub use meter::{METER_DATA, METER_DATA_COLLECTION};
pub use runtime::{CLR_METRIC_COLLECTION, JVM_METRIC_COLLECTION};
pub(crate) use tracing::{REF_TYPE, SPAN_LAYER};
pub use tracing::{SEGMENT_COLLECTION, SEGMENT_OBJECT, SPAN_ATTACHED_EVENT};

/// Every message that is reported by itself.
pub static REPORTS: [&Message; 19] = [
    &SEGMENT_OBJECT,
    &SEGMENT_COLLECTION,
    &SPAN_ATTACHED_EVENT,
    &LOG_DATA,
    &METER_DATA,
    &METER_DATA_COLLECTION,
    &JVM_METRIC_COLLECTION,
    &CLR_METRIC_COLLECTION,
    &INSTANCE_PROPERTIES,
    &INSTANCE_PING,
    &EVENT,
    &BROWSER_PERF_DATA,
    &BROWSER_WEB_VITALS,
    &BROWSER_RESOURCE,
    &BROWSER_WEB_INTERACTIONS,
    &BROWSER_ERROR_LOG,
    &SERVICE_MESH_METRICS,
    &EBPF_PROCESS_REPORT_LIST,
    &EBPF_PROCESS_PING_LIST,
];

const fn text(number: u32, name: &'static str) -> Field {
    one(number, name, name, Kind::String)
}

const fn texts(number: u32, name: &'static str) -> Field {
    many(number, name, name, Kind::String)
}

const fn flag(number: u32, name: &'static str) -> Field {
    one(number, name, name, Kind::Bool)
}

const fn int32(number: u32, name: &'static str) -> Field {
    one(number, name, name, Kind::Int32)
}

const fn int64(number: u32, name: &'static str) -> Field {
    one(number, name, name, Kind::Int64)
}

const fn double(number: u32, name: &'static str) -> Field {
    one(number, name, name, Kind::Double)
}

const fn enumeration(number: u32, name: &'static str, values: &'static [EnumValue]) -> Field {
    one(number, name, name, Kind::Enum(values))
}

const fn message(number: u32, name: &'static str, message: &'static Message) -> Field {
    one(number, name, name, Kind::Message(message))
}

const fn messages(number: u32, name: &'static str, message: &'static Message) -> Field {
    many(number, name, name, Kind::Message(message))
}

/// `entry` is the message of one key and its value.
const fn map(number: u32, name: &'static str, entry: &'static Message) -> Field {
    many(number, name, name, Kind::Map(entry))
}
