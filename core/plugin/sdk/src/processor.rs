//! What an author implements.

use crate::description::Description;
use crate::output::{Kind, Output};

/// A plugin. `export_processor!` makes a library of it. Threads that it starts have to end when it is
/// dropped, or its description says `resident`.
pub trait Processor: Sized + Send + Sync + 'static {
    const DESCRIPTION: Description;

    /// Makes one from its configuration, a JSON value that has passed the schema. The error is shown to the
    /// operator, who can change the configuration.
    fn create(config: &str, host: Host) -> Result<Self, String>;

    /// Looks at one message. A panic fails the call and harms nothing else.
    fn process(&self, kind: Kind, message: &[u8], output: &mut Output<'_>) -> Result<(), Error>;

    /// Hands over what was gathered for other signals: every `flush_interval`, and before the end.
    fn flush(&self, _: &mut Output<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// Why a message is not processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The sender is told that this data will never be taken.
    Refused {
        reason: String,
        /// Index of the span, point or record in the message, if one is meant.
        item: Option<u64>,
    },
    /// The plugin cannot do its work; the configuration says what happens then.
    Failed(String),
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// The way to the log, the metrics and the clock of the process. Clones are the same.
#[derive(Clone)]
pub struct Host {
    services: std::sync::Arc<dyn Services>,
}

/// What stands behind a [`Host`]: the process, or a test.
pub trait Services: Send + Sync {
    fn log(&self, level: Level, text: &str);
    fn counter(&self, name: &str, add: u64);
    fn gauge(&self, name: &str, value: f64);
    fn histogram(&self, name: &str, value: f64);
    fn now_unix_nano(&self) -> u64;
}

impl Host {
    pub fn new(services: impl Services + 'static) -> Self {
        Host {
            services: std::sync::Arc::new(services),
        }
    }

    /// Writes a line to the log of the process.
    pub fn log(&self, level: Level, text: &str) {
        self.services.log(level, text);
    }

    /// Adds to a counter of the plugin's own; a plugin has at most 64 names.
    pub fn counter(&self, name: &str, add: u64) {
        self.services.counter(name, add);
    }

    pub fn gauge(&self, name: &str, value: f64) {
        self.services.gauge(name, value);
    }

    pub fn histogram(&self, name: &str, value: f64) {
        self.services.histogram(name, value);
    }

    /// Nanoseconds since the epoch.
    pub fn now_unix_nano(&self) -> u64 {
        self.services.now_unix_nano()
    }
}
