//! The C table of a library.
#![allow(unsafe_code, reason = "is called by the host")]
#![deny(clippy::undocumented_unsafe_blocks)]

mod host;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use self::host::{HostServices, give, lend, lent};
use super::describe;
use crate::abi;
use crate::output::{Kind, Output, Sink};
use crate::processor::{Error, Host, Processor};

/// Makes a library of a type that implements [`Processor`]. A library has one.
///
/// It has to be built as a `cdylib`, and with panics that unwind, which is Cargo's default: a panic is then
/// the failure of one call. With `panic = "abort"` it ends the whole process.
#[macro_export]
macro_rules! export_processor {
    ($processor:ty) => {
        const _: () = {
            static DESCRIPTION: ::std::sync::OnceLock<::std::string::String> =
                ::std::sync::OnceLock::new();

            unsafe extern "C" fn describe() -> $crate::abi::Bytes {
                $crate::export::native::describe::<$processor>(&DESCRIPTION)
            }

            static TABLE: $crate::abi::Plugin =
                $crate::export::native::table::<$processor>(describe);

            #[unsafe(no_mangle)]
            extern "C" fn skyferry_plugin_v1() -> *const $crate::abi::Plugin {
                &raw const TABLE
            }
        };
    };
}

/// The table of a plugin. `describe` is made by the macro, as each type needs a text of its own.
pub const fn table<P: Processor>(describe: unsafe extern "C" fn() -> abi::Bytes) -> abi::Plugin {
    abi::Plugin {
        version: abi::VERSION,
        size: size_of::<abi::Plugin>() as u32,
        describe,
        create: create::<P>,
        process: process::<P>,
        flush: flush::<P>,
        destroy: destroy::<P>,
    }
}

/// The text of `describe`, made when it is first asked for.
pub fn describe<P: Processor>(json: &'static OnceLock<String>) -> abi::Bytes {
    lend(json.get_or_init(|| describe::json(&P::DESCRIPTION)))
}

/// What an [`abi::Instance`] points to.
struct Exported<P> {
    processor: P,
    services: HostServices,
}

unsafe extern "C" fn create<P: Processor>(
    host: *const abi::Host,
    call: *mut abi::Call,
    config: abi::Bytes,
    instance: *mut *mut abi::Instance,
) -> abi::Status {
    // SAFETY: the host's table is valid, and by the contract at least as long as that of version 1.0.
    let table = unsafe { host.read() };
    // SAFETY: the table is the host's. `destroy` closes the services, or this does without an instance.
    let services = unsafe { HostServices::new(table) };
    let status = OpenCall { call, host: table }.guard(|| {
        // SAFETY: the contract lends the configuration until this returns.
        let config = unsafe { lent(&config) };
        let config = std::str::from_utf8(config)
            .map_err(|error| Error::Failed(format!("the configuration is not UTF-8: {error}")))?;
        let processor = P::create(config, Host::new(services.clone()))
            .map_err(|reason| Error::Refused { reason, item: None })?;
        let services = services.clone();
        let exported = Box::into_raw(Box::new(Exported {
            processor,
            services,
        }));
        // SAFETY: the contract says that it can be set.
        unsafe { instance.write(exported.cast()) };
        Ok(abi::STATUS_UNCHANGED)
    });
    if status != abi::STATUS_UNCHANGED {
        services.close();
    }
    status
}

unsafe extern "C" fn process<P: Processor>(
    instance: *mut abi::Instance,
    call: *mut abi::Call,
    kind: abi::Kind,
    message: abi::Bytes,
) -> abi::Status {
    // SAFETY: it comes from `create` and is not destroyed; calls that overlap share it.
    let exported = unsafe { &*instance.cast::<Exported<P>>() };
    let mut call = exported.open(call);
    call.clone().guard(|| {
        let kind = Kind::of_number(kind)
            .ok_or_else(|| Error::Failed(format!("messages of kind `{kind}` are newer than it")))?;
        // SAFETY: the contract lends the message until this returns.
        let message = unsafe { lent(&message) };
        let mut output = Output::new(&mut call);
        exported.processor.process(kind, message, &mut output)?;
        Ok(match output.is_replaced() {
            true => abi::STATUS_REPLACED,
            false => abi::STATUS_UNCHANGED,
        })
    })
}

unsafe extern "C" fn flush<P: Processor>(
    instance: *mut abi::Instance,
    call: *mut abi::Call,
) -> abi::Status {
    // SAFETY: it comes from `create` and is not destroyed.
    let exported = unsafe { &*instance.cast::<Exported<P>>() };
    let mut call = exported.open(call);
    call.clone().guard(|| {
        let result = exported.processor.flush(&mut Output::new(&mut call));
        // There is no sender whom data could be refused.
        result.map_err(|error| match error {
            Error::Refused { reason, .. } => Error::Failed(reason),
            failed => failed,
        })?;
        Ok(abi::STATUS_UNCHANGED)
    })
}

unsafe extern "C" fn destroy<P: Processor>(instance: *mut abi::Instance) {
    // SAFETY: it comes from `create`, and the contract says that nobody uses it any more.
    let exported = unsafe { Box::from_raw(instance.cast::<Exported<P>>()) };
    let Exported {
        processor,
        services,
    } = *exported;
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(processor))) {
        let text = format!(
            "the plugin panicked when it was ended: {}",
            message_of(panic)
        );
        services.log_line(abi::LEVEL_ERROR, &text);
    }
    services.close();
}

impl<P> Exported<P> {
    fn open(&self, call: *mut abi::Call) -> OpenCall {
        let host = self.services.table();
        OpenCall { call, host }
    }
}

/// A call of the host, on the thread it runs on.
#[derive(Clone)]
struct OpenCall {
    call: *mut abi::Call,
    host: abi::Host,
}

impl Sink for OpenCall {
    fn emit(&mut self, kind: Kind, message: Vec<u8>) {
        let message = give(message);
        // SAFETY: the call is open, as this lives no longer than the function it was given to.
        unsafe { (self.host.emit)(self.call, kind.number(), message) };
    }
}

impl OpenCall {
    /// The status of a call, and its reason told to the host. A panic ends here: the frames above are the
    /// host's.
    fn guard(&self, run: impl FnOnce() -> Result<abi::Status, Error>) -> abi::Status {
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(status)) => status,
            Ok(Err(Error::Refused { reason, item })) => {
                self.reason(&reason, item.unwrap_or(abi::NO_ITEM));
                abi::STATUS_REFUSED
            }
            Ok(Err(Error::Failed(reason))) => {
                self.reason(&reason, abi::NO_ITEM);
                abi::STATUS_FAILED
            }
            Err(panic) => {
                let reason = format!("it panicked: {}", message_of(panic));
                self.reason(&reason, abi::NO_ITEM);
                abi::STATUS_FAILED
            }
        }
    }

    fn reason(&self, text: &str, item: u64) {
        // SAFETY: the call is open, and the text lent.
        unsafe { (self.host.reason)(self.call, lend(text), item) };
    }
}

/// What a panic said.
fn message_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // What was thrown may panic when it is dropped, and what that throws likewise.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(panic);
    }
    text.unwrap_or_else(|| "without a message".to_owned())
}
