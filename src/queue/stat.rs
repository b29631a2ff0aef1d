//! `skyferry queue stat`.

use std::fmt::Write;

use engine::queues::{Inspection, Look, Place, signal_of_lane};
use indicatif::HumanBytes;
use serde_json::{Value as Json, json};

use super::places::Places;
use super::print;
use super::show::{Row, disk_bytes, look, oldest, remark, time, totals, waiting};
use crate::cli::StatArgs;
use crate::columns::{Align, table};
use crate::failure::Failure;

pub(super) fn stat(args: &StatArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let chosen = places.chosen(args.exporter.as_deref())?;
    let looks = chosen.iter().map(|place| look(place));
    let looks = looks.collect::<Result<Vec<_>, _>>()?;
    let pairs = || chosen.iter().zip(&looks);
    let text = || {
        let texts = pairs().map(|(place, look)| render(place, look, places.is_orphan(place)));
        texts.collect::<Vec<_>>().join("\n")
    };
    let json = || {
        let queues = pairs().map(|(place, look)| {
            let row = Row {
                place,
                look,
                is_orphan: places.is_orphan(place),
            };
            detailed(&row)
        });
        json!({ "queues": queues.collect::<Vec<_>>() })
    };
    print(args.places.format, text, json)
}

fn render(place: &Place, look: &Look, is_orphan: Option<bool>) -> String {
    let mut out = format!("{}  {}", place.exporter, place.directory.display());
    let remark = remark(&look.queue, is_orphan);
    if !remark.is_empty() {
        out.push_str(&format!("  ({remark})"));
    }
    out.push('\n');
    out.push_str(&log(&look.queue));
    if let Some(letters) = &look.letters {
        out.push_str("dead letters\n");
        out.push_str(&log(letters));
    }
    if let Some(suspects) = &look.suspects {
        out.push_str("set aside after ends of the process\n");
        out.push_str(&log(suspects));
    }
    if !look.set_aside.is_empty() {
        let headings = [("set aside", Align::Left), ("bytes", Align::Right)];
        let files = look.set_aside.iter();
        let rows = files.map(|file| [file.name.clone(), file.bytes.to_string()]);
        out.push_str(&table(headings, &rows.collect::<Vec<_>>()));
    }
    out
}

fn log(found: &Inspection) -> String {
    let mut out = String::new();
    let segments = found.segments.len();
    let mut line = |name: &str, value: String| {
        // Writing into a text does not fail.
        writeln!(out, "  {name:<12} {value}").ok();
    };
    let waiting = waiting(found);
    line(
        "waiting",
        format!("{} records, {} items", waiting.records, waiting.items),
    );
    line(
        "on disk",
        format!("{} in {segments} segments", HumanBytes(disk_bytes(found))),
    );
    line("next", format!("sequence number {}", found.next));
    if let Some(oldest) = oldest(found) {
        line("oldest", time(oldest));
    }
    if let Some(newest) = newest(found) {
        line("newest", time(newest));
    }
    let is_clean = found.holder.is_some() || found.cursor.clean || found.cursor.next == 0;
    if !is_clean {
        line(
            "last end",
            "without order; what was out comes again".to_owned(),
        );
    }
    if found.missing_records > 0 {
        line("missing", format!("{} records", found.missing_records));
    }
    if found.tail_bytes > 0 {
        line(
            "tail",
            format!("{} bytes behind the last record", found.tail_bytes),
        );
    }
    out.push_str(&lanes(found));
    out
}

fn lanes(found: &Inspection) -> String {
    let headings = [
        ("  signal", Align::Left),
        ("records", Align::Right),
        ("items", Align::Right),
        ("bytes", Align::Right),
        ("finished below", Align::Right),
    ];
    let lanes = found.backlog.lanes.iter().zip(&found.cursor.lanes);
    let rows = (0..).zip(lanes).filter_map(|(lane, (backlog, cursor))| {
        Some([
            format!("  {}", signal_of_lane(lane)?),
            backlog.records.to_string(),
            backlog.items.to_string(),
            backlog.bytes.to_string(),
            cursor.watermark.to_string(),
        ])
    });
    table(headings, &rows.collect::<Vec<_>>())
}

fn newest(log: &Inspection) -> Option<u64> {
    let segments = log.segments.iter();
    let times = segments.filter_map(|segment| segment.unix_ms);
    times.map(|(_, newest)| newest).max()
}

/// What the list says, and more.
fn detailed(row: &Row<'_>) -> Json {
    let mut report = row.to_json();
    let set_aside = row.look.set_aside.iter();
    let files = set_aside.map(|file| json!({ "name": file.name, "bytes": file.bytes }));
    report["quarantine"]["names"] = files.collect();
    report["log"] = of_log(&row.look.queue);
    report["quarantine_log"] = row.look.suspects.as_ref().map_or(Json::Null, of_log);
    report["dead_letter_log"] = row.look.letters.as_ref().map_or(Json::Null, of_log);
    report
}

fn of_log(found: &Inspection) -> Json {
    let lanes = found.backlog.lanes.iter().zip(&found.cursor.lanes);
    let lanes = (0..).zip(lanes).filter_map(|(lane, (backlog, cursor))| {
        Some(json!({
            "signal": signal_of_lane(lane)?.name(),
            "waiting": totals(backlog),
            "finished_below": cursor.watermark,
        }))
    });
    let segments = found.segments.iter().map(|segment| {
        json!({
            "name": segment.name,
            "first": segment.first,
            "end": segment.end,
            "bytes": segment.bytes,
            "records": segment.records,
            "closed": segment.is_closed,
            "oldest_unix_ms": segment.unix_ms.map(|(oldest, _)| oldest),
            "newest_unix_ms": segment.unix_ms.map(|(_, newest)| newest),
        })
    });
    json!({
        "next": found.next,
        "clean": found.cursor.clean,
        "missing_records": found.missing_records,
        "tail_bytes": found.tail_bytes,
        "strangers": found.strangers,
        "newest_unix_ms": newest(found),
        "lanes": lanes.collect::<Vec<_>>(),
        "segments": segments.collect::<Vec<_>>(),
    })
}
