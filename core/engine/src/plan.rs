//! What a checked configuration asks for, before anything is built.
//!
//! Pure: the result depends on the document and the registry alone, so `validate` can say
//! everything a start would, apart from what only the machine knows.

use std::collections::HashMap;

use pdata::Signal;
use serde::Deserialize;

use crate::component::{Absorbed, ProcessorFactory, StorageSettings};
use crate::config::{
    ComponentId, Diagnostics, Document, KeyPath, Kind, Pipeline, Problems, Reference, Section,
    Segment,
};
use crate::exporter::{BatchSettings, StorageConfig};
use crate::registry::{Factory, Registry};

/// The memory budget where no `memory_limiter` sets one.
pub const BUDGET_BYTES_DEFAULT: usize = 512 << 20;

/// The order and the settings in which a graph is built.
#[derive(Debug)]
pub struct Plan {
    /// Indices into the document's pipelines, each after those it derives into.
    pub(crate) order: Vec<usize>,
    /// What a `batch` processor asks of the exporters of its pipelines.
    pub(crate) batches: HashMap<ComponentId, BatchSettings>,
    /// The process's memory budget in bytes.
    pub budget: usize,
    /// Notices about processors whose work the engine does.
    pub notices: Diagnostics,
}

impl Plan {
    /// Checks every component and how they are connected.
    pub fn new(document: &Document, registry: &Registry) -> Result<Plan, Diagnostics> {
        let mut found = check_components(document, registry);
        found.extend(check_storages(document, registry));
        let mut planner = Planner {
            document,
            registry,
            problems: document.problems(),
            batches: HashMap::new(),
            budget: None,
        };
        planner.check_derivers();
        planner.absorb();
        let order = planner.order();
        let failed = found.has_errors() || planner.problems.has_errors();
        let Planner {
            problems,
            batches,
            budget,
            ..
        } = planner;
        found.extend(problems.into_diagnostics());
        if failed {
            return Err(found);
        }
        let batches = batches
            .into_iter()
            .map(|(id, (settings, _))| (id, settings))
            .collect();
        let budget = budget.map_or(BUDGET_BYTES_DEFAULT, |(bytes, _)| bytes);
        Ok(Plan {
            order,
            batches,
            budget,
            notices: found,
        })
    }
}

fn check_components(document: &Document, registry: &Registry) -> Diagnostics {
    let mut found = Diagnostics::default();
    for kind in Kind::ALL {
        for section in document.components(kind) {
            if let Some(factory) = registry.factory(kind, section.type_name()) {
                let mut problems = section.problems();
                factory.component().check(section, &mut problems);
                found.extend(problems.into_diagnostics());
            }
        }
    }
    found
}

/// What the extension `id` says about the queues of exporters that name it.
pub(crate) fn storage(
    document: &Document,
    registry: &Registry,
    id: &ComponentId,
) -> Option<StorageSettings> {
    let section = document.component(Kind::Extension, id)?;
    match registry.factory(Kind::Extension, section.type_name())? {
        Factory::Extension(factory) => factory.storage(section),
        _ => None,
    }
}

/// The part of an exporter's configuration that names an extension.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamesStorage {
    pub(crate) sending_queue: Option<NamedStorage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedStorage {
    pub(crate) storage: StorageConfig,
}

/// The storage of a queue must be an extension that is listed and keeps queues.
fn check_storages(document: &Document, registry: &Registry) -> Diagnostics {
    let mut found = Diagnostics::default();
    for section in document.components(Kind::Exporter) {
        let Ok(NamesStorage {
            sending_queue: Some(NamedStorage { storage: named }),
        }) = section.read()
        else {
            continue;
        };
        let StorageConfig::Extension(id) = named else {
            continue;
        };
        let mut listed = document.service().extensions.iter();
        let is_listed = listed.any(|extension| extension.id == id);
        let help = match (storage(document, registry, &id), is_listed) {
            (Some(_), true) => continue,
            (Some(_), false) => format!("list `{id}` under `service.extensions`"),
            (None, _) => {
                "write `disk`, `memory`, or the id of a `file_storage` extension".to_owned()
            }
        };
        let mut problems = section.problems();
        problems
            .at(
                "sending_queue.storage",
                format!("no storage `{id}` is at work"),
            )
            .help(help);
        found.extend(problems.into_diagnostics());
    }
    found
}

struct Planner<'a> {
    document: &'a Document,
    registry: &'a Registry,
    problems: Problems,
    /// With the pipeline that asked first.
    batches: HashMap<ComponentId, (BatchSettings, String)>,
    budget: Option<(usize, ComponentId)>,
}

/// Where a pipeline's list names something, for an error's place.
fn place(pipeline: &Pipeline, list: &str, index: usize) -> KeyPath {
    let id = pipeline.id.to_string();
    let keys = ["service", "pipelines", &id, list].map(Segment::from);
    keys.into_iter().chain([Segment::Index(index)]).collect()
}

impl<'a> Planner<'a> {
    fn processor(&self, id: &ComponentId) -> Option<(&'a Section, &'static dyn ProcessorFactory)> {
        let section = self.document.component(Kind::Processor, id)?;
        match self
            .registry
            .factory(Kind::Processor, section.type_name())?
        {
            Factory::Processor(factory) => Some((section, factory)),
            _ => None,
        }
    }

    /// A processor listed as a receiver must derive that pipeline's signal and stand in another
    /// pipeline; one that derives must be listed as a receiver somewhere.
    fn check_derivers(&mut self) {
        let document = self.document;
        for pipeline in document.pipelines() {
            for (index, reference) in pipeline.receivers.iter().enumerate() {
                if reference.kind == Kind::Processor {
                    self.check_derived(pipeline, index, reference);
                }
            }
            for (index, reference) in pipeline.processors.iter().enumerate() {
                self.check_deriving(pipeline, index, reference);
            }
        }
    }

