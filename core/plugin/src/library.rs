//! A plugin's file, and what is made of it.

mod file;
mod format;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::contract::{Emitted, Failure, Kind, Processed};
use crate::description::Description;
use crate::native;
use crate::services::Services;
#[cfg(feature = "wasm")]
use crate::wasm;

use self::format::Machine;

pub use self::file::FILE_BYTES_MAX;
pub use self::format::Format;

/// A loaded plugin. A shared library stays mapped until it, its instances and all bytes it has given are
/// dropped.
#[derive(Clone)]
pub struct Library {
    plugin: Arc<dyn Plugin>,
    format: Format,
    bytes: u64,
    sha256: Arc<str>,
}

/// What both kinds of libraries can do.
pub(crate) trait Plugin: Send + Sync {
    fn description(&self) -> &Description;

    /// The version of the contract it was built with, as [`skyferry_plugin_sdk::abi::VERSION`].
    fn abi_version(&self) -> u32;

    fn create(
        &self,
        config: &serde_json::Value,
        services: Arc<dyn Services>,
        limits: &Limits,
    ) -> Result<Arc<dyn Instance>, CreateError>;
}

/// A plugin at work. Calls may come from any thread; those of one instance overlap only where the
/// description says `parallel`, which the caller sees to: a call that comes too early waits for its turn
/// until its deadline. Dropping it destroys it.
pub trait Instance: Send + Sync {
    /// Shows it one message. A native plugin may run past `deadline`, and then nothing can end it: the caller
    /// stops waiting. A sandboxed one is ended.
    fn process(&self, kind: Kind, message: &Bytes, deadline: Instant)
    -> Result<Processed, Failure>;

    /// Asks for what it has gathered for other signals.
    fn flush(&self, deadline: Instant) -> Result<Vec<Emitted>, Failure>;
}

/// What a sandboxed plugin may use; a native one has no limits but its deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance.
    pub memory: usize,
    /// Instructions of one call, about.
    pub fuel: u64,
    /// How many instances may work at once.
    pub instances: usize,
}

/// Why a file is no plugin that can be run here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read it: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not the file that was meant.
    #[error("its SHA-256 is {found}, and the configuration asks for {asked}")]
    OtherContent { asked: String, found: String },
    /// Neither a shared library nor a WebAssembly module.
    #[error("it is {0}, and a plugin is a shared library or a WebAssembly module")]
    OtherFormat(&'static str),
    /// A shared library for other machines.
    #[error("it is built for {found}, and this is {here}")]
    OtherMachine { found: String, here: &'static str },
    /// The loader of the system refuses it.
    #[error("the system cannot load it: {0}")]
    Unloadable(String),
    /// What a plugin has to export is not there.
    #[error("it does not export `{0}`, which every plugin does")]
    MissingExport(String),
    /// A library's table cannot be used.
    #[error("its table of functions is wrong: {0}")]
    BadTable(String),
    /// It was built for a host that is not this one.
    #[error("it is built for version {found} of the plugin ABI, and this host has {here}")]
    OtherVersion { found: String, here: String },
    #[error("what it says about itself is wrong: {0}")]
    BadDescription(String),
    /// A file that begins as a module does, and is none that can run here.
    #[error("it is no module that can run here: {0}")]
    BadModule(String),
    /// A module's export is of another type.
    #[error("it exports `{name}` as `{found}`, and a plugin has to export it as `{asked}`")]
    WrongExport {
        name: String,
        found: String,
        asked: String,
    },
    /// A module wants something of its host that no plugin gets.
    #[error(
        "it imports `{module}.{name}`, and a plugin may import the functions of `skyferry` and those of \
         `wasi_snapshot_preview1`"
    )]
    UnknownImport { module: String, name: String },
    /// This program was built without the runtime for it.
    #[error("it is a WebAssembly module, and this program is built without the feature `wasm`")]
    NoRuntime,
}

/// Why an instance could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The configuration has to be changed.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Library {
    /// Loads a plugin, which runs code of a shared library. `sha256` is the content that the file has to
    /// have, in hexadecimal digits. The file may be changed or removed as soon as this returns.
    pub fn open(path: &Path, sha256: Option<&str>) -> Result<Library, LoadError> {
        let file = file::read(path)?;
        let sha256 = file::checked_sha256(&file, sha256)?;
        let format = format::recognise(&file, &Machine::HERE)?;
        let plugin = match format {
            Format::Elf | Format::MachO => native::open(&file)?,
            #[cfg(feature = "wasm")]
            Format::WebAssembly => wasm::load(&file)?,
            #[cfg(not(feature = "wasm"))]
            Format::WebAssembly => return Err(LoadError::NoRuntime),
        };
        Ok(Library {
            plugin,
            format,
            bytes: file.len() as u64,
            sha256: sha256.into(),
        })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of the file, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Major and minor version of the contract that the plugin was built with.
    pub fn abi_version(&self) -> (u32, u32) {
        let version = self.plugin.abi_version();
        (version >> 16, version & 0xffff)
    }

    pub fn description(&self) -> &Description {
        self.plugin.description()
    }

    /// Makes an instance. `config` is not checked against the schema here.
    pub fn create(
        &self,
        config: &serde_json::Value,
        services: Arc<dyn Services>,
        limits: &Limits,
    ) -> Result<Arc<dyn Instance>, CreateError> {
        self.plugin.create(config, services, limits)
    }
}

#[cfg(test)]
mod tests;
