//! The mobile processors on the real binary.

mod delta_merge;
mod fleet_in_oap;
mod span_listeners;
