//! The mobile processors on the real binary.

mod delta_merge;
mod fleet_in_oap;
mod metrickit_fleet;
mod platform;
pub(crate) mod recorded;
mod recorded_fleet;
mod request_histogram;
mod span_listeners;
