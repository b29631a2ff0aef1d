//! What a configuration says that a queue may take, for those who append to one that no process has
//! open.

use pdata::Signal;
use serde::Deserialize;

use crate::config::{ComponentId, Document, Kind};
use crate::exporter::QueueConfig;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// What the log may take up on the disk.
    pub max_bytes: u64,
    /// What is to stay free on the volume; of a small one, a twentieth.
    pub min_free_disk: u64,
    /// What pipelines bring to the exporter: nobody would send anything else.
    pub signals: Vec<Signal>,
}

impl Default for Intake {
    /// Where nothing is known of the exporter: whatever the volume has room for.
    fn default() -> Self {
        Intake {
            max_bytes: u64::MAX,
            min_free_disk: QueueConfig::default().min_free_disk.bytes(),
            signals: Signal::ALL.to_vec(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HasQueue {
    sending_queue: Option<QueueConfig>,
}

/// What a configuration says of an exporter; `None` if it has no such exporter.
pub fn intake(document: &Document, exporter: &ComponentId) -> Option<Intake> {
    let section = document.component(Kind::Exporter, exporter)?;
    let configured: HasQueue = section.read().ok()?;
    let queue = configured.sending_queue.unwrap_or_default();
    let pipelines = document.pipelines().iter();
    let of_exporter =
        pipelines.filter(|pipeline| pipeline.exporters.iter().any(|of| of.id == *exporter));
    let mut signals: Vec<Signal> = of_exporter
        .filter_map(|pipeline| Signal::from_name(pipeline.id.signal()))
        .collect();
    signals.sort();
    signals.dedup();
    Some(Intake {
        max_bytes: queue.max_bytes.bytes(),
        min_free_disk: queue.min_free_disk.bytes(),
        signals,
    })
}
