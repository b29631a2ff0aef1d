//! The program `skyferry`: a command line around the engine and a list of components.
//!
//! Assembly only. What is configured is the engine's matter, what flows is the components'; here
//! are the commands, the exit codes, the signals and the endpoints for operators.

use std::process::ExitCode;

use clap::Parser;

mod account;
mod admin;
mod cli;
mod columns;
mod configuration;
mod demo;
mod failure;
mod inspect;
mod orphans;
mod plugin;
mod queue;
mod registry;
mod replay;
mod rules;
mod run;
mod signals;
mod terminal;
mod threads;

use cli::{Cli, Command};
use failure::Failure;

/// Small allocations of many threads are what a collector does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit().into()
        }
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Validate(args)) => inspect::validate(&args),
        Some(Command::Components(args)) => inspect::components(&args),
        Some(Command::PrintConfig(args)) => inspect::print_config(&args),
        Some(Command::Schema) => inspect::schema(),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Queue(args)) => queue::queue(&args),
        Some(Command::Demo(args)) => demo::demo(&args),
        Some(Command::Lal(args)) => rules::lal(&args),
        Some(Command::Plugin(args)) => plugin::plugin(&args),
    }
}
