//! `delta_merge`: a fleet's delta metrics become one submission for each service and interval.
//!
//! ```yaml
//! processors:
//!   delta_merge: {flush_interval: 60s, gauges: points, late: fold}
//! ```
//!
//! A backend that averages what it is sent within a minute, as OAP does, shows the average device and
//! not the fleet: ten devices with a request each become one request. Here delta histograms and sums
//! of all devices are added, and what tells the devices apart moves from the resource to the points.
//! The engine keeps what was answered in a journal until its window has been taken
//! (`engine::aggregate`).

use std::sync::Arc;

use engine::aggregate::{Aggregator, Division, Merger};
use engine::component::{
    BuildContext, BuildError, Configured, Description, Processor, ProcessorFactory,
};
use engine::config::Section;
use pdata::view::{MetricKind, RecordView, Temporality};
use pdata::{Batch, Chunk, Signal};

mod config;
mod fleet;
mod group;
mod histogram;
mod key;
mod number;
mod room;
mod tally;

#[cfg(test)]
mod tests;

use config::{Config, GaugeMode};
use fleet::Fleet;
use tally::Tally;

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Makes `delta_merge` processors.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "delta_merge",
        aliases: &[],
        signals: &[Signal::Metrics],
        summary: "Merges the delta metrics of a fleet into one submission for each interval",
    };

    fn check(config: &Config, problems: &mut engine::config::Problems) {
        config.check(problems);
    }
}

impl ProcessorFactory for Factory {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Processor, BuildError> {
        let config = Arc::new(Factory::read(section)?);
        let tally = Tally::new(&context.metrics, &section.id().to_string());
        Ok(Processor::Aggregator(Arc::new(DeltaMerge {
            config,
            tally,
        })))
    }
}

struct DeltaMerge {
    config: Arc<Config>,
    tally: Tally,
}

impl DeltaMerge {
    /// Whether a metric is merged; everything else passes as it is.
    fn merges(&self, metric: &RecordView<'_>) -> bool {
        let is_of_a_kind = match metric.metric_kind() {
            MetricKind::Sum(temporality) | MetricKind::Histogram(temporality) => {
                temporality == Temporality::Delta
            }
            MetricKind::Gauge => self.config.gauges != GaugeMode::Pass,
            MetricKind::None | MetricKind::ExponentialHistogram(_) | MetricKind::Summary => false,
        };
        is_of_a_kind && !self.config.excludes(metric.name())
    }
}

impl Aggregator for DeltaMerge {
    fn divide(&self, batch: Batch) -> Division {
        let origin = Arc::clone(batch.origin());
        let (mut held, mut pass) = (Vec::new(), Vec::new());
        for chunk in batch.into_chunks() {
            match chunk {
                Chunk::Otlp(chunk) => {
                    let [first, second] = chunk.partition(|metric| self.merges(metric));
                    held.extend(first.map(Chunk::Otlp));
                    pass.extend(second.map(Chunk::Otlp));
                }
                Chunk::Native(_) => pass.push(chunk),
            }
        }
        let batch = |chunks: Vec<Chunk>| {
            let batch = Batch::new(Signal::Metrics, chunks, Arc::clone(&origin));
            (!batch.is_empty()).then_some(batch)
        };
        Division {
            pass: batch(pass),
            held: batch(held),
        }
    }

    fn interval(&self) -> std::time::Duration {
        self.config.flush_interval.as_std()
    }

    fn journal_bytes(&self) -> u64 {
        self.config.max_journal_bytes.bytes()
    }

    fn merger(&self) -> Box<dyn Merger> {
        Box::new(Fleet::new(Arc::clone(&self.config), self.tally.clone()))
    }
}
