// A plugin that keeps to the contract or breaks it, as its configuration says.

#include "skyferry_plugin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION_TEXT
#define VERSION_TEXT "1"
#endif

static const char DESCRIPTION[] =
    "{\"name\": \"calls\", \"version\": \"" VERSION_TEXT "\", \"signals\": [\"traces\"],"
    " \"emits\": [\"metrics\"], \"parallel\": true}";

typedef struct {
    const SkyferryHost *host;
    char behaviour[64];
} Calls;

// How often buffers were taken back, over all instances.
static unsigned releases;

static SkyferryBytes lend(const void *data, size_t len) {
    SkyferryBytes bytes = {data, len};
    return bytes;
}

static SkyferryBytes text(const char *text) { return lend(text, strlen(text)); }

static void release(void *owner, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    __atomic_add_fetch(&releases, 1, __ATOMIC_SEQ_CST);
    free(owner);
}

// A copy of these bytes, given.
static SkyferryBuffer give(const void *data, size_t len) {
    uint8_t *copy = malloc(len + 1);
    memcpy(copy, data, len);
    SkyferryBuffer buffer = {copy, len, copy, release};
    return buffer;
}

static SkyferryBytes describe(void) { return text(DESCRIPTION); }

static SkyferryStatus create(const SkyferryHost *host, SkyferryCall *call, SkyferryBytes config,
                             SkyferryInstance **instance) {
    Calls *self = calloc(1, sizeof *self);
    self->host = host;
    memcpy(self->behaviour, config.data + 1, config.len - 2);
    const char *is = self->behaviour;
    SkyferryStatus status = SKYFERRY_STATUS_UNCHANGED;
    if (strcmp(is, "refuses its configuration") == 0) {
        host->reason(call, text("`calls` is never right"), SKYFERRY_NO_ITEM);
        status = SKYFERRY_STATUS_REFUSED;
    }
    if (strcmp(is, "fails without a reason") == 0) status = SKYFERRY_STATUS_FAILED;
    if (strcmp(is, "makes an unknown status") == 0) status = 4;
    if (strcmp(is, "emits too early") == 0) host->emit(call, SKYFERRY_KIND_METRICS, give("m", 1));
    if (status != SKYFERRY_STATUS_UNCHANGED || strcmp(is, "sets no instance") == 0) {
        free(self);
        return status;
    }
    *instance = (SkyferryInstance *)self;
    return status;
}

// What a thread of the plugin's own needs.
typedef struct {
    const SkyferryHost *host;
    SkyferryCall *call;
} Open;

static void *use_host(void *argument) {
    const Open *open = argument;
    for (int i = 0; i < 100; i++) {
        open->host->emit(open->call, SKYFERRY_KIND_METRICS, give("m", 1));
        open->host->counter(open->host->context, text("threads"), 1);
        open->host->log(open->host->context, SKYFERRY_LEVEL_INFO, text("from a thread"));
        open->host->reason(open->call, text("why not"), 1);
        open->host->now(open->host->context);
    }
    return NULL;
}

static void use_host_on_threads(const SkyferryHost *host, SkyferryCall *call) {
    Open open = {host, call};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, use_host, &open);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

static void use_many_names(const SkyferryHost *host) {
    char name[32];
    for (int i = 0; i < 1000; i++) {
        const int len = snprintf(name, sizeof name, "name_%d", i);
        host->gauge(host->context, lend(name, (size_t)len), i);
    }
}

static SkyferryStatus process(SkyferryInstance *instance, SkyferryCall *call, SkyferryKind kind,
                              SkyferryBytes message) {
    const Calls *self = (const Calls *)instance;
    const SkyferryHost *host = self->host;
    const char *is = self->behaviour;
    const uint8_t *nowhere = (const uint8_t *)1;
    if (strcmp(is, "emits garbage") == 0) {
        host->emit(call, kind, give("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x07", 11));
        return SKYFERRY_STATUS_REPLACED;
    }
    if (strcmp(is, "emits bytes at null") == 0) {
        SkyferryBuffer buffer = {NULL, 7, NULL, NULL};
        host->emit(call, kind, buffer);
        return SKYFERRY_STATUS_REPLACED;
    }
    if (strcmp(is, "emits bytes without end") == 0) {
        SkyferryBuffer buffer = {nowhere, SIZE_MAX, NULL, NULL};
        host->emit(call, kind, buffer);
        return SKYFERRY_STATUS_REPLACED;
    }
    if (strcmp(is, "emits messages without end") == 0) {
        SkyferryBuffer buffer = {NULL, 0, NULL, NULL};
        for (int i = 0; i < 100000; i++) host->emit(call, kind, buffer);
        return SKYFERRY_STATUS_REPLACED;
    }
    if (strcmp(is, "emits an unknown kind") == 0) {
        host->emit(call, 77, give("x", 1));
        return SKYFERRY_STATUS_REPLACED;
    }
    if (strcmp(is, "emits what it does not say") == 0) {
        host->emit(call, SKYFERRY_KIND_LOGS, give("l", 1));
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (strcmp(is, "emits and says it did not") == 0) {
        host->emit(call, kind, give("x", 1));
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (strcmp(is, "returns an unknown status") == 0) return 42;
    if (strcmp(is, "gives reasons at null") == 0) {
        host->reason(call, lend(NULL, SIZE_MAX), 3);
        return SKYFERRY_STATUS_REFUSED;
    }
    if (strcmp(is, "gives broken reasons") == 0) {
        host->reason(call, text("not \xff text"), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_FAILED;
    }
    if (strcmp(is, "uses its call on threads") == 0) {
        use_host_on_threads(host, call);
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (strcmp(is, "uses many names") == 0) {
        use_many_names(host);
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (strcmp(is, "counts releases") == 0) {
        host->counter(host->context, text("releases"), __atomic_load_n(&releases, __ATOMIC_SEQ_CST));
        return SKYFERRY_STATUS_UNCHANGED;
    }
    // "echoes"
    for (int i = 0; i < 3; i++) host->emit(call, kind, give(message.data, message.len));
    return SKYFERRY_STATUS_REPLACED;
}

static SkyferryStatus flush(SkyferryInstance *instance, SkyferryCall *call) {
    const Calls *self = (const Calls *)instance;
    if (strcmp(self->behaviour, "flushes what it processes") == 0) {
        self->host->emit(call, SKYFERRY_KIND_TRACES, give("t", 1));
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (strcmp(self->behaviour, "refuses to flush") == 0) return SKYFERRY_STATUS_REFUSED;
    self->host->emit(call, SKYFERRY_KIND_METRICS, give("sum", 3));
    return SKYFERRY_STATUS_UNCHANGED;
}

static void destroy(SkyferryInstance *instance) { free(instance); }

static const SkyferryPlugin PLUGIN = {
    SKYFERRY_VERSION, sizeof PLUGIN, describe, create, process, flush, destroy,
};

const SkyferryPlugin *skyferry_plugin_v1(void) { return &PLUGIN; }
