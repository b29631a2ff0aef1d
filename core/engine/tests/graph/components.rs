//! A receiver fed by the test, processors that derive metrics from spans, and a scripted exporter.

use std::sync::Arc;

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Derivation, Deriver, Description, Exporter,
    ExporterFactory, Guest, Processor, ProcessorFactory, Receiver, ReceiverFactory, RunError,
};
use engine::config::Section;
use engine::derive::Derived;
use engine::exporter::Settings;
use engine::testkit::{ScriptedExporter, batch};
use engine::{Factory, Outlets, Refusal, Shutdown, Tasks};
use parking_lot::Mutex;
use pdata::{Batch, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Empty {}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TestExporterConfig {
    fail_build: bool,
    queue: bool,
}

pub(crate) type Sent = (Batch, oneshot::Sender<Result<(), Refusal>>);

/// The ways to the receivers of one test, by id.
pub(crate) type Feeds = Vec<(String, mpsc::Sender<Sent>)>;

/// Receivers and exporters of one test, found by the tables of its build context.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) feeds: Arc<Mutex<Feeds>>,
    pub(crate) exporters: Vec<(String, Arc<ScriptedExporter>)>,
}

struct Source;
struct Counting;
/// As [`Counting`], but nobody has to take what it derives.
struct Seldom;
/// Has a [`Gatherer`] as its guest.
struct Gathering;
struct Sink;

const fn description(type_name: &'static str) -> Description {
    Description {
        type_name,
        aliases: &[],
        signals: &Signal::ALL,
        summary: "for tests",
    }
}

impl Configured for Source {
    type Config = Empty;
    const DESCRIPTION: Description = description("source");
}

impl Configured for Counting {
    type Config = Empty;
    const DESCRIPTION: Description = description("counting");
}

impl Configured for Seldom {
    type Config = Empty;
    const DESCRIPTION: Description = description("seldom");
}

impl Configured for Gathering {
    type Config = Empty;
    const DESCRIPTION: Description = description("gathering");
}

impl Configured for Sink {
    type Config = TestExporterConfig;
    const DESCRIPTION: Description = description("sink");
}

struct SourceReceiver(mpsc::Receiver<Sent>);

#[async_trait]
impl Receiver for SourceReceiver {
    async fn run(
        mut self: Box<Self>,
        outlets: Outlets,
        _: Tasks,
        shutdown: Shutdown,
    ) -> Result<(), RunError> {
        loop {
            let (batch, answer) = tokio::select! {
                Some(sent) = self.0.recv() => sent,
                () = shutdown.begun() => return Ok(()),
            };
            let intake = outlets
                .intake(batch.signal(), "test")
                .expect("the signal is wired");
            let outcome = intake.consume(batch).await;
            // The test may have stopped waiting.
            drop(answer.send(outcome));
        }
    }
}

impl ReceiverFactory for Source {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Box<dyn Receiver>, BuildError> {
        let (feed, fed) = mpsc::channel(1);
        let feeds = context.leases.table::<Bench>().feeds.clone();
        feeds.lock().push((section.id().to_string(), feed));
        Ok(Box::new(SourceReceiver(fed)))
    }
}

/// Derives one data point for each span; drops batches of exactly 13 spans from the main pipeline.
struct CountSpans;

impl Deriver for CountSpans {
    fn derive(&self, spans: Batch) -> Derivation {
        let derived = vec![batch(Signal::Metrics, spans.items())];
        Derivation {
            main: (spans.items() != 13).then_some(spans),
            derived,
        }
    }
}

impl ProcessorFactory for Counting {
    fn derives(&self) -> &'static [Signal] {
        &[Signal::Metrics]
    }

    fn build(&self, _: &Section, _: &mut BuildContext) -> Result<Processor, BuildError> {
        Ok(Processor::Deriver(Arc::new(CountSpans)))
    }
}

impl ProcessorFactory for Seldom {
    fn derives(&self) -> &'static [Signal] {
        Counting.derives()
    }

    fn may_derive_nothing(&self) -> bool {
        true
    }

    fn build(&self, _: &Section, _: &mut BuildContext) -> Result<Processor, BuildError> {
        Ok(Processor::Deriver(Arc::new(CountSpans)))
    }
}

/// Refuses batches of one span, and hands over at the end a point for each span of its second lane.
#[derive(Default)]
struct Gatherer {
    spans: Mutex<Vec<(usize, usize)>>,
}

#[async_trait]
impl Guest for Gatherer {
    async fn process(&self, lane: usize, batch: Batch) -> Result<Derivation, Refusal> {
        if batch.items() == 1 {
            return Err(Refusal::reject("one span is none"));
        }
        self.spans.lock().push((lane, batch.items()));
        Ok(Derivation {
            main: Some(batch),
            derived: Vec::new(),
        })
    }

    async fn run(&self, derived: Derived, shutdown: Shutdown) {
        shutdown.begun().await;
        let spans = std::mem::take(&mut *self.spans.lock());
        let second = spans.iter().filter(|(lane, _)| *lane == 1);
        let points = second.map(|(_, items)| items).sum();
        derived.offer(batch(Signal::Metrics, points)).await;
    }
}

impl ProcessorFactory for Gathering {
    fn derives(&self) -> &'static [Signal] {
        Counting.derives()
    }

    fn build(&self, _: &Section, _: &mut BuildContext) -> Result<Processor, BuildError> {
        Ok(Processor::Guest(Arc::new(Gatherer::default())))
    }
}

impl ExporterFactory for Sink {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<(Arc<dyn Exporter>, Settings), BuildError> {
        let config: TestExporterConfig = section.read().expect("it passed the schema");
        if config.fail_build {
            return Err(BuildError::at("fail_build", "told to fail"));
        }
        let id = section.id().to_string();
        let bench = context.leases.table::<Bench>();
        let found = bench.exporters.iter().find(|(name, _)| *name == id);
        let exporter = found
            .map(|(_, exporter)| exporter.clone())
            .expect("the test made it");
        let mut settings = Settings::default();
        settings.queue = settings.queue.filter(|_| config.queue);
        Ok((exporter, settings))
    }
}

pub(crate) static FACTORIES: [Factory; 5] = [
    Factory::Receiver(&Source),
    Factory::Processor(&Counting),
    Factory::Processor(&Seldom),
    Factory::Processor(&Gathering),
    Factory::Exporter(&Sink),
];
