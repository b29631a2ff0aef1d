//! Modules in the text form, from the few lines that matter to a test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use plugin::{
    CreateError, Failure, Instance, Kind, Level, Library, Limits, LoadError, Processed, Services,
};
use serde_json::{Value, json};

/// Longer than any call takes that ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the module's functions do; all have a body that does nothing.
pub(crate) struct Module {
    pub(crate) description: Value,
    pub(crate) alloc: &'static str,
    /// `$config` is the configuration's address, `$len` its length.
    pub(crate) create: &'static str,
    /// `$kind`, `$message`, `$len`.
    pub(crate) process: &'static str,
    pub(crate) flush: &'static str,
    /// Fields beside: data, globals, functions.
    pub(crate) fields: &'static str,
    pub(crate) imports: &'static str,
}

impl Default for Module {
    fn default() -> Self {
        Module {
            description: json!({
                "name": "tried",
                "version": "1.0.0",
                "signals": ["traces", "logs"],
                "emits": ["metrics"],
            }),
            alloc: "(i32.const 32768)",
            create: "(i32.const 0)",
            process: "(i32.const 0)",
            flush: "(i32.const 0)",
            fields: "",
            imports: "",
        }
    }
}

impl Module {
    /// The text form. One page of memory: the description at 1024, what is lent at 32768.
    pub(crate) fn text(&self) -> String {
        let json = self.description.to_string();
        format!(
            r#"(module
  (import "skyferry" "emit" (func $emit (param i32 i32 i32)))
  (import "skyferry" "reason" (func $reason (param i32 i32 i64)))
  (import "skyferry" "log" (func $log (param i32 i32 i32)))
  (import "skyferry" "counter" (func $counter (param i32 i32 i64)))
  (import "skyferry" "gauge" (func $gauge (param i32 i32 f64)))
  (import "skyferry" "histogram" (func $histogram (param i32 i32 f64)))
  (import "skyferry" "now" (func $now (result i64)))
  {imports}
  (memory (export "memory") 1)
  (data (i32.const 1024) "{escaped}")
  {fields}
  (func (export "skyferry_plugin_v1") (result i32) (i32.const 0x10000))
  (func (export "skyferry_alloc") (param $len i32) (result i32) {alloc})
  (func (export "skyferry_describe") (result i64)
    (i64.or (i64.shl (i64.const 1024) (i64.const 32)) (i64.const {len})))
  (func (export "skyferry_create") (param $config i32) (param $len i32) (result i32) {create})
  (func $process (export "skyferry_process")
    (param $kind i32) (param $message i32) (param $len i32) (result i32) {process})
  (func (export "skyferry_flush") (result i32) {flush}))"#,
            imports = self.imports,
            escaped = json.replace('\\', "\\\\").replace('"', "\\\""),
            fields = self.fields,
            alloc = self.alloc,
            len = json.len(),
            create = self.create,
            process = self.process,
            flush = self.flush,
        )
    }

    #[track_caller]
    pub(crate) fn load(&self) -> Library {
        load(&self.text()).expect("it is a plugin")
    }

    #[track_caller]
    pub(crate) fn start(&self) -> Plugin {
        self.start_with(&limits())
    }

    #[track_caller]
    pub(crate) fn start_with(&self, limits: &Limits) -> Plugin {
        let recorder = Arc::new(Recorder::default());
        let instance = self.load().create(&Value::Null, recorder.clone(), limits);
        Plugin {
            instance: instance.expect("it takes the configuration"),
            recorder,
        }
    }

    #[track_caller]
    pub(crate) fn create_error(&self) -> CreateError {
        let recorder = Arc::new(Recorder::default());
        let created = self.load().create(&Value::Null, recorder, &limits());
        created.map(drop).expect_err("it cannot be made")
    }
}

pub(crate) fn load(text: &str) -> Result<Library, LoadError> {
    open(&wat::parse_str(text).expect("the text is right"))
}

pub(crate) fn open(module: &[u8]) -> Result<Library, LoadError> {
    let folder = tempfile::tempdir().expect("the system has a folder for it");
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, module).expect("the folder is ours");
    Library::open(&path, None)
}

#[track_caller]
pub(crate) fn load_error(text: &str) -> String {
    let loaded = load(text).map(drop);
    loaded.expect_err("it is no plugin").to_string()
}

pub(crate) fn limits() -> Limits {
    Limits {
        memory: 1 << 20,
        fuel: 10_000_000,
        instances: 2,
    }
}

/// A plugin at work, and what it has told the host.
pub(crate) struct Plugin {
    instance: Arc<dyn Instance>,
    pub(crate) recorder: Arc<Recorder>,
}

impl Plugin {
    pub(crate) fn process(&self, kind: Kind, message: &'static [u8]) -> Result<Processed, Failure> {
        self.process_until(kind, message, Instant::now() + PATIENCE)
    }

    pub(crate) fn process_until(
        &self,
        kind: Kind,
        message: &'static [u8],
        deadline: Instant,
    ) -> Result<Processed, Failure> {
        let message = Bytes::from_static(message);
        self.instance.process(kind, &message, deadline)
    }

    pub(crate) fn flush(&self) -> Result<Vec<plugin::Emitted>, Failure> {
        self.instance.flush(Instant::now() + PATIENCE)
    }

    /// What the call of a message of traces fails with; its fellow of logs then goes on.
    #[track_caller]
    pub(crate) fn failure(&self) -> Failure {
        let failure = self.process(Kind::Traces, b"message");
        let failure = failure.expect_err("the call cannot succeed");
        let next = self.process(Kind::Logs, b"message");
        next.expect("the next call has an instance that works");
        failure
    }
}

/// Everything a plugin tells its host, a line each.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    fn push(&self, line: String) {
        self.0.lock().push(line);
    }
}

impl Services for Recorder {
    fn log(&self, level: Level, text: &str) {
        self.push(format!("{level:?}: {text}"));
    }

    fn counter(&self, name: &str, add: u64) {
        self.push(format!("{name} + {add}"));
    }

    fn gauge(&self, name: &str, value: f64) {
        self.push(format!("{name} = {value}"));
    }

    fn histogram(&self, name: &str, value: f64) {
        self.push(format!("{name} : {value}"));
    }

    fn now_unix_nano(&self) -> u64 {
        1_234_567_890
    }
}
