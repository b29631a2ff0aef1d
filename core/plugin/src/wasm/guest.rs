//! One instance of a module: the only state that calls share.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use wasmtime::{Instance, Memory, Store, Trap, TypedFunc, WasmBacktrace, WasmParams, WasmResults};

use super::compiled::{Compiled, STACK_BYTES, export};
use super::imports::Place;
use super::state::{State, Stop};
use super::watch::Watching;
use crate::call::Call;
use crate::contract::{Emitted, Failure, Kind, Processed};
use crate::library::{CreateError, Limits};
use crate::services::Bounded;

pub(super) struct Guest {
    compiled: Arc<Compiled>,
    store: Store<State>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    process: TypedFunc<(u32, u32, u32), u32>,
    flush: Option<TypedFunc<(), u32>>,
    instance: Instance,
    fuel: u64,
}

impl Guest {
    /// Makes an instance that was not told its configuration yet.
    pub(super) fn new(
        compiled: Arc<Compiled>,
        services: Arc<Bounded>,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Guest, Failure> {
        let fuel = limits.fuel;
        let mut store = Store::new(compiled.engine(), State::new(services, limits));
        store.limiter(|state| &mut state.room);
        store.epoch_deadline_callback(|store| Ok(store.data().on_epoch()));
        let made = {
            let _watching = begin(&mut store, &compiled, fuel, Call::create(), deadline);
            start(&mut store, &compiled)
        };
        let instance = made.map_err(|error| failure(&store, error, fuel))?;
        let memory = instance.get_memory(&mut store, export::MEMORY);
        let memory = memory.expect("it was checked when it was compiled");
        store.data_mut().memory = Some(memory);
        let has_flush = instance.get_func(&mut store, export::FLUSH).is_some();
        let flush = has_flush.then(|| function(&mut store, instance, export::FLUSH));
        Ok(Guest {
            alloc: function(&mut store, instance, export::ALLOC),
            process: function(&mut store, instance, export::PROCESS),
            flush,
            compiled,
            store,
            memory,
            instance,
            fuel,
        })
    }

    /// The version of the contract that it says it is built with.
    pub(super) fn version(&mut self, deadline: Instant) -> Result<u32, Failure> {
        let version = function(&mut self.store, self.instance, export::VERSION);
        self.run(Call::create(), deadline, |guest| {
            version.call(&mut guest.store, ())
        })
    }

    /// The JSON that it describes itself with, of at most `len_max` bytes.
    pub(super) fn describe(
        &mut self,
        len_max: usize,
        deadline: Instant,
    ) -> Result<Vec<u8>, Failure> {
        let describe: TypedFunc<(), u64> =
            function(&mut self.store, self.instance, export::DESCRIBE);
        let place = self.run(Call::create(), deadline, |guest| {
            describe.call(&mut guest.store, ())
        })?;
        let place = Place {
            address: (place >> 32) as u32,
            len: place as u32,
        };
        let text = place.within(self.memory.data(&self.store), "its description");
        let text = text.map_err(|Stop(failure)| failure)?;
        if text.len() > len_max {
            let len = text.len();
            let text = format!("its description has {len} bytes, and may have {len_max}");
            return Err(Failure::Broken(text));
        }
        Ok(text.to_vec())
    }

    pub(super) fn create(&mut self, config: &[u8], deadline: Instant) -> Result<(), CreateError> {
        let create: TypedFunc<(u32, u32), u32> =
            function(&mut self.store, self.instance, export::CREATE);
        let status = self.run(Call::create(), deadline, |guest| {
            let lent = guest.lend(config)?;
            create.call(&mut guest.store, lent)
        })?;
        self.take_call().created(status)
    }

    pub(super) fn process(
        &mut self,
        call: Call,
        kind: Kind,
        message: &Bytes,
        deadline: Instant,
    ) -> Result<Processed, Failure> {
        let status = self.run(call, deadline, |guest| {
            let (address, len) = guest.lend(message)?;
            let params = (kind.number(), address, len);
            guest.process.call(&mut guest.store, params)
        })?;
        self.take_call().processed(status)
    }

    /// What it has gathered; nothing where it does not export the function.
    pub(super) fn flush(&mut self, call: Call, deadline: Instant) -> Result<Vec<Emitted>, Failure> {
        let Some(flush) = self.flush.clone() else {
            return Ok(Vec::new());
        };
        let status = self.run(call, deadline, |guest| flush.call(&mut guest.store, ()))?;
        self.take_call().flushed(status)
    }

    /// Runs code of the module's within its limits.
    fn run<R>(
        &mut self,
        call: Call,
        deadline: Instant,
        code: impl FnOnce(&mut Guest) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let compiled = self.compiled.clone();
        let result = {
            let _watching = begin(&mut self.store, &compiled, self.fuel, call, deadline);
            code(self)
        };
        result.map_err(|error| {
            let state = self.store.data_mut();
            state.output.finish(&state.services);
            failure(&self.store, error, self.fuel)
        })
    }

    fn take_call(&mut self) -> Call {
        std::mem::replace(&mut self.store.data_mut().call, Call::create())
    }

    /// Copies `bytes` to where the module wants them, which is where the next call finds them.
    fn lend(&mut self, bytes: &[u8]) -> wasmtime::Result<(u32, u32)> {
        let Ok(len) = u32::try_from(bytes.len()) else {
            return Err(Stop(self.store.data().room.exhausted()).into());
        };
        let address = self.alloc.call(&mut self.store, len)?;
        let memory = self.memory.data_mut(&mut self.store);
        let place = Place { address, len };
        let room = place.within_mut(memory, "the room it gives to write to")?;
        room.copy_from_slice(bytes);
        Ok((address, len))
    }
}

/// Gives a call its fuel and its deadline, for as long as the answer is held.
fn begin<'a>(
    store: &mut Store<State>,
    compiled: &'a Compiled,
    fuel: u64,
    call: Call,
    deadline: Instant,
) -> Watching<'a> {
    let fueled = store.set_fuel(fuel);
    fueled.expect("the engine is set to count fuel");
    store.data_mut().begin(call, deadline);
    // Before the deadline is watched, see there.
    store.set_epoch_deadline(1);
    compiled.watch().until(deadline)
}

