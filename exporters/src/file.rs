//! The `file` exporter: requests as they came, appended to a file that can be replayed.
//!
//! ```yaml
//! exporters:
//!   file:
//!     path: ./telemetry.json
//!     rotation: {max_megabytes: 100, max_backups: 10}
//! ```
//!
//! A batch is acknowledged when it is written, and with `sync: always` when it would survive a
//! loss of power. The file holds whole records only: what fails is cut off again, and what a crash
//! left torn is moved to `<path>.torn` at the next start. The forms are those of the collector's
//! exporter, see [`crate::record`].
//!
//! No queue stands before it unless one is configured, so the sender of the data gets the answer
//! of the write.

use std::sync::Arc;

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Decision, Description, ExporterFactory,
};
use engine::config::{Problems, Section};
use engine::exporter::Settings;
use engine::{Delivery, ExportError, Exporter};
use pdata::{Batch, Signal};

use crate::record::{EncodeError, Format};

mod config;
mod disk;
mod files;
mod log;
mod recover;
mod shared;

use config::Config;
use disk::{Disk, OsDisk};
use files::Files;
use shared::SharedLog;

/// Registers the exporter.
pub static FACTORY: &dyn ExporterFactory = &Factory;

/// Makes `file` exporters.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "file",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Appends requests to a file, as OTLP/JSON lines or protobuf",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        if let Err(error) = disk::check(&config.path, config.create_directory) {
            problems.at("path", error.to_string());
        }
    }
}

impl ExporterFactory for Factory {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config = Self::read(section)?;
        let files = context.leases.table::<Files>();
        let log = files
            .lease(&format!("exporters/{}", section.id()), &config)
            .map_err(|error| BuildError::at("path", error.to_string()))?;
        let exporter = FileExporter {
            format: config.terms().format,
            log,
        };
        Ok((Arc::new(exporter), config.settings()))
    }
}

/// Writes batches to a log.
struct FileExporter<D: Disk = OsDisk> {
    format: Format,
    log: Arc<SharedLog<D>>,
}

#[async_trait]
impl<D: Disk> Exporter for FileExporter<D> {
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError> {
        if !batch.is_empty() {
            let record = self.format.encode(batch).map_err(refused)?;
            self.log.write(record).await?;
        }
        Ok(Delivery::default())
    }
}

fn refused(error: EncodeError) -> ExportError {
    let decision = match error {
        EncodeError::Malformed(_) => Decision::Reject,
        EncodeError::TooLong(_) => Decision::Split,
        EncodeError::Compression(_) => Decision::Retry { after: None },
    };
    ExportError::new(decision, error.to_string())
}

#[cfg(test)]
mod tests;
