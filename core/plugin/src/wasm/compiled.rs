//! A module as machine code, and whether it is a plugin at all.

use std::sync::Arc;
use std::time::Duration;

use skyferry_plugin_sdk::abi;
use wasmtime::{
    Config, Engine, ExternType, FuncType, Instance, InstancePre, Linker, Module, Store,
    UnknownImportError, ValType,
};

use super::state::State;
use super::watch::Watch;
use super::{imports, wasi};
use crate::library::LoadError;

/// What a plugin exports.
pub(super) mod export {
    pub(crate) const MEMORY: &str = "memory";
    /// What the version is behind in [`VERSION`].
    pub(crate) const VERSION_PREFIX: &str = "skyferry_plugin_v";
    pub(crate) const VERSION: &str = skyferry_plugin_sdk::abi::SYMBOL;
    pub(crate) const ALLOC: &str = "skyferry_alloc";
    pub(crate) const DESCRIBE: &str = "skyferry_describe";
    pub(crate) const CREATE: &str = "skyferry_create";
    pub(crate) const PROCESS: &str = "skyferry_process";
    pub(crate) const FLUSH: &str = "skyferry_flush";
    /// Of a WASI reactor, called once before all others.
    pub(crate) const INITIALIZE: &str = "_initialize";
}

/// Stack of one call. The thread that calls has to have more: those of the standard library have 2 MiB.
pub(super) const STACK_BYTES: usize = 512 << 10;

/// What an instance may take to begin, with its configuration.
pub(super) const START_TIME: Duration = Duration::from_secs(10);

use ValType::{I32, I64};

const FUNCTIONS: [(&str, &[ValType], &[ValType]); 5] = [
    (export::VERSION, &[], &[I32]),
    (export::ALLOC, &[I32], &[I32]),
    (export::DESCRIBE, &[], &[I64]),
    (export::CREATE, &[I32, I32], &[I32]),
    (export::PROCESS, &[I32, I32, I32], &[I32]),
];
const OPTIONAL_FUNCTIONS: [(&str, &[ValType], &[ValType]); 2] =
    [(export::FLUSH, &[], &[I32]), (export::INITIALIZE, &[], &[])];

/// Compiled once per file, for all its instances.
pub(super) struct Compiled {
    instance: InstancePre<State>,
    watch: Watch,
}

impl Compiled {
    pub(super) fn of(file: &[u8]) -> Result<Arc<Compiled>, LoadError> {
        let engine = Engine::new(&config()).map_err(runtime)?;
        let module = Module::new(&engine, file)
            .map_err(|error| LoadError::BadModule(format!("{error:#}")))?;
        check_exports(&module)?;
        let mut linker = Linker::new(&engine);
        imports::define(&mut linker).map_err(runtime)?;
        wasi::define(&mut linker).map_err(runtime)?;
        let instance = linker.instantiate_pre(&module).map_err(unlinkable)?;
        let watch = Watch::start(engine)?;
        Ok(Arc::new(Compiled { instance, watch }))
    }

    pub(super) fn engine(&self) -> &Engine {
        self.instance.module().engine()
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(super) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Instance> {
        self.instance.instantiate(store)
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        // One memory, which 32 bits reach.
        .wasm_multi_memory(false)
        .wasm_memory64(false);
    config
}

fn runtime(error: wasmtime::Error) -> LoadError {
    LoadError::Unloadable(format!("{error:#}"))
}

fn unlinkable(error: wasmtime::Error) -> LoadError {
    match error.downcast_ref::<UnknownImportError>() {
        Some(import) => LoadError::UnknownImport {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
        },
        None => LoadError::BadModule(format!("{error:#}")),
    }
}

fn check_exports(module: &Module) -> Result<(), LoadError> {
    check_version(module)?;
    for (name, params, results) in FUNCTIONS {
        let Some(found) = module.get_export(name) else {
            return Err(LoadError::MissingExport(name.to_owned()));
        };
        check_function(module, name, &found, (params, results))?;
    }
    for (name, params, results) in OPTIONAL_FUNCTIONS {
        if let Some(found) = module.get_export(name) {
            check_function(module, name, &found, (params, results))?;
        }
    }
    match module.get_export(export::MEMORY) {
        Some(ExternType::Memory(_)) => Ok(()),
        Some(found) => Err(wrong_type(export::MEMORY, &found, "a memory".to_owned())),
        None => Err(LoadError::MissingExport(export::MEMORY.to_owned())),
    }
}

/// A plugin for another major version lacks our export, and has one that says which it is for.
fn check_version(module: &Module) -> Result<(), LoadError> {
    let mut versions = module.exports().filter_map(|export| {
        let version = export.name().strip_prefix(export::VERSION_PREFIX)?;
        Some(version.to_owned())
    });
    let here = (abi::VERSION >> 16).to_string();
    match versions.next() {
        Some(found) if module.get_export(export::VERSION).is_none() => {
            Err(LoadError::OtherVersion { found, here })
        }
        _ => Ok(()),
    }
}

fn check_function(
    module: &Module,
    name: &str,
    found: &ExternType,
    (params, results): (&[ValType], &[ValType]),
) -> Result<(), LoadError> {
    let asked = FuncType::new(
        module.engine(),
        params.iter().cloned(),
        results.iter().cloned(),
    );
    let is_right = found
        .func()
        .is_some_and(|found| FuncType::eq(found, &asked));
    if is_right {
        return Ok(());
    }
    Err(wrong_type(name, found, signature(&asked)))
}

fn wrong_type(name: &str, found: &ExternType, asked: String) -> LoadError {
    let found = match found {
        ExternType::Func(function) => signature(function),
        ExternType::Memory(_) => "a memory".to_owned(),
        ExternType::Table(_) => "a table".to_owned(),
        ExternType::Global(_) => "a global".to_owned(),
        ExternType::Tag(_) => "a tag".to_owned(),
    };
    LoadError::WrongExport {
        name: name.to_owned(),
        found,
        asked,
    }
}

/// As in the documents: `(i32, i32) -> i32`.
fn signature(function: &FuncType) -> String {
    let list = |types: &mut dyn Iterator<Item = ValType>| {
        let types: Vec<String> = types.map(|ty| ty.to_string()).collect();
        types.join(", ")
    };
    let params = list(&mut function.params());
    let results = list(&mut function.results());
    match function.results().len() {
        0 => format!("({params})"),
        1 => format!("({params}) -> {results}"),
        _ => format!("({params}) -> ({results})"),
    }
}
