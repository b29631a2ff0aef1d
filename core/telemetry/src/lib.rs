//! What Skyferry tells about itself: metrics, health and logs.
//!
//! Nothing here is global but the log subscriber: metric handles are made from a [`Metrics`] that
//! is passed in, with their labels, when a component is built, so that the hot path only adds.
//! This crate opens no port and knows no component.

pub mod health;
pub mod logs;
pub mod metrics;

pub use health::{Condition, Health, Report};
pub use metrics::{Counter, Gauge, Histogram, Metrics};
