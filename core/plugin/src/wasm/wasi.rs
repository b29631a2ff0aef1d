//! As much of WASI preview 1 as the runtimes of languages begin with: no arguments, no environment, no
//! files, no network. What is written to the standard output and error goes to the log, line by line.
//!
//! The numbers are those of `wasi_snapshot_preview1.witx`.

use std::time::{Duration, Instant};

use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use super::imports::{Place, parts};
use super::state::{State, Stop};
use crate::contract::Failure;
use crate::services::Level;

const WASI: &str = "wasi_snapshot_preview1";

type Errno = u32;

const SUCCESS: Errno = 0;
const BAD_DESCRIPTOR: Errno = 8;
const INVALID: Errno = 28;
const IO: Errno = 29;
const NOT_SUPPORTED: Errno = 58;
const NOT_CAPABLE: Errno = 76;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// Slices of one write; more are left to the next, as POSIX allows.
const SLICES_MAX: u32 = 16;

/// Bytes of one write, and of random numbers at once.
const BYTES_MAX: u32 = 64 << 10;

/// Functions of files, directories and sockets, which nobody is granted, by their parameters: `i` of 32 bits,
/// `I` of 64. All return an error number.
const DENIED: [(&str, &str); 30] = [
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_datasync", "i"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (name, params) in DENIED {
        let params = params.chars().map(|param| match param {
            'I' => ValType::I64,
            _ => ValType::I32,
        });
        let ty = FuncType::new(linker.engine(), params, [ValType::I32]);
        // There are no descriptors but the three, and they are no files: a program that looks for the
        // directories it was given ends its search with this.
        let errno = match name.starts_with("fd_") {
            true => BAD_DESCRIPTOR,
            false => NOT_CAPABLE,
        };
        linker.func_new(WASI, name, ty, move |_, _, results| {
            results[0] = Val::I32(errno as i32);
            Ok(())
        })?;
    }
    linker.func_wrap(WASI, "args_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(WASI, "args_sizes_get", sizes_of_nothing)?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(WASI, "environ_sizes_get", sizes_of_nothing)?;
    linker.func_wrap(
        WASI,
        "clock_res_get",
        |caller: Caller<'_, State>, _: u32, at| write(caller, at, &1_u64.to_le_bytes()),
    )?;
    linker.func_wrap(WASI, "clock_time_get", clock_time_get)?;
    linker.func_wrap(WASI, "fd_close", |fd: u32| standard(fd))?;
    linker.func_wrap(WASI, "fd_fdstat_get", fd_fdstat_get)?;
    linker.func_wrap(WASI, "fd_fdstat_set_flags", |fd: u32, _: u32| standard(fd))?;
    linker.func_wrap(WASI, "fd_read", fd_read)?;
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(WASI, "poll_oneoff", poll_oneoff)?;
    linker.func_wrap(WASI, "proc_exit", |status: u32| -> wasmtime::Result<()> {
        let text = format!("it ends itself with the status {status}");
        Err(Stop(Failure::Crashed(text)).into())
    })?;
    linker.func_wrap(WASI, "proc_raise", |_: u32| NOT_SUPPORTED)?;
    linker.func_wrap(WASI, "random_get", random_get)?;
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    Ok(())
}

fn standard(fd: u32) -> Errno {
    match fd {
        STDIN..=STDERR => SUCCESS,
        _ => BAD_DESCRIPTOR,
    }
}

/// Writes what a function returns beside its error number.
fn write(mut caller: Caller<'_, State>, address: u32, bytes: &[u8]) -> wasmtime::Result<Errno> {
    let (memory, _) = parts(&mut caller)?;
    let len = bytes.len() as u32;
    let place = Place { address, len }.within_mut(memory, "where it wants a result")?;
    place.copy_from_slice(bytes);
    Ok(SUCCESS)
}

/// No strings, and no bytes of them.
fn sizes_of_nothing(
    mut caller: Caller<'_, State>,
    count: u32,
    bytes: u32,
) -> wasmtime::Result<Errno> {
    let (memory, _) = parts(&mut caller)?;
    for address in [count, bytes] {
        let place = Place { address, len: 4 };
        place.within_mut(memory, "where it wants a size")?.fill(0);
    }
    Ok(SUCCESS)
}

