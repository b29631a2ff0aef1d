//! Promises of the whole program, held against the real binary.
//!
//! Every scenario starts `skyferry` as a child process with a configuration of its own, talks to it
//! over loopback, and looks only at what its users see: answers, what arrives at a backend, the log,
//! the exit code, and the process's memory.

mod harness;

mod bad_input;
mod clients;
mod delivery;
mod disk;
mod durability;
mod lal;
mod mobile;
mod overload;
mod plugin;
mod recordings;
mod shutdown;
mod skywalking;
