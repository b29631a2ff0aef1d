//! Files on the real file system, with faults between them and the exporter.

mod durability;
mod fixture;
mod forms;
mod rotation;
mod setup;
