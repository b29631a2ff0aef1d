//! SkyWalking's Log Analysis Language: rule files are read, parsed and checked.
//!
//! [`load`] takes every rule file at once and gives the rules as a typed [tree] and everything that
//! is wrong or deceptive about them, each finding with its place in the YAML file. The language is
//! what OAP's parser and code generator make of it, which is not always what its documentation says;
//! [`Compatibility`] decides where the two part. This crate does not resolve names to slots and
//! runs nothing; it knows no telemetry data.

mod align;
mod check;
mod diagnostic;
#[cfg_attr(
    not(test),
    allow(
        dead_code,
        unused_imports,
        reason = "running rules reads it; that is being built beside this"
    )
)]
mod document;
#[cfg_attr(
    not(test),
    allow(
        dead_code,
        unused_imports,
        reason = "running rules calls it; that is being built beside this"
    )
)]
mod java;
mod lexer;
mod load;
mod log;
mod outcome;
mod parser;
mod place;
mod yaml;

pub mod tree;

pub use diagnostic::{Finding, Severity, Span};
pub use load::{Compatibility, LayerDefinition, Loaded, SOURCE_BYTES_MAX, Source, load};
pub use log::{Body, Log, Metadata, TraceContext};
pub use outcome::{Claim, End, Outcome, Output, Record, RuleId, Sample, SampledTrace, SlowSql};

#[cfg(test)]
mod tests;
