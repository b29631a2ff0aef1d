//! Layers of logs that a backend does not store.
//!
//! SkyWalking OAP answers success and drops a log whose layer no rule of its own names. Without a layer
//! the log is stored as `GENERAL`.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use pdata::skywalking::NativeChunk;
use pdata::wire::Fields;
use telemetry::{Counter, Metrics};

/// `LogData`: 2 the service, 8 the layer.
pub(super) const LOG_SERVICE: u32 = 2;
const LOG_LAYER: u32 = 8;

/// What is done about the layers of logs.
pub(super) struct Layers {
    stored: HashSet<String>,
    removed: Counter,
    kept: Counter,
}

impl Layers {
    pub(super) fn new(stored: &[String], metrics: &Metrics, exporter: &str) -> Self {
        let counter = |done| {
            let labels = [("exporter", exporter), ("layer", done)];
            metrics.counter("skyferry_exporter_log_layers_total", &labels)
        };
        Layers {
            stored: stored.iter().cloned().collect(),
            removed: counter("removed"),
            kept: counter("kept"),
        }
    }

    /// The log as it is sent: the same bytes, unless its layer is not stored.
    pub(super) fn outgoing<'a>(&self, log: &'a NativeChunk) -> Cow<'a, Bytes> {
        let layer = log.text(LOG_LAYER);
        if layer.is_empty() {
            return Cow::Borrowed(log.message());
        }
        if self.stored.contains(layer) {
            self.kept.increment(1);
            return Cow::Borrowed(log.message());
        }
        self.removed.increment(1);
        let fields = Fields::of(log.message()).filter(|field| field.number != LOG_LAYER);
        let raw: Vec<&[u8]> = fields.map(|field| field.raw).collect();
        Cow::Owned(raw.concat().into())
    }
}
