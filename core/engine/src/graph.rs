//! Components, connected: built from the exporters to the receivers, inert until run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use pdata::{Batch, Signal};
use queue::SystemClock;
use telemetry::{Counter, Metrics};

use crate::aggregate::{self, Aggregation, Aggregator, Journal};
use crate::component::{BuildContext, BuildError, Guest, Processor, Receiver};
use crate::config::{ComponentId, Diagnostics, Document, Kind, Pipeline, Reference, Section};
use crate::consumer::Outlets;
use crate::derive::{Derived, DerivedOutlet, DerivingStage, Nowhere, Source};
use crate::exporter::{Front, QueueHandle, QueueSettings, Storage};
use crate::fanout::FanOut;
use crate::plan::{Plan, signal_of, storage};
use crate::registry::{Factory, Registry};
use crate::{Consumer, Refusal};

/// A built graph.
pub struct Graph {
    pub(crate) receivers: Vec<(ComponentId, Box<dyn Receiver>, Outlets)>,
    pub(crate) guests: Vec<(ComponentId, Arc<dyn Guest>, Derived)>,
    pub(crate) derived: Vec<Arc<DerivedOutlet>>,
    pub(crate) aggregations: Vec<(Arc<Aggregation<Journal>>, Arc<Journal>)>,
    pub(crate) exporters: Vec<Arc<Front>>,
}

impl Graph {
    /// Builds what `plan` says. Binds and opens, spawns nothing; every error is reported.
    pub fn build(
        document: &Document,
        plan: &Plan,
        registry: &Registry,
        context: &mut BuildContext,
    ) -> Result<Graph, Diagnostics> {
        let mut builder = Builder {
            document,
            plan,
            registry,
            context,
            found: Diagnostics::default(),
            fronts: HashMap::new(),
            deriving: HashMap::new(),
            failed: HashSet::new(),
            heads: vec![None; document.pipelines().len()],
            derived: HashMap::new(),
            aggregations: Vec::new(),
        };
        for index in &plan.order {
            builder.pipeline(*index);
        }
        let receivers = builder.receivers();
        let Builder {
            found,
            fronts,
            deriving,
            derived,
            aggregations,
            ..
        } = builder;
        if found.has_errors() {
            return Err(found);
        }
        Ok(Graph {
            receivers,
            guests: deriving.into_iter().filter_map(guest).collect(),
            derived: derived.into_values().collect(),
            aggregations,
            exporters: fronts.into_values().collect(),
        })
    }
}

impl Graph {
    /// The queues on disk, for operators.
    pub fn queues(&self) -> Vec<QueueHandle> {
        let handles = self.exporters.iter().filter_map(QueueHandle::of);
        handles.collect()
    }
}

/// Signals of the pipelines that name an exporter.
fn signals_of(document: &Document, exporter: &ComponentId) -> Vec<Signal> {
    let naming = |pipeline: &&Pipeline| pipeline.exporters.iter().any(|name| name.id == *exporter);
    let signals: HashSet<_> = document
        .pipelines()
        .iter()
        .filter(naming)
        .map(signal_of)
        .collect();
    Signal::ALL
        .into_iter()
        .filter(|signal| signals.contains(signal))
        .collect()
}

/// A processor that derives, for all of its pipelines.
struct Deriving {
    source: Source,
    derived: Derived,
    /// How many pipelines name it so far.
    lanes: usize,
}

fn guest(
    (id, deriving): (ComponentId, Deriving),
) -> Option<(ComponentId, Arc<dyn Guest>, Derived)> {
    match deriving.source {
        Source::Guest(guest) => Some((id, guest, deriving.derived)),
        Source::Deriver(_) => None,
    }
}

struct Builder<'a> {
    document: &'a Document,
    plan: &'a Plan,
    registry: &'a Registry,
    context: &'a mut BuildContext,
    found: Diagnostics,
    fronts: HashMap<ComponentId, Arc<Front>>,
    deriving: HashMap<ComponentId, Deriving>,
    /// Processors that cannot be built, so that one in several pipelines is told of once.
    failed: HashSet<ComponentId>,
    /// The first consumer of each pipeline, by its index.
    heads: Vec<Option<Arc<dyn Consumer>>>,
    derived: HashMap<(ComponentId, Signal), Arc<DerivedOutlet>>,
    aggregations: Vec<(Arc<Aggregation<Journal>>, Arc<Journal>)>,
}

