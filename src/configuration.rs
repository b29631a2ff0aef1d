//! From the command line to a checked configuration.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use engine::config::{self, Diagnostics, Document, Inputs, ProcessInputs, SourceArg};
use engine::{Plan, Registry};

use crate::cli::{ConfigArgs, DATA_DIR_VARIABLE};

/// What runs where no configuration is named.
pub(crate) const BUILT_IN: &str = include_str!("../configs/default.yaml");

/// Where it keeps every item, below the data directory.
pub(crate) const BUILT_IN_FILE: &str = "telemetry.jsonl";

/// Stands for [`BUILT_IN`] among the sources, and in the places of its values.
const BUILT_IN_NAME: &str = "(built-in default)";

/// A configuration that has passed every check without I/O.
pub(crate) struct Checked {
    pub document: Document,
    pub plan: Plan,
    /// Warnings and notices.
    pub remarks: Diagnostics,
}

/// Reads, merges and checks what `args` names. The error holds every problem found.
pub(crate) fn load(args: &ConfigArgs, registry: &Registry) -> Result<Checked, Diagnostics> {
    let inputs = ProgramInputs {
        data_dir: args.data_dir.clone(),
    };
    let loaded = config::load(&sources(args), &inputs, registry)?;
    let mut remarks = loaded.warnings;
    let document = loaded.document;
    match Plan::new(&document, registry) {
        Ok(plan) => {
            remarks.extend(plan.notices.clone());
            Ok(Checked {
                document,
                plan,
                remarks,
            })
        }
        Err(found) => {
            remarks.extend(found);
            Err(remarks)
        }
    }
}

fn sources(args: &ConfigArgs) -> Vec<SourceArg> {
    let mut configs = args.config.clone();
    if configs.is_empty() {
        configs.push(BUILT_IN_NAME.to_owned());
    }
    let data_dir = args.data_dir.as_deref().map(set_data_dir);
    let sets = data_dir.into_iter().chain(args.set.iter().cloned());
    configs
        .into_iter()
        .map(SourceArg::Config)
        .chain(sets.map(SourceArg::Set))
        .collect()
}

/// As a quoted text without references, so that any path stands for itself.
fn set_data_dir(path: &str) -> String {
    let quoted = serde_json::Value::from(path.replace('$', "$$"));
    format!("service.data_dir={quoted}")
}

/// The environment and the files of this process, and what is built in.
struct ProgramInputs {
    data_dir: Option<String>,
}

impl Inputs for ProgramInputs {
    fn env(&self, name: &str) -> Option<OsString> {
        match &self.data_dir {
            Some(path) if name == DATA_DIR_VARIABLE => Some(path.into()),
            _ => ProcessInputs.env(name),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path == Path::new(BUILT_IN_NAME) {
            true => Ok(BUILT_IN.into()),
            false => ProcessInputs.read(path),
        }
    }
}

#[cfg(test)]
mod tests;
