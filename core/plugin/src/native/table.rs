//! The functions of a plugin.
#![allow(unsafe_code, reason = "reads a table that a library has made")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::ops::Deref;

use skyferry_plugin_sdk::abi;

use super::buffer;
use crate::description::Description;
use crate::library::LoadError;

/// Bytes of the table in version 1.0, which every plugin has.
const BYTES_1_0: usize = offset_of!(abi::Plugin, destroy) + size_of::<usize>();

/// The functions of version 1.0. Those of later ones may be absent and are `Option`s in the table.
const FUNCTIONS_1_0: [(&str, usize); 5] = [
    ("describe", offset_of!(abi::Plugin, describe)),
    ("create", offset_of!(abi::Plugin, create)),
    ("process", offset_of!(abi::Plugin, process)),
    ("flush", offset_of!(abi::Plugin, flush)),
    ("destroy", offset_of!(abi::Plugin, destroy)),
];

/// A copy of a plugin's table. What the plugin's own does not have is null.
#[derive(Clone, Copy)]
pub(super) struct Table(abi::Plugin);

impl Deref for Table {
    type Target = abi::Plugin;

    fn deref(&self) -> &abi::Plugin {
        &self.0
    }
}

impl Table {
    /// # Safety
    ///
    /// What an [`abi::Entry`] returned: null, not aligned, or a table that begins with its version and size
    /// and is readable for as many bytes as that says.
    pub(super) unsafe fn read(table: *const abi::Plugin) -> Result<Table, LoadError> {
        let bad = |how: String| Err(LoadError::BadTable(how));
        if table.is_null() {
            return bad("it is null".to_owned());
        }
        if !table.is_aligned() {
            return bad(format!(
                "it is not aligned to `{}` bytes",
                align_of::<abi::Plugin>()
            ));
        }
        // SAFETY: version and size are there in every version of the contract, and the table is aligned.
        let (version, size) = unsafe {
            (
                (&raw const (*table).version).read(),
                (&raw const (*table).size).read(),
            )
        };
        if version >> 16 != abi::VERSION >> 16 {
            return Err(LoadError::OtherVersion {
                found: version_text(version),
                here: version_text(abi::VERSION),
            });
        }
        let size = size as usize;
        if size < BYTES_1_0 {
            return bad(format!(
                "its `size` is `{size}`, and that of version 1.0 is `{BYTES_1_0}`"
            ));
        }
        // SAFETY: the caller promises as many readable bytes.
        let known = unsafe { known_part(table, size) };
        for (name, offset) in FUNCTIONS_1_0 {
            let function = known
                .as_ptr()
                .wrapping_byte_add(offset)
                .cast::<*const c_void>();
            // SAFETY: the offset is of a pointer within `known`, all bytes of which are set.
            if unsafe { function.read() }.is_null() {
                return bad(format!("its `{name}` is null"));
            }
        }
        // SAFETY: all bytes are set, and the functions that may not be null are not.
        Ok(Table(unsafe { known.assume_init() }))
    }

    /// The contract's version that the plugin was built with.
    pub(super) fn version(&self) -> u32 {
        self.0.version
    }

    pub(super) fn describe(&self) -> Result<Description, LoadError> {
        // SAFETY: the contract lets the host call it at any time; the library is mapped, as this was read from it.
        let json = unsafe { (self.0.describe)() };
        // SAFETY: the contract lends the text for as long as the library is loaded.
        let json = unsafe { buffer::lent(&json, crate::description::DESCRIPTION_BYTES_MAX) };
        let bad = |how: buffer::Unreadable| LoadError::BadDescription(how.to_string());
        Description::read(json.map_err(bad)?)
    }
}

/// As much of a table as both sides know; the rest is zero, which is null where it is a function.
///
/// # Safety
///
/// `size` bytes are readable at `table`.
pub(super) unsafe fn known_part<T>(table: *const T, size: usize) -> MaybeUninit<T> {
    let mut known = MaybeUninit::<T>::zeroed();
    let bytes = size.min(size_of::<T>());
    // SAFETY: both are `bytes` long, and one was made here.
    unsafe { std::ptr::copy_nonoverlapping(table.cast::<u8>(), known.as_mut_ptr().cast(), bytes) };
    known
}

fn version_text(version: u32) -> String {
    format!("{}.{}", version >> 16, version & 0xffff)
}
