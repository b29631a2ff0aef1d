//! `skyferry plugin test`: recorded traffic, shown to a plugin, and what it made of it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugin::{Emitted, Failure as CallFailure, Instance, Library, Limits, Main};

use crate::cli::PluginTestArgs;
use crate::failure::Failure;
use crate::terminal;

mod config;
mod diff;
mod input;
mod items;
mod notes;
mod totals;

use diff::Style;
use input::{Input, Shown};
use notes::Notes;
use totals::{Outcome, Totals};

/// A call may take this long. Of a native plugin nothing can end it: the command waits on.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a sandboxed plugin has to work with: as generous as one message may need.
const MEMORY_MAX: usize = 256 << 20;
const FUEL_MAX: u64 = 10_000_000_000;

pub(super) fn test(args: &PluginTestArgs) -> Result<(), Failure> {
    let library = super::open(&args.library)?;
    let config = config::read(args.config.as_deref(), &library)?;
    let notes = Arc::new(Notes::default());
    let limits = Limits {
        memory: MEMORY_MAX,
        fuel: FUEL_MAX,
        instances: 1,
    };
    let instance = library.create(&config, notes.clone(), &limits);
    let instance = instance.map_err(|error| {
        Failure::Rules(format!(
            "the plugin does not take its configuration: {error}"
        ))
    })?;
    let mut run = Run {
        instance,
        library,
        totals: Totals::default(),
        style: match args.quiet {
            true => None,
            false => Some(Style::of(terminal::wants_colour(&io::stdout()))),
        },
    };
    for path in &args.files {
        let input = Input::open(path)?;
        for message in input {
            match message? {
                input::Found::Message(message) => run.show(&message)?,
                input::Found::Damaged(text) => {
                    terminal::complain(&format!("warning: {text}\n"));
                    run.totals.damaged += 1;
                }
            }
        }
    }
    run.flush()?;
    terminal::print(&format!("{}{}", run.totals, notes.metrics()))?;
    run.totals.verdict()
}

struct Run {
    library: Library,
    instance: Arc<dyn Instance>,
    totals: Totals,
    /// Without it nothing but totals is shown.
    style: Option<Style>,
}

impl Run {
    fn show(&mut self, shown: &Shown) -> Result<(), Failure> {
        let Some((kind, messages)) = shown.as_asked(self.library.description()) else {
            self.totals.not_for_it += 1;
            return Ok(());
        };
        for message in messages {
            let start = Instant::now();
            let processed = self.instance.process(kind, &message, start + CALL_TIMEOUT);
            self.totals.took(start.elapsed());
            let processed = match processed {
                Ok(processed) => processed,
                Err(failure) => {
                    self.fail(&shown.place, &failure)?;
                    continue;
                }
            };
            self.derived(&shown.place, &processed.derived)?;
            let signal = kind.signal();
            let outcome = match &processed.main {
                Main::Unchanged => Outcome::Unchanged,
                Main::Refused(refused) => {
                    let item = refused
                        .item
                        .map_or(String::new(), |item| format!(" item {item}"));
                    let text = format!("{}:{item} refused: {}\n", shown.place, refused.reason);
                    terminal::print(&text)?;
                    Outcome::Refused
                }
                Main::Replaced(emitted) => match diff::between(kind, &message, emitted) {
                    Err(text) => {
                        self.fail(&shown.place, &CallFailure::Broken(text))?;
                        continue;
                    }
                    Ok(diff) => {
                        if let Some(style) = &self.style {
                            terminal::print(&diff.render(&shown.place, signal, style))?;
                        }
                        diff.outcome()
                    }
                },
            };
            self.totals.add(signal, outcome);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self.instance.flush(Instant::now() + CALL_TIMEOUT) {
            Ok(emitted) => self.derived("at the end", &emitted),
            Err(failure) => self.fail("at the end", &failure),
        }
    }

    fn derived(&mut self, place: &str, emitted: &[Emitted]) -> Result<(), Failure> {
        for emitted in emitted {
            let items = match items::read(emitted.kind, &emitted.message) {
                Ok(items) => items,
                Err(text) => {
                    self.fail(place, &CallFailure::Broken(text))?;
                    continue;
                }
            };
            self.totals.derived += 1;
            if let Some(style) = &self.style {
                terminal::print(&diff::render_new(
                    place,
                    emitted.kind.signal(),
                    &items,
                    style,
                ))?;
            }
        }
        Ok(())
    }

    fn fail(&mut self, place: &str, failure: &CallFailure) -> Result<(), Failure> {
        self.totals.failed += 1;
        terminal::complain(&format!("error: {place}: {failure}\n"));
        Ok(())
    }
}
