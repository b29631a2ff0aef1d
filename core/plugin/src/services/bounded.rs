//! Bounds for what a plugin tells its host: whatever it does, the log and the metrics of the process stay of
//! a size.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Level, Services};
use crate::call::repaired;

/// Names of metrics that one instance may use.
pub const METRIC_NAMES_MAX: usize = 64;

/// Bytes of such a name. A longer one is not used, since two might be the same when they are cut.
pub const METRIC_NAME_BYTES_MAX: usize = 128;

/// Bytes of a line of the log; the rest of a line is cut.
pub const LOG_LINE_BYTES_MAX: usize = 4 << 10;

/// The services of one instance.
pub(crate) struct Bounded {
    services: Arc<dyn Services>,
    names: RwLock<Names>,
}

#[derive(Default)]
struct Names {
    used: HashSet<String>,
    has_warned: bool,
}

impl Bounded {
    pub(crate) fn new(services: Arc<dyn Services>) -> Bounded {
        Bounded {
            services,
            names: RwLock::default(),
        }
    }

    pub(crate) fn log(&self, level: Level, text: &[u8]) {
        let line = repaired(text, LOG_LINE_BYTES_MAX);
        self.services.log(level, &line);
    }

    pub(crate) fn counter(&self, name: &[u8], add: u64) {
        self.with_name(name, |services, name| services.counter(name, add));
    }

    pub(crate) fn gauge(&self, name: &[u8], value: f64) {
        self.with_name(name, |services, name| services.gauge(name, value));
    }

    pub(crate) fn histogram(&self, name: &[u8], value: f64) {
        self.with_name(name, |services, name| services.histogram(name, value));
    }

    pub(crate) fn now_unix_nano(&self) -> u64 {
        self.services.now_unix_nano()
    }

    fn with_name(&self, name: &[u8], tell: impl FnOnce(&dyn Services, &str)) {
        let text = std::str::from_utf8(name).ok();
        let text = text.filter(|name| !name.is_empty() && name.len() <= METRIC_NAME_BYTES_MAX);
        match text {
            Some(name) if self.may_use(name) => tell(&*self.services, name),
            _ => self.warn_once(name),
        }
    }

    fn may_use(&self, name: &str) -> bool {
        if self.names.read().used.contains(name) {
            return true;
        }
        let mut names = self.names.write();
        if names.used.len() >= METRIC_NAMES_MAX {
            // Another thread may have made it meanwhile.
            return names.used.contains(name);
        }
        names.used.insert(name.to_owned());
        true
    }

    fn warn_once(&self, name: &[u8]) {
        if self.names.read().has_warned {
            return;
        }
        if std::mem::replace(&mut self.names.write().has_warned, true) {
            return;
        }
        let name = repaired(name, METRIC_NAME_BYTES_MAX);
        let line = format!(
            "the metric `{name}` and others are ignored: a plugin has at most {METRIC_NAMES_MAX} names of \
             metrics, of 1 to {METRIC_NAME_BYTES_MAX} bytes in UTF-8"
        );
        self.services.log(Level::Warn, &line);
    }
}

#[cfg(test)]
mod tests;
