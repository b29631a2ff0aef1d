// A library whose table is wrong in the way that the compiler's command line says.

#include "skyferry_plugin.h"

#include <string.h>

#ifndef DESCRIPTION
#define DESCRIPTION "{\"name\": \"table\", \"version\": \"1\", \"signals\": [\"logs\"]}"
#endif

#ifndef TABLE_VERSION
#define TABLE_VERSION SKYFERRY_VERSION
#endif

#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(SkyferryPlugin)
#endif

#ifndef PROCESS
#define PROCESS process
#endif

#ifndef TABLE
#define TABLE &table.known
#endif

static SkyferryBytes describe(void) {
    SkyferryBytes bytes = {(const uint8_t *)DESCRIPTION, strlen(DESCRIPTION)};
    return bytes;
}

static char one;

static SkyferryStatus create(const SkyferryHost *host, SkyferryCall *call, SkyferryBytes config,
                             SkyferryInstance **instance) {
    (void)host, (void)call, (void)config;
    *instance = (SkyferryInstance *)&one;
    return SKYFERRY_STATUS_UNCHANGED;
}

SkyferryStatus process(SkyferryInstance *instance, SkyferryCall *call, SkyferryKind kind,
                       SkyferryBytes message) {
    (void)instance, (void)call, (void)kind, (void)message;
    return SKYFERRY_STATUS_REPLACED;
}

static SkyferryStatus flush(SkyferryInstance *instance, SkyferryCall *call) {
    (void)instance, (void)call;
    return SKYFERRY_STATUS_UNCHANGED;
}

static void destroy(SkyferryInstance *instance) { (void)instance; }

// With functions of versions to come behind those that are known.
struct Table {
    SkyferryPlugin known;
    void (*later[4])(void);
};

const struct Table table = {
    {TABLE_VERSION, (uint32_t)(TABLE_SIZE), describe, create, PROCESS, flush, destroy},
    {0, 0, 0, 0},
};

#ifdef UNRESOLVED
void skyferry_of_another_world(void);
#endif

#ifndef SYMBOL
#define SYMBOL skyferry_plugin_v1
#endif

SKYFERRY_EXPORT const SkyferryPlugin *SYMBOL(void);

const SkyferryPlugin *SYMBOL(void) {
#ifdef UNRESOLVED
    skyferry_of_another_world();
#endif
    return TABLE;
}
