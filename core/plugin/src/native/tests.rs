//! The contract over tables of Rust functions. Nothing is loaded here, so that Miri can run it.
#![allow(
    unsafe_code,
    reason = "these tests are the plugin's side of the contract"
)]

mod buffers;
mod calls;
mod probe;
mod sdk;
mod tables;
