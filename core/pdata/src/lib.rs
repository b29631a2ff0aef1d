//! What flows through Skyferry: batches of wire bytes that are decoded only where somebody looks.
//!
//! A receiver hands a request's bytes to [`otlp::receive`], which checks them in one walk and cuts
//! them into [`Chunk`]s without building objects. Everything after that moves reference-counted
//! slices of the same buffer; the generated `opentelemetry-proto` types appear only when a
//! component asks for a change that the wire-level edits cannot express.
//!
//! This crate does not do I/O, does not know components or configuration, and reads no clock.

pub mod batch;
pub mod budget;
pub mod chunk;
pub mod convert;
pub mod decoded;
#[cfg(test)]
mod definitions;
pub mod edit;
pub mod json;
pub mod origin;
pub mod otlp;
mod repair;
#[cfg(feature = "sample")]
pub mod sample;
pub mod schema;
pub mod signal;
pub mod skywalking;
pub mod view;
mod walk;
pub mod wire;

pub use batch::{Batch, Numbered};
pub use budget::{Budget, Lease};
pub use chunk::{Chunk, OtlpChunk};
pub use decoded::Decoded;
pub use edit::Edit;
pub use origin::Origin;
pub use signal::Signal;
pub use skywalking::NativeChunk;
