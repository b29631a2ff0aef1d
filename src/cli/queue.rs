//! `skyferry queue ..`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{ConfigArgs, ReportFormat};

#[derive(Args, Debug)]
pub(crate) struct QueueArgs {
    #[command(subcommand)]
    pub(crate) command: QueueCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the queues and what waits in them
    Ls(PlacesArgs),
    /// Show one queue, or all, in detail
    Stat(StatArgs),
    /// Check that queues are as they were written; exits with 7 if not
    Verify(VerifyArgs),
    /// Print one line of JSON for each record: when it came, what is in it, why it was given up
    Dump(ReadArgs),
    /// Print records as OTLP/JSON lines, which `skyferry replay` and a collector can read
    Export(ReadArgs),
    /// Open a queue that no process has open, so that its torn end is cut and damage set aside
    Repair(RepairArgs),
    /// Append records again: of a queue, its dead letters, or what was set aside as damaged
    Replay(QueueReplayArgs),
    /// Drop what waits in a queue, its dead letters, or what was set aside
    Purge(PurgeArgs),
}

/// Where the queues are.
#[derive(Args, Debug)]
pub(crate) struct PlacesArgs {
    /// Without a configuration the queues of the data directory are meant
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
}

#[derive(Args, Debug)]
pub(crate) struct StatArgs {
    /// The exporter whose queue is meant
    #[arg(value_name = "EXPORTER")]
    pub(crate) exporter: Option<String>,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The exporter whose queue is meant
    #[arg(value_name = "EXPORTER")]
    pub(crate) exporter: Option<String>,
    /// Read every byte instead of headers, indices and totals
    #[arg(long)]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
}

#[derive(Args, Debug)]
pub(crate) struct QueueReplayArgs {
    /// `seq:N`, `seq:N..M`, `time:RFC3339`, `time:RFC3339..RFC3339`, `dlq` or `quarantine`
    #[arg(long, value_parser = from, value_name = "WHAT")]
    pub(crate) from: ReplayFrom,
    /// Whose queue to read, if it is another one; also of an exporter that is gone
    #[arg(long, value_name = "SOURCE")]
    pub(crate) exporter: Option<String>,
    /// Whose queue to append to
    #[arg(long, value_name = "EXPORTER")]
    pub(crate) to: String,
    /// With `seq` and `time`: leave out what has been delivered
    #[arg(long)]
    pub(crate) waiting: bool,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ReadArgs {
    /// The exporter whose queue is meant
    #[arg(value_name = "EXPORTER")]
    pub(crate) exporter: String,
    /// As for `replay`; without it, what waits
    #[arg(long, value_parser = from, value_name = "WHAT")]
    pub(crate) from: Option<ReplayFrom>,
    /// With `seq` and `time`: leave out what has been delivered
    #[arg(long)]
    pub(crate) waiting: bool,
    /// Without a configuration the queues of the data directory are meant
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RepairArgs {
    /// The exporter whose queue is meant
    #[arg(value_name = "EXPORTER")]
    pub(crate) exporter: String,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
}

#[derive(Args, Debug)]
pub(crate) struct PurgeArgs {
    /// The exporter whose queue is meant
    #[arg(value_name = "EXPORTER")]
    pub(crate) exporter: String,
    /// Drop its dead letters instead
    #[arg(long, conflicts_with = "quarantine")]
    pub(crate) dlq: bool,
    /// Remove the files set aside as damaged instead
    #[arg(long)]
    pub(crate) quarantine: bool,
    /// What is dropped is gone for good
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
}

/// What to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayFrom {
    /// Sequence numbers, both ends included.
    Sequences(u64, u64),
    /// When records were enqueued, in Unix milliseconds, both ends included.
    UnixMs(u64, u64),
    DeadLetters,
    Quarantine,
}

fn from(text: &str) -> Result<ReplayFrom, String> {
    let range = |range: &str, read: fn(&str) -> Result<u64, String>| {
        let (first, last) = match range.split_once("..") {
            Some((first, last)) => (read(first)?, read(last)?),
            // Numbers end below the highest, which says where a range ends.
            None => (read(range)?, u64::MAX - 1),
        };
        match first <= last {
            true => Ok((first, last)),
            false => Err(format!("`{range}` ends before it begins")),
        }
    };
    match text.split_once(':') {
        None if text == "dlq" => Ok(ReplayFrom::DeadLetters),
        None if text == "quarantine" => Ok(ReplayFrom::Quarantine),
        Some(("seq", text)) => range(text, number).map(|(a, b)| ReplayFrom::Sequences(a, b)),
        Some(("time", text)) => range(text, time).map(|(a, b)| ReplayFrom::UnixMs(a, b)),
        _ => Err("expected `seq:N[..M]`, `time:RFC3339[..RFC3339]`, `dlq` or `quarantine`".into()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number < u64::MAX);
    number.ok_or_else(|| format!("`{text}` is no sequence number"))
}

fn time(text: &str) -> Result<u64, String> {
    let time: Timestamp = text
        .parse()
        .map_err(|error| format!("`{text}` is no time such as `2026-01-31T08:00:00Z`: {error}"))?;
    Ok(u64::try_from(time.as_millisecond()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_to_replay() {
        assert_eq!(from("dlq"), Ok(ReplayFrom::DeadLetters));
        assert_eq!(from("quarantine"), Ok(ReplayFrom::Quarantine));
        assert_eq!(from("seq:7"), Ok(ReplayFrom::Sequences(7, u64::MAX - 1)));
        assert_eq!(from("seq:7..7"), Ok(ReplayFrom::Sequences(7, 7)));
        let day = from("time:1970-01-01T00:00:01Z..1970-01-01T01:00:00.5+01:00");
        assert_eq!(
            day,
            Err(
                "`1970-01-01T00:00:01Z..1970-01-01T01:00:00.5+01:00` ends before it begins"
                    .to_owned()
            )
        );
        let second = from("time:1970-01-01T00:00:01Z..1970-01-01T01:00:01.5+01:00");
        assert_eq!(second, Ok(ReplayFrom::UnixMs(1000, 1500)));
        for wrong in [
            "",
            "dlq:1",
            "seq:",
            "seq:-1",
            "seq:3..2",
            "time:yesterday",
            "seq",
        ] {
            assert!(from(wrong).is_err(), "{wrong}");
        }
    }
}
