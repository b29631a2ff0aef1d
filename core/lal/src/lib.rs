//! SkyWalking's Log Analysis Language: rule files are read, checked, compiled and run.
//!
//! [`load`] takes every rule file at once and gives the rules as a typed [tree] and everything that
//! is wrong or deceptive about them, each finding with its place in the YAML file.
//! [`Rules::compile`] resolves names to slots, and [`Rules::run`] shows a [`Log`] to the rules that
//! are for it and tells an [`Outcome`] what they make of it. The language is what OAP's parser and
//! code generator make of it, which is not always what its documentation says; [`Compatibility`]
//! decides where the two part. Besides logs there are messages of Envoy's access logs as inputs
//! ([`Log::message`]); other telemetry data this crate does not know. It does no I/O.

mod align;
mod check;
mod compile;
mod diagnostic;
mod document;
mod java;
mod lexer;
mod load;
mod log;
mod message;
mod outcome;
mod parser;
mod place;
mod run;
mod yaml;

pub mod case;
pub mod tree;

pub use compile::Rules;
pub use diagnostic::{Finding, Severity, Span};
pub use java::text::push_double;
pub use load::{Compatibility, LayerDefinition, Loaded, SOURCE_BYTES_MAX, Source, load};
pub use log::{Body, Log, Message, Metadata, TraceContext};
pub use outcome::{Claim, End, Outcome, Output, Record, RuleId, Sample, SampledTrace, SlowSql};
pub use run::{Effect, Left, Now, Observer, Runner, Scratch};

#[cfg(test)]
mod tests;
