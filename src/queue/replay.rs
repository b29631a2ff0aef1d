//! `skyferry queue replay`.

use engine::queues::{Place, Source};
use indicatif::ProgressBar;
use serde_json::json;

use super::places::Places;
use super::show::look;
use super::way::{Here, Running, holder};
use super::wire::{ReplayAnswer, ReplayRequest};
use super::{print, progress, show};
use crate::cli::{QueueReplayArgs, ReplayFrom};
use crate::failure::Failure;
use crate::terminal;

/// Appends what was asked for to a queue, group by group.
pub(super) fn replay(args: &QueueReplayArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let from = places.of(args.exporter.as_deref().unwrap_or(&args.to))?;
    let to = places.target(&args.to)?;
    let (source, count) = source(args.from, args.waiting, from)?;
    let mut replay = Replay {
        progress: progress::records(count),
        totals: Totals::default(),
    };
    let ended = match holder(&to).map_err(Failure::Start)? {
        Some(holder) => Running::new(&places.data_dir, holder).and_then(|running| {
            replay.all(|position| {
                running.replay(&ReplayRequest {
                    from: from.exporter.clone(),
                    to: to.exporter.clone(),
                    source: source.clone(),
                    position,
                })
            })
        }),
        None => {
            Here::open(from, source, (&to, places.intake(&to.exporter))).and_then(|mut here| {
                replay.all(|position| here.replay(position))?;
                here.close()
            })
        }
    };
    replay.progress.finish_and_clear();
    let totals = &replay.totals;
    let text = || {
        format!(
            "replayed {} records ({} items) into the queue of `{}`\n",
            totals.records, totals.items, to.exporter
        )
    };
    let json = || {
        json!({
            "from": from.exporter,
            "to": to.exporter,
            "records": totals.records,
            "items": totals.items,
            "skipped": totals.skipped,
        })
    };
    let failed = ended.err().map(|error| format!("{error:#}"));
    if failed.is_none() || totals.records > 0 {
        print(args.places.format, text, json)?;
    }
    match failed {
        Some(failed) => Err(Failure::NotDelivered(failed)),
        None if totals.skipped.is_empty() => Ok(()),
        None => Err(Failure::NotDelivered(format!(
            "not everything could be replayed: {} skipped",
            totals.skipped.len()
        ))),
    }
}

/// What to read, as it is now: what is appended by this replay is not part of it. And about how many
/// records that are.
pub(super) fn source(
    wanted: ReplayFrom,
    waiting: bool,
    from: &Place,
) -> Result<(Source, u64), Failure> {
    let found = look(from)?;
    let next = found.queue.next;
    Ok(match wanted {
        ReplayFrom::DeadLetters => {
            let letters = found.letters.as_ref();
            let count = letters.map_or(0, |letters| show::waiting(letters).records);
            let until = letters.map_or(0, |letters| letters.next);
            (Source::DeadLetters { until }, count)
        }
        ReplayFrom::Quarantine => {
            let suspects = found.suspects.as_ref();
            let records = suspects.map_or(0, |suspects| show::waiting(suspects).records);
            (Source::Quarantine, records + found.set_aside.len() as u64)
        }
        ReplayFrom::Sequences(first, last) => {
            let sequences = first..next.min(last + 1).max(first);
            // The first record of all has number 1.
            let count = sequences.end.saturating_sub(sequences.start.max(1));
            let count = match waiting {
                true => count.min(show::waiting(&found.queue).records),
                false => count,
            };
            let source = Source::Records {
                sequences,
                unix_ms: 0..u64::MAX,
                waiting,
            };
            (source, count)
        }
        ReplayFrom::UnixMs(first, last) => {
            let source = Source::Records {
                sequences: 0..next,
                unix_ms: first..last + 1,
                waiting,
            };
            let segments = found.queue.segments.iter();
            (source, segments.map(|segment| segment.records).sum())
        }
    })
}

struct Replay {
    progress: ProgressBar,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    records: u64,
    items: u64,
    skipped: Vec<String>,
}

impl Replay {
    fn all(
        &mut self,
        mut step: impl FnMut(u64) -> anyhow::Result<ReplayAnswer>,
    ) -> anyhow::Result<()> {
        let mut position = 0;
        loop {
            let answer = step(position)?;
            self.totals.records += answer.records;
            self.totals.items += answer.items;
            for skipped in &answer.skipped {
                let line = format!("skipped: {skipped}\n");
                self.progress.suspend(|| terminal::complain(&line));
            }
            self.totals.skipped.extend(answer.skipped);
            self.progress.inc(answer.records);
            if let Some(failed) = answer.failed {
                anyhow::bail!(failed);
            }
            match answer.next {
                Some(next) => position = next,
                None => return Ok(()),
            }
        }
    }
}
