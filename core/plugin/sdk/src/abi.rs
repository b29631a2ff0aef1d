//! The contract between Skyferry and native plugins: C structs and C function pointers, nothing else.
//!
//! ```text
//! host                                   library
//!  | dlopen, dlsym("skyferry_plugin_v1")    |
//!  |--- describe() ------------------------>|  JSON: name, version, signals, schema
//!  |--- create(host, call, config) -------->|  an instance
//!  |--- process(instance, call, kind, ..) ->|--- host.emit(call, kind, buffer), as often as it likes
//!  |<-- status -----------------------------|
//!  |--- flush(instance, call) ------------->|  before the end, and every `flush_interval`
//!  |--- destroy(instance) ----------------->|
//! ```
//!
//! # Versions
//!
//! A library exports one symbol, [`SYMBOL`], which names the major version. Within it tables only grow
//! at their end: `size` says how much of a table the other side knows, and what is beyond is not there. A
//! plugin that was built against an older header runs on a newer host; one that was built against a newer
//! header has to look at the host's `size` before it uses what is new.
//!
//! # Ownership
//!
//! No allocator is shared. What goes from one side to the other is either *lent* ([`Bytes`]: readable until
//! the function returns, or as long as it says) or *given* ([`Buffer`]: with the function that takes it
//! back). Nobody frees what the other side has allocated.
//!
//! # Threads
//!
//! Calls of one instance do not overlap unless the plugin says `"parallel": true`; then `process` may run on
//! several threads at once. Which thread calls is not said. `create` comes before all others, `flush` alone,
//! `destroy` last and alone. A [`Call`] is for the function it was given to, on the thread it runs on.
//!
//! A library is unloaded some time after its last instance is destroyed. Threads of its own have to end
//! before that `destroy` returns, or its code goes away under them; one that cannot see to it says
//! `"resident": true`, and stays.

use core::ffi::c_void;

/// Major version of this contract in the upper half, minor in the lower.
pub const VERSION: u32 = 1 << 16;

/// The one symbol of a library: a function of type [`Entry`].
pub const SYMBOL: &str = "skyferry_plugin_v1";

/// Returns the plugin's table, which stays as it is while the library is loaded.
pub type Entry = unsafe extern "C" fn() -> *const Plugin;

/// Bytes that are lent. `data` may be null where `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub data: *const u8,
    pub len: usize,
}

/// Bytes that are given. They do not change, and stay readable until `release` is called.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// May be null where `len` is 0.
    pub data: *const u8,
    pub len: usize,
    /// Handed to `release`; means nothing to the host.
    pub owner: *mut c_void,
    /// Takes the bytes back. Called exactly once, on any thread, perhaps after `destroy`, always before the
    /// library is unloaded. Null: the bytes are only lent, and the host copies them before `emit` returns.
    pub release: Option<unsafe extern "C" fn(owner: *mut c_void, data: *const u8, len: usize)>,
}

/// What the bytes of a message are. A number, because a number from the other side may be any.
pub type Kind = u32;

/// An `opentelemetry.proto.trace.v1.ResourceSpans`.
pub const KIND_TRACES: Kind = 1;
/// An `opentelemetry.proto.metrics.v1.ResourceMetrics`.
pub const KIND_METRICS: Kind = 2;
/// An `opentelemetry.proto.logs.v1.ResourceLogs`.
pub const KIND_LOGS: Kind = 3;
/// A `skywalking.v3.SegmentObject`, for plugins that describe themselves with `"segments": "native"`.
pub const KIND_SEGMENT: Kind = 4;

/// What became of a call.
pub type Status = u32;

/// Done. From `process`: the message goes on as it is; nothing of its signal may have been emitted.
pub const STATUS_UNCHANGED: Status = 0;
/// From `process`: what was emitted of the message's signal takes its place; nothing emitted drops it.
pub const STATUS_REPLACED: Status = 1;
/// From `process`: the sender is told, by `reason`, that this data will never be taken.
/// From `create`: the configuration is wrong, by `reason`.
pub const STATUS_REFUSED: Status = 2;
/// The plugin could not do its work, by `reason`. Nothing that was emitted counts.
pub const STATUS_FAILED: Status = 3;

/// How important a line of the log is.
pub type Level = u32;

