//! The components a program has, as the configuration and the graph look them up.

use pdata::Signal;
use serde_json::Value;

use crate::component::{
    Component, Description, ExporterFactory, ExtensionFactory, ProcessorFactory, ReceiverFactory,
};
use crate::config::{Catalog, ComponentInfo, Kind};

/// One component of the list in which a program names all it has.
#[derive(Clone, Copy)]
pub enum Factory {
    Receiver(&'static dyn ReceiverFactory),
    Processor(&'static dyn ProcessorFactory),
    Exporter(&'static dyn ExporterFactory),
    Extension(&'static dyn ExtensionFactory),
}

impl Factory {
    pub fn kind(&self) -> Kind {
        match self {
            Factory::Receiver(_) => Kind::Receiver,
            Factory::Processor(_) => Kind::Processor,
            Factory::Exporter(_) => Kind::Exporter,
            Factory::Extension(_) => Kind::Extension,
        }
    }

    pub fn component(&self) -> &'static dyn Component {
        match *self {
            Factory::Receiver(factory) => factory,
            Factory::Processor(factory) => factory,
            Factory::Exporter(factory) => factory,
            Factory::Extension(factory) => factory,
        }
    }
}

/// All components of a program.
pub struct Registry {
    entries: Vec<Entry>,
}

struct Entry {
    factory: Factory,
    description: Description,
    schema: Value,
    signals: Vec<&'static str>,
}

impl Registry {
    pub fn new(factories: &[Factory]) -> Self {
        let entry = |factory: &Factory| {
            let component = factory.component();
            let description = component.description();
            let signals = description
                .signals
                .iter()
                .map(|signal| signal.name())
                .collect();
            Entry {
                factory: *factory,
                description,
                schema: component.schema(),
                signals,
            }
        };
        Registry {
            entries: factories.iter().map(entry).collect(),
        }
    }

    /// Every component, in the order of the list.
    pub fn factories(&self) -> impl Iterator<Item = Factory> {
        self.entries.iter().map(|entry| entry.factory)
    }

    pub fn factory(&self, kind: Kind, type_name: &str) -> Option<Factory> {
        self.entry(kind, type_name).map(|entry| entry.factory)
    }

    fn entry(&self, kind: Kind, type_name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            let Description {
                type_name: own,
                aliases,
                ..
            } = entry.description;
            entry.factory.kind() == kind && (own == type_name || aliases.contains(&type_name))
        })
    }
}

impl Catalog for Registry {
    fn component(&self, kind: Kind, type_name: &str) -> Option<ComponentInfo<'_>> {
        self.entry(kind, type_name).map(|entry| ComponentInfo {
            type_name: entry.description.type_name,
            aliases: entry.description.aliases,
            schema: &entry.schema,
            foreign_keys: entry.factory.component().foreign_keys(),
            signals: &entry.signals,
        })
    }

    fn names(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self
            .entries
            .iter()
            .filter(|entry| entry.factory.kind() == kind);
        of_kind.map(|entry| entry.description.type_name).collect()
    }

    fn signals(&self) -> &[&str] {
        const {
            &[
                Signal::Traces.name(),
                Signal::Metrics.name(),
                Signal::Logs.name(),
                Signal::Skywalking.name(),
            ]
        }
    }
}
