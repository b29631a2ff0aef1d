//! What `export_processor!` makes of a type: a library with the contract of [`crate::abi`], or a WebAssembly
//! module with the same contract. The functions here are for the macro alone.

mod describe;
#[cfg(not(target_family = "wasm"))]
pub mod native;
#[cfg(target_family = "wasm")]
pub mod wasm;
