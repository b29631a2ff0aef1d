//! What happens to telemetry between the ways in and out, one module for each processor.
//! Processors never import each other.

pub mod batch;
pub mod delta_merge;
pub mod lal;
pub mod memory_limiter;
pub mod platform;
pub mod plugin;
pub mod request_histogram;
pub mod span_listeners;
