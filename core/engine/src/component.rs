//! What a component is to the engine.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pdata::{Batch, Budget, Chunk, Signal};
pub use queue::Durability;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::{Health, Metrics};

use crate::aggregate::Aggregator;
use crate::config::{ForeignKey, KeyPath, Problems, Section, schema_of};
use crate::consumer::Outlets;
use crate::derive::Derived;
use crate::exporter::Assembler;
use crate::exporter::settings::{BatchSettings, Settings};
use crate::leases::Leases;
use crate::{Consumer, Refusal, Reload, Shutdown, Tasks};

/// A way in. Bound when built, so that a port in use is a failed start and not a failed run.
#[async_trait]
pub trait Receiver: Send {
    /// Takes requests until `shutdown` asks to drain; returns when the intake is closed and every
    /// open request is answered, or cut because `shutdown` ended the drain.
    async fn run(
        self: Box<Self>,
        outlets: Outlets,
        tasks: Tasks,
        shutdown: Shutdown,
    ) -> Result<(), RunError>;
}

/// A way out: one attempt and no policy. Queue, retry, timeout and accounting are the engine's.
#[async_trait]
pub trait Exporter: Send + Sync {
    /// Sends `batch`, once. Dropping the future abandons the attempt.
    async fn export(&self, batch: &Batch) -> Result<Delivery, ExportError>;

    /// Whether [`pdata::Origin`] goes out with the data; then the engine never merges batches of
    /// different origin.
    fn uses_origin(&self) -> bool {
        false
    }

    /// What regroups the records of a signal before they are sent; asked for once.
    fn assembler(&self, _: Signal) -> Option<Box<dyn Assembler>> {
        None
    }

    /// What it does beside its attempts, such as asking the destination what it is. Begins with the
    /// run, and is dropped wherever it waits as soon as the run is asked to end: attempts that are
    /// made after that use what it has found so far.
    async fn run(&self) {}

    /// Called once after the last attempt: write out what is buffered.
    async fn close(&self) {}
}

/// What the destination made of a batch it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Items the destination says it threw away (OTLP's `partial_success`).
    pub rejected: usize,
    /// What it gave as the reason.
    pub message: String,
    /// Items that the exporter itself has ended without sending them, by reason: a copy of what it has
    /// delivered before, a heartbeat that is too old.
    pub dropped: Vec<(&'static str, usize)>,
}

/// Why an attempt failed, and what the engine does next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ExportError {
    /// About the whole batch, or about the chunks that [`Partial`] says have failed.
    pub decision: Decision,
    pub message: Cow<'static, str>,
    pub partial: Option<Box<Partial>>,
}

/// How far an attempt came that failed in the middle. Chunks that are in neither list are delivered.
#[derive(Clone, Debug, Default)]
pub struct Partial {
    /// Indices of the chunks that the failure is about, ascending.
    pub failed: Vec<usize>,
    /// Indices of the chunks that nothing is known about because they were not tried, ascending.
    pub untried: Vec<usize>,
    /// Parts of delivered chunks that the destination would never take, with the index of the chunk
    /// that each was taken out of.
    pub refused: Vec<(usize, Chunk)>,
    /// About the chunks that are delivered.
    pub delivery: Delivery,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The same again, not before `after` if the destination said so.
    Retry { after: Option<Duration> },
    /// In smaller pieces: the destination does not take requests of this size.
    Split,
    /// Never again: this data will always be refused.
    Reject,
    /// Not the data's fault and not passing by itself: credentials are refused, the method is
    /// not there. The destination is left alone for a while and an alarm is raised.
    Park,
}

/// Equal are failures that ask for the same and say the same.
impl PartialEq for ExportError {
    fn eq(&self, other: &Self) -> bool {
        (self.decision, &self.message) == (other.decision, &other.message)
    }
}

impl ExportError {
    pub fn new(decision: Decision, message: impl Into<Cow<'static, str>>) -> Self {
        ExportError {
            decision,
            message: message.into(),
            partial: None,
        }
    }

