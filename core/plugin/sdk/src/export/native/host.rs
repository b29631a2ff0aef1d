//! The host as a library sees it, and memory that goes from one to the other.
#![allow(unsafe_code, reason = "calls the host")]
#![deny(clippy::undocumented_unsafe_blocks)]
#![expect(
    clippy::disallowed_types,
    reason = "this crate depends on nothing; no panic is possible while the lock is held"
)]

use std::ffi::c_void;
use std::sync::{Arc, PoisonError, RwLock};

use crate::abi;
use crate::processor::{Level, Services};

/// Bytes of the host, lent to the plugin.
///
/// # Safety
///
/// `bytes` is from the host, and the result is not used after the host takes it back.
pub(super) unsafe fn lent(bytes: &abi::Bytes) -> &[u8] {
    match bytes.len {
        0 => &[],
        // SAFETY: what has a length is not at null, by the contract.
        len => unsafe { std::slice::from_raw_parts(bytes.data, len) },
    }
}

/// Lends text to the host.
pub(super) fn lend(text: &str) -> abi::Bytes {
    abi::Bytes {
        data: text.as_ptr(),
        len: text.len(),
    }
}

/// Gives a message to the host, without a copy. The owner is no pointer but the capacity, without which the
/// memory cannot be given back.
pub(super) fn give(message: Vec<u8>) -> abi::Buffer {
    let mut message = std::mem::ManuallyDrop::new(message);
    abi::Buffer {
        data: message.as_mut_ptr(),
        len: message.len(),
        owner: std::ptr::without_provenance_mut(message.capacity()),
        release: Some(take_back),
    }
}

unsafe extern "C" fn take_back(owner: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: these are the parts that `give` took the message apart into, and the host gives them once.
    drop(unsafe { Vec::from_raw_parts(data.cast_mut(), len, owner.addr()) });
}

/// The host's functions for one instance. The plugin may hand its `Host` to a thread that outlives the
/// instance, and the host's table does not: so the way there is closed in time.
#[derive(Clone)]
pub(super) struct HostServices {
    table: abi::Host,
    is_open: Arc<RwLock<bool>>,
}

// SAFETY: the contract lets the functions of the table's context be called on any thread.
unsafe impl Send for HostServices {}
// SAFETY: as above.
unsafe impl Sync for HostServices {}

impl HostServices {
    /// # Safety
    ///
    /// `table` is the host's, and stays valid until [`HostServices::close`] has returned.
    pub(super) unsafe fn new(table: abi::Host) -> HostServices {
        let is_open = Arc::new(RwLock::new(true));
        HostServices { table, is_open }
    }

    /// For calls, which are over before it is closed.
    pub(super) fn table(&self) -> abi::Host {
        self.table
    }

    /// Waits for threads that are with the host, and lets none to it afterwards.
    pub(super) fn close(&self) {
        *self.is_open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    pub(super) fn log_line(&self, level: abi::Level, text: &str) {
        // SAFETY: the table is valid, and the text lent.
        self.while_open(|host| unsafe { (host.log)(host.context, level, lend(text)) });
    }

    fn while_open<T: Default>(&self, tell: impl FnOnce(&abi::Host) -> T) -> T {
        let is_open = self.is_open.read().unwrap_or_else(PoisonError::into_inner);
        match *is_open {
            true => tell(&self.table),
            false => T::default(),
        }
    }
}

impl Services for HostServices {
    fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => abi::LEVEL_ERROR,
            Level::Warn => abi::LEVEL_WARN,
            Level::Info => abi::LEVEL_INFO,
            Level::Debug => abi::LEVEL_DEBUG,
        };
        self.log_line(level, text);
    }

    fn counter(&self, name: &str, add: u64) {
        // SAFETY: the table is valid, and the name lent.
        self.while_open(|host| unsafe { (host.counter)(host.context, lend(name), add) });
    }

    fn gauge(&self, name: &str, value: f64) {
        // SAFETY: the table is valid, and the name lent.
        self.while_open(|host| unsafe { (host.gauge)(host.context, lend(name), value) });
    }

    fn histogram(&self, name: &str, value: f64) {
        // SAFETY: the table is valid, and the name lent.
        self.while_open(|host| unsafe { (host.histogram)(host.context, lend(name), value) });
    }

    /// 0 after the instance has ended.
    fn now_unix_nano(&self) -> u64 {
        // SAFETY: the table is valid.
        self.while_open(|host| unsafe { (host.now)(host.context) })
    }
}
