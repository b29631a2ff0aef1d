//! Sockets, TLS, HTTP and gRPC framing, and the limits of size, time and memory around them.
//!
//! The server half admits bytes before it reads them: every body, message and inflated stream takes
//! its room from one [`pdata::Budget`] first. The client half sends a request as the pieces it was
//! merged from. What travels is `Bytes`: this crate knows no routes, no telemetry formats, no retry
//! policy and no configuration files, and it spawns only through the [`Spawn`] its caller gives it.

pub mod body;
pub mod client;
pub mod compress;
pub mod grpc;
pub mod layers;
pub mod listen;
pub mod local;
pub mod outgoing;
pub mod server;
pub mod spawn;
pub mod tls;

pub use client::Client;
pub use listen::Listener;
pub use outgoing::Body;
pub use server::Server;
pub use spawn::Spawn;