    fn check_derived(&mut self, pipeline: &Pipeline, index: usize, reference: &Reference) {
        let Some((_, factory)) = self.processor(&reference.id) else {
            return;
        };
        let signal = pipeline.id.signal();
        let derives = factory
            .derives()
            .iter()
            .map(|signal| signal.name())
            .collect::<Vec<_>>();
        let at = place(pipeline, "receivers", index);
        if !derives.contains(&signal) {
            let can = match derives.is_empty() {
                true => "derives nothing".to_owned(),
                false => format!("derives {}", derives.join(" and ")),
            };
            self.problems.at(
                at,
                format!(
                    "processor `{}` {can}, so it cannot feed a {signal} pipeline",
                    reference.id
                ),
            );
            return;
        }
        let stands = self.document.pipelines().iter().any(|other| {
            other
                .processors
                .iter()
                .any(|processor| processor.id == reference.id)
        });
        if !stands {
            self.problems
                .at(
                    at,
                    format!(
                        "processor `{}` is in no pipeline's processors",
                        reference.id
                    ),
                )
                .help("list it under `processors` of the pipeline it derives from");
        }
    }

    fn check_deriving(&mut self, pipeline: &Pipeline, index: usize, reference: &Reference) {
        let Some((_, factory)) = self.processor(&reference.id) else {
            return;
        };
        if factory.derives().is_empty() || factory.may_derive_nothing() {
            return;
        }
        let taken = self.document.pipelines().iter().any(|other| {
            other
                .receivers
                .iter()
                .any(|receiver| receiver.kind == Kind::Processor && receiver.id == reference.id)
        });
        if !taken {
            let signals: Vec<_> = factory
                .derives()
                .iter()
                .map(|signal| signal.name())
                .collect();
            self.problems
                .at(
                    place(pipeline, "processors", index),
                    format!("what processor `{}` derives goes nowhere", reference.id),
                )
                .help(format!(
                    "list it under `receivers` of a {} pipeline",
                    signals.join(" or ")
                ));
        }
    }

    /// Collects what `batch` and `memory_limiter` ask of the engine.
    fn absorb(&mut self) {
        let document = self.document;
        for pipeline in document.pipelines() {
            for (index, reference) in pipeline.processors.iter().enumerate() {
                let Some((section, factory)) = self.processor(&reference.id) else {
                    continue;
                };
                let at = place(pipeline, "processors", index);
                match factory.absorbed(section) {
                    Some(Absorbed::Batch(settings)) => self.absorb_batch(pipeline, at, &settings),
                    Some(Absorbed::Budget(bytes)) => self.absorb_budget(at, &reference.id, bytes),
                    None => {}
                }
            }
        }
    }

    fn absorb_batch(&mut self, pipeline: &Pipeline, at: KeyPath, settings: &BatchSettings) {
        for exporter in &pipeline.exporters {
            let here = (settings.clone(), pipeline.id.to_string());
            let known = self.batches.entry(exporter.id.clone()).or_insert(here);
            if known.0 != *settings {
                let text = format!(
                    "exporter `{}` gets other batch settings from pipeline `{}`",
                    exporter.id, known.1
                );
                self.problems
                    .at(at.clone(), text)
                    .help("give the exporter `sending_queue.batch` of its own, or two exporters");
            }
        }
    }

    fn absorb_budget(&mut self, at: KeyPath, id: &ComponentId, bytes: usize) {
        let (known, first) = self.budget.get_or_insert_with(|| (bytes, id.clone()));
        if *known != bytes {
            let text =
                format!("`{first}` limits the memory of this process to {known} bytes already");
            self.problems
                .at(at, text)
                .help("there is one budget for the process: keep one of them");
        }
    }

    /// Pipelines after those they derive into; a cycle is an error.
    fn order(&mut self) -> Vec<usize> {
        let pipelines = self.document.pipelines();
        let mut order = Vec::with_capacity(pipelines.len());
        let mut visits = vec![Visit::Unseen; pipelines.len()];
        for start in 0..pipelines.len() {
            self.visit(start, &mut visits, &mut order, &mut Vec::new());
        }
        order
    }

    fn visit(
        &mut self,
        index: usize,
        visits: &mut [Visit],
        order: &mut Vec<usize>,
        path: &mut Vec<usize>,
    ) {
        let pipelines = self.document.pipelines();
        match visits[index] {
            Visit::Done => return,
            Visit::Open => {
                let cycle = path
                    .iter()
                    .skip_while(|step| **step != index)
                    .chain([&index]);
                let names: Vec<_> = cycle.map(|step| pipelines[*step].id.to_string()).collect();
                let at = place(&pipelines[index], "receivers", 0);
                self.problems.at(
                    at,
                    format!("pipelines feed each other: {}", names.join(" -> ")),
                );
                return;
            }
            Visit::Unseen => visits[index] = Visit::Open,
        }
        path.push(index);
        for (other, target) in pipelines.iter().enumerate() {
            let feeds = target.receivers.iter().any(|receiver| {
                receiver.kind == Kind::Processor && pipelines[index].processors.contains(receiver)
            });
            if feeds {
                self.visit(other, visits, order, path);
            }
        }
        path.pop();
        visits[index] = Visit::Done;
        order.push(index);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

/// The signal of a pipeline; its id was checked against the registry's signals.
pub(crate) fn signal_of(pipeline: &Pipeline) -> Signal {
    Signal::from_name(pipeline.id.signal()).expect("the document knows the registry's signals only")
}
