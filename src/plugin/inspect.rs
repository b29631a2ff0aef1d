//! `skyferry plugin inspect`.

use std::fmt::Write;

use plugin::{Description, Library, Segments, Signal};
use serde_json::{Value as Json, json};

use crate::cli::PluginInspectArgs;
use crate::failure::Failure;
use crate::terminal;

pub(super) fn inspect(args: &PluginInspectArgs) -> Result<(), Failure> {
    let library = super::open(&args.library)?;
    let text = match args.json {
        true => format!("{:#}\n", as_json(&library)),
        false => as_text(&library),
    };
    Ok(terminal::print(&text)?)
}

fn abi(library: &Library) -> String {
    let (major, minor) = library.abi_version();
    format!("{major}.{minor}")
}

fn as_json(library: &Library) -> Json {
    let mut report = json!(library.description());
    report["format"] = json!(library.format().to_string());
    report["abi"] = json!(abi(library));
    report["bytes"] = json!(library.bytes());
    report["sha256"] = json!(library.sha256());
    report
}

fn as_text(library: &Library) -> String {
    let description = library.description();
    let Description { name, version, .. } = description;
    let machine = match library.format() {
        plugin::Format::WebAssembly => String::new(),
        // A shared library for another machine was refused.
        _ => format!(" {}", std::env::consts::ARCH),
    };
    let segments = match description.segments {
        Segments::Otlp => "as OTLP",
        Segments::Native => "as `SegmentObject`",
    };
    let calls = match description.parallel {
        true => "in parallel",
        false => "one after the other",
    };
    let unloading = match description.resident {
        true => "stays loaded after a swap",
        false => "unloaded after a swap",
    };
    let rows = [
        ("plugin", format!("{name} {version}")),
        ("summary", description.summary.clone()),
        ("processes", names(&description.signals)),
        ("emits", names(&description.emits)),
        ("segments", segments.to_owned()),
        ("calls", calls.to_owned()),
        (
            "library",
            format!(
                "{}{machine}, ABI {}, {unloading}",
                library.format(),
                abi(library)
            ),
        ),
        ("size", format!("{} bytes", library.bytes())),
        ("sha256", library.sha256().to_owned()),
    ];
    let mut out = String::new();
    for (name, value) in rows {
        let value = if value.is_empty() { "none" } else { &value };
        writeln!(out, "{name:<10} {value}").expect("memory takes everything");
    }
    match &description.schema {
        Some(schema) => writeln!(out, "\nconfig is checked against\n{schema:#}"),
        None => writeln!(out, "\nconfig may be anything"),
    }
    .expect("memory takes everything");
    out
}

fn names(signals: &[Signal]) -> String {
    let names = signals.iter().map(|signal| match signal {
        Signal::Traces => "traces",
        Signal::Metrics => "metrics",
        Signal::Logs => "logs",
    });
    names.collect::<Vec<_>>().join(", ")
}