impl Builder<'_> {
    fn pipeline(&mut self, index: usize) {
        let pipeline = &self.document.pipelines()[index];
        let mut fronts = Vec::with_capacity(pipeline.exporters.len());
        for exporter in &pipeline.exporters {
            fronts.extend(self.front(exporter));
        }
        if fronts.len() < pipeline.exporters.len() {
            return;
        }
        let metrics = self.context.metrics.clone();
        let id = pipeline.id.to_string();
        let name = "skyferry_pipeline_enqueued_items_total";
        let fan_out = FanOut::new(fronts, self.context.budget.clone());
        let mut next = Meter::in_front_of(&metrics, name, &id, Arc::new(fan_out));
        for processor in pipeline.processors.iter().rev() {
            match self.stage(processor, pipeline, Arc::clone(&next)) {
                Some(stage) => next = stage,
                None => return,
            }
        }
        let name = "skyferry_pipeline_accepted_items_total";
        self.heads[index] = Some(Meter::in_front_of(&metrics, name, &id, next));
    }

    fn front(&mut self, reference: &Reference) -> Option<Arc<Front>> {
        if let Some(front) = self.fronts.get(&reference.id) {
            return Some(Arc::clone(front));
        }
        let section = self.document.component(Kind::Exporter, &reference.id)?;
        let Some(Factory::Exporter(factory)) =
            self.registry.factory(Kind::Exporter, section.type_name())
        else {
            return None;
        };
        let built = factory.build(section, self.context);
        let (exporter, mut settings) = self.take(section, built)?;
        if let (Some(queue), Some(batch)) =
            (&mut settings.queue, self.plan.batches.get(&reference.id))
        {
            queue.batch.get_or_insert_with(|| batch.clone());
        }
        if let Some(queue) = &mut settings.queue {
            self.place(queue);
        }
        let id = reference.id.to_string();
        let signals = signals_of(self.document, &reference.id);
        let front = Front::new(&id, exporter, settings, &signals, self.context);
        self.fronts.insert(reference.id.clone(), Arc::clone(&front));
        Some(front)
    }

    /// Puts a queue where the extension that it names says.
    fn place(&self, queue: &mut QueueSettings) {
        let Storage::Disk(disk) = &mut queue.storage else {
            return;
        };
        let extension = disk.extension.as_ref();
        let storage = extension.and_then(|id| storage(self.document, self.registry, id));
        if let Some(storage) = storage {
            disk.directory = storage.directory;
            disk.durability = storage.durability.unwrap_or(disk.durability);
        }
    }

    /// A processor in front of `next`; `next` itself where the engine does its work.
    fn stage(
        &mut self,
        reference: &Reference,
        pipeline: &Pipeline,
        next: Arc<dyn Consumer>,
    ) -> Option<Arc<dyn Consumer>> {
        let section = self.document.component(Kind::Processor, &reference.id)?;
        let Some(Factory::Processor(factory)) =
            self.registry.factory(Kind::Processor, section.type_name())
        else {
            return None;
        };
        if factory.absorbed(section).is_some() {
            return Some(next);
        }
        if self.failed.contains(&reference.id) {
            return None;
        }
        if self.deriving.contains_key(&reference.id) {
            return self.deriving(&reference.id, pipeline, next);
        }
        let built = factory.build(section, self.context);
        let Some(built) = self.take(section, built) else {
            self.failed.insert(reference.id.clone());
            return None;
        };
        match built {
            Processor::Stage(make) => Some(make(next)),
            Processor::Deriver(deriver) => {
                self.derives(&reference.id, Source::Deriver(deriver));
                self.deriving(&reference.id, pipeline, next)
            }
            Processor::Guest(guest) => {
                self.derives(&reference.id, Source::Guest(guest));
                self.deriving(&reference.id, pipeline, next)
            }
            Processor::Aggregator(aggregator) => {
                Some(self.aggregating(&reference.id, aggregator, pipeline, next))
            }
        }
    }

    fn aggregating(
        &mut self,
        id: &ComponentId,
        aggregator: Arc<dyn Aggregator>,
        pipeline: &Pipeline,
        next: Arc<dyn Consumer>,
    ) -> Arc<dyn Consumer> {
        let site = aggregate::Site {
            id: &format!("{id}@{}", pipeline.id),
            data_dir: &self.context.data_dir,
            metrics: &self.context.metrics,
            health: &self.context.health,
        };
        let journal = Journal::new(&site, aggregator.journal_bytes());
        let place = aggregate::Place {
            pipeline: &pipeline.id.to_string(),
            processor: &id.to_string(),
            signal: signal_of(pipeline),
            metrics: &self.context.metrics,
        };
        let unix_ms = Arc::new(|| queue::Clock::unix_ms(&SystemClock::default()));
        let aggregation = Aggregation::new(&place, aggregator, next, Arc::clone(&journal), unix_ms);
        self.aggregations.push((Arc::clone(&aggregation), journal));
        aggregation
    }

    /// Notes a processor that derives, with the ways for what it derives.
    fn derives(&mut self, id: &ComponentId, source: Source) {
        let nowhere = Nowhere::new(&id.to_string(), self.context.metrics.clone());
        let derived = Derived {
            outlets: Signal::ALL.map(|signal| self.outlet(id, signal)),
            nowhere: Arc::new(nowhere),
        };
        let deriving = Deriving {
            source,
            derived,
            lanes: 0,
        };
        self.deriving.insert(id.clone(), deriving);
    }

    fn deriving(
        &mut self,
        id: &ComponentId,
        pipeline: &Pipeline,
        next: Arc<dyn Consumer>,
    ) -> Option<Arc<dyn Consumer>> {
        let (pipeline, processor) = (pipeline.id.to_string(), id.to_string());
        let labels = [("pipeline", &*pipeline), ("processor", &*processor)];
        let filtered = "skyferry_pipeline_filtered_items_total";
        let filtered = self.context.metrics.counter(filtered, &labels);
        let deriving = self.deriving.get_mut(id)?;
        let lane = deriving.lanes;
        deriving.lanes += 1;
        Some(Arc::new(DerivingStage {
            source: deriving.source.clone(),
            lane,
            next,
            derived: deriving.derived.clone(),
            filtered,
        }))
    }

    /// The way into the pipelines that list the processor as a receiver of `signal`. The plan's
    /// order has built them before.
    fn outlet(&mut self, id: &ComponentId, signal: Signal) -> Option<Arc<DerivedOutlet>> {
        let key = (id.clone(), signal);
        if let Some(outlet) = self.derived.get(&key) {
            return Some(Arc::clone(outlet));
        }
        let pipelines = self.consumers_of(Kind::Processor, id, signal)?;
        let outlet = DerivedOutlet::new(&id.to_string(), signal, pipelines, &self.context.metrics);
        self.derived.insert(key, Arc::clone(&outlet));
        Some(outlet)
    }

    fn receivers(&mut self) -> Vec<(ComponentId, Box<dyn Receiver>, Outlets)> {
        let mut built = Vec::new();
        for section in self.document.components(Kind::Receiver) {
            let mut outlets = Outlets::new(&section.id().to_string(), self.context.metrics.clone());
            let mut used = false;
            for signal in Signal::ALL {
                if let Some(next) = self.consumers_of(Kind::Receiver, section.id(), signal) {
                    outlets = outlets.with(signal, next);
                    used = true;
                }
            }
            let factory = self.registry.factory(Kind::Receiver, section.type_name());
            if let (true, Some(Factory::Receiver(factory))) = (used, factory) {
                let receiver = factory.build(section, self.context);
                if let Some(receiver) = self.take(section, receiver) {
                    built.push((section.id().clone(), receiver, outlets));
                }
            }
        }
        built
    }

    /// The pipelines of `signal` that list a component as a receiver, as one consumer.
    fn consumers_of(
        &self,
        kind: Kind,
        id: &ComponentId,
        signal: Signal,
    ) -> Option<Arc<dyn Consumer>> {
        let lists = |pipeline: &Pipeline| {
            signal_of(pipeline) == signal
                && pipeline
                    .receivers
                    .iter()
                    .any(|entry| entry.kind == kind && entry.id == *id)
        };
        let heads = self.document.pipelines().iter().zip(&self.heads);
        let mut heads: Vec<_> = heads
            .filter(|(pipeline, _)| lists(pipeline))
            .filter_map(|(_, head)| head.clone())
            .collect();
        match heads.len() {
            0 | 1 => heads.pop(),
            _ => Some(Arc::new(Pipelines(heads))),
        }
    }

    /// What was built, or its error noted with its place.
    fn take<T>(&mut self, section: &Section, built: Result<T, BuildError>) -> Option<T> {
        match built {
            Ok(built) => Some(built),
            Err(error) => {
                let mut problems = section.problems();
                problems.at(error.path, error.message);
                for other in error.others {
                    problems.at(other.path, other.message);
                }
                self.found.extend(problems.into_diagnostics());
                None
            }
        }
    }
}

/// Several pipelines of one signal behind one receiver: each gets every batch.
///
/// They have processors of their own, so room cannot be reserved in all of them first: if a later
/// one refuses, the sender's resend reaches the earlier ones again.
struct Pipelines(Vec<Arc<dyn Consumer>>);

#[async_trait]
impl Consumer for Pipelines {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        for pipeline in &self.0 {
            pipeline.consume(batch.clone()).await?;
        }
        Ok(())
    }
}

/// Counts the items that were taken.
struct Meter {
    counter: Counter,
    next: Arc<dyn Consumer>,
}

impl Meter {
    fn in_front_of(
        metrics: &Metrics,
        name: &'static str,
        pipeline: &str,
        next: Arc<dyn Consumer>,
    ) -> Arc<dyn Consumer> {
        let counter = metrics.counter(name, &[("pipeline", pipeline)]);
        Arc::new(Meter { counter, next })
    }
}

#[async_trait]
impl Consumer for Meter {
    async fn consume(&self, batch: Batch) -> Result<(), Refusal> {
        let items = batch.items() as u64;
        self.next.consume(batch).await?;
        self.counter.increment(items);
        Ok(())
    }
}
