//! A plugin at work.
#![allow(unsafe_code, reason = "calls into a library")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::RwLock;
use skyferry_plugin_sdk::abi;

use super::Native;
use super::buffer::lend;
use super::host::{CallCell, HostSide};
use crate::call::Call;
use crate::contract::{Emitted, Failure, Kind, Processed};
use crate::library::{CreateError, Instance};
use crate::services::Services;

pub(super) struct NativeInstance {
    instance: NonNull<abi::Instance>,
    /// Shared by calls that may overlap. Whoever calls keeps them apart already, or should.
    turn: RwLock<()>,
    plugin: Arc<Native>,
    /// Dropped after the instance is destroyed.
    _host: HostSide,
}

// SAFETY: the contract lets any thread call; `turn` keeps those calls apart that may not overlap, and
// `destroy` has the instance for itself as `Drop` does.
unsafe impl Send for NativeInstance {}
// SAFETY: as above.
unsafe impl Sync for NativeInstance {}

impl NativeInstance {
    pub(super) fn create(
        plugin: Arc<Native>,
        config: &str,
        services: Arc<dyn Services>,
    ) -> Result<NativeInstance, CreateError> {
        let host = HostSide::new(services);
        let cell = CallCell::new(Call::create(), &plugin.mapped);
        let mut instance = std::ptr::null_mut();
        // SAFETY: the table is that of a library which `plugin` keeps mapped; the host's table stays until the
        // instance is destroyed, and the rest is lent for the call.
        let status = unsafe {
            (plugin.table.create)(
                host.table(),
                cell.as_abi(),
                lend(config.as_bytes()),
                &raw mut instance,
            )
        };
        let call = cell.end();
        let made = NonNull::new(instance).filter(|_| status == abi::STATUS_UNCHANGED);
        // First, so that what was made is destroyed where the call broke the contract in other ways.
        let made = made.map(|instance| NativeInstance {
            instance,
            turn: RwLock::new(()),
            plugin: plugin.clone(),
            _host: host,
        });
        call.created(status)?;
        let without = || Failure::Broken("`create` succeeded and set no instance".to_owned());
        Ok(made.ok_or_else(without)?)
    }

    /// One call, when it is its turn. A call before it that does not return takes the time of this one.
    fn call(
        &self,
        call: Call,
        may_overlap: bool,
        deadline: Instant,
        run: impl FnOnce(*mut abi::Call) -> abi::Status,
    ) -> Result<(Call, abi::Status), Failure> {
        let _shared;
        let _alone;
        if may_overlap {
            _shared = self
                .turn
                .try_read_until(deadline)
                .ok_or(Failure::TimedOut)?;
        } else {
            _alone = self
                .turn
                .try_write_until(deadline)
                .ok_or(Failure::TimedOut)?;
        }
        let cell = CallCell::new(call, &self.plugin.mapped);
        let status = run(cell.as_abi());
        Ok((cell.end(), status))
    }
}

impl Instance for NativeInstance {
    fn process(
        &self,
        kind: Kind,
        message: &Bytes,
        deadline: Instant,
    ) -> Result<Processed, Failure> {
        let description = &self.plugin.description;
        let call = Call::process(description, kind);
        let (call, status) = self.call(call, description.parallel, deadline, |call| {
            // SAFETY: the instance is not destroyed and its library mapped; the rest is lent for the call,
            // and the calls that run beside it are those that may.
            unsafe {
                (self.plugin.table.process)(
                    self.instance.as_ptr(),
                    call,
                    kind.number(),
                    lend(message),
                )
            }
        })?;
        call.processed(status)
    }

    fn flush(&self, deadline: Instant) -> Result<Vec<Emitted>, Failure> {
        let call = Call::flush(&self.plugin.description);
        let (call, status) = self.call(call, false, deadline, |call| {
            // SAFETY: the instance is not destroyed and its library mapped; no other call runs.
            unsafe { (self.plugin.table.flush)(self.instance.as_ptr(), call) }
        })?;
        call.flushed(status)
    }
}

impl Drop for NativeInstance {
    fn drop(&mut self) {
        // SAFETY: no call runs, as they borrow this, and none comes after.
        unsafe { (self.plugin.table.destroy)(self.instance.as_ptr()) };
    }
}
