//! `skyferry lal ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use lal::Compatibility;

#[derive(Args, Debug)]
pub(crate) struct LalArgs {
    #[command(subcommand)]
    pub(crate) command: LalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LalCommand {
    /// Report everything that is wrong or deceptive about rules; exits with 3 if they do not load
    Check(LalCheckArgs),
    /// Run rules on logs that are written down; exits with 8 if one is not as expected
    Test(LalTestArgs),
    /// Tell which rules claim a log, and what each of their statements does
    Explain(LalExplainArgs),
}

#[derive(Args, Debug)]
pub(crate) struct LalCheckArgs {
    /// Files of rules, or directories of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) meaning: MeaningArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LalTestArgs {
    /// A file of rules
    #[arg(value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Logs by the name of their rule, with what is expected of it
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) meaning: MeaningArgs,
}

#[derive(Args, Debug)]
pub(crate) struct LalExplainArgs {
    /// Files of rules, or directories of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) meaning: MeaningArgs,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct MeaningArgs {
    /// Whether OAP's code or its documentation decides where they differ
    #[arg(long, value_enum, default_value_t = CompatibilityArg::Oap)]
    pub(crate) compatibility: CompatibilityArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompatibilityArg {
    Oap,
    Documented,
}

impl From<CompatibilityArg> for Compatibility {
    fn from(argument: CompatibilityArg) -> Self {
        match argument {
            CompatibilityArg::Oap => Compatibility::Oap,
            CompatibilityArg::Documented => Compatibility::Documented,
        }
    }
}
