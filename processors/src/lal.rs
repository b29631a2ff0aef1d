//! `lal`: SkyWalking's Log Analysis Language at the edge.
//!
//! ```yaml
//! processors:
//!   lal: {files: [rules/lal], unclaimed: general}
//! service:
//!   pipelines:
//!     logs: {receivers: [otlp, skywalking], processors: [platform, lal], exporters: [skywalking]}
//!     metrics: {receivers: [otlp, lal], exporters: [otlp_http]}
//! ```
//!
//! Rules of an OAP run here as they run there, on the records of OTLP and on SkyWalking's own `LogData`
//! alike. A log that a rule claims is replaced by the records that rules make of it, edited in its
//! bytes; where rules name another service, instance or layer, records of OTLP go under a resource of
//! their own. A log that no rule changes stays the bytes it is. A log with a layer for which there is no
//! rule here passes: the rules of the OAP behind run there.
//!
//! A tag that the log has with the same value is not added again. What OTLP has no words for a record
//! says in attributes that the `skywalking` exporter reads: `sw8.log.endpoint`, `sw8.trace_id`,
//! `sw8.segment_id`, `sw8.span_id`, and `sw8.log.body_type` for text that a rule has read as JSON.
//!
//! A record that OAP would store as a slow statement or a sampled trace leaves as a log of the same
//! layer that OAP's own rules read: the tag `LOG_KIND` is `SLOW_SQL` or `NET_PROFILING_SAMPLED_TRACE`,
//! and the body is the JSON that they expect.
//!
//! What `metrics` blocks measure becomes gauges of the resource, for the pipelines of metrics that list
//! the processor as a receiver.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use engine::component::{
    BuildContext, BuildError, Configured, Derivation, Deriver, Description, Processor,
    ProcessorFactory,
};
use engine::config::{Problems, Section};
use lal::{Now, Scratch};
use pdata::{Batch, Signal};
use telemetry::Metrics;

mod account;
mod change;
mod config;
mod course;
mod each;
mod files;
mod inline;
mod live;
mod native;
mod otlp;
mod pass;
mod samples;
mod text;
mod view;

use account::Account;
use config::{Config, Policy};
use live::{Live, LoadError};
use pass::Pass;

pub use each::each_log;

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Makes `lal` processors.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "lal",
        aliases: &[],
        signals: &[Signal::Logs],
        summary: "Runs SkyWalking's log analysis rules, which file logs under layers and measure them",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        live::report(config, problems);
    }
}

impl ProcessorFactory for Factory {
    fn derives(&self) -> &'static [Signal] {
        &[Signal::Metrics]
    }

    /// Rules without `metrics` derive nothing, and files may change.
    fn may_derive_nothing(&self) -> bool {
        true
    }

    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Processor, BuildError> {
        let config = Self::read(section)?;
        let lal = Lal::try_new(&section.id().to_string(), config, &context.metrics);
        let lal = lal.map_err(|error| BuildError::at("files", error.to_string()))?;
        Ok(Processor::Deriver(Arc::new(lal)))
    }
}

/// The processor, for all pipelines that name it.
struct Lal {
    live: Live,
    account: Account,
    policy: Policy,
    /// Samplers and the watch over the files measure time from here.
    started: Instant,
}

impl Lal {
    fn try_new(processor: &str, config: Config, metrics: &Metrics) -> Result<Self, LoadError> {
        let account = Account::new(processor, metrics);
        Ok(Lal {
            policy: config.policy(),
            live: Live::open(config, &account)?,
            account,
            started: Instant::now(),
        })
    }

    /// Runs the rules on a batch, at this time since the processor was made.
    fn process(&self, batch: Batch, monotonic: Duration) -> Derivation {
        let ruleset = self.live.rules(monotonic, &self.account);
        let pass = Pass {
            ruleset: &ruleset,
            policy: self.policy,
            account: &self.account,
            now: Now {
                unix_ms: unix_ms(&batch),
                monotonic,
            },
            scratch: Scratch::default(),
            derived: Vec::new(),
        };
        let origin = Arc::clone(batch.origin());
        let (main, derived) = pass.run(batch);
        let derived = (!derived.is_empty()).then(|| Batch::new(Signal::Metrics, derived, origin));
        Derivation {
            main: (!main.is_empty()).then_some(main),
            derived: derived.into_iter().collect(),
        }
    }
}

/// When the batch arrived, in milliseconds since the epoch.
fn unix_ms(batch: &Batch) -> i64 {
    let nanos = match batch.origin().arrived_unix_nano {
        0 => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap_or_default().as_nanos()
        }
        nanos => nanos.into(),
    };
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}

impl Deriver for Lal {
    fn derive(&self, batch: Batch) -> Derivation {
        self.process(batch, self.started.elapsed())
    }
}

#[cfg(test)]
mod tests;
