//! The `debug` exporter: what goes through a pipeline, readable in a terminal.
//!
//! ```yaml
//! exporters:
//!   debug: {verbosity: normal}
//! ```
//!
//! It takes every batch, whether its text could be written or not. The text is written while the
//! sender of the data waits: a terminal that does not take it holds the pipeline up. Whatever was
//! received is escaped, so that it cannot steer the terminal, and cut at a bound for each batch.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use engine::component::{BuildContext, BuildError, Configured, Description, ExporterFactory};
use engine::config::{Problems, Section};
use engine::exporter::Settings;
use engine::{Delivery, ExportError, Exporter};
use parking_lot::Mutex;
use pdata::{Batch, Signal};

mod config;
mod lines;
mod native;
mod render;
mod sampler;
mod text;
mod tree;

use config::{Config, OutputPath, Verbosity};
use render::render;
use sampler::Sampler;

/// Registers the exporter.
pub static FACTORY: &dyn ExporterFactory = &Factory;

/// Makes `debug` exporters.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "debug",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Shows telemetry in the log or the terminal",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }
}

impl ExporterFactory for Factory {
    fn build(
        &self,
        section: &Section,
        _: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config = Self::read(section)?;
        let component = format!("exporters/{}", section.id());
        let output = match (config.use_internal_logger, config.output_paths.first()) {
            (true, _) => Output::Log,
            (false, Some(OutputPath::Stderr)) => Output::Stream(Box::new(io::stderr())),
            (false, _) => Output::Stream(Box::new(io::stdout())),
        };
        Ok((
            Arc::new(Debug::new(component, &config, output)),
            config.settings(),
        ))
    }
}

/// Shows batches.
struct Debug {
    component: String,
    verbosity: Verbosity,
    screen: Mutex<Screen>,
}

struct Screen {
    sampler: Sampler,
    output: Output,
}

enum Output {
    /// The log of the process, at level `info`.
    Log,
    Stream(Box<dyn Write + Send>),
}

impl Debug {
    fn new(component: String, config: &Config, output: Output) -> Self {
        let sampler = Sampler::new(config.sampling_initial, config.sampling_thereafter);
        Debug {
            component,
            verbosity: config.verbosity,
            screen: Mutex::new(Screen { sampler, output }),
        }
    }

    fn show(&self, batch: &Batch) -> io::Result<()> {
        let mut screen = self.screen.lock();
        if !screen.sampler.admit(Instant::now()) {
            return Ok(());
        }
        let mut text = render(batch, self.verbosity);
        match &mut screen.output {
            Output::Log => {
                tracing::info!(component = self.component, "{text}");
                Ok(())
            }
            Output::Stream(stream) => {
                text.push('\n');
                stream.write_all(text.as_bytes())?;
                stream.flush()
            }
        }
    }
}

#[async_trait]
impl Exporter for Debug {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        if let Err(error) = self.show(batch) {
            tracing::warn!(component = self.component, %error, "cannot show a batch");
        }
        Ok(Delivery::default())
    }
}

#[cfg(test)]
mod tests;
