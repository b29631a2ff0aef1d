//! The value of `config`, from a file, checked as a pipeline would.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use engine::config::{MAX_FILE_BYTES, read_named};
use plugin::Library;
use processors::plugin::check_config;
use serde_json::{Map, Value as Json};

use crate::failure::Failure;

/// `{}` without a file.
pub(super) fn read(path: Option<&Path>, library: &Library) -> Result<Json, Failure> {
    let (name, text) = match path {
        None => ("no --config".to_owned(), "{}".to_owned()),
        Some(path) => {
            let text = text(path).with_context(|| format!("read `{}`", path.display()));
            (path.display().to_string(), text.map_err(Failure::Start)?)
        }
    };
    let (config, section) = read_named::<Json>(&name, &text).map_err(Failure::Configuration)?;
    // An empty file.
    let config = match config {
        Json::Null => Json::Object(Map::new()),
        config => config,
    };
    if let Some(schema) = &library.description().schema {
        let mut problems = section.problems();
        let found = check_config(schema, &config).map_err(|error| anyhow!(error));
        for (path, text) in found.map_err(Failure::Start)? {
            problems.at(path, text);
        }
        if problems.has_errors() {
            return Err(Failure::Configuration(problems.into_diagnostics()));
        }
    }
    Ok(config)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::metadata(path)?.len();
    ensure!(
        bytes <= MAX_FILE_BYTES,
        "it is larger than the {MAX_FILE_BYTES} bytes a configuration may have"
    );
    Ok(fs::read_to_string(path)?)
}
