//! A host for plugins, which writes down what it is told.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use plugin::{
    CreateError, Failure, Instance, Kind, Level, Library, Limits, Main, Processed, Services,
};

/// Time for a call that is not meant to wait.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// What was logged and measured, as lines.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<String>>);

impl Told {
    fn tell(&self, line: String) {
        self.0.lock().push(line);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Services for Told {
    fn log(&self, level: Level, text: &str) {
        self.tell(format!("{level:?} {text}"));
    }

    fn counter(&self, name: &str, add: u64) {
        self.tell(format!("{name} +{add}"));
    }

    fn gauge(&self, name: &str, value: f64) {
        self.tell(format!("{name} ={value}"));
    }

    fn histogram(&self, name: &str, value: f64) {
        self.tell(format!("{name} <{value}"));
    }

    fn now_unix_nano(&self) -> u64 {
        1
    }
}

/// A plugin at work, and what it told.
pub(crate) struct Running {
    pub(crate) instance: Arc<dyn Instance>,
    pub(crate) told: Arc<Told>,
}

pub(crate) fn open(path: &Path) -> Library {
    Library::open(path, None).unwrap_or_else(|error| panic!("{error}"))
}

/// What the operator reads when a file is no plugin.
pub(crate) fn refusal(path: &Path) -> String {
    match Library::open(path, None) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn try_start(
    library: &Library,
    config: &serde_json::Value,
) -> Result<Running, CreateError> {
    let told = Arc::new(Told::default());
    let limits = Limits {
        memory: 0,
        fuel: 0,
        instances: 1,
    };
    let instance = library.create(config, told.clone(), &limits)?;
    Ok(Running { instance, told })
}

pub(crate) fn start(library: &Library, config: &serde_json::Value) -> Running {
    try_start(library, config).unwrap_or_else(|error| panic!("{error}"))
}

/// What the operator reads when a configuration is not taken.
pub(crate) fn config_refusal(library: &Library, config: &serde_json::Value) -> String {
    match try_start(library, config) {
        Ok(_) => panic!("it was started"),
        Err(error) => error.to_string(),
    }
}

impl Running {
    pub(crate) fn process(&self, kind: Kind, message: &[u8]) -> Result<Processed, Failure> {
        let message = Bytes::copy_from_slice(message);
        self.instance.process(kind, &message, soon())
    }

    /// What becomes of a message, by a plugin that does not fail.
    pub(crate) fn main(&self, kind: Kind, message: &[u8]) -> Main {
        let processed = self.process(kind, message);
        processed.unwrap_or_else(|failure| panic!("{failure}")).main
    }

    /// The messages that take its place.
    pub(crate) fn replaced(&self, kind: Kind, message: &[u8]) -> Vec<Bytes> {
        match self.main(kind, message) {
            Main::Replaced(emitted) => emitted.into_iter().map(|it| it.message).collect(),
            other => panic!("{other:?}"),
        }
    }
}
