//! The ways into Skyferry, one module for each receiver.
//!
//! Receivers never import each other. What they share is the table of listeners, because receivers
//! that name the same address share one port.

mod intake;
mod listeners;
pub mod otlp;
pub mod skywalking;
mod trouble;
