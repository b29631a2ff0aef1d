//! The functions that a plugin calls.
#![allow(unsafe_code, reason = "is called by libraries")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::sync::Arc;

use parking_lot::Mutex;
use skyferry_plugin_sdk::abi;

use super::Mapped;
use super::buffer::{self, Given};
use crate::call::{Call, EMITTED_BYTES_MAX, REASON_BYTES_MAX};
use crate::services::{Bounded, LOG_LINE_BYTES_MAX, Level, METRIC_NAME_BYTES_MAX, Services};

/// What an [`abi::Call`] points to. Locked, because a plugin that hands it to another thread of its own
/// breaks the contract, and shall not break the process.
pub(super) struct CallCell<'a> {
    call: Mutex<Call>,
    mapped: &'a Mapped,
}

impl<'a> CallCell<'a> {
    pub(super) fn new(call: Call, mapped: &'a Mapped) -> Self {
        let call = Mutex::new(call);
        CallCell { call, mapped }
    }

    /// For the plugin, for as long as the cell stands where it is.
    pub(super) fn as_abi(&self) -> *mut abi::Call {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    pub(super) fn end(self) -> Call {
        self.call.into_inner()
    }
}

/// What an instance has of the host. It has to outlive the instance.
pub(super) struct HostSide {
    table: Arc<HostTable>,
    /// Where [`abi::Context`] points to.
    _services: Arc<Bounded>,
}

struct HostTable(abi::Host);

// SAFETY: the table does not change, and the functions of its context may be called on any thread.
unsafe impl Send for HostTable {}
// SAFETY: as above.
unsafe impl Sync for HostTable {}

impl HostSide {
    pub(super) fn new(services: Arc<dyn Services>) -> HostSide {
        let services = Arc::new(Bounded::new(services));
        let table = abi::Host {
            version: abi::VERSION,
            size: size_of::<abi::Host>() as u32,
            context: Arc::as_ptr(&services).cast_mut().cast(),
            emit,
            reason,
            log,
            counter,
            gauge,
            histogram,
            now,
        };
        HostSide {
            table: Arc::new(HostTable(table)),
            _services: services,
        }
    }

    pub(super) fn table(&self) -> *const abi::Host {
        &raw const self.table.0
    }
}

/// # Safety
///
/// `call` is null or comes from [`CallCell::as_abi`], and the function it was given to has not returned.
unsafe fn cell<'a>(call: *mut abi::Call) -> Option<&'a CallCell<'a>> {
    // SAFETY: the caller's promise.
    unsafe { call.cast::<CallCell<'_>>().as_ref() }
}

/// # Safety
///
/// `context` is null or that of a [`HostSide`] whose instance is not destroyed.
unsafe fn services<'a>(context: *mut abi::Context) -> Option<&'a Bounded> {
    // SAFETY: the caller's promise.
    unsafe { context.cast::<Bounded>().as_ref() }
}

unsafe extern "C" fn emit(call: *mut abi::Call, kind: abi::Kind, message: abi::Buffer) {
    // SAFETY: the contract says so of the plugin's `call`.
    let Some(cell) = (unsafe { cell(call) }) else {
        return;
    };
    // SAFETY: this is how a plugin gives a buffer. From here on it is released on every way out.
    let message = unsafe { Given::new(message, cell.mapped.clone()) };
    if message.is_null() {
        let how = format!("it emitted `{}` bytes at null", message.len());
        cell.call.lock().breaks(how);
        return;
    }
    const { assert!(EMITTED_BYTES_MAX < isize::MAX as usize) };
    let admitted = cell.call.lock().admit(kind, message.len());
    // The lock is not held here: copying takes its time, and `release` may call the host.
    if let Some(kind) = admitted {
        let message = message.into_message();
        cell.call.lock().emit(kind, message);
    }
}

unsafe extern "C" fn reason(call: *mut abi::Call, text: abi::Bytes, item: u64) {
    // SAFETY: the contract says so of the plugin's `call`.
    if let Some(cell) = unsafe { cell(call) } {
        // SAFETY: the contract lends the text until this returns.
        let text = unsafe { buffer::start_of(&text, REASON_BYTES_MAX) };
        cell.call.lock().reason(text, item);
    }
}

unsafe extern "C" fn log(context: *mut abi::Context, level: abi::Level, text: abi::Bytes) {
    // SAFETY: the contract says so of the plugin's `context`.
    if let Some(services) = unsafe { services(context) } {
        // SAFETY: the contract lends the text until this returns.
        let text = unsafe { buffer::start_of(&text, LOG_LINE_BYTES_MAX) };
        services.log(Level::of_number(level), text);
    }
}

unsafe extern "C" fn counter(context: *mut abi::Context, name: abi::Bytes, add: u64) {
    // SAFETY: the contract says so of the plugin's `context`.
    if let Some(services) = unsafe { services(context) } {
        // SAFETY: the contract lends the name until this returns.
        services.counter(unsafe { metric(&name) }, add);
    }
}

unsafe extern "C" fn gauge(context: *mut abi::Context, name: abi::Bytes, value: f64) {
    // SAFETY: the contract says so of the plugin's `context`.
    if let Some(services) = unsafe { services(context) } {
        // SAFETY: the contract lends the name until this returns.
        services.gauge(unsafe { metric(&name) }, value);
    }
}

unsafe extern "C" fn histogram(context: *mut abi::Context, name: abi::Bytes, value: f64) {
    // SAFETY: the contract says so of the plugin's `context`.
    if let Some(services) = unsafe { services(context) } {
        // SAFETY: the contract lends the name until this returns.
        services.histogram(unsafe { metric(&name) }, value);
    }
}

unsafe extern "C" fn now(context: *mut abi::Context) -> u64 {
    // SAFETY: the contract says so of the plugin's `context`.
    let services = unsafe { services(context) };
    services.map_or(0, Bounded::now_unix_nano)
}

/// A name, with one byte more than it may have where it is longer, so that it is seen to be too long.
///
/// # Safety
///
/// As for [`buffer::lent`].
unsafe fn metric(name: &abi::Bytes) -> &[u8] {
    // SAFETY: the caller's promise.
    unsafe { buffer::start_of(name, METRIC_NAME_BYTES_MAX + 1) }
}
