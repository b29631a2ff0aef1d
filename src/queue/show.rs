//! `skyferry queue ls`, and how amounts and times are shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use engine::queues::{Inspection, Look, Place, Totals};
use indicatif::{HumanBytes, HumanDuration};
use serde_json::{Value as Json, json};

use super::places::Places;
use super::print;
use crate::cli::PlacesArgs;
use crate::columns::{Align, table};
use crate::failure::Failure;

pub(super) fn list(args: &PlacesArgs) -> Result<(), Failure> {
    let places = Places::find(&args.config)?;
    let looks = places.found.iter().map(look);
    let looks = looks.collect::<Result<Vec<_>, _>>()?;
    let orphans = places.found.iter().map(|place| places.is_orphan(place));
    let rows: Vec<Row<'_>> = places
        .found
        .iter()
        .zip(&looks)
        .zip(orphans)
        .map(|((place, look), is_orphan)| Row {
            place,
            look,
            is_orphan,
        })
        .collect();
    let text = || match rows.is_empty() {
        true => format!("no queues in `{}`\n", places.data_dir.display()),
        false => render(&rows, now_unix_ms()),
    };
    let json = || json!({ "queues": rows.iter().map(Row::to_json).collect::<Vec<_>>() });
    print(args.format, text, json)
}

pub(super) fn look(place: &Place) -> Result<Look, Failure> {
    let look = place.look();
    let look = look.with_context(|| format!("cannot look into the queue of `{}`", place.exporter));
    look.map_err(Failure::Start)
}

/// One queue of the list.
pub(super) struct Row<'a> {
    pub(super) place: &'a Place,
    pub(super) look: &'a Look,
    pub(super) is_orphan: Option<bool>,
}

impl Row<'_> {
    pub(super) fn to_json(&self) -> Json {
        let Look {
            queue,
            letters,
            suspects,
            set_aside,
        } = self.look;
        let waiting = waiting(queue);
        let letters = letters.as_ref().map(self::waiting).unwrap_or_default();
        let suspects = suspects.as_ref().map(self::waiting).unwrap_or_default();
        json!({
            "exporter": self.place.exporter,
            "directory": self.place.directory.display().to_string(),
            "orphan": self.is_orphan,
            "held_by": queue.holder,
            "waiting": totals(&waiting),
            "oldest_unix_ms": oldest(queue),
            "disk_bytes": disk_bytes(queue),
            "segments": queue.segments.len(),
            "dead_letters": totals(&letters),
            "quarantine": {
                "records": suspects.records,
                "items": suspects.items,
                "files": set_aside.len(),
                "bytes": set_aside.iter().map(|file| file.bytes).sum::<u64>(),
            },
        })
    }
}

fn render(rows: &[Row<'_>], now_unix_ms: u64) -> String {
    let headings = [
        ("exporter", Align::Left),
        ("records", Align::Right),
        ("items", Align::Right),
        ("on disk", Align::Right),
        ("oldest", Align::Right),
        ("dead letters", Align::Right),
        ("set aside", Align::Right),
        ("", Align::Left),
    ];
    let rows = rows.iter().map(|row| {
        let Look {
            queue,
            letters,
            suspects,
            set_aside,
        } = row.look;
        let waiting = waiting(queue);
        let letters = letters.as_ref().map(self::waiting).unwrap_or_default();
        let suspects = suspects.as_ref().map(self::waiting).unwrap_or_default();
        [
            row.place.exporter.clone(),
            waiting.records.to_string(),
            waiting.items.to_string(),
            HumanBytes(disk_bytes(queue)).to_string(),
            oldest(queue).map_or_else(String::new, |oldest| age(oldest, now_unix_ms)),
            letters.records.to_string(),
            (suspects.records + set_aside.len() as u64).to_string(),
            remark(queue, row.is_orphan),
        ]
    });
    table(headings, &rows.collect::<Vec<_>>())
}

/// What is special about a queue.
pub(super) fn remark(queue: &Inspection, is_orphan: Option<bool>) -> String {
    match (&queue.holder, is_orphan) {
        (Some(holder), _) => format!("open in {holder}"),
        (None, Some(true)) => "no exporter of this name".to_owned(),
        (None, _) => String::new(),
    }
}

/// What is not finished, in all lanes.
pub(super) fn waiting(log: &Inspection) -> Totals {
    let mut all = Totals::default();
    log.backlog.lanes.iter().for_each(|lane| all.merge(*lane));
    all
}

/// A time before which nothing was enqueued that waits.
pub(super) fn oldest(log: &Inspection) -> Option<u64> {
    let lanes = log.backlog.lanes.iter().zip(log.backlog.oldest_unix_ms);
    let used = lanes.filter(|(lane, _)| lane.records > 0);
    used.map(|(_, oldest)| oldest).min()
}

pub(super) fn disk_bytes(log: &Inspection) -> u64 {
    log.segments.iter().map(|segment| segment.bytes).sum()
}

pub(super) fn totals(of: &Totals) -> Json {
    json!({ "records": of.records, "items": of.items, "bytes": of.bytes })
}

pub(super) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

pub(super) fn age(unix_ms: u64, now_unix_ms: u64) -> String {
    let age = Duration::from_millis(now_unix_ms.saturating_sub(unix_ms));
    HumanDuration(age).to_string()
}

/// As RFC 3339.
pub(super) fn time(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| unix_ms.to_string(), |time| time.to_string())
}
