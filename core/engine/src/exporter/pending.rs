//! What is on its way into a queue and counts already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many units of `queue_size`, until this is dropped.
#[derive(Debug)]
pub(super) struct Pending {
    all: Arc<AtomicUsize>,
    units: usize,
}

impl Pending {
    /// Adds `units` to `all`.
    pub(super) fn new(all: &Arc<AtomicUsize>, units: usize) -> Self {
        all.fetch_add(units, Ordering::Relaxed);
        Pending {
            all: Arc::clone(all),
            units,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.all.fetch_sub(self.units, Ordering::Relaxed);
    }
}
