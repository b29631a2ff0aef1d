//! `skyferry plugin`: what authors of processors need beside an editor. Nothing is started.

use std::path::Path;

use anyhow::{Context, anyhow};
use plugin::Library;

use crate::cli::{PluginArgs, PluginCommand};
use crate::failure::Failure;

mod inspect;
mod new;
mod try_out;

pub(crate) fn plugin(args: &PluginArgs) -> Result<(), Failure> {
    match &args.command {
        PluginCommand::New(args) => new::new(args),
        PluginCommand::Test(args) => try_out::test(args),
        PluginCommand::Inspect(args) => inspect::inspect(args),
    }
}

fn open(path: &Path) -> Result<Library, Failure> {
    let library = Library::open(path, None).map_err(|error| anyhow!(error));
    let library = library.with_context(|| format!("cannot load `{}`", path.display()));
    library.map_err(Failure::Start)
}