/// The clock of the process, and one that never goes back.
fn clock_time_get(
    caller: Caller<'_, State>,
    clock: u32,
    _: u64,
    at: u32,
) -> wasmtime::Result<Errno> {
    let state = caller.data();
    let nanos = match clock {
        0 => state.services.now_unix_nano(),
        1 => state.began.elapsed().as_nanos() as u64,
        _ => return Ok(INVALID),
    };
    write(caller, at, &nanos.to_le_bytes())
}

/// `fdstat`: a character device, to be read or written.
fn fd_fdstat_get(caller: Caller<'_, State>, fd: u32, at: u32) -> wasmtime::Result<Errno> {
    const CHARACTER_DEVICE: u8 = 2;
    const MAY_READ: u64 = 1 << 1;
    const MAY_WRITE: u64 = 1 << 6;
    let rights = match fd {
        STDIN => MAY_READ,
        STDOUT | STDERR => MAY_WRITE,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let mut stat = [0; 24];
    stat[0] = CHARACTER_DEVICE;
    stat[8..16].copy_from_slice(&rights.to_le_bytes());
    write(caller, at, &stat)
}

/// The standard input is at its end.
fn fd_read(
    caller: Caller<'_, State>,
    fd: u32,
    _: u32,
    _: u32,
    read: u32,
) -> wasmtime::Result<Errno> {
    match fd {
        STDIN => write(caller, read, &0_u32.to_le_bytes()),
        _ => Ok(BAD_DESCRIPTOR),
    }
}

fn fd_write(
    mut caller: Caller<'_, State>,
    fd: u32,
    slices: u32,
    count: u32,
    written: u32,
) -> wasmtime::Result<Errno> {
    let level = match fd {
        STDOUT => Level::Info,
        STDERR => Level::Warn,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let (memory, state) = parts(&mut caller)?;
    let slices = Place {
        address: slices,
        len: count.min(SLICES_MAX) * 8,
    };
    let slices = slices.within(memory, "what it writes")?;
    let mut bytes = 0;
    for slice in slices.chunks_exact(8) {
        let (address, len) = (u32_at(slice, 0), u32_at(slice, 4));
        let len = len.min(BYTES_MAX - bytes);
        let text = Place { address, len }.within(memory, "what it writes")?;
        state.output.write(level, text, &state.services);
        bytes += len;
    }
    write(caller, written, &bytes.to_le_bytes())
}

/// Sleeps, and no longer than the call may take; waits for nothing else.
fn poll_oneoff(
    mut caller: Caller<'_, State>,
    subscriptions: u32,
    events: u32,
    count: u32,
    ready: u32,
) -> wasmtime::Result<Errno> {
    const CLOCK: u8 = 0;
    const ABSOLUTE: u16 = 1;
    if count != 1 {
        return Ok(NOT_SUPPORTED);
    }
    let (memory, state) = parts(&mut caller)?;
    let subscription = Place {
        address: subscriptions,
        len: 48,
    };
    let subscription = subscription.within(memory, "what it waits for")?;
    let (user_data, tag) = (u64_at(subscription, 0), subscription[8]);
    let flags = u16::from_le_bytes([subscription[40], subscription[41]]);
    if tag != CLOCK || flags & ABSOLUTE != 0 {
        return Ok(NOT_SUPPORTED);
    }
    let now = Instant::now();
    let wake = now.checked_add(Duration::from_nanos(u64_at(subscription, 24)));
    let wake = wake.map_or(state.deadline, |wake| wake.min(state.deadline));
    while let Some(rest) = wake.checked_duration_since(Instant::now()) {
        if rest.is_zero() {
            break;
        }
        std::thread::park_timeout(rest);
    }
    let mut event = [0; 32];
    event[..8].copy_from_slice(&user_data.to_le_bytes());
    let place = Place {
        address: events,
        len: 32,
    };
    let place = place.within_mut(memory, "where it wants an event")?;
    place.copy_from_slice(&event);
    write(caller, ready, &1_u32.to_le_bytes())
}

fn random_get(mut caller: Caller<'_, State>, address: u32, len: u32) -> wasmtime::Result<Errno> {
    let (memory, _) = parts(&mut caller)?;
    let place = Place { address, len }.within_mut(memory, "where it wants random bytes")?;
    if len > BYTES_MAX {
        return Ok(INVALID);
    }
    match getrandom::fill(place) {
        Ok(()) => Ok(SUCCESS),
        Err(_) => Ok(IO),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let number = bytes[at..].first_chunk();
    u32::from_le_bytes(*number.expect("the caller has looked at its length"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes[at..].first_chunk();
    u64::from_le_bytes(*number.expect("the caller has looked at its length"))
}
