//! Edits of OTLP's messages without decoding them.
//!
//! ```text
//! message: [resource][scope [span][span][span] ]      edit: the second span gets an attribute
//! out:     copied -------------->|   |copied ->|      and the lengths around it are written anew
//! ```
//!
//! One pass over the bytes. What is not touched is copied as it stands, in runs as long as possible: the
//! order of fields stays, and so do fields that this crate does not know. A scope that has lost its last item
//! is left out, and so is a metric without points; a message that has lost everything is empty, which
//! [`crate::Output::replace`] takes for dropped.
//!
//! Every function returns `None` where nothing has changed, also where an edit sets what is already there.
//!
//! ```
//! use skyferry_plugin_sdk::edit::edit_spans;
//! use skyferry_plugin_sdk::testing::{span, spans};
//!
//! let message = spans([span("GET /").attribute("url.path", "/user/13912345678")]);
//! let changed = edit_spans(&message, |span, edit| {
//!     if span.attribute("url.path").is_some() {
//!         edit.set_attribute("url.path", "/user/***");
//!     }
//! });
//! assert_eq!(changed, Some(spans([span("GET /").attribute("url.path", "/user/***")])));
//! assert_eq!(edit_spans(&message, |_, _| {}), None);
//! ```

mod attributes;
mod items;
mod metrics;
mod resource;
mod splice;

pub use items::{LogEdit, SpanEdit, edit_logs, edit_spans};
pub use metrics::{MetricEdit, PointEdit, edit_metrics, edit_points};
pub use resource::{ResourceEdit, edit_resource};
pub(crate) use splice::Splice;

#[cfg(test)]
mod tests;
