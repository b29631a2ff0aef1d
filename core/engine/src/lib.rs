//! Component traits, configuration, the graph, the exporter stack and the life cycle.

pub mod config;