/// Makes the instance, which runs its start function and that of a WASI reactor.
fn start(store: &mut Store<State>, compiled: &Compiled) -> wasmtime::Result<Instance> {
    let instance = compiled.instantiate(store)?;
    if let Some(initialize) = instance.get_func(&mut *store, export::INITIALIZE) {
        initialize.typed::<(), ()>(&*store)?.call(store, ())?;
    }
    Ok(instance)
}

/// A function of a module, which has it, and of these types.
fn function<P: WasmParams, R: WasmResults>(
    store: &mut Store<State>,
    instance: Instance,
    name: &str,
) -> TypedFunc<P, R> {
    let function = instance.get_typed_func(store, name);
    function.expect("it was checked when it was compiled")
}

/// Why a call has ended before its end.
fn failure(store: &Store<State>, error: wasmtime::Error, fuel: u64) -> Failure {
    let state = store.data();
    if let Some(Stop(failure)) = error.downcast_ref::<Stop>() {
        // AssemblyScript says by its own `abort` that there is no memory.
        let is_crash = matches!(failure, Failure::Crashed(_));
        return if is_crash && state.room.is_denied() {
            state.room.exhausted()
        } else {
            failure.clone()
        };
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return if state.room.is_denied() {
            state.room.exhausted()
        } else {
            Failure::Crashed(error.to_string())
        };
    };
    match trap {
        Trap::OutOfFuel => Failure::Exhausted(format!("fuel of {fuel}")),
        Trap::Interrupt => Failure::TimedOut,
        Trap::StackOverflow => Failure::Exhausted(format!("stack of {} bytes", STACK_BYTES)),
        _ if state.room.is_denied() => state.room.exhausted(),
        trap => Failure::Crashed(crash(state, *trap, &error)),
    }
}

/// The trap, where it was, and what the plugin had said before: Rust gives the panic's message so.
fn crash(state: &State, trap: Trap, error: &wasmtime::Error) -> String {
    let frame = error.downcast_ref::<WasmBacktrace>();
    let frame = frame.and_then(|trace| trace.frames().first());
    let place = frame.map_or_else(String::new, |frame| match frame.func_name() {
        Some(name) => format!(" in `{name}`"),
        None => format!(" in function {}", frame.func_index()),
    });
    match state.call.reason_given() {
        Some(reason) => format!("{reason} ({trap}{place})"),
        None => format!("{trap}{place}"),
    }
}
