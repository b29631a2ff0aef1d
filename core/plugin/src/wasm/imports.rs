//! What a module may import: the functions of `skyferry`, and the one that AssemblyScript ends with.

use std::ops::Range;

use bytes::Bytes;
use wasmtime::{Caller, Extern, Linker, Memory};

use super::state::{State, Stop};
use crate::contract::Failure;
use crate::services::Level;

/// The module of the host's functions.
const HOST: &str = "skyferry";

/// What is read of a text at most. A char that is cut is replaced.
const TEXT_BYTES_MAX: u32 = 4096;

/// A place in the memory of a module, as it was named: to be checked.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) address: u32,
    pub(super) len: u32,
}

impl Place {
    /// Where it is in `memory`; `what` is for the message.
    pub(super) fn within<'a>(self, memory: &'a [u8], what: &str) -> Result<&'a [u8], Stop> {
        let bytes = self.range().and_then(|range| memory.get(range));
        bytes.ok_or_else(|| self.outside(memory.len(), what))
    }

    pub(super) fn within_mut<'a>(
        self,
        memory: &'a mut [u8],
        what: &str,
    ) -> Result<&'a mut [u8], Stop> {
        let size = memory.len();
        let bytes = self.range().and_then(|range| memory.get_mut(range));
        bytes.ok_or_else(|| self.outside(size, what))
    }

    fn range(self) -> Option<Range<usize>> {
        let start = self.address as usize;
        Some(start..start.checked_add(self.len as usize)?)
    }

    fn outside(self, size: usize, what: &str) -> Stop {
        let Place { address, len } = self;
        Stop::broken(format!(
            "{what} is `{len}` bytes at `{address}`, and its memory has `{size}`"
        ))
    }
}

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(HOST, "emit", emit)?;
    linker.func_wrap(HOST, "reason", reason)?;
    linker.func_wrap(HOST, "log", log)?;
    linker.func_wrap(HOST, "counter", counter)?;
    linker.func_wrap(HOST, "gauge", gauge)?;
    linker.func_wrap(HOST, "histogram", histogram)?;
    linker.func_wrap(HOST, "now", |caller: Caller<'_, State>| {
        caller.data().services.now_unix_nano()
    })?;
    linker.func_wrap("env", "abort", abort)?;
    Ok(())
}

/// The memory and the state. Before its instance is made, a module's start function may call already.
pub(super) fn parts<'a>(
    caller: &'a mut Caller<'_, State>,
) -> Result<(&'a mut [u8], &'a mut State), Stop> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => exported_memory(caller)?,
    };
    let (bytes, state) = memory.data_and_store_mut(caller);
    Ok((bytes, state))
}

fn exported_memory(caller: &mut Caller<'_, State>) -> Result<Memory, Stop> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| Stop::broken("it has no memory yet".to_owned()))
}

fn emit(mut caller: Caller<'_, State>, kind: u32, address: u32, len: u32) -> wasmtime::Result<()> {
    let (memory, state) = parts(&mut caller)?;
    let message = Place { address, len }.within(memory, "the message it emits")?;
    state.room.keep(message.len())?;
    match state.call.admit(kind, message.len()) {
        Some(kind) => state.call.emit(kind, Bytes::copy_from_slice(message)),
        None => {
            return Err(Stop::broken(state.call.broken().unwrap_or_default().to_owned()).into());
        }
    }
    Ok(())
}

fn reason(
    mut caller: Caller<'_, State>,
    address: u32,
    len: u32,
    item: u64,
) -> wasmtime::Result<()> {
    let (memory, state) = parts(&mut caller)?;
    let text = text(memory, Place { address, len }, "the reason it gives")?;
    state.call.reason(text, item);
    Ok(())
}

fn log(mut caller: Caller<'_, State>, level: u32, address: u32, len: u32) -> wasmtime::Result<()> {
    let (memory, state) = parts(&mut caller)?;
    let text = text(memory, Place { address, len }, "the line it logs")?;
    let level = Level::of_number(level);
    state.services.log(level, text);
    Ok(())
}

fn counter(
    mut caller: Caller<'_, State>,
    address: u32,
    len: u32,
    add: u64,
) -> wasmtime::Result<()> {
    let (name, state) = metric(&mut caller, Place { address, len })?;
    state.services.counter(name, add);
    Ok(())
}

fn gauge(
    mut caller: Caller<'_, State>,
    address: u32,
    len: u32,
    value: f64,
) -> wasmtime::Result<()> {
    let (name, state) = metric(&mut caller, Place { address, len })?;
    state.services.gauge(name, value);
    Ok(())
}

fn histogram(
    mut caller: Caller<'_, State>,
    address: u32,
    len: u32,
    value: f64,
) -> wasmtime::Result<()> {
    let (name, state) = metric(&mut caller, Place { address, len })?;
    state.services.histogram(name, value);
    Ok(())
}

fn metric<'a>(
    caller: &'a mut Caller<'_, State>,
    name: Place,
) -> Result<(&'a [u8], &'a mut State), Stop> {
    let (memory, state) = parts(caller)?;
    let name = text(memory, name, "the name of a metric")?;
    Ok((name, state))
}

/// The first [`TEXT_BYTES_MAX`] bytes of a text that has to be there as a whole.
fn text<'a>(memory: &'a [u8], place: Place, what: &str) -> Result<&'a [u8], Stop> {
    let whole = place.within(memory, what)?;
    Ok(&whole[..place.len.min(TEXT_BYTES_MAX) as usize])
}

/// `abort(message, file, line, column)`, which AssemblyScript calls where others panic.
fn abort(
    mut caller: Caller<'_, State>,
    message: u32,
    file: u32,
    line: u32,
    column: u32,
) -> wasmtime::Result<()> {
    let (memory, _) = parts(&mut caller)?;
    let message = string_of_assemblyscript(memory, message);
    let file = string_of_assemblyscript(memory, file);
    let message = match &*message {
        "" => "it aborted",
        message => message,
    };
    let text = format!("{message}, at {file}:{line}:{column}");
    Err(Stop(Failure::Crashed(text)).into())
}

/// A string object: UTF-16, its length in bytes in the four bytes before it. Empty where it is none.
fn string_of_assemblyscript(memory: &[u8], address: u32) -> String {
    let start = address as usize;
    let len = start.checked_sub(4).and_then(|at| memory.get(at..start));
    let len = len.and_then(|len| Some(u32::from_le_bytes(len.try_into().ok()?)));
    let text = len.and_then(|len| text(memory, Place { address, len }, "").ok());
    let units = text.unwrap_or_default().chunks_exact(2);
    let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    char::decode_utf16(units)
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
