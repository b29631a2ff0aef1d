//! Shared libraries as their authors build them: in C, in Go and in Rust, good ones and bad ones.

mod examples;
mod header;
mod hostile;
mod panicking;
mod rig;
mod toolchain;
mod valgrind;
mod versions;
