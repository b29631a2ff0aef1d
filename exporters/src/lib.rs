//! The ways out of Skyferry, one module for each component.
//!
//! An exporter makes one attempt and says what a failure means. Queues, retries, timeouts and
//! accounting are the engine's. Components do not know each other; what the `file` exporter and
//! the replay of its files agree on is in [`record`].

pub mod debug;
pub mod file;
pub mod file_storage;
pub mod otlp;
mod outgoing;
pub mod record;
pub mod replay;
pub mod skywalking;
