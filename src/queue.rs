//! `skyferry queue`: the queues on disk, looked at and repaired.
//!
//! Looking needs nothing but the files and is the same while a process runs. What changes a queue
//! goes through the process that has it open, or opens the queue itself where none has.

use crate::cli::{QueueArgs, QueueCommand, ReportFormat};
use crate::failure::Failure;
use crate::terminal;

mod places;
mod progress;
mod purge;
mod read;
mod repair;
mod replay;
mod show;
mod stat;
mod verify;
mod way;
pub(crate) mod wire;

pub(crate) fn queue(args: &QueueArgs) -> Result<(), Failure> {
    match &args.command {
        QueueCommand::Ls(args) => show::list(args),
        QueueCommand::Stat(args) => stat::stat(args),
        QueueCommand::Verify(args) => verify::verify(args),
        QueueCommand::Dump(args) => read::dump(args),
        QueueCommand::Export(args) => read::export(args),
        QueueCommand::Repair(args) => repair::repair(args),
        QueueCommand::Replay(args) => replay::replay(args),
        QueueCommand::Purge(args) => purge::purge(args),
    }
}

/// Prints a report in the form that was asked for.
fn print(
    format: ReportFormat,
    text: impl FnOnce() -> String,
    json: impl FnOnce() -> serde_json::Value,
) -> Result<(), Failure> {
    let report = match format {
        ReportFormat::Text => text(),
        ReportFormat::Json => format!("{:#}\n", json()),
    };
    Ok(terminal::print(&report)?)
}
