//! Tables of all ages, and what is no table.

use std::mem::{MaybeUninit, offset_of};

use skyferry_plugin_sdk::abi;

use super::super::table::{Table, known_part};
use super::probe::{Rig, TABLE};

fn told(table: *const abi::Plugin) -> String {
    // SAFETY: each test says why it may be read.
    match unsafe { Table::read(table) } {
        Ok(_) => "a table".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The table with other bytes at an offset.
fn edited<const N: usize>(offset: usize, bytes: [u8; N]) -> MaybeUninit<abi::Plugin> {
    let mut table = MaybeUninit::new(TABLE);
    let start = table.as_mut_ptr().cast::<u8>();
    // SAFETY: the offset is that of a field of this length.
    unsafe { start.add(offset).cast::<[u8; N]>().write(bytes) };
    table
}

#[test]
fn a_table_that_cannot_be_read_is_not_read() {
    assert_eq!(
        told(std::ptr::null()),
        "its table of functions is wrong: it is null"
    );
    let odd = std::ptr::dangling::<abi::Plugin>().wrapping_byte_add(1);
    assert_eq!(
        told(odd),
        "its table of functions is wrong: it is not aligned to `8` bytes"
    );
}

/// Nothing but version and size are there.
#[test]
fn a_table_of_another_version_or_too_short_is_not_read_any_further() {
    #[repr(C, align(8))]
    struct Start(u32, u32);
    let told = |version: u32, size: u32| told((&raw const *Box::new(Start(version, size))).cast());
    assert_eq!(
        told((2 << 16) + 3, 48),
        "it is built for version 2.3 of the plugin ABI, and this host has 1.0"
    );
    assert_eq!(
        told(0, 48),
        "it is built for version 0.0 of the plugin ABI, and this host has 1.0"
    );
    for size in [0, 8, 47] {
        assert_eq!(
            told(1 << 16, size),
            format!(
                "its table of functions is wrong: its `size` is `{size}`, and that of version 1.0 is `48`"
            )
        );
    }
}

#[test]
fn each_function_has_to_be_there() {
    let functions = [
        ("describe", offset_of!(abi::Plugin, describe)),
        ("create", offset_of!(abi::Plugin, create)),
        ("process", offset_of!(abi::Plugin, process)),
        ("flush", offset_of!(abi::Plugin, flush)),
        ("destroy", offset_of!(abi::Plugin, destroy)),
    ];
    for (name, offset) in functions {
        let table = edited(offset, [0; size_of::<usize>()]);
        assert_eq!(
            told(table.as_ptr()),
            format!("its table of functions is wrong: its `{name}` is null")
        );
    }
}

/// Its table goes on where ours ends, with what this host does not know.
#[test]
fn a_plugin_for_a_newer_host_runs() {
    #[repr(C)]
    struct Newer {
        known: abi::Plugin,
        later: [u64; 4],
    }
    let newer = Newer {
        known: abi::Plugin {
            version: abi::VERSION + 1,
            size: size_of::<Newer>() as u32,
            ..TABLE
        },
        later: [u64::MAX; 4],
    };
    assert_eq!(told(&raw const newer.known), "a table");
    assert_eq!(newer.later, [u64::MAX; 4]);
}

/// What a host of a later version, whose table is longer, sees of a plugin of this one.
#[test]
fn what_an_older_plugin_does_not_have_is_null() {
    #[repr(C)]
    struct Later {
        known: abi::Plugin,
        drain: Option<unsafe extern "C" fn()>,
    }
    let older = Box::new(TABLE);
    // SAFETY: as many bytes are there as `TABLE` says, and no more are read.
    let known = unsafe {
        known_part(
            (&raw const *older).cast::<Later>(),
            size_of::<abi::Plugin>(),
        )
    };
    // SAFETY: the known part is copied, and the rest may be null.
    let known = unsafe { known.assume_init() };
    assert_eq!(known.known.version, TABLE.version);
    assert!(known.drain.is_none());
}

#[test]
fn a_description_has_to_be_readable() {
    unsafe extern "C" fn at_null() -> abi::Bytes {
        abi::Bytes {
            data: std::ptr::null(),
            len: 3,
        }
    }
    unsafe extern "C" fn without_end() -> abi::Bytes {
        abi::Bytes {
            data: std::ptr::dangling(),
            len: usize::MAX,
        }
    }
    let told = |describe| {
        let table = abi::Plugin { describe, ..TABLE };
        // SAFETY: it is a whole table.
        let table = unsafe { Table::read(&table) }.unwrap();
        table.describe().unwrap_err().to_string()
    };
    assert_eq!(
        told(at_null),
        "what it says about itself is wrong: it has `3` bytes at null"
    );
    let without_end = told(without_end);
    assert!(
        without_end.ends_with("bytes, and may have `1048576`"),
        "{without_end}"
    );
}

#[test]
fn a_library_that_cannot_be_unloaded_is_not() {
    let resident = r#"{"name": "go", "version": "1", "signals": ["traces"], "resident": true}"#;
    let rig = Rig::new(resident);
    let mapped = rig.mapped.clone();
    drop(rig);
    assert!(mapped.upgrade().is_some());
}
