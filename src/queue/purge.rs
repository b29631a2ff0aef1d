//! `skyferry queue purge`.

use std::path::PathBuf;

use anyhow::Context;
use engine::queues::{Place, Totals};
use serde_json::json;

use super::places::Places;
use super::print;
use super::show::{look, waiting};
use super::way::{Running, holder, open};
use super::wire::{Part, PurgeAnswer, PurgeRequest};
use crate::cli::PurgeArgs;
use crate::failure::Failure;

pub(super) fn purge(args: &PurgeArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let place = places.of(&args.exporter)?;
    let part = match (args.dlq, args.quarantine) {
        (true, _) => Part::DeadLetters,
        (false, true) => Part::Quarantine,
        (false, false) => Part::Waiting,
    };
    if !args.yes {
        let what = describe(part, place)?;
        return Err(Failure::Usage(format!(
            "this drops {what} of `{}` for good; add `--yes`",
            place.exporter
        )));
    }
    let purged = drop_records(part, &places, place).map_err(Failure::Start)?;
    let (files, file_bytes) = match part {
        Part::Quarantine => clear_files(place)?,
        Part::Waiting | Part::DeadLetters => (0, 0),
    };
    let text = || {
        let mut out = format!(
            "dropped {} {} ({} items, {} bytes) of `{}`\n",
            purged.records,
            name(part),
            purged.items,
            purged.bytes,
            place.exporter
        );
        if part == Part::Quarantine {
            out.push_str(&format!("removed {files} files ({file_bytes} bytes)\n"));
        }
        out
    };
    let json = || {
        json!({
            "exporter": place.exporter,
            "part": part,
            "records": purged.records,
            "items": purged.items,
            "bytes": purged.bytes,
            "files": files,
            "file_bytes": file_bytes,
        })
    };
    print(args.places.format, text, json)
}

const fn name(part: Part) -> &'static str {
    match part {
        Part::Waiting => "records",
        Part::DeadLetters => "dead letters",
        Part::Quarantine => "records set aside",
    }
}

fn describe(part: Part, place: &Place) -> Result<String, Failure> {
    let found = look(place)?;
    let log = match part {
        Part::Waiting => Some(&found.queue),
        Part::DeadLetters => found.letters.as_ref(),
        Part::Quarantine => found.suspects.as_ref(),
    };
    let waiting = log.map(waiting).unwrap_or_default();
    let what = format!(
        "{} {} ({} items)",
        waiting.records,
        name(part),
        waiting.items
    );
    Ok(match part {
        Part::Quarantine => format!("{what} and {} files", found.set_aside.len()),
        Part::Waiting | Part::DeadLetters => what,
    })
}

fn drop_records(part: Part, places: &Places, place: &Place) -> anyhow::Result<PurgeAnswer> {
    if let Some(holder) = holder(place)? {
        return Running::new(&places.data_dir, holder)?.purge(&PurgeRequest {
            exporter: place.exporter.clone(),
            part,
        });
    }
    // Nobody opens the queue while something of it goes.
    let mut queue = open(&place.directory)?;
    let purge_log = |directory: PathBuf| match directory.join("LOCK").exists() {
        true => open(&directory)?
            .purge()
            .context("cannot let go of records"),
        false => Ok(Totals::default()),
    };
    let purged = match part {
        Part::Waiting => queue.purge()?,
        Part::DeadLetters => purge_log(place.letters())?,
        Part::Quarantine => purge_log(place.quarantine())?,
    };
    Ok(purged.into())
}

/// The files are in no log: whether the queue is open makes no difference.
fn clear_files(place: &Place) -> Result<(usize, u64), Failure> {
    let cleared = place.clear_set_aside();
    let cleared = cleared.context("cannot remove what was set aside");
    cleared.map_err(Failure::Start)
}
