//! Names from outside that become attributes of metrics, and so must not be too many or too long.

use std::collections::HashSet;

use parking_lot::Mutex;
use telemetry::Counter;

use super::Tally;

/// What stands for all names beyond the bound.
pub(super) const OVERFLOW: &str = "_other";

/// Bytes of a text that becomes an attribute of metrics; a domain has at most 253.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// The first names that were seen, as many as are allowed.
pub(super) struct BoundedNames {
    most: usize,
    seen: Mutex<HashSet<Box<str>>>,
    overflow: Counter,
}

impl BoundedNames {
    pub(super) fn new(most: usize, listener: &str, tally: &Tally<'_>) -> Self {
        let name = "skyferry_span_listener_overflow_spans_total";
        let help = "spans whose name for a metric was one too many or too long";
        tally.metrics.describe(name, help);
        BoundedNames {
            most,
            seen: Mutex::default(),
            overflow: tally.counter(name, &[("listener", listener)]),
        }
    }

    /// Whether `name` is one of them; if not, [`OVERFLOW`] stands for it.
    pub(super) fn admits(&self, name: &str) -> bool {
        let mut seen = self.seen.lock();
        let mut admitted = seen.contains(name);
        if !admitted && seen.len() < self.most && name.len() <= TEXT_BYTES_MAX {
            admitted = seen.insert(name.into());
        }
        drop(seen);
        if !admitted {
            self.overflow.increment(1);
        }
        admitted
    }
}

/// As much of a text as may become an attribute of metrics.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}
