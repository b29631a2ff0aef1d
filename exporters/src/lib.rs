//! The ways out of Skyferry, one module for each exporter. Exporters never import each other.

pub mod otlp;
