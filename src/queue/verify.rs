//! `skyferry queue verify`.

use anyhow::Context;
use engine::queues::{Depth, Place, Verdict};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};

use super::places::Places;
use super::print;
use crate::cli::VerifyArgs;
use crate::failure::Failure;

pub(super) fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let places = Places::find(&args.places.config)?;
    let chosen = places.chosen(args.exporter.as_deref())?;
    let progress = match args.deep {
        true => bar(&chosen).map_err(Failure::Start)?,
        false => ProgressBar::hidden(),
    };
    let depth = match args.deep {
        true => Depth::Deep,
        false => Depth::Quick,
    };
    let verdicts = chosen.iter().map(|place| {
        let verdict = place.verify(depth, &mut |bytes| progress.inc(bytes));
        let verdict =
            verdict.with_context(|| format!("cannot check the queue of `{}`", place.exporter));
        verdict.map_err(Failure::Start)
    });
    let verdicts = verdicts.collect::<Result<Vec<_>, _>>()?;
    progress.finish_and_clear();
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

/// A bar over the bytes of all queues; indicatif shows it on terminals only.
fn bar(places: &[&Place]) -> anyhow::Result<ProgressBar> {
    let mut bytes = 0;
    for place in places {
        bytes += place.bytes()?;
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}")?;
    Ok(ProgressBar::new(bytes).with_style(style))
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
