// The contract between Skyferry and native plugins: C structs and C function pointers, nothing else.
//
// host                                   library
//  | dlopen, dlsym("skyferry_plugin_v1")    |
//  |--- describe() ------------------------>|  JSON: name, version, signals, schema
//  |--- create(host, call, config) -------->|  an instance
//  |--- process(instance, call, kind, ..) ->|--- host.emit(call, kind, buffer), as often as it likes
//  |<-- status -----------------------------|
//  |--- flush(instance, call) ------------->|  before the end, and every `flush_interval`
//  |--- destroy(instance) ----------------->|
//
// # Versions
//
// A library exports one symbol, `skyferry_plugin_v1`, which names the major version. Within it tables only grow
// at their end: `size` says how much of a table the other side knows, and what is beyond is not there. A
// plugin that was built against an older header runs on a newer host; one that was built against a newer
// header has to look at the host's `size` before it uses what is new.
//
// # Ownership
//
// No allocator is shared. What goes from one side to the other is either *lent* (`SkyferryBytes`: readable until
// the function returns, or as long as it says) or *given* (`SkyferryBuffer`: with the function that takes it
// back). Nobody frees what the other side has allocated.
//
// # Threads
//
// Calls of one instance do not overlap unless the plugin says `"parallel": true`; then `process` may run on
// several threads at once. Which thread calls is not said. `create` comes before all others, `flush` alone,
// `destroy` last and alone. A `SkyferryCall` is for the function it was given to, on the thread it runs on.
//
// A library is unloaded some time after its last instance is destroyed. Threads of its own have to end
// before that `destroy` returns, or its code goes away under them; one that cannot see to it says
// `"resident": true`, and stays.
//
// Made from the contract in Rust; a test proves it fresh.

#ifndef SKYFERRY_PLUGIN_H
#define SKYFERRY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

// One call of the host, opaque to the plugin.
typedef struct SkyferryCall SkyferryCall;

// One plugin at work, opaque to the host: what a plugin's own pointer is cast to.
typedef struct SkyferryInstance SkyferryInstance;

// The host's own state for one instance, opaque to the plugin.
typedef struct SkyferryContext SkyferryContext;

// Major version of this contract in the upper half, minor in the lower.
#define SKYFERRY_VERSION (1 << 16)

// `item` of `SkyferryHost.reason` where no single item is meant.
#define SKYFERRY_NO_ITEM UINT64_MAX

// What the bytes of a message are. A number, because a number from the other side may be any.
typedef uint32_t SkyferryKind;

// What became of a call.
typedef uint32_t SkyferryStatus;

// How important a line of the log is.
typedef uint32_t SkyferryLevel;

// Bytes that are lent. `data` may be null where `len` is 0.
typedef struct SkyferryBytes {
  const uint8_t *data;
  size_t len;
} SkyferryBytes;

// Bytes that are given. They do not change, and stay readable until `release` is called.
typedef struct SkyferryBuffer {
  // May be null where `len` is 0.
  const uint8_t *data;
  size_t len;
  // Handed to `release`; means nothing to the host.
  void *owner;
  // Takes the bytes back. Called exactly once, on any thread, perhaps after `destroy`, always before the
  // library is unloaded. Null: the bytes are only lent, and the host copies them before `emit` returns.
  void (*release)(void *owner, const uint8_t *data, size_t len);
} SkyferryBuffer;

// What the host offers. Valid from `create` until `destroy` has returned; without an instance, until `create`
// has.
typedef struct SkyferryHost {
  // `SKYFERRY_VERSION` as the host was built with.
  uint32_t version;
  // Bytes of this table that the host has filled.
  uint32_t size;
  // The first argument of the functions that take no call.
  SkyferryContext *context;
  // Hands over a message that the plugin has made, in `process` or `flush`: of the signal of the message
  // that is processed, or of one that the plugin says it `emits`. In `flush` only the latter.
  void (*emit)(SkyferryCall *call, SkyferryKind kind, struct SkyferryBuffer message);
  // Why the call will return `SKYFERRY_STATUS_REFUSED` or `SKYFERRY_STATUS_FAILED`, as UTF-8, lent. `item` is the index of
  // the span, point or record in the message that it is about, or `SKYFERRY_NO_ITEM`. The last one counts.
  void (*reason)(SkyferryCall *call, struct SkyferryBytes text, uint64_t item);
  // Writes a line to the log of the process. UTF-8, lent. On any thread.
  void (*log)(SkyferryContext *context, SkyferryLevel level, struct SkyferryBytes text);
  // Adds to a counter of the plugin's own. Names are UTF-8, lent; at most 64 of them count. On any thread.
  void (*counter)(SkyferryContext *context, struct SkyferryBytes name, uint64_t add);
  // Sets a gauge. As `SkyferryHost.counter`.
  void (*gauge)(SkyferryContext *context, struct SkyferryBytes name, double value);
  // Records a value in a histogram. As `SkyferryHost.counter`.
  void (*histogram)(SkyferryContext *context, struct SkyferryBytes name, double value);
  // Nanoseconds since the epoch. On any thread.
  uint64_t (*now)(SkyferryContext *context);
} SkyferryHost;

