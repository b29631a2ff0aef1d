//! `skyferry queue dump` and `skyferry queue export`: records, as text.

use std::io::IsTerminal;

use anyhow::Context;
use engine::queues::{self, Found, Place, Source};
use exporters::record::{Encoding, Format};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;

use super::places::Places;
use super::progress;
use super::replay::source;
use crate::cli::{ReadArgs, ReplayFrom};
use crate::failure::Failure;
use crate::terminal;

/// What waits.
const EVERYTHING: ReplayFrom = ReplayFrom::Sequences(0, u64::MAX - 1);
/// As the file exporter writes them without a word.
const LINES: Format = Format {
    encoding: Encoding::Json,
    compressed: false,
};

pub(super) fn dump(args: &ReadArgs) -> Result<(), Failure> {
    each(args, |found| {
        Ok(format!("{}\n", describe(found)).into_bytes())
    })
}

pub(super) fn export(args: &ReadArgs) -> Result<(), Failure> {
    each(args, |found| {
        let sequence = found.header.sequence;
        let line = LINES.encode(&found.batch);
        line.with_context(|| format!("record {sequence} cannot be written"))
    })
}

/// Prints what `line` makes of each record, group by group. What cannot be read is named and left
/// out.
fn each(args: &ReadArgs, line: impl Fn(&Found) -> anyhow::Result<Vec<u8>>) -> Result<(), Failure> {
    let places = Places::find(&args.config)?;
    let place = places.of(&args.exporter)?;
    let (wanted, waiting) = match args.from {
        Some(from) => (from, args.waiting),
        None => (EVERYTHING, true),
    };
    let (source, count) = source(wanted, waiting, place)?;
    let bar = match std::io::stdout().is_terminal() {
        // What is printed shows how far it is.
        true => ProgressBar::hidden(),
        false => progress::records(count),
    };
    let skipped = print_all(place, &source, line, &bar);
    bar.finish_and_clear();
    match skipped? {
        0 => Ok(()),
        skipped => Err(Failure::NotDelivered(format!(
            "not everything could be read: {skipped} skipped"
        ))),
    }
}

/// Says how many could not be read.
fn print_all(
    place: &Place,
    source: &Source,
    line: impl Fn(&Found) -> anyhow::Result<Vec<u8>>,
    bar: &ProgressBar,
) -> Result<usize, Failure> {
    let (mut position, mut skipped) = (0, 0);
    loop {
        let group = queues::read(place, source, position).context("cannot read the queue");
        let group = group.map_err(Failure::Start)?;
        let mut text = Vec::new();
        for found in &group.found {
            text.extend(line(found).map_err(Failure::Start)?);
        }
        terminal::print(&String::from_utf8_lossy(&text))?;
        for what in &group.skipped {
            bar.suspend(|| terminal::complain(&format!("skipped: {what}\n")));
        }
        bar.inc(group.found.len() as u64);
        skipped += group.skipped.len();
        match group.next {
            Some(next) => position = next,
            None => return Ok(skipped),
        }
    }
}

fn describe(found: &Found) -> serde_json::Value {
    let header = &found.header;
    let origin = found.batch.origin();
    let enqueued = i64::try_from(header.enqueued_unix_ms).ok();
    let enqueued = enqueued.and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok());
    let reason = found.reason.as_ref().map(
        |why| json!({ "reason": why.reason, "message": why.message, "attempts": why.attempts }),
    );
    json!({
        "sequence": header.sequence,
        "enqueued": enqueued.map(|time| time.to_string()),
        "signal": found.signal.name(),
        "items": header.items,
        "bytes": header.payload_len,
        "resources": found.batch.chunks().len(),
        "peer": origin.peer.map(|peer| peer.to_string()),
        "given_up": reason,
    })
}
