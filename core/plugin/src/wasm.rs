//! Plugins that are WebAssembly modules: the same contract, in a sandbox.
//!
//! ```text
//! Compiled  machine code, imports checked     one per file
//!    |      Watch: a thread that ends calls past their deadline
//! Pool      one per configuration             an `Instance` towards the host
//!    |
//! Guest     memory and state of its own       as many as calls overlap
//! ```
//!
//! What a module exports and imports stands in `docs/plugins-wasm.md`; why it is so in
//! `docs/adr/0013-webassembly-by-a-core-abi.md`.

mod compiled;
mod guest;
mod imports;
mod output;
mod pool;
mod state;
mod wasi;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use skyferry_plugin_sdk::abi;

use self::compiled::{Compiled, START_TIME};
use self::guest::Guest;
use self::pool::Pool;
use crate::contract::Failure;
use crate::description::DESCRIPTION_BYTES_MAX;
use crate::description::Description;
use crate::library::{CreateError, Instance, Limits, LoadError, Plugin};
use crate::services::{Bounded, Level, Services};

/// What a module may use to describe itself, before anybody has configured anything.
fn limits_while_loading() -> Limits {
    Limits {
        memory: 64 << 20,
        fuel: 100_000_000,
        instances: 1,
    }
}

/// A plugin that is a module. Clones are the same.
#[derive(Clone)]
struct Module {
    compiled: Arc<Compiled>,
    abi_version: u32,
    description: Arc<Description>,
}

/// Makes a plugin of a module's bytes. Takes as long as the compiler does, about a second for 1 MiB.
pub(crate) fn load(file: &[u8]) -> Result<Arc<dyn Plugin>, LoadError> {
    let compiled = Compiled::of(file)?;
    let limits = limits_while_loading();
    let deadline = Instant::now() + START_TIME;
    let bad = |failure: Failure| LoadError::BadDescription(failure.to_string());
    let services = Arc::new(Bounded::new(Arc::new(Nobody)));
    let mut guest = Guest::new(compiled.clone(), services, &limits, deadline).map_err(bad)?;
    let abi_version = guest.version(deadline).map_err(bad)?;
    check_version(abi_version)?;
    let description = guest.describe(DESCRIPTION_BYTES_MAX, deadline);
    let description = Description::read(&description.map_err(bad)?)?;
    Ok(Arc::new(Module {
        compiled,
        abi_version,
        description: Arc::new(description),
    }))
}

/// A module built for a later minor version may use what this host has not, and would lack an import then.
fn check_version(found: u32) -> Result<(), LoadError> {
    if found >> 16 == abi::VERSION >> 16 {
        return Ok(());
    }
    Err(LoadError::OtherVersion {
        found: (found >> 16).to_string(),
        here: (abi::VERSION >> 16).to_string(),
    })
}

impl Plugin for Module {
    fn description(&self) -> &Description {
        &self.description
    }

    fn abi_version(&self) -> u32 {
        self.abi_version
    }

    fn create(
        &self,
        config: &serde_json::Value,
        services: Arc<dyn Services>,
        limits: &Limits,
    ) -> Result<Arc<dyn Instance>, CreateError> {
        let pool = Pool::new(self.clone(), config, services, limits)?;
        Ok(Arc::new(pool))
    }
}

/// Whom a module that is only asked what it is talks to.
struct Nobody;

impl Services for Nobody {
    fn log(&self, _: Level, _: &str) {}
    fn counter(&self, _: &str, _: u64) {}
    fn gauge(&self, _: &str, _: f64) {}
    fn histogram(&self, _: &str, _: f64) {}
    fn now_unix_nano(&self) -> u64 {
        0
    }
}
