//! Logs: SkyWalking's `LogData` as an OTLP log record and back without loss, and records that were
//! never anything else to `LogData`.

mod forward;
mod model;
mod reverse;
mod searchable;

pub use forward::to_otlp;
pub use reverse::{Options, from_otlp};
pub use searchable::make_searchable;

/// Names of the levels by severity: each stands for four numbers, from 1.
const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

const TAG_LEVEL: &str = "level";

#[cfg(test)]
mod tests;
