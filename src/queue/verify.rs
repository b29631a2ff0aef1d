//! `skyferry queue verify`.

use anyhow::Context;
use engine::queues::{Depth, Place, Verdict};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};

use super::places::Places;
use super::{print, progress};
use crate::cli::VerifyArgs;
use crate::failure::Failure;

pub(super) fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let chosen = places.chosen(args.exporter.as_deref())?;
    let bar = match args.deep {
        true => over_bytes(&chosen).map_err(Failure::Start)?,
        false => ProgressBar::hidden(),
    };
    let depth = match args.deep {
        true => Depth::Deep,
        false => Depth::Quick,
    };
    let verdicts = chosen.iter().map(|place| {
        let verdict = place.verify(depth, &mut |bytes| bar.inc(bytes));
        let verdict =
            verdict.with_context(|| format!("cannot check the queue of `{}`", place.exporter));
        verdict.map_err(Failure::Start)
    });
    let verdicts = verdicts.collect::<Result<Vec<_>, _>>();
    bar.finish_and_clear();
    let verdicts = verdicts?;
    let pairs = || chosen.iter().zip(&verdicts);
    let text = || {
        pairs()
            .map(|(place, verdict)| render(place, verdict))
            .collect()
    };
    let json = || {
        let queues: Vec<_> = pairs().map(|(place, it)| to_json(place, it)).collect();
        json!({ "sound": !verdicts.iter().any(Verdict::is_damaged), "queues": queues })
    };
    print(args.places.format, text, json)?;
    let damaged = pairs().filter(|(_, verdict)| verdict.is_damaged());
    let names: Vec<_> = damaged.map(|(place, _)| &*place.exporter).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(Failure::Damaged(format!("damaged: {}", names.join(", ")))),
    }
}

fn over_bytes(places: &[&Place]) -> anyhow::Result<ProgressBar> {
    let mut bytes = 0;
    for place in places {
        bytes += place.bytes()?;
    }
    Ok(progress::bytes(bytes))
}

fn render(place: &Place, verdict: &Verdict) -> String {
    let word = match verdict.is_damaged() {
        true => "damaged",
        false => "sound",
    };
    let mut out = format!(
        "{}: {word}; {} records in {} segments\n",
        place.exporter, verdict.records, verdict.segments
    );
    for finding in &verdict.findings {
        out.push_str(&format!("  {}: {}\n", finding.file, finding.fault));
    }
    out
}

fn to_json(place: &Place, verdict: &Verdict) -> Json {
    let findings = verdict.findings.iter().map(|finding| {
        json!({
            "file": finding.file,
            "damage": finding.fault.is_damage(),
            "text": finding.fault.to_string(),
        })
    });
    json!({
        "exporter": place.exporter,
        "directory": place.directory.display().to_string(),
        "sound": !verdict.is_damaged(),
        "records": verdict.records,
        "segments": verdict.segments,
        "findings": findings.collect::<Vec<_>>(),
    })
}
