//! How a command ends when it does not succeed.

use std::io;
use std::process::ExitCode;

use engine::config::Diagnostics;

use crate::terminal;

/// Exit codes, also listed in `--help`. 2 is clap's, for a command line it cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Usage = 2,
    Configuration = 3,
    Start = 4,
    Run = 5,
    Left = 6,
    Damaged = 7,
    Different = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// The configuration has errors.
    Configuration(Diagnostics),
    /// What the configuration asks for cannot be had: ports, files, certificates.
    Build(Diagnostics),
    /// The same, where no configuration is to blame.
    Start(anyhow::Error),
    /// A component ended that should have gone on.
    Run(String),
    /// The process stopped while it held this many items that it had acknowledged.
    Left(u64),
    /// Not everything that was to be sent arrived.
    NotDelivered(String),
    /// A queue is not as it was written.
    Damaged(String),
    /// Rules do not load.
    Rules(String),
    /// Rules do not do what is expected of them.
    Different(String),
    /// Standard output does not take what is printed.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Configuration(_) | Failure::Rules(_) => Exit::Configuration,
            Failure::Build(_) | Failure::Start(_) => Exit::Start,
            Failure::Left(_) | Failure::NotDelivered(_) => Exit::Left,
            Failure::Damaged(_) => Exit::Damaged,
            Failure::Different(_) => Exit::Different,
            // `skyferry components | head` has what it wanted.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Failure::Run(_) | Failure::Output(_) => Exit::Run,
        }
    }

    /// Says on standard error what went wrong.
    pub(crate) fn tell(&self) {
        let text = match self {
            Failure::Configuration(found) | Failure::Build(found) => {
                terminal::diagnose(found);
                return;
            }
            Failure::Usage(text)
            | Failure::Run(text)
            | Failure::NotDelivered(text)
            | Failure::Damaged(text)
            | Failure::Rules(text)
            | Failure::Different(text) => text.clone(),
            Failure::Start(error) => format!("{error:#}"),
            Failure::Left(items) => format!("{items} acknowledged items were not delivered"),
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return,
            Failure::Output(error) => format!("standard output cannot be written: {error}"),
        };
        terminal::complain(&format!("error: {text}\n"));
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}
