//! Diagnostics as text for a terminal.

use super::{Diagnostic, Place, Severity};

/// ANSI escapes, or nothing.
struct Palette {
    on: bool,
}

impl Palette {
    fn severity(&self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Error => 31,
            Severity::Warning => 33,
            Severity::Notice => 36,
        };
        if self.on {
            format!("\u{1b}[1;{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

pub(super) fn render(list: &[Diagnostic], color: bool) -> String {
    let palette = Palette { on: color };
    let mut out = String::new();
    for diagnostic in list {
        one(&mut out, diagnostic, &palette);
        out.push('\n');
    }
    if !list.is_empty() {
        line(&mut out, &summary(list));
    }
    out
}

fn one(out: &mut String, diagnostic: &Diagnostic, palette: &Palette) {
    let severity = palette.severity(diagnostic.severity, diagnostic.severity.name());
    line(out, &format!("{severity}: {}", diagnostic.message));
    let number = diagnostic.place.as_ref().and_then(|place| place.line);
    let gutter = number.map_or(1, |line| line.to_string().len());
    if let Some(place) = &diagnostic.place {
        let caret = palette.severity(diagnostic.severity, &"^".repeat(place.caret_width));
        snippet(out, place, gutter, &caret);
    }
    for note in &diagnostic.notes {
        line(out, &format!("{:gutter$} = note: {note}", ""));
    }
    if let Some(help) = &diagnostic.help {
        line(out, &format!("{:gutter$} = help: {help}", ""));
    }
}

fn snippet(out: &mut String, place: &Place, gutter: usize, caret: &str) {
    let at = match (place.line, place.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", place.source),
        _ => place.source.clone(),
    };
    let number = place.line.map(|line| line.to_string()).unwrap_or_default();
    let indent = place.caret_start;
    line(out, &format!("{:gutter$}--> {at}", ""));
    line(out, &format!("{:gutter$} |", ""));
    line(out, &format!("{number:gutter$} | {}", place.text));
    line(out, &format!("{:gutter$} | {:indent$}{caret}", "", ""));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn summary(list: &[Diagnostic]) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Notice].map(|severity| {
        let count = list
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count();
        let plural = if count == 1 { "" } else { "s" };
        (count, format!("{count} {}{plural}", severity.name()))
    });
    let present: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, text)| text)
        .collect();
    present.join(", ")
}
