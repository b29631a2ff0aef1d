//! Processors in other people's libraries: loaded, checked, called, and kept apart.
//!
//! ```text
//! Library::open --describe--> Description --create(config, services)--> Instance --process, flush-->
//! ```
//!
//! A [`Library`] is a shared library with the C table of [`skyferry_plugin_sdk::abi`], or a WebAssembly
//! module with the same contract (`docs/plugins.md`). What comes back from a plugin is checked here as far as
//! the contract goes: who may emit what, and when. Whether the bytes are valid messages is for the caller.
//!
//! This crate knows no telemetry format, no engine and no configuration file. It is the only one with unsafe
//! code.

pub mod call;
pub mod contract;
pub mod description;
pub mod library;
mod native;
pub mod pool;
pub mod services;
#[cfg(feature = "wasm")]
mod wasm;

pub use contract::{Emitted, Failure, Kind, Main, Processed, Refused};
pub use description::{Description, Segments, Signal};
pub use library::{CreateError, Format, Instance, Library, Limits, LoadError};
pub use pool::Pool;
pub use services::{Level, Services};
