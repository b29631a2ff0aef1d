//! Marking a batch: what tells the platform is weighed for each chunk, and what is missing is added.

use engine::component::BuildError;
use pdata::{Batch, Chunk};
use std::sync::Arc;
use telemetry::Metrics;

use super::account::Account;
use super::config::Config;
use super::evidence::{Detector, Found};
use super::names::Platform;

/// The attribute and tag that names a mini program's platform.
pub(super) const PLATFORM: &str = "miniprogram.platform";

/// Finds platforms and writes them down.
pub(super) struct Marker {
    pub(super) config: Config,
    pub(super) detector: Detector,
    pub(super) account: Account,
}

/// What is known of a chunk before it is looked into.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    /// What the request says.
    pub(super) found: Found<'a>,
    pub(super) arrived_unix_nano: u64,
}

impl Marker {
    pub(super) fn try_new(
        processor: &str,
        config: Config,
        metrics: &Metrics,
    ) -> Result<Self, BuildError> {
        Ok(Marker {
            detector: Detector::try_new(&config)?,
            account: Account::new(processor, &config, metrics),
            config,
        })
    }

    /// Chunks that say all of it already stay the bytes they are.
    pub(super) fn mark(&self, batch: &mut Batch) {
        let origin = Arc::clone(batch.origin());
        let circumstances = Circumstances {
            found: self.detector.of_origin(&origin),
            arrived_unix_nano: origin.arrived_unix_nano,
        };
        for chunk in batch.chunks_mut() {
            let marked = match chunk {
                Chunk::Otlp(chunk) => self.mark_resource(chunk, circumstances).map(Chunk::Otlp),
                Chunk::Native(chunk) => self.mark_native(chunk, circumstances).map(Chunk::Native),
            };
            if let Some(marked) = marked {
                *chunk = marked;
            }
        }
    }

    /// The platform that counts; counts it, and what says otherwise. `service` is asked for an example.
    pub(super) fn judge<'a>(
        &self,
        circumstances: &Circumstances<'a>,
        items: usize,
        service: impl Fn() -> &'a str,
    ) -> Option<Platform<'a>> {
        let now = circumstances.arrived_unix_nano;
        let platform = self.detector.decide(&circumstances.found, |contradiction| {
            self.account
                .contradicted(&contradiction, items, now, &service);
        });
        self.account.decided(platform, items);
        platform
    }
}
