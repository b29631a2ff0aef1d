//! The `demo` exporter: a table on standard output, a row for each item.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Decision, Delivery, Description, ExportError, Exporter,
    ExporterFactory,
};
use engine::config::Section;
use engine::exporter::{RetrySettings, Settings};
use parking_lot::Mutex;
use pdata::{Batch, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rows::{self, Row};
use crate::columns::{Align, cell};
use crate::terminal;

/// Registers the exporter, for `skyferry demo` only.
pub(super) static FACTORY: &dyn ExporterFactory = &Factory;

/// Makes `demo` exporters.
struct Factory;

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Config {}

/// Name, width and alignment of each column; with two spaces between them 100 in all.
const COLUMNS: [(&str, usize, Align); 5] = [
    ("PLATFORM", 8, Align::Left),
    ("SERVICE", 23, Align::Left),
    ("PAGE", 19, Align::Left),
    ("ERROR, METRIC OR SPAN", 32, Align::Left),
    ("LATENCY", 10, Align::Right),
];

/// Where the rows go. Clones share it; the command hands it to the exporter in the leases.
#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Shared>);

#[derive(Default)]
struct Shared {
    colour: bool,
    items: AtomicUsize,
    has_headings: Mutex<bool>,
}

impl Screen {
    pub(crate) fn new(colour: bool) -> Self {
        Screen(Arc::new(Shared {
            colour,
            ..Shared::default()
        }))
    }

    /// How many items came so far.
    pub(crate) fn items(&self) -> usize {
        self.0.items.load(Ordering::Relaxed)
    }

    fn show(&self, rows: &[Row]) {
        let mut text = String::new();
        let mut has_headings = self.0.has_headings.lock();
        if !*has_headings {
            *has_headings = true;
            text += &self.headings();
        }
        text.extend(rows.iter().map(|row| self.line(row)));
        // The lock keeps the rows of two batches apart. Nobody may be looking, which is no reason
        // to refuse telemetry.
        terminal::print(&text).ok();
        self.0.items.fetch_add(rows.len(), Ordering::Relaxed);
    }

    fn headings(&self) -> String {
        let names = COLUMNS.map(|(name, width, align)| cell(name, width, align));
        self.painted(names.join("  ").trim_end(), 1) + "\n"
    }

    fn line(&self, row: &Row) -> String {
        let texts = [
            &row.platform,
            &row.service,
            &row.page,
            &row.what,
            &row.latency,
        ];
        let mut cells = Vec::with_capacity(COLUMNS.len());
        for (text, (name, width, align)) in texts.into_iter().zip(COLUMNS) {
            let shown = cell(text, width, align);
            let is_subject = name == COLUMNS[3].0;
            cells.push(match row.is_error && is_subject {
                true => self.painted(&shown, 31),
                false => shown,
            });
        }
        cells.join("  ").trim_end().to_owned() + "\n"
    }

    /// `text` in the style of an ANSI code, on terminals that know styles.
    fn painted(&self, text: &str, code: u8) -> String {
        match self.0.colour {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "demo",
        aliases: &[],
        signals: &Signal::OTLP,
        summary: "Shows a row for each item",
    };
}

impl ExporterFactory for Factory {
    fn build(
        &self,
        _: &Section,
        context: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let screen = context.leases.table::<Screen>().clone();
        let settings = Settings {
            queue: None,
            retry: RetrySettings::default(),
            timeout: std::time::Duration::ZERO,
            optional: false,
        };
        Ok((Arc::new(screen), settings))
    }
}

#[async_trait]
impl Exporter for Screen {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        let rows = rows::of(batch);
        let rows = rows.map_err(|error| ExportError::new(Decision::Reject, error.to_string()))?;
        self.show(&rows);
        Ok(Delivery::default())
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_line_fits_100_columns() {
        let long = "很长的页面名称".repeat(20);
        let row = Row {
            platform: long.clone(),
            service: long.clone(),
            page: long.clone(),
            what: long.clone(),
            latency: long,
            is_error: true,
        };
        let screen = Screen::new(false);
        assert!(screen.line(&row).trim_end().width() <= 100);
        assert!(screen.headings().trim_end().width() <= 100);
    }

    #[test]
    fn errors_stand_out_where_colours_are_welcome() {
        let row = Row {
            what: "js: boom".to_owned(),
            is_error: true,
            ..Row::default()
        };
        assert!(Screen::new(true).line(&row).contains("\u{1b}[31mjs: boom"));
        assert!(!Screen::new(false).line(&row).contains('\u{1b}'));
    }
}