    /// The same failure, of an attempt that came as far as `partial` says.
    #[must_use]
    pub fn after(mut self, partial: Partial) -> Self {
        self.partial = Some(Box::new(partial));
        self
    }

    pub fn retry(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Decision::Retry { after: None }, message)
    }
}

/// Why a component ended that should have gone on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub String);

/// What a type of component is called and can be used for.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The `type` of its ids.
    pub type_name: &'static str,
    /// Older names of the collector that mean the same.
    pub aliases: &'static [&'static str],
    pub signals: &'static [Signal],
    /// One sentence for `components`.
    pub summary: &'static str,
}

/// What every type of component tells about itself; made from [`Configured`].
pub trait Component: Send + Sync {
    fn description(&self) -> Description;

    /// The JSON Schema of its configuration, from [`crate::config::schema_of`].
    fn schema(&self) -> serde_json::Value;

    /// Keys of the collector's component that have no counterpart in the schema.
    fn foreign_keys(&self) -> &'static [ForeignKey];

    /// Its configuration with nothing written.
    fn defaults(&self) -> serde_json::Value;

    /// Reports what the schema cannot say. Pure: no files, no sockets.
    fn check(&self, section: &Section, problems: &mut Problems);

    /// Reports what only a look at the machine can tell: directories, certificates, ports.
    fn check_strictly(&self, section: &Section, problems: &mut Problems);
}

/// A type of component by the type of its configuration; this makes it a [`Component`].
pub trait Configured: Send + Sync {
    /// Its schema is what a section is checked against first, its default that of an empty section.
    type Config: Default + DeserializeOwned + Serialize + JsonSchema;

    const DESCRIPTION: Description;

    /// See [`Component::foreign_keys`].
    const FOREIGN_KEYS: &'static [ForeignKey] = &[];

    /// See [`Component::check`].
    fn check(_: &Self::Config, _: &mut Problems) {}

    /// See [`Component::check_strictly`].
    fn check_strictly(_: &Self::Config, _: &mut Problems) {}

    /// The configuration of a section that has passed the check.
    fn read(section: &Section) -> Result<Self::Config, BuildError> {
        let config = section.read();
        config.map_err(|error| BuildError::at("", error.to_string()))
    }
}

impl<T: Configured> Component for T {
    fn description(&self) -> Description {
        T::DESCRIPTION
    }

    fn schema(&self) -> serde_json::Value {
        schema_of::<T::Config>()
    }

    fn foreign_keys(&self) -> &'static [ForeignKey] {
        T::FOREIGN_KEYS
    }

    fn defaults(&self) -> serde_json::Value {
        serde_json::to_value(T::Config::default()).unwrap_or_default()
    }

    fn check(&self, section: &Section, problems: &mut Problems) {
        // What cannot be read has been reported with its place.
        if let Ok(config) = section.read() {
            T::check(&config, problems);
        }
    }

    fn check_strictly(&self, section: &Section, problems: &mut Problems) {
        if let Ok(config) = section.read() {
            T::check_strictly(&config, problems);
        }
    }
}

/// Makes receivers. The section has passed [`Component::check`].
pub trait ReceiverFactory: Component {
    /// Binds what it listens on; spawns nothing.
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Box<dyn Receiver>, BuildError>;
}

/// Makes processors. The section has passed [`Component::check`].
pub trait ProcessorFactory: Component {
    /// What it asks the engine to do in its place, if it is no stage of its own.
    fn absorbed(&self, _: &Section) -> Option<Absorbed> {
        None
    }

    /// Signals it can derive beside the one it processes.
    fn derives(&self) -> &'static [Signal] {
        &[]
    }

    /// Whether it may derive nothing at all, which the configuration does not tell: then no pipeline
    /// has to take what it derives. If it derives something that nobody takes, that is dropped, counted
    /// and logged.
    fn may_derive_nothing(&self) -> bool {
        false
    }

    fn build(&self, section: &Section, context: &mut BuildContext)
    -> Result<Processor, BuildError>;
}

