//! Component traits, configuration, the graph, the exporter stack and the life cycle.
//!
//! The engine turns a configuration into a graph of components in four phases (parse, validate,
//! build, run) and owns everything that must be the same for all of them: acknowledgement,
//! queues, retry, accounting, shutdown. It knows no protocol and no component by name.

pub mod ack;
pub mod aggregate;
mod completions;
pub mod component;
pub mod config;
pub mod consumer;
pub mod derive;
pub mod exporter;
pub mod fanout;
pub mod graph;
pub mod leases;
pub mod plan;
pub mod queues;
pub mod refusal;
pub mod registry;
pub mod reload;
pub mod run;
pub mod tasks;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use ack::{AckToken, Settle, Settlement};
pub use component::{Delivery, ExportError, Exporter, Receiver};
pub use consumer::{Consumer, Intake, Outlets};
pub use graph::Graph;
pub use leases::Leases;
pub use plan::Plan;
pub use refusal::Refusal;
pub use registry::{Factory, Registry};
pub use reload::Reload;
pub use tasks::{Shutdown, Tasks};
