//! Plugins that are WebAssembly modules, through the crate's own door: a file is opened and called.
#![cfg(feature = "wasm")]

mod built;
mod contract;
mod hostile;
mod module;
mod random;
mod refused;
mod wasi;