pub const LEVEL_ERROR: Level = 1;
pub const LEVEL_WARN: Level = 2;
pub const LEVEL_INFO: Level = 3;
pub const LEVEL_DEBUG: Level = 4;

/// `item` of [`Host::reason`] where no single item is meant.
pub const NO_ITEM: u64 = u64::MAX;

/// One call of the host, opaque to the plugin.
#[repr(C)]
pub struct Call {
    _opaque: [u8; 0],
}

/// One plugin at work, opaque to the host.
#[repr(C)]
pub struct Instance {
    _opaque: [u8; 0],
}

/// The host's own state for one instance, opaque to the plugin.
#[repr(C)]
pub struct Context {
    _opaque: [u8; 0],
}

/// What the host offers. Valid from `create` until `destroy` has returned; without an instance, until `create`
/// has.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// [`VERSION`] as the host was built with.
    pub version: u32,
    /// Bytes of this table that the host has filled.
    pub size: u32,
    /// The first argument of the functions that take no call.
    pub context: *mut Context,

    /// Hands over a message that the plugin has made, in `process` or `flush`: of the signal of the message
    /// that is processed, or of one that the plugin says it `emits`. In `flush` only the latter.
    pub emit: unsafe extern "C" fn(call: *mut Call, kind: Kind, message: Buffer),
    /// Why the call will return [`STATUS_REFUSED`] or [`STATUS_FAILED`], as UTF-8, lent. `item` is the index of
    /// the span, point or record in the message that it is about, or [`NO_ITEM`]. The last one counts.
    pub reason: unsafe extern "C" fn(call: *mut Call, text: Bytes, item: u64),

    /// Writes a line to the log of the process. UTF-8, lent. On any thread.
    pub log: unsafe extern "C" fn(context: *mut Context, level: Level, text: Bytes),
    /// Adds to a counter of the plugin's own. Names are UTF-8, lent; at most 64 of them count. On any thread.
    pub counter: unsafe extern "C" fn(context: *mut Context, name: Bytes, add: u64),
    /// Sets a gauge. As [`Host::counter`].
    pub gauge: unsafe extern "C" fn(context: *mut Context, name: Bytes, value: f64),
    /// Records a value in a histogram. As [`Host::counter`].
    pub histogram: unsafe extern "C" fn(context: *mut Context, name: Bytes, value: f64),
    /// Nanoseconds since the epoch. On any thread.
    pub now: unsafe extern "C" fn(context: *mut Context) -> u64,
}

/// What a plugin offers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// [`VERSION`] as the plugin was built with.
    pub version: u32,
    /// Bytes of this table that the plugin has filled.
    pub size: u32,

    /// What the plugin is, as a JSON object. Lent for as long as the library is loaded.
    ///
    /// | key | |
    /// |---|---|
    /// | `name`, `version` | as people call it |
    /// | `summary` | one sentence |
    /// | `signals` | what it processes, of `"traces"`, `"metrics"`, `"logs"` |
    /// | `emits` | what it emits beside those, of the same; default nothing |
    /// | `segments` | segments of SkyWalking agents come as `"otlp"` (the default) or `"native"` |
    /// | `parallel` | whether `process` may run on several threads at once; default false |
    /// | `resident` | whether the library cannot be unloaded, as those of Go cannot; default false |
    /// | `schema` | a JSON Schema of its configuration; default: anything |
    pub describe: unsafe extern "C" fn() -> Bytes,

    /// Makes an instance from its configuration, a JSON value that has passed the schema, lent. `host` stays
    /// valid until `destroy` has returned. Sets `instance` where it returns [`STATUS_UNCHANGED`].
    pub create: unsafe extern "C" fn(
        host: *const Host,
        call: *mut Call,
        config: Bytes,
        instance: *mut *mut Instance,
    ) -> Status,

    /// Looks at one message, lent until it returns.
    pub process: unsafe extern "C" fn(
        instance: *mut Instance,
        call: *mut Call,
        kind: Kind,
        message: Bytes,
    ) -> Status,

    /// Hands over what was gathered for other signals. Returns [`STATUS_UNCHANGED`] or [`STATUS_FAILED`].
    pub flush: unsafe extern "C" fn(instance: *mut Instance, call: *mut Call) -> Status,

    /// Ends the instance.
    pub destroy: unsafe extern "C" fn(instance: *mut Instance),
}
