//! The exports of a module, and the host's functions that it imports.
#![allow(unsafe_code, reason = "declares what the host offers")]
#![deny(clippy::undocumented_unsafe_blocks)]
#![expect(
    clippy::disallowed_types,
    reason = "this crate depends on nothing; a panic ends the instance, so nobody sees a poisoned lock"
)]

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::describe;
use crate::abi;
use crate::output::{Kind, Output, Sink};
use crate::processor::{Error, Host, Level, Processor, Services};

/// Makes a module of a type that implements [`Processor`]. A module has one.
///
/// It has to be built as a `cdylib`. A panic ends the instance: the call fails with the panic's message, and
/// the next one has a new instance.
#[macro_export]
macro_rules! export_processor {
    ($processor:ty) => {
        const _: () = {
            static MODULE: $crate::export::wasm::Module<$processor> =
                $crate::export::wasm::Module::new();

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_plugin_v1() -> u32 {
                $crate::abi::VERSION
            }

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_alloc(len: usize) -> *mut u8 {
                MODULE.alloc(len)
            }

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_describe() -> u64 {
                MODULE.describe()
            }

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_create(_: usize, len: usize) -> $crate::abi::Status {
                MODULE.create(len)
            }

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_process(
                kind: $crate::abi::Kind,
                _: usize,
                len: usize,
            ) -> $crate::abi::Status {
                MODULE.process(kind, len)
            }

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_flush() -> $crate::abi::Status {
                MODULE.flush()
            }
        };
    };
}

/// The state of a module's instance, which is that of one plugin.
pub struct Module<P> {
    processor: OnceLock<P>,
    description: OnceLock<String>,
    /// What the host writes to. It grows to the largest message.
    lent: Mutex<Vec<u8>>,
}

impl<P: Processor> Module<P> {
    #[expect(clippy::new_without_default, reason = "a static has to be const")]
    pub const fn new() -> Module<P> {
        Module {
            processor: OnceLock::new(),
            description: OnceLock::new(),
            lent: Mutex::new(Vec::new()),
        }
    }

    /// Where the host may write `len` bytes, which the next call is about.
    pub fn alloc(&self, len: usize) -> *mut u8 {
        let mut lent = self.lent();
        if lent.len() < len {
            lent.resize(len, 0);
        }
        lent.as_mut_ptr()
    }

    /// Address and length of the description.
    pub fn describe(&self) -> u64 {
        let json = self
            .description
            .get_or_init(|| describe::json(&P::DESCRIPTION));
        ((json.as_ptr().addr() as u64) << 32) | json.len() as u64
    }

    pub fn create(&self, len: usize) -> abi::Status {
        tell_host_of_panics();
        let lent = self.lent();
        let created = std::str::from_utf8(first(&lent, len))
            .map_err(|error| Error::Failed(format!("the configuration is not UTF-8: {error}")))
            .and_then(|config| {
                P::create(config, Host::new(HostServices))
                    .map_err(|reason| Error::Refused { reason, item: None })
            });
        status(created.map(|processor| {
            self.processor.get_or_init(|| processor);
            abi::STATUS_UNCHANGED
        }))
    }

    pub fn process(&self, kind: abi::Kind, len: usize) -> abi::Status {
        let lent = self.lent();
        status(self.processor().and_then(|processor| {
            let kind = Kind::of_number(kind).ok_or_else(|| {
                Error::Failed(format!("messages of kind `{kind}` are newer than it"))
            })?;
            let mut sink = HostSink;
            let mut output = Output::new(&mut sink);
            processor.process(kind, first(&lent, len), &mut output)?;
            Ok(match output.is_replaced() {
                true => abi::STATUS_REPLACED,
                false => abi::STATUS_UNCHANGED,
            })
        }))
    }

    pub fn flush(&self) -> abi::Status {
        status(self.processor().and_then(|processor| {
            let flushed = processor.flush(&mut Output::new(&mut HostSink));
            // There is no sender whom data could be refused.
            flushed.map_err(|error| match error {
                Error::Refused { reason, .. } => Error::Failed(reason),
                failed => failed,
            })?;
            Ok(abi::STATUS_UNCHANGED)
        }))
    }

    fn processor(&self) -> Result<&P, Error> {
        let processor = self.processor.get();
        processor.ok_or_else(|| Error::Failed("it was not created".to_owned()))
    }

    fn lent(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the host has written; no more than it was given room for.
fn first(lent: &[u8], len: usize) -> &[u8] {
    lent.get(..len).unwrap_or(lent)
}

/// The status of a call, and its reason told to the host.
fn status(result: Result<abi::Status, Error>) -> abi::Status {
    match result {
        Ok(status) => status,
        Err(Error::Refused { reason, item }) => {
            give_reason(&reason, item.unwrap_or(abi::NO_ITEM));
            abi::STATUS_REFUSED
        }
        Err(Error::Failed(reason)) => {
            give_reason(&reason, abi::NO_ITEM);
            abi::STATUS_FAILED
        }
    }
}

/// A panic ends the instance by a trap, which says nothing: so its message goes ahead as the reason.
fn tell_host_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("without a message");
        let place = panic.location().map(|place| format!(", at {place}"));
        let place = place.unwrap_or_default();
        give_reason(&format!("it panicked: {text}{place}"), abi::NO_ITEM);
    }));
}

fn give_reason(text: &str, item: u64) {
    import::reason(text.as_ptr(), text.len(), item);
}

struct HostSink;

impl Sink for HostSink {
    fn emit(&mut self, kind: Kind, message: Vec<u8>) {
        import::emit(kind.number(), message.as_ptr(), message.len());
    }
}

struct HostServices;

impl Services for HostServices {
    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => abi::LEVEL_ERROR,
            Level::Warn => abi::LEVEL_WARN,
            Level::Info => abi::LEVEL_INFO,
            Level::Debug => abi::LEVEL_DEBUG,
        };
        import::log(level, text.as_ptr(), text.len());
    }

    fn counter(&self, name: &str, add: u64) {
        import::counter(name.as_ptr(), name.len(), add);
    }

    fn gauge(&self, name: &str, value: f64) {
        import::gauge(name.as_ptr(), name.len(), value);
    }

    fn histogram(&self, name: &str, value: f64) {
        import::histogram(name.as_ptr(), name.len(), value);
    }

    fn now_unix_nano(&self) -> u64 {
        import::now()
    }
}

mod import {
    use crate::abi;

    // SAFETY: these are the types that the contract gives the functions. They are safe to call with any
    // values: the host reads no memory but this module's own, and writes none.
    #[link(wasm_import_module = "skyferry")]
    unsafe extern "C" {
        pub(super) safe fn emit(kind: abi::Kind, data: *const u8, len: usize);
        pub(super) safe fn reason(data: *const u8, len: usize, item: u64);
        pub(super) safe fn log(level: abi::Level, data: *const u8, len: usize);
        pub(super) safe fn counter(data: *const u8, len: usize, add: u64);
        pub(super) safe fn gauge(data: *const u8, len: usize, value: f64);
        pub(super) safe fn histogram(data: *const u8, len: usize, value: f64);
        pub(super) safe fn now() -> u64;
    }
}
