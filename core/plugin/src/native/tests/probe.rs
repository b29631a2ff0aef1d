//! A plugin that does what a test says, and counts what is done to it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use skyferry_plugin_sdk::abi;

use super::super::table::Table;
use super::super::{Mapped, Native, Shared};
use crate::contract::{Failure, Kind, Processed};
use crate::library::{CreateError, Instance, Limits, Plugin};
use crate::services::{Level, Services};

/// Time for a call that is not meant to wait.
pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(super) const MESSAGE: Bytes = Bytes::from_static(b"message");

/// What it makes of a message.
pub(super) fn show(instance: &Arc<dyn Instance>) -> Result<Processed, Failure> {
    instance.process(Kind::Traces, &MESSAGE, soon())
}

pub(super) fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

type Create = dyn Fn(&Inside<'_>, &str) -> abi::Status + Send + Sync;
type Process = dyn Fn(&Inside<'_>, abi::Kind, &[u8]) -> abi::Status + Send + Sync;
type Flush = dyn Fn(&Inside<'_>) -> abi::Status + Send + Sync;

pub(super) struct Probe {
    pub(super) create: Box<Create>,
    pub(super) process: Box<Process>,
    pub(super) flush: Box<Flush>,
    pub(super) sets_instance: bool,
    pub(super) destroyed: Arc<AtomicUsize>,
}

impl Default for Probe {
    fn default() -> Probe {
        Probe {
            create: Box::new(|_, _| abi::STATUS_UNCHANGED),
            process: Box::new(|_, _, _| abi::STATUS_UNCHANGED),
            flush: Box::new(|_| abi::STATUS_UNCHANGED),
            sets_instance: true,
            destroyed: Arc::default(),
        }
    }
}

/// What a plugin has in its hands during a call.
pub(super) struct Inside<'a> {
    pub(super) host: &'a abi::Host,
    pub(super) call: *mut abi::Call,
}

// SAFETY: a test hands it to another thread to see that the host is not harmed.
unsafe impl Send for Inside<'_> {}
// SAFETY: as above.
unsafe impl Sync for Inside<'_> {}

impl Inside<'_> {
    pub(super) fn emit(&self, kind: abi::Kind, message: abi::Buffer) {
        // SAFETY: the call is open.
        unsafe { (self.host.emit)(self.call, kind, message) };
    }

    pub(super) fn reason(&self, text: &[u8], item: u64) {
        // SAFETY: the call is open.
        unsafe { (self.host.reason)(self.call, lend(text), item) };
    }
}

pub(super) fn lend(bytes: &[u8]) -> abi::Bytes {
    abi::Bytes {
        data: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// A buffer without a function that takes it back.
pub(super) fn lent(bytes: &[u8]) -> abi::Buffer {
    abi::Buffer {
        data: bytes.as_ptr(),
        len: bytes.len(),
        owner: std::ptr::null_mut(),
        release: None,
    }
}

/// A buffer that counts how often it is taken back.
pub(super) fn given(bytes: &'static [u8], releases: &'static AtomicUsize) -> abi::Buffer {
    unsafe extern "C" fn release(owner: *mut c_void, data: *const u8, len: usize) {
        // SAFETY: these are what was given: a static counter, and static bytes.
        let (releases, bytes) = unsafe {
            let bytes = (!data.is_null()).then(|| std::slice::from_raw_parts(data, len));
            (&*owner.cast::<AtomicUsize>(), bytes)
        };
        assert!(bytes.is_none_or(|bytes| bytes.iter().all(u8::is_ascii)));
        releases.fetch_add(1, Ordering::SeqCst);
    }
    abi::Buffer {
        owner: std::ptr::from_ref(releases).cast_mut().cast(),
        release: Some(release),
        ..lent(bytes)
    }
}

thread_local! {
    static NEXT: RefCell<Option<Probe>> = const { RefCell::new(None) };
    static JSON: Cell<&'static str> = const { Cell::new("") };
}

pub(super) const TABLE: abi::Plugin = abi::Plugin {
    version: abi::VERSION,
    size: size_of::<abi::Plugin>() as u32,
    describe,
    create,
    process,
    flush,
    destroy,
};

/// What an instance of a probe is.
struct Running {
    probe: Probe,
    host: *const abi::Host,
}

unsafe extern "C" fn describe() -> abi::Bytes {
    lend(JSON.get().as_bytes())
}

unsafe extern "C" fn create(
    host: *const abi::Host,
    call: *mut abi::Call,
    config: abi::Bytes,
    instance: *mut *mut abi::Instance,
) -> abi::Status {
    let probe = NEXT.take().expect("the test has set it");
    // SAFETY: the contract lends them.
    let (table, config) = unsafe { (&*host, std::slice::from_raw_parts(config.data, config.len)) };
    let config = std::str::from_utf8(config).unwrap();
    let status = (probe.create)(&Inside { host: table, call }, config);
    if status == abi::STATUS_UNCHANGED && probe.sets_instance {
        let running = Box::into_raw(Box::new(Running { probe, host }));
        // SAFETY: the contract says that it can be set.
        unsafe { instance.write(running.cast()) };
    }
    status
}

unsafe extern "C" fn process(
    instance: *mut abi::Instance,
    call: *mut abi::Call,
    kind: abi::Kind,
    message: abi::Bytes,
) -> abi::Status {
    // SAFETY: it comes from `create`, whose table of the host is valid as long; the message is lent.
    let (running, host, message) = unsafe {
        let running = &*instance.cast::<Running>();
        let message = std::slice::from_raw_parts(message.data, message.len);
        (running, &*running.host, message)
    };
    (running.probe.process)(&Inside { host, call }, kind, message)
}

unsafe extern "C" fn flush(instance: *mut abi::Instance, call: *mut abi::Call) -> abi::Status {
    // SAFETY: as in `process`.
    let (running, host) = unsafe {
        let running = &*instance.cast::<Running>();
        (running, &*running.host)
    };
    (running.probe.flush)(&Inside { host, call })
}

unsafe extern "C" fn destroy(instance: *mut abi::Instance) {
    // SAFETY: it comes from `create`, and this is its last use.
    let running = unsafe { Box::from_raw(instance.cast::<Running>()) };
    // SAFETY: the host's table is valid until this returns.
    let host = unsafe { &*running.host };
    // SAFETY: so is its context.
    unsafe { (host.log)(host.context, abi::LEVEL_INFO, lend(b"the end")) };
    running.probe.destroyed.fetch_add(1, Ordering::SeqCst);
}

/// What was logged and measured.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl Services for Told {
    fn log(&self, level: Level, text: &str) {
        self.0.lock().push(format!("{level:?} {text}"));
    }

    fn counter(&self, name: &str, add: u64) {
        self.0.lock().push(format!("{name} +{add}"));
    }

    fn gauge(&self, name: &str, value: f64) {
        self.0.lock().push(format!("{name} ={value}"));
    }

    fn histogram(&self, name: &str, value: f64) {
        self.0.lock().push(format!("{name} <{value}"));
    }

    fn now_unix_nano(&self) -> u64 {
        1_700_000_000_000_000_000
    }
}

/// A plugin that processes traces and emits metrics.
pub(super) const DESCRIPTION: &str =
    r#"{"name": "probe", "version": "1", "signals": ["traces"], "emits": ["metrics"]}"#;

/// A probe with its host.
pub(super) struct Rig {
    plugin: Shared,
    /// Dropped with the last of what keeps a library mapped.
    pub(super) mapped: std::sync::Weak<()>,
    pub(super) told: Arc<Told>,
}

impl Rig {
    pub(super) fn new(json: &'static str) -> Rig {
        JSON.set(json);
        Rig::of(&TABLE)
    }

    pub(super) fn of(table: &abi::Plugin) -> Rig {
        // SAFETY: it is a whole table.
        let table = unsafe { Table::read(table) }.unwrap();
        let mapped = Arc::new(());
        let weak = Arc::downgrade(&mapped);
        let native = Native::new(table, mapped as Mapped).unwrap();
        Rig {
            plugin: Shared(Arc::new(native)),
            mapped: weak,
            told: Arc::default(),
        }
    }

    pub(super) fn create(
        &self,
        config: &serde_json::Value,
    ) -> Result<Arc<dyn Instance>, CreateError> {
        let limits = Limits {
            memory: 0,
            fuel: 0,
            instances: 1,
        };
        self.plugin.create(config, self.told.clone(), &limits)
    }

    pub(super) fn start(&self, probe: Probe) -> Arc<dyn Instance> {
        self.try_start(probe)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn try_start(&self, probe: Probe) -> Result<Arc<dyn Instance>, CreateError> {
        NEXT.set(Some(probe));
        self.create(&serde_json::json!({"key": "value"}))
    }
}

/// A probe that does this with each message.
pub(super) fn processing(
    process: impl Fn(&Inside<'_>, abi::Kind, &[u8]) -> abi::Status + Send + Sync + 'static,
) -> Probe {
    Probe {
        process: Box::new(process),
        ..Probe::default()
    }
}
