//! Shared libraries with the C table of [`skyferry_plugin_sdk::abi`].
//!
//! ```text
//! image     a private copy of the file, which nobody overwrites while it runs
//! mapping   the copy in this process's memory, and its one symbol
//! table     the plugin's functions, checked to be there
//! host      the functions that a plugin calls
//! buffer    memory of the plugin's
//! instance  a plugin at work
//! ```
//!
//! A library is trusted with the whole process: it can read and write all of its memory, and a crash of the
//! one is a crash of the other. What is checked here is the contract, so that a mistake in a plugin is told
//! as what it is. The modules from `mapping` on have all the unsafe code of this program.

mod buffer;
mod host;
mod image;
mod instance;
mod mapping;
mod table;

use std::any::Any;
use std::sync::Arc;

use self::image::Image;
use self::instance::NativeInstance;
use self::mapping::Mapping;
use self::table::Table;
use crate::description::Description;
use crate::library::{CreateError, Instance, Limits, LoadError, Plugin};
use crate::services::Services;

/// What has to stay for as long as any code or memory of a library may be used.
type Mapped = Arc<dyn Any + Send + Sync>;

/// A library that is mapped, and has been found to be a plugin.
struct Native {
    table: Table,
    description: Description,
    mapped: Mapped,
}

/// Maps a library and reads what it says about itself, which runs code of it.
pub(crate) fn open(file: &[u8]) -> Result<Arc<dyn Plugin>, LoadError> {
    let mapping = Mapping::new(Image::new(file)?)?;
    let table = mapping.table()?;
    let native = Native::new(table, Arc::new(mapping))?;
    Ok(Arc::new(Shared(Arc::new(native))))
}

impl Native {
    /// `mapped` keeps the functions of `table` where they are.
    fn new(table: Table, mapped: Mapped) -> Result<Native, LoadError> {
        let description = table.describe()?;
        if description.resident {
            std::mem::forget(mapped.clone());
        }
        Ok(Native {
            table,
            description,
            mapped,
        })
    }
}

/// Instances share it, and it outlives them.
struct Shared(Arc<Native>);

impl Plugin for Shared {
    fn description(&self) -> &Description {
        &self.0.description
    }

    fn abi_version(&self) -> u32 {
        self.0.table.version()
    }

    fn create(
        &self,
        config: &serde_json::Value,
        services: Arc<dyn Services>,
        _: &Limits,
    ) -> Result<Arc<dyn Instance>, CreateError> {
        let config = config.to_string();
        let instance = NativeInstance::create(self.0.clone(), &config, services)?;
        Ok(Arc::new(instance))
    }
}

#[cfg(test)]
mod tests;
