//! Skyferry's own log: readable on a terminal, JSON when asked, quiet when repetitive.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt as format};

/// How lines are written; `service.telemetry.logs.encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Console,
    Json,
}

/// Sends the log of the process to standard error, at `level` and above.
pub fn start(level: LevelFilter, encoding: Encoding, colour: bool) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry();
    match encoding {
        Encoding::Console => {
            let lines = format::layer()
                .with_writer(std::io::stderr)
                .with_ansi(colour);
            let lines = lines.with_target(false).with_filter(Repetition::new(level));
            registry.with(lines).try_init()
        }
        Encoding::Json => {
            let lines = format::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry
                .with(lines.with_filter(Repetition::new(level)))
                .try_init()
        }
    }
}

/// Lines of one call site with one `component` in a window before the rest is held back.
const LINES_PER_WINDOW: u32 = 5;
const WINDOW: Duration = Duration::from_secs(10);
/// Call sites and components remembered; beyond it nothing new is held back.
const SOURCES_MAX: usize = 4096;

/// Holds back what the same place says again and again, and says how often it did.
///
/// Only warnings and errors are limited: they are what an outage or an attacker repeats.
#[derive(Debug)]
struct Repetition {
    level: LevelFilter,
    sources: Mutex<HashMap<Source, Window>>,
}

type Source = (tracing::callsite::Identifier, String);

#[derive(Debug)]
struct Window {
    start: Instant,
    lines: u32,
    held_back: u32,
}

impl Repetition {
    fn new(level: LevelFilter) -> Self {
        Repetition {
            level,
            sources: Mutex::new(HashMap::new()),
        }
    }

    /// Whether this event may be written, and how many were held back before it.
    fn admit(&self, source: Source, now: Instant) -> (bool, u32) {
        let mut sources = self.sources.lock();
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            return (true, 0);
        }
        let window = sources.entry(source).or_insert(Window {
            start: now,
            lines: 0,
            held_back: 0,
        });
        let mut suppressed = 0;
        if now.duration_since(window.start) >= WINDOW {
            suppressed = window.held_back;
            *window = Window {
                start: now,
                lines: 0,
                held_back: 0,
            };
        }
        window.lines += 1;
        let admitted = window.lines <= LINES_PER_WINDOW;
        window.held_back += u32::from(!admitted);
        (admitted, suppressed)
    }
}

impl<S: Subscriber> Filter<S> for Repetition {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > tracing::Level::WARN {
            return true;
        }
        let mut component = ComponentField::default();
        event.record(&mut component);
        let source = (metadata.callsite(), component.0);
        let (admitted, suppressed) = self.admit(source, Instant::now());
        if suppressed > 0 {
            tracing::info!(times = suppressed, "the next line was held back before");
        }
        admitted
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }
}

#[derive(Default)]
struct ComponentField(String);

impl Visit for ComponentField {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "component" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "component" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests;
