//! `skyferry lal`: rules of the log analysis language, looked at and tried out. Nothing is started.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lal::{Finding, Loaded, SOURCE_BYTES_MAX, Severity, Source};

use crate::cli::{LalArgs, LalCommand, MeaningArgs};
use crate::failure::Failure;
use crate::terminal;

mod check;
mod explain;
mod input;
mod test;

pub(crate) fn lal(args: &LalArgs) -> Result<(), Failure> {
    match &args.command {
        LalCommand::Check(args) => check::check(args),
        LalCommand::Test(args) => test::test(args),
        LalCommand::Explain(args) => explain::explain(args),
    }
}

/// What the names of files with test data end with.
const DATA: [&str; 2] = [".data.yaml", ".input.data"];

/// Every file of rules that is named, and those that are directly in a directory that is named.
fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if !path.is_dir() {
            sources.push(read(path)?);
            continue;
        }
        let files = files_of_rules(path).map_err(Failure::Start)?;
        if files.is_empty() {
            let text = format!("`{}` holds no file of rules `*.yaml`", path.display());
            return Err(Failure::Usage(text));
        }
        for file in files {
            sources.push(read(&file)?);
        }
    }
    Ok(sources)
}

/// In the order of their names.
fn files_of_rules(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || format!("read the directory `{}`", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(read)? {
        let path = entry.with_context(read)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        if is_yaml && !DATA.iter().any(|data| name.ends_with(data)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Source, Failure> {
    let size = || -> anyhow::Result<u64> { Ok(fs::metadata(path)?.len()) };
    let text = || -> anyhow::Result<String> {
        // A file that is far too long is not read first.
        let length = usize::try_from(size()?).unwrap_or(usize::MAX);
        anyhow::ensure!(
            length <= SOURCE_BYTES_MAX,
            "it is longer than {SOURCE_BYTES_MAX} bytes"
        );
        Ok(fs::read_to_string(path)?)
    };
    let text = text().with_context(|| format!("read `{}`", path.display()));
    Ok(Source {
        name: path.display().to_string(),
        text: text.map_err(Failure::Start)?,
    })
}

/// Loads rules, and says what was found. Rules with errors are left out and counted.
fn load(sources: &[Source], meaning: MeaningArgs) -> (Loaded, Counts) {
    let loaded = lal::load(sources, meaning.compatibility.into());
    let counts = tell(&loaded.findings);
    (loaded, counts)
}

/// Findings by how bad they are.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    errors: usize,
    warnings: usize,
}

fn tell(findings: &[Finding]) -> Counts {
    let mut text = String::new();
    let mut counts = Counts::default();
    for finding in findings {
        text += &format!("{finding}\n");
        match finding.severity {
            Severity::Error => counts.errors += 1,
            Severity::Warning => counts.warnings += 1,
        }
    }
    terminal::complain(&text);
    counts
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
