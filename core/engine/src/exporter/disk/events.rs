//! What the queue's thread tells, brought to those who wait for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;
use pdata::Signal;
use queue::{Completed, Events, Loss, LossReason, Recovery, Report};
use telemetry::{Condition, Health};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Site;
use crate::completions::Completions;
use crate::exporter::drain_rate::DrainRate;
use crate::exporter::observe::Observer;
use crate::exporter::pace::Pace;

/// Where the queue's thread and the tasks that use the queue meet.
pub(super) struct Desk {
    component: String,
    directory: PathBuf,
    health: Health,
    lanes: [Lane; Signal::ALL.len()],
    /// Room was freed, or the queue was opened or closed.
    pub(super) changed: Notify,
    completions: Completions,
}

struct Lane {
    observer: Observer,
    arrival: Notify,
    /// Units of `queue_size` on their way to the disk.
    pending: Arc<AtomicUsize>,
    drain: Mutex<DrainRate>,
    pace: Pace,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk({})", self.component)
    }
}

impl Desk {
    pub(super) fn new(site: &Site<'_>, directory: PathBuf) -> Self {
        let lane = |observer: &Observer| Lane {
            observer: observer.clone(),
            arrival: Notify::new(),
            pending: Arc::default(),
            drain: Mutex::new(DrainRate::new(Instant::now())),
            pace: Pace::default(),
        };
        Desk {
            component: format!("exporters/{}/queue", site.id),
            directory,
            health: site.health.clone(),
            lanes: site.observers.each_ref().map(lane),
            changed: Notify::new(),
            completions: Completions::default(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn arrival(&self, signal: Signal) -> &Notify {
        &self.lanes[signal as usize].arrival
    }

    pub(super) fn pending(&self, signal: Signal) -> &Arc<AtomicUsize> {
        &self.lanes[signal as usize].pending
    }

    pub(super) fn pace(&self, signal: Signal) -> &Pace {
        &self.lanes[signal as usize].pace
    }

    pub(super) fn drain(&self, signal: Signal) -> &Mutex<DrainRate> {
        &self.lanes[signal as usize].drain
    }

    /// Tells callers what became of their appends, until the queue's thread has ended. One task for
    /// all, so that a group wakes the runtime once.
    pub(super) async fn complete(&self) {
        self.completions.answer().await;
        self.health.set(&self.component, Condition::Stopped);
    }

    /// The queue's thread has ended.
    fn close(&self) {
        self.completions.close();
        self.changed.notify_waiters();
    }

    /// A record that was stored cannot be made a batch again.
    pub(super) fn unreadable(&self, signal: Signal, sequence: u64, items: usize) {
        tracing::error!(
            component = self.component,
            sequence,
            items,
            "a record cannot be read, left out"
        );
        self.lanes[signal as usize].observer.quarantined(items);
    }

    fn opened(&self, recovery: &Recovery) {
        let directory = self.directory.display().to_string();
        for (signal, found) in Signal::ALL.into_iter().zip(&recovery.backlog.lanes) {
            let observer = &self.lanes[signal as usize].observer;
            observer.recovered(found.items as usize);
            if found.records > 0 {
                tracing::info!(component = self.component, directory, %signal,
                    records = found.records, items = found.items, "found in the queue");
            }
        }
        if recovery.quarantined > 0 || recovery.torn_bytes > 0 || recovery.missing_records > 0 {
            tracing::warn!(
                component = self.component,
                directory,
                foreign_files = recovery.quarantined,
                torn_bytes = recovery.torn_bytes,
                missing_records = recovery.missing_records,
                "the queue was damaged; what was taken out is in `quarantine`"
            );
        }
        self.health.set(&self.component, Condition::Ok);
    }

    fn lost(&self, loss: &Loss) {
        let items = loss.totals.items as usize;
        let (reason, records) = (reason_name(loss.reason), loss.totals.records);
        tracing::warn!(
            component = self.component,
            records,
            items,
            reason,
            "left the queue undelivered"
        );
        let lane = loss
            .lane
            .map(usize::from)
            .and_then(|lane| self.lanes.get(lane));
        let Some(lane) = lane else { return };
        match loss.reason {
            LossReason::Damaged | LossReason::Suspected => lane.observer.quarantined(items),
            LossReason::Expired
            | LossReason::DroppedOldest
            | LossReason::DroppedNewest
            | LossReason::Purged => {
                lane.observer.dropped(items, reason);
            }
        }
    }
}

const fn reason_name(reason: LossReason) -> &'static str {
    match reason {
        LossReason::Expired => "expired",
        LossReason::DroppedOldest => "oldest_for_room",
        LossReason::DroppedNewest => "newest_without_room",
        LossReason::Purged => "purged",
        LossReason::Damaged => "damaged",
        LossReason::Suspected => "suspected",
    }
}

/// Closes the desk when the queue's thread ends, however it does.
pub(super) struct Closing(pub(super) Arc<Desk>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The end of the desk that the queue has.
pub(super) struct Telling(pub(super) Arc<Desk>);

impl Events for Telling {
    fn appended(&self, group: Vec<Completed>) {
        self.0.completions.extend(group);
    }

    fn arrived(&self, lane: u8) {
        if let Some(lane) = self.0.lanes.get(usize::from(lane)) {
            lane.arrival.notify_one();
        }
    }

    fn changed(&self) {
        self.0.changed.notify_waiters();
    }

    fn reports(&self, report: &Report) {
        let desk = &*self.0;
        match report {
            Report::Opened(recovery) => desk.opened(recovery),
            Report::CannotOpen(error) => {
                tracing::error!(
                    component = desk.component,
                    error,
                    "cannot open the queue, trying again"
                );
                desk.health
                    .set(&desk.component, Condition::Failing(error.clone()));
            }
            Report::CannotWrite(error) => {
                tracing::error!(
                    component = desk.component,
                    error,
                    "cannot write to the queue"
                );
                desk.health
                    .set(&desk.component, Condition::Failing(error.clone()));
            }
            Report::Writing => {
                tracing::info!(component = desk.component, "writing to the queue again");
                desk.health.set(&desk.component, Condition::Ok);
            }
            Report::Lost(loss) => desk.lost(loss),
        }
    }
}
