//! Queues that no exporter of the configuration uses: told at the start, so that what waits in them
//! is not forgotten.

use std::path::PathBuf;

use engine::exporter::QueueHandle;
use engine::queues::{self, Inspection, Place};
use telemetry::Metrics;

use crate::admin::place_of;

/// Warns of each queue in `roots` that is none of `open`, and shows what waits in it.
pub(crate) fn tell(roots: &[PathBuf], open: &[QueueHandle], metrics: &Metrics) {
    let used: Vec<Place> = open.iter().map(place_of).collect();
    let found = match queues::list(roots) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(component = "queues", %error, "cannot look for queues without exporter");
            return;
        }
    };
    for place in found.into_iter().filter(|place| !used.contains(place)) {
        tell_one(&place, metrics);
    }
}

fn tell_one(place: &Place, metrics: &Metrics) {
    let directory = place.directory.display().to_string();
    let (exporter, directory) = (&*place.exporter, &*directory);
    let look = match place.look() {
        // Another process has it: not ours to judge.
        Ok(look) if look.queue.holder.is_some() => return,
        Ok(look) => look,
        Err(error) => {
            tracing::warn!(component = "queues", exporter, directory, %error,
                "a queue without exporter cannot be read");
            return;
        }
    };
    let items = waiting_items(&look.queue);
    let dead_letters = look.letters.as_ref().map_or(0, waiting_items);
    metrics.describe(
        "skyferry_queue_orphan_items",
        "Items in a queue that no exporter uses, at the start",
    );
    let gauge = metrics.gauge("skyferry_queue_orphan_items", &[("exporter", exporter)]);
    gauge.set(items as f64);
    tracing::warn!(
        component = "queues",
        exporter,
        directory,
        items,
        dead_letters,
        help = format!(
            "`skyferry queue replay --from seq:1 --waiting --exporter {exporter} --to \
            <exporter>` sends what waits, `skyferry queue purge {exporter} --yes` drops it"
        ),
        "no exporter uses this queue"
    );
}

fn waiting_items(log: &Inspection) -> u64 {
    log.backlog.lanes.iter().map(|lane| lane.items).sum()
}
