//! What a Skyferry plugin is written with: a trait to implement, views over the bytes of OTLP messages, and
//! edits of them.
//!
//! This crate depends on nothing, so that a plugin's own copy of it builds with any toolchain, for the
//! machine and for WebAssembly.

pub mod abi;
#[cfg(feature = "decoded")]
pub mod decoded;
pub mod description;
pub mod edit;
pub mod export;
pub mod json;
pub mod otlp;
pub mod output;
pub mod processor;
pub mod testing;
pub mod wire;

#[cfg(test)]
mod tests;

pub use description::{Description, Segments, Signal};
pub use output::{Kind, Output};
pub use processor::{Error, Host, Level, Processor};