// What a plugin offers.
typedef struct SkyferryPlugin {
  // `SKYFERRY_VERSION` as the plugin was built with.
  uint32_t version;
  // Bytes of this table that the plugin has filled.
  uint32_t size;
  // What the plugin is, as a JSON object. Lent for as long as the library is loaded.
  //
  // | key | |
  // |---|---|
  // | `name`, `version` | as people call it |
  // | `summary` | one sentence |
  // | `signals` | what it processes, of `"traces"`, `"metrics"`, `"logs"` |
  // | `emits` | what it emits beside those, of the same; default nothing |
  // | `segments` | segments of SkyWalking agents come as `"otlp"` (the default) or `"native"` |
  // | `parallel` | whether `process` may run on several threads at once; default false |
  // | `resident` | whether the library cannot be unloaded, as those of Go cannot; default false |
  // | `schema` | a JSON Schema of its configuration; default: anything |
  struct SkyferryBytes (*describe)(void);
  // Makes an instance from its configuration, a JSON value that has passed the schema, lent. `host` stays
  // valid until `destroy` has returned. Sets `instance` where it returns `SKYFERRY_STATUS_UNCHANGED`.
  SkyferryStatus (*create)(const struct SkyferryHost *host,
                           SkyferryCall *call,
                           struct SkyferryBytes config,
                           SkyferryInstance **instance);
  // Looks at one message, lent until it returns.
  SkyferryStatus (*process)(SkyferryInstance *instance,
                            SkyferryCall *call,
                            SkyferryKind kind,
                            struct SkyferryBytes message);
  // Hands over what was gathered for other signals. Returns `SKYFERRY_STATUS_UNCHANGED` or `SKYFERRY_STATUS_FAILED`.
  SkyferryStatus (*flush)(SkyferryInstance *instance, SkyferryCall *call);
  // Ends the instance.
  void (*destroy)(SkyferryInstance *instance);
} SkyferryPlugin;

// Returns the plugin's table, which stays as it is while the library is loaded.
typedef const struct SkyferryPlugin *(*SkyferryEntry)(void);

// An `opentelemetry.proto.trace.v1.ResourceSpans`.
#define SKYFERRY_KIND_TRACES 1

// An `opentelemetry.proto.metrics.v1.ResourceMetrics`.
#define SKYFERRY_KIND_METRICS 2

// An `opentelemetry.proto.logs.v1.ResourceLogs`.
#define SKYFERRY_KIND_LOGS 3

// A `skywalking.v3.SegmentObject`, for plugins that describe themselves with `"segments": "native"`.
#define SKYFERRY_KIND_SEGMENT 4

// Done. From `process`: the message goes on as it is; nothing of its signal may have been emitted.
#define SKYFERRY_STATUS_UNCHANGED 0

// From `process`: what was emitted of the message's signal takes its place; nothing emitted drops it.
#define SKYFERRY_STATUS_REPLACED 1

// From `process`: the sender is told, by `reason`, that this data will never be taken.
// From `create`: the configuration is wrong, by `reason`.
#define SKYFERRY_STATUS_REFUSED 2

// The plugin could not do its work, by `reason`. Nothing that was emitted counts.
#define SKYFERRY_STATUS_FAILED 3

#define SKYFERRY_LEVEL_ERROR 1

#define SKYFERRY_LEVEL_WARN 2

#define SKYFERRY_LEVEL_INFO 3

#define SKYFERRY_LEVEL_DEBUG 4

#if defined(__GNUC__)
#define SKYFERRY_EXPORT __attribute__((visibility("default")))
#else
#define SKYFERRY_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

// The one symbol that a plugin defines.
SKYFERRY_EXPORT const SkyferryPlugin *skyferry_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
