//! `skyferry queue repair`.

use anyhow::{Context, bail};
use engine::queues::Place;
use serde_json::json;

use super::places::Places;
use super::print;
use super::way::{holder, open};
use crate::cli::RepairArgs;
use crate::failure::Failure;

/// Does what opening does: cuts a torn end, moves what is no part of the queue, closes the last
/// segment.
pub(super) fn repair(args: &RepairArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let place = places.of(&args.exporter)?;
    let found = opened(place).map_err(Failure::Start)?;
    let text = || {
        format!(
            "{}: {} segments; {} files set aside, {} torn bytes cut, {} records missing\n",
            place.exporter,
            found.segments,
            found.quarantined,
            found.torn_bytes,
            found.missing_records
        )
    };
    let json = || {
        json!({
            "exporter": place.exporter,
            "segments": found.segments,
            "files_set_aside": found.quarantined,
            "torn_bytes": found.torn_bytes,
            "missing_records": found.missing_records,
        })
    };
    print(args.places.format, text, json)
}

fn opened(place: &Place) -> anyhow::Result<engine::queues::Recovery> {
    if let Some(holder) = holder(place)? {
        bail!("the queue is open in {holder}, which has repaired it when it opened it");
    }
    let queue = open(&place.directory)?;
    let found = queue.recovery().clone();
    queue.close().context("cannot close the queue")?;
    if place.letters().exists() {
        open(&place.letters())?.close()?;
    }
    Ok(found)
}
