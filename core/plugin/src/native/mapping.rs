//! A library in this process's memory.
#![allow(unsafe_code, reason = "the loader of the system")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::error::Error;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use skyferry_plugin_sdk::abi;

use super::image::Image;
use super::table::Table;
use crate::library::LoadError;

/// Unmaps the library when it is dropped, as far as the library allows.
pub(super) struct Mapping {
    library: Library,
    /// Debuggers and backtraces look for names in it.
    _image: Option<Image>,
}

impl Mapping {
    /// Maps the library, which runs its initializers.
    pub(super) fn new(image: Image) -> Result<Mapping, LoadError> {
        let flags = RTLD_NOW | RTLD_LOCAL;
        // SAFETY: the code that runs is what the operator asked for, by path and perhaps by SHA-256, and is
        // trusted with this process. The image is its own and does not change.
        let library = unsafe { Library::open(Some(image.path()), flags) };
        let library = library.map_err(|error| {
            // What the loader says is the cause of the error.
            let said = error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string);
            // It begins with a path that nobody knows.
            let private = format!("{}: ", image.path().display());
            LoadError::Unloadable(said.replace(&private, ""))
        })?;
        Ok(Mapping {
            library,
            _image: image.into_kept(),
        })
    }

    /// The table, for as long as this is there.
    pub(super) fn table(&self) -> Result<Table, LoadError> {
        let missing = || LoadError::MissingExport(abi::SYMBOL.to_owned());
        // SAFETY: the symbol names the version of the contract, in which it has this type.
        let entry = unsafe { self.library.get::<Option<abi::Entry>>(abi::SYMBOL) };
        let entry = entry.ok().and_then(|entry| *entry).ok_or_else(missing)?;
        // SAFETY: the contract lets the host call it at any time while the library is mapped.
        let table = unsafe { entry() };
        // SAFETY: it comes from an `Entry`.
        unsafe { Table::read(table) }
    }
}
