//! `plugin`: a processor of your own, from a library, exchanged while it runs.
//!
//! ```yaml
//! processors:
//!   plugin/redact: {path: plugins/libredact.so, config: {keys: [url.path]}, on_failure: refuse}
//! service:
//!   pipelines:
//!     logs: {receivers: [otlp], processors: [plugin/redact], exporters: [skywalking]}
//! ```
//!
//! A batch is shown to the plugin message by message: a resource of OTLP with everything under it, or a
//! segment of a SkyWalking agent. What comes back is checked like what comes from the network, and what the
//! plugin leaves alone stays the bytes it is. Nothing of a batch goes on before all of it is processed, so a
//! batch that is refused or has failed has left no trace.
//!
//! Calls run on threads of their own, one after the other unless the plugin says `parallel`, within
//! `timeout` for a batch. A batch that waits for its turn holds its sender; one that has no turn within
//! `timeout` is refused with a delay.
//!
//! The library is looked at every second and at SIGHUP. A new one is loaded beside the old one, checked like at
//! the start, and takes the batches from then on; the old one finishes those that it has begun, hands over what
//! it has gathered, and is unloaded after its last call. A file that is no plugin changes nothing.

use std::sync::Arc;

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Derivation, Description, Guest, Processor,
    ProcessorFactory,
};
use engine::config::{Problems, Section};
use engine::derive::Derived;
use engine::{Refusal, Reload, Shutdown};
use parking_lot::RwLock;
use pdata::{Batch, Signal};

mod account;
mod breaker;
mod config;
mod course;
mod loaded;
mod messages;
mod schema;
mod services;

use account::Account;
use config::{Config, OnFailure};
use loaded::{CallError, InUse, Loaded};

pub use schema::{SchemaError, check_config};

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Makes `plugin` processors.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "plugin",
        aliases: &[],
        signals: &[Signal::Traces, Signal::Metrics, Signal::Logs],
        summary: "Runs a processor of your own from a shared library or a WebAssembly module",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }

    fn check_strictly(config: &Config, problems: &mut Problems) {
        if config.path.as_os_str().is_empty() {
            return;
        }
        if let Err(wrong) = loaded::load(config) {
            for (path, message) in wrong.places() {
                problems.at(path, message);
            }
        }
    }
}

impl ProcessorFactory for Factory {
    /// Which of these it derives is known when the library is loaded.
    fn derives(&self) -> &'static [Signal] {
        &[Signal::Traces, Signal::Metrics, Signal::Logs]
    }

    fn may_derive_nothing(&self) -> bool {
        true
    }

    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Processor, BuildError> {
        let config = Self::read(section)?;
        let plugin = Plugin::try_new(&section.id().to_string(), config, context)?;
        Ok(Processor::Guest(Arc::new(plugin)))
    }
}

/// The processor, for all pipelines that name it.
struct Plugin {
    config: Config,
    current: RwLock<Arc<Loaded>>,
    account: Arc<Account>,
    reload: Reload,
}

impl Plugin {
    fn try_new(
        processor: &str,
        config: Config,
        context: &BuildContext,
    ) -> Result<Self, BuildError> {
        let account = Arc::new(Account::new(processor, &context.metrics, &context.health));
        let loaded = Loaded::open(&config, &account).map_err(|wrong| {
            let places = wrong.places();
            BuildError::several(
                places
                    .into_iter()
                    .map(|(path, text)| BuildError::at(path, text)),
            )
        })?;
        account.at_work(loaded.description());
        Ok(Plugin {
            config,
            current: RwLock::new(Arc::new(loaded)),
            account,
            reload: context.reload.clone(),
        })
    }

    fn current(&self) -> InUse {
        InUse::of(&self.current.read())
    }

    /// What becomes of a batch that the plugin did not process.
    fn unprocessed(&self, batch: Batch, why: &str) -> Result<Derivation, Refusal> {
        match self.config.on_failure {
            OnFailure::Bypass => {
                self.account.bypassed(batch.items());
                Ok(unchanged(batch))
            }
            OnFailure::Refuse => Err(Refusal::retry(
                format!("plugin `{}`: {why}", self.account.processor()),
                self.config.retry_after(),
            )),
        }
    }
}

fn unchanged(batch: Batch) -> Derivation {
    Derivation {
        main: Some(batch),
        derived: Vec::new(),
    }
}

#[async_trait]
impl Guest for Plugin {
    async fn process(&self, lane: usize, batch: Batch) -> Result<Derivation, Refusal> {
        let loaded = self.current();
        let Some(kind) = messages::kind_of(batch.signal(), loaded.description()) else {
            self.account.passed(batch.signal());
            return Ok(unchanged(batch));
        };
        if !loaded.breaker().admits() {
            return self.unprocessed(batch, "it has failed too often and is not asked");
        }
        let shown = messages::show(&batch, kind, loaded.description().segments);
        if shown.is_empty() {
            return Ok(unchanged(batch));
        }
        let done = loaded.process(lane, shown).await;
        let done = done.and_then(|done| Ok(messages::take(&batch, done)?));
        match done {
            Ok(taken) => {
                if loaded.breaker().succeeded() {
                    self.account.recovered();
                }
                self.account.count(&taken.tally);
                messages::settle(batch, taken, self.account.processor())
            }
            Err(CallError::Busy) => Err(Refusal::retry(
                format!(
                    "plugin `{}` has been busy for {}",
                    self.account.processor(),
                    self.config.timeout
                ),
                self.config.retry_after(),
            )),
            Err(CallError::Failed(failure)) => {
                self.account.failed(&failure);
                if loaded.breaker().failed() {
                    self.account.left_alone(&self.config, &failure);
                }
                self.unprocessed(batch, &failure.to_string())
            }
        }
    }

    async fn run(&self, derived: Derived, shutdown: Shutdown) {
        course::run(self, &derived, &shutdown).await;
    }
}
