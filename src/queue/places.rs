//! Which queues there are, and whose.

use std::path::PathBuf;

use anyhow::Context;
use engine::Registry;
use engine::config::{ComponentId, Document, Kind};
use engine::queues::{self, Intake, Place};

use crate::cli::ConfigArgs;
use crate::configuration;
use crate::failure::Failure;
use crate::registry;

/// The queues that a command is about.
pub(super) struct Places {
    pub(super) data_dir: PathBuf,
    /// By exporter.
    pub(super) found: Vec<Place>,
    /// `None` without a configuration: then nothing is known of exporters.
    document: Option<Document>,
    registry: Registry,
}

impl Places {
    pub(super) fn find(args: &ConfigArgs) -> Result<Places, Failure> {
        let registry = Registry::new(&registry::components());
        let checked = configuration::load(args, &registry).map_err(Failure::Configuration)?;
        let data_dir = checked.document.service().data_dir.clone();
        // What is built in says where the data is, not which exporters there should be.
        let document = (!args.config.is_empty()).then_some(checked.document);
        let configuration = document.as_ref().map(|document| (document, &registry));
        let roots = queues::roots(&data_dir, configuration);
        let found = queues::list(&roots).context("cannot look for queues");
        Ok(Places {
            found: found.map_err(Failure::Start)?,
            data_dir,
            document,
            registry,
        })
    }

    /// Whether no exporter has this name; `None` if that is not known.
    pub(super) fn is_orphan(&self, place: &Place) -> Option<bool> {
        let document = self.document.as_ref()?;
        let id = ComponentId::parse(&place.exporter).ok();
        let section = id.and_then(|id| document.component(Kind::Exporter, &id).map(drop));
        Some(section.is_none())
    }

    /// All of them, or that of one exporter.
    pub(super) fn chosen(&self, exporter: Option<&str>) -> Result<Vec<&Place>, Failure> {
        match exporter {
            Some(exporter) => Ok(vec![self.of(exporter)?]),
            None => Ok(self.found.iter().collect()),
        }
    }

    /// The queue of an exporter. Where there are several, the one that the configuration means.
    pub(super) fn of(&self, exporter: &str) -> Result<&Place, Failure> {
        let configured = self.configured(exporter);
        let named = || self.found.iter().filter(|place| place.exporter == exporter);
        let meant = named().find(|place| configured.as_ref() == Some(*place));
        meant.or_else(|| named().next()).ok_or_else(|| {
            let known: Vec<_> = self.found.iter().map(|place| &*place.exporter).collect();
            Failure::Usage(match known.is_empty() {
                true => format!("there is no queue in `{}`", self.data_dir.display()),
                false => format!(
                    "there is no queue of `{exporter}`, only of {}",
                    known.join(", ")
                ),
            })
        })
    }

    /// The same, also if it is yet to be made for an exporter of the configuration.
    pub(super) fn target(&self, exporter: &str) -> Result<Place, Failure> {
        match self.configured(exporter) {
            Some(place) => Ok(place),
            None => self.of(exporter).cloned(),
        }
    }

    /// What the queue of an exporter may take, as far as a configuration says so.
    pub(super) fn intake(&self, exporter: &str) -> Intake {
        let id = ComponentId::parse(exporter).ok();
        let known = id.and_then(|id| queues::intake(self.document.as_ref()?, &id));
        known.unwrap_or_default()
    }

    fn configured(&self, exporter: &str) -> Option<Place> {
        let id = ComponentId::parse(exporter).ok()?;
        queues::configured(self.document.as_ref()?, &self.registry, &id)
    }
}
