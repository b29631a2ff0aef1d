//! Tests of configuration as a whole, on a catalog of made-up components.

mod fixture;
mod golden;
mod laws;
mod loading;
mod printing;
mod reading;
mod values;
