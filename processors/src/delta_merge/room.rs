//! What one window may hold.

use super::config::Config;

/// What an entry of a map takes in memory beside its text, about.
const ENTRY_BYTES: usize = 256;

/// What a window holds, and how much that may be at most. Bytes are of names, attributes and buckets.
pub(super) struct Room {
    pub(super) series: usize,
    pub(super) values: usize,
    bytes: usize,
    series_max: usize,
    pub(super) values_max: usize,
    bytes_max: usize,
}

impl Room {
    /// Nothing in it yet.
    pub(super) fn of(config: &Config) -> Self {
        let memory = config.max_memory_bytes.bytes();
        Room {
            series: 0,
            values: 0,
            bytes: 0,
            series_max: config.max_series,
            values_max: config.max_gauge_values,
            bytes_max: usize::try_from(memory).unwrap_or(usize::MAX),
        }
    }

    /// Nothing that is new finds a place any more, but overflow series.
    pub(super) fn is_full(&self) -> bool {
        self.series >= self.series_max || self.bytes >= self.bytes_max
    }

    /// An entry with so many bytes of text or buckets is made.
    pub(super) fn take(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(ENTRY_BYTES + bytes);
    }

    pub(super) fn take_series(&mut self, bytes: usize) {
        self.series += 1;
        self.take(bytes);
    }
}
