//! `skyferry plugin ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args, Debug)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a project that builds and passes its own test
    New(PluginNewArgs),
    /// Show recorded traffic to a plugin, and what it changes; exits with 8 if a call fails
    Test(PluginTestArgs),
    /// Tell what a plugin says about itself, and what its file is
    Inspect(PluginInspectArgs),
}

#[derive(Args, Debug)]
pub(crate) struct PluginNewArgs {
    /// The directory to make, whose name is the plugin's
    #[arg(value_name = "NAME")]
    pub(crate) directory: PathBuf,
    /// With the commands that build it as a WebAssembly module
    #[arg(long)]
    pub(crate) wasm: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PluginTestArgs {
    /// A shared library or a WebAssembly module
    #[arg(value_name = "LIB")]
    pub(crate) library: PathBuf,
    /// Files that the `file` exporter wrote, or the collector's
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A YAML or JSON file with the value of `config`; without it `{}`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only count, and leave out what was changed
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PluginInspectArgs {
    /// A shared library or a WebAssembly module
    #[arg(value_name = "LIB")]
    pub(crate) library: PathBuf,
    #[arg(long)]
    pub(crate) json: bool,
}
