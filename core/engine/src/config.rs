//! Configuration: from the command line's sources to a checked document.
//!
//! [`load`] reads and merges the sources, puts in what `${..}` refers to, checks every component
//! against its JSON Schema and every reference between components, and reports all problems of
//! one run with file, line and column. Typed reading ([`Section::read`]) comes after that and only
//! on what passed. Nothing here opens a socket or looks at a clock; the environment and files are
//! read through [`Inputs`] alone.

mod catalog;
mod diagnostic;
mod document;
mod editor_schema;
mod effective;
mod expand;
mod foreign;
mod inputs;
mod json;
mod key_path;
mod position;
mod quantity;
mod schema;
mod secret;
mod section;
mod source;
mod suggest;
mod tree;
mod yaml;

use std::sync::Arc;

pub use self::catalog::{Catalog, ComponentInfo, Kind, schema_of};
pub use self::diagnostic::{Diagnostic, Diagnostics, Finding, Place, Severity};
pub use self::document::telemetry::{
    HealthSettings, LogEncoding, LogLevel, LogSettings, MetricSettings, MetricsLevel, Telemetry,
};
pub use self::document::{
    ComponentId, Document, IdError, Pipeline, PipelineId, Reference, Service,
};
pub use self::editor_schema::editor_schema;
pub use self::effective::{Effective, Origins, to_yaml};
pub use self::foreign::ForeignKey;
pub use self::inputs::{Inputs, MAX_FILE_BYTES, ProcessInputs};
pub use self::key_path::{KeyPath, Segment};
pub use self::quantity::{ByteSize, Duration, QuantityError};
pub use self::secret::Secret;
pub use self::section::{Problems, Section, read_named, read_text};
pub use self::source::SourceArg;

use self::diagnostic::Findings;
use self::expand::Expansion;
use self::position::Sources;

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub document: Document,
    /// Warnings and notices.
    pub warnings: Diagnostics,
}

/// Reads, merges and checks a configuration. The error holds every problem of all sources, warnings
/// included.
pub fn load(
    args: &[SourceArg],
    inputs: &dyn Inputs,
    catalog: &dyn Catalog,
) -> Result<Loaded, Diagnostics> {
    let mut sources = Sources::new();
    let mut findings = Findings::default();
    let draft = source::read_all(args, inputs, &mut sources, &mut findings)
        .map(|root| Expansion::new(inputs, &mut sources, &mut findings).expand(root))
        .and_then(|root| document::read(&root, catalog, &mut findings));
    sources.hide(findings.take_secrets());
    let has_errors = findings.has_errors();
    let diagnostics = findings.resolve(&sources);
    match draft {
        Some(draft) if !has_errors => Ok(Loaded {
            document: draft.finish(Arc::new(sources)),
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

#[cfg(test)]
mod tests;
