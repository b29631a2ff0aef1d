//! Bars over long work. They are for people: on standard error, and only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Over so many records.
pub(super) fn records(count: u64) -> ProgressBar {
    bar(count, "{bar:40} {pos}/{len} {eta}")
}

/// Over so many bytes.
pub(super) fn bytes(count: u64) -> ProgressBar {
    bar(count, "{bar:40} {bytes}/{total_bytes} {eta}")
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(length).with_style(style.expect("the templates above can be read"))
}
