/* A plugin that does what its configuration says, for tests: {"do": "mark"}.
 *
 * `mark` appends the resource attribute `plugin.version` to every message; the others are the ways in which
 * a plugin can go wrong. `VERSION` is given by the compiler's command line. */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skyferry_plugin.h"

enum deed { PASS, MARK, REFUSE, FAIL, FAIL_TWICE, HANG, HANG_IN_1, GARBAGE, LIE, CRASH };

static const char *const DEEDS[] = {"pass",      "mark",    "refuse", "fail", "fail_twice",
                                    "hang",      "hang_in_1", "garbage", "lie", "crash"};

struct SkyferryInstance {
    const struct SkyferryHost *host;
    enum deed deed;
    unsigned calls;
};

static const char DESCRIPTION[] =
    "{\"name\": \"scripted\", \"version\": \"" VERSION "\", \"signals\": [\"traces\", \"logs\"],"
    " \"schema\": {\"type\": \"object\", \"required\": [\"do\"], \"additionalProperties\": false,"
    " \"properties\": {\"do\": {\"enum\": [\"pass\", \"mark\", \"refuse\", \"fail\", \"fail_twice\","
    " \"hang\", \"hang_in_1\", \"garbage\", \"lie\", \"crash\"]}}}}";

static struct SkyferryBytes bytes(const void *data, size_t len) {
    struct SkyferryBytes bytes = {data, len};
    return bytes;
}

static struct SkyferryBytes describe(void) { return bytes(DESCRIPTION, sizeof DESCRIPTION - 1); }

static SkyferryStatus create(const struct SkyferryHost *host, struct SkyferryCall *call,
                             struct SkyferryBytes config, struct SkyferryInstance **instance) {
    for (size_t deed = 0; deed < sizeof DEEDS / sizeof *DEEDS; deed++) {
        char quoted[32];
        int len = snprintf(quoted, sizeof quoted, ":\"%s\"", DEEDS[deed]);
        if (memmem(config.data, config.len, quoted, (size_t)len) == NULL) continue;
        struct SkyferryInstance *made = malloc(sizeof *made);
        if (made == NULL) break;
        made->host = host;
        made->deed = (enum deed)deed;
        made->calls = 0;
        *instance = made;
        return SKYFERRY_STATUS_UNCHANGED;
    }
    static const char REASON[] = "it does not say what to do";
    host->reason(call, bytes(REASON, sizeof REASON - 1), SKYFERRY_NO_ITEM);
    return SKYFERRY_STATUS_REFUSED;
}

static void emit(const struct SkyferryHost *host, struct SkyferryCall *call, SkyferryKind kind,
                 const void *data, size_t len) {
    /* Lent: the host copies it before it returns. */
    struct SkyferryBuffer buffer = {data, len, NULL, NULL};
    host->emit(call, kind, buffer);
}

/* A second `resource` in a message adds to the first one, so the mark is put behind everything else. */
static SkyferryStatus mark(const struct SkyferryHost *host, struct SkyferryCall *call, SkyferryKind kind,
                           struct SkyferryBytes message) {
    static const char KEY[] = "plugin.version";
    const size_t key = sizeof KEY - 1, value = sizeof VERSION - 1;
    const size_t string = 2 + value, pair = 2 + key + 2 + string, resource = 2 + pair;
    const size_t len = message.len + 2 + resource;
    unsigned char *marked = malloc(len), *at = marked;
    if (marked == NULL) return SKYFERRY_STATUS_FAILED;
    memcpy(at, message.data, message.len);
    at += message.len;
    *at++ = 0x0A, *at++ = (unsigned char)resource;
    *at++ = 0x0A, *at++ = (unsigned char)pair;
    *at++ = 0x0A, *at++ = (unsigned char)key;
    memcpy(at, KEY, key);
    at += key;
    *at++ = 0x12, *at++ = (unsigned char)string;
    *at++ = 0x0A, *at++ = (unsigned char)value;
    memcpy(at, VERSION, value);
    emit(host, call, kind, marked, len);
    free(marked);
    return SKYFERRY_STATUS_REPLACED;
}

static SkyferryStatus process(struct SkyferryInstance *instance, struct SkyferryCall *call, SkyferryKind kind,
                              struct SkyferryBytes message) {
    static const char REASON[] = "told to";
    const struct SkyferryHost *host = instance->host;
    instance->calls++;
    switch (instance->deed) {
    case PASS:
        return SKYFERRY_STATUS_UNCHANGED;
    case FAIL_TWICE:
        if (instance->calls > 2) return mark(host, call, kind, message);
        /* fall through */
    case FAIL:
        host->reason(call, bytes(REASON, sizeof REASON - 1), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_FAILED;
    case REFUSE:
        host->reason(call, bytes(REASON, sizeof REASON - 1), 1);
        return SKYFERRY_STATUS_REFUSED;
    case HANG_IN_1:
        if (strcmp(VERSION, "1") != 0) return mark(host, call, kind, message);
        /* fall through */
    case HANG:
        for (;;) pause();
    case GARBAGE:
        emit(host, call, kind, "\x12\x7f not protobuf", 15);
        return SKYFERRY_STATUS_REPLACED;
    case LIE:
        emit(host, call, kind, message.data, message.len);
        return SKYFERRY_STATUS_UNCHANGED;
    case CRASH:
        abort();
    case MARK:
        break;
    }
    return mark(host, call, kind, message);
}

static SkyferryStatus flush(struct SkyferryInstance *instance, struct SkyferryCall *call) {
    (void)instance;
    (void)call;
    return SKYFERRY_STATUS_UNCHANGED;
}

static void destroy(struct SkyferryInstance *instance) {
    static const char TEXT[] = "this instance is destroyed";
    const struct SkyferryHost *host = instance->host;
    host->log(host->context, SKYFERRY_LEVEL_INFO, bytes(TEXT, sizeof TEXT - 1));
    free(instance);
}

const struct SkyferryPlugin *skyferry_plugin_v1(void) {
    static const struct SkyferryPlugin PLUGIN = {
        SKYFERRY_VERSION, sizeof PLUGIN, describe, create, process, flush, destroy,
    };
    return &PLUGIN;
}
