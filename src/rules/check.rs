//! `skyferry lal check`.

use crate::cli::LalCheckArgs;
use crate::failure::Failure;
use crate::terminal;

use super::{counted, load, sources};

pub(super) fn check(args: &LalCheckArgs) -> Result<(), Failure> {
    let sources = sources(&args.files)?;
    let (loaded, counts) = load(&sources, args.meaning);
    let errors = counted(counts.errors, "error");
    let warnings = counted(counts.warnings, "warning");
    let files = counted(sources.len(), "file");
    if counts.errors > 0 || (args.strict && counts.warnings > 0) {
        return Err(Failure::Rules(format!(
            "{errors} and {warnings} in {files}"
        )));
    }
    let rules = counted(loaded.rules.len(), "rule");
    terminal::print(&format!("{rules} in {files}, {warnings}\n"))?;
    Ok(())
}
