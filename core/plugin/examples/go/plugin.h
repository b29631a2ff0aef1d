// What the two halves of this plugin know of each other: Go cannot call pointers to C functions, and C knows
// Go's values by number only.

#ifndef PLUGIN_H
#define PLUGIN_H

#include "skyferry_plugin.h"

// An instance: the plugin's value in Go, and the host's table.
typedef struct {
    uintptr_t handle;
    const SkyferryHost *host;
} Instance;

void host_emit(const SkyferryHost *host, SkyferryCall *call, SkyferryKind kind, void *data, size_t len);
void host_reason(const SkyferryHost *host, SkyferryCall *call, void *data, size_t len);
void host_counter(const SkyferryHost *host, void *data, size_t len, uint64_t add);

#endif
