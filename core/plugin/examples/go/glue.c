// The C half of the plugin: its table, and the host's functions for Go.

#include "plugin.h"

#include <stdlib.h>

#include "_cgo_export.h"

static const char DESCRIPTION[] =
    "{\"name\": \"add_attribute_go\", \"version\": \"1.0.0\","
    " \"summary\": \"adds an attribute to resources that do not have it\","
    " \"signals\": [\"traces\", \"metrics\", \"logs\"], \"parallel\": true,"
    // Go's runtime cannot be unloaded.
    " \"resident\": true,"
    " \"schema\": {\"type\": \"object\", \"required\": [\"key\", \"value\"], \"additionalProperties\": false,"
    " \"properties\": {\"key\": {\"type\": \"string\", \"minLength\": 1}, \"value\": {\"type\": \"string\"}}}}";

static SkyferryBytes describe(void) {
    SkyferryBytes bytes = {(const uint8_t *)DESCRIPTION, sizeof DESCRIPTION - 1};
    return bytes;
}

static SkyferryStatus create(const SkyferryHost *host, SkyferryCall *call, SkyferryBytes config,
                             SkyferryInstance **instance) {
    Instance *self = calloc(1, sizeof *self);
    if (self == NULL) return SKYFERRY_STATUS_FAILED;
    self->host = host;
    const SkyferryStatus status = goCreate(self, call, config);
    if (status != SKYFERRY_STATUS_UNCHANGED) {
        free(self);
        return status;
    }
    *instance = (SkyferryInstance *)self;
    return status;
}

static SkyferryStatus process(SkyferryInstance *instance, SkyferryCall *call, SkyferryKind kind,
                              SkyferryBytes message) {
    return goProcess((Instance *)instance, call, kind, message);
}

static SkyferryStatus flush(SkyferryInstance *instance, SkyferryCall *call) {
    (void)instance, (void)call;
    return SKYFERRY_STATUS_UNCHANGED;
}

static void destroy(SkyferryInstance *instance) {
    goDestroy((Instance *)instance);
    free(instance);
}

static const SkyferryPlugin PLUGIN = {
    SKYFERRY_VERSION, sizeof PLUGIN, describe, create, process, flush, destroy,
};

SKYFERRY_EXPORT const SkyferryPlugin *skyferry_plugin_v1(void) { return &PLUGIN; }

static void release(void *owner, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    free(owner);
}

// `data` comes from `malloc`.
void host_emit(const SkyferryHost *host, SkyferryCall *call, SkyferryKind kind, void *data, size_t len) {
    SkyferryBuffer buffer = {data, len, data, release};
    host->emit(call, kind, buffer);
}

void host_reason(const SkyferryHost *host, SkyferryCall *call, void *data, size_t len) {
    SkyferryBytes text = {data, len};
    host->reason(call, text, SKYFERRY_NO_ITEM);
}

void host_counter(const SkyferryHost *host, void *data, size_t len, uint64_t add) {
    SkyferryBytes name = {data, len};
    host->counter(host->context, name, add);
}