/// Makes exporters. The section has passed [`Component::check`].
pub trait ExporterFactory: Component {
    /// Opens what it writes to; connects and spawns nothing.
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError>;
}

/// Puts a processor in front of the consumer it is given.
pub type MakeStage = Box<dyn FnOnce(Arc<dyn Consumer>) -> Arc<dyn Consumer>>;

/// What stands beside the pipelines. The section has passed [`Component::check`].
pub trait ExtensionFactory: Component {
    /// Where and how it keeps the queues of the exporters that name it, if that is what it is for.
    fn storage(&self, _: &Section) -> Option<StorageSettings> {
        None
    }
}

/// What an extension says about queues on disk; what it leaves open is as without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageSettings {
    /// The directory of all queues.
    pub directory: Option<PathBuf>,
    pub durability: Option<Durability>,
}

/// A processor, as its factory makes it.
pub enum Processor {
    /// Stands in front of the next consumer. Made anew for each pipeline.
    Stage(MakeStage),
    /// Derives other signals. One instance for all pipelines that name it.
    Deriver(Arc<dyn Deriver>),
    /// Lets code of others work on batches. One instance for all pipelines that name it.
    Guest(Arc<dyn Guest>),
    /// Merges over time. Made anew for each pipeline, with a journal of its own.
    Aggregator(Arc<dyn Aggregator>),
}

/// A processor of which the engine does the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// The collector's `batch`: batching happens in the exporters of its pipelines.
    Batch(BatchSettings),
    /// The collector's `memory_limiter`: the process's budget, in bytes.
    Budget(usize),
}

/// Makes batches of other signals from those that pass.
pub trait Deriver: Send + Sync {
    fn derive(&self, batch: Batch) -> Derivation;
}

/// A [`Deriver`] whose work is done elsewhere: it may take its time, refuse, and gather.
#[async_trait]
pub trait Guest: Send + Sync {
    /// `lane` numbers the pipelines that name the processor, from 0.
    ///
    /// Dropping the future leaves open how far the work came; nothing of it goes on.
    async fn process(&self, lane: usize, batch: Batch) -> Result<Derivation, Refusal>;

    /// Begins with the run. Once `shutdown` begins no batch comes any more, and what is gathered is to be
    /// handed over.
    async fn run(&self, derived: Derived, shutdown: Shutdown);
}

/// What became of a batch in a [`Deriver`] or a [`Guest`].
#[derive(Debug, Default)]
pub struct Derivation {
    /// What goes on in the same pipeline.
    pub main: Option<Batch>,
    /// Batches of other signals, for the pipelines that list the processor as a receiver.
    pub derived: Vec<Batch>,
}

/// What factories build with.
pub struct BuildContext {
    pub metrics: Metrics,
    pub health: Health,
    pub budget: Budget,
    /// Where state is kept; it may not exist yet.
    pub data_dir: PathBuf,
    /// What several components use together, such as sockets and files.
    pub leases: Leases,
    /// Hears the operator ask for what files hold now.
    pub reload: Reload,
}

/// Why a component could not be built.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// The key at fault, from the component's section; empty for the whole.
    pub path: KeyPath,
    pub message: String,
    /// What is wrong beside this.
    pub others: Vec<BuildError>,
}

impl BuildError {
    pub fn at(path: impl Into<KeyPath>, message: impl Into<String>) -> Self {
        BuildError {
            path: path.into(),
            message: message.into(),
            others: Vec::new(),
        }
    }

    /// The first of these and all the others; nothing in particular if there are none.
    pub fn several(errors: impl IntoIterator<Item = BuildError>) -> Self {
        let mut errors = errors.into_iter();
        let first = errors.next();
        let mut first = first.unwrap_or_else(|| BuildError::at("", "it cannot be built"));
        first.others.extend(errors);
        first
    }
}
