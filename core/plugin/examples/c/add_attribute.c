// A Skyferry plugin in C99: adds one attribute to every resource that does not have it.
//
// Build it, with the header's folder:
//
//     cc -std=c99 -O2 -shared -fPIC -fvisibility=hidden -I ../../include -o add_attribute.so add_attribute.c
//
// Its configuration is a string, `deployment.environment.name=production`.

#include "skyferry_plugin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char DESCRIPTION[] =
    "{\"name\": \"add_attribute\", \"version\": \"1.0.0\","
    " \"summary\": \"adds an attribute to resources that do not have it\","
    " \"signals\": [\"traces\", \"metrics\", \"logs\"], \"parallel\": true,"
    " \"schema\": {\"type\": \"string\", \"pattern\": \"^[a-z0-9_.]+=[A-Za-z0-9_. -]+$\"}}";

// So that every length below is one byte in protobuf.
enum { KEY_AND_VALUE_BYTES_MAX = 100 };

// An instance does not change once it is made, so its calls may overlap.
typedef struct {
    const SkyferryHost *host;
    size_t key_len;
    char key[KEY_AND_VALUE_BYTES_MAX];
    // What is appended to a message.
    size_t field_len;
    uint8_t field[KEY_AND_VALUE_BYTES_MAX + 16];
} AddAttribute;

static SkyferryBytes text(const char *text) {
    SkyferryBytes bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

static SkyferryBytes describe(void) { return text(DESCRIPTION); }

// A field of protobuf that has a length, in front of what is written already from `at` on; returns where it
// begins.
static size_t prepend(uint8_t *field, size_t at, size_t end, uint8_t number) {
    field[at - 1] = (uint8_t)(end - at);
    field[at - 2] = (uint8_t)(number << 3 | 2);
    return at - 2;
}

// Writes `resource { attributes { key, value { string_value } } }`. In protobuf, what comes twice is one
// message in two parts, so this can be appended to any message with a resource in its field 1, which those
// of all three signals have.
static void write_field(AddAttribute *self, const uint8_t *value, size_t value_len) {
    uint8_t *field = self->field;
    const size_t end = sizeof self->field;
    size_t at = end - value_len;
    memcpy(field + at, value, value_len);
    at = prepend(field, at, end, 1); // AnyValue.string_value
    at = prepend(field, at, end, 2); // KeyValue.value
    const size_t key_end = at;
    at -= self->key_len;
    memcpy(field + at, self->key, self->key_len);
    at = prepend(field, at, key_end, 1); // KeyValue.key
    at = prepend(field, at, end, 1);     // Resource.attributes
    at = prepend(field, at, end, 1);     // ResourceSpans.resource
    self->field_len = end - at;
    memmove(field, field + at, self->field_len);
}

static SkyferryStatus create(const SkyferryHost *host, SkyferryCall *call, SkyferryBytes config,
                             SkyferryInstance **instance) {
    // The schema lets no character through that JSON would escape, so the value is what is between quotes.
    const bool is_string = config.len >= 2 && config.len <= KEY_AND_VALUE_BYTES_MAX &&
                           config.data[0] == '"' && config.data[config.len - 1] == '"';
    const uint8_t *equals = is_string ? memchr(config.data, '=', config.len) : NULL;
    if (equals == NULL || equals == config.data + 1) {
        host->reason(call, text("it has to be `key=value`, of less than 100 characters"), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_REFUSED;
    }
    AddAttribute *self = calloc(1, sizeof *self);
    if (self == NULL) {
        host->reason(call, text("there is no memory"), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_FAILED;
    }
    self->host = host;
    self->key_len = (size_t)(equals - config.data) - 1;
    memcpy(self->key, config.data + 1, self->key_len);
    const uint8_t *end = config.data + config.len - 1;
    write_field(self, equals + 1, (size_t)(end - equals) - 1);
    *instance = (SkyferryInstance *)self;
    return SKYFERRY_STATUS_UNCHANGED;
}

// A message of protobuf that is read from the front. `number` is 0 at its end, and `broken` is set where it
// is no message.
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool broken;
    uint32_t number;
    // Of fields with a length.
    SkyferryBytes value;
} Reader;

static Reader reader(SkyferryBytes message) {
    Reader reader = {message.data, message.data + message.len, false, 0, {NULL, 0}};
    return reader;
}

static uint64_t varint(Reader *reader) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        const uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    reader->broken = true;
    return 0;
}

static bool next(Reader *reader) {
    reader->number = 0;
    reader->value.len = 0;
    if (reader->at == reader->end) return false;
    const uint64_t tag = varint(reader);
    uint64_t len = 0;
    switch (tag & 7) {
    case 0: varint(reader); break;
    case 1: len = 8; break;
    case 2: len = varint(reader); break;
    case 5: len = 4; break;
    default: reader->broken = true;
    }
    if (len > (uint64_t)(reader->end - reader->at)) reader->broken = true;
    if (reader->broken) return false;
    if ((tag & 7) == 2) {
        reader->number = (uint32_t)(tag >> 3);
        reader->value.data = reader->at;
        reader->value.len = (size_t)len;
    }
    reader->at += len;
    return true;
}

// Whether any of a message's fields 1 has a field 1 that is `key`, `depth` levels further down.
static bool has_key(const AddAttribute *self, SkyferryBytes message, int depth, bool *broken) {
    bool found = false;
    Reader fields = reader(message);
    while (!found && next(&fields)) {
        if (fields.number != 1) continue;
        if (depth > 0) {
            found = has_key(self, fields.value, depth - 1, broken);
        } else {
            found = fields.value.len == self->key_len &&
                    memcmp(fields.value.data, self->key, self->key_len) == 0;
        }
    }
    *broken |= fields.broken;
    return found;
}

static void release(void *owner, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    free(owner);
}

static SkyferryStatus process(SkyferryInstance *instance, SkyferryCall *call, SkyferryKind kind,
                              SkyferryBytes message) {
    const AddAttribute *self = (const AddAttribute *)instance;
    const SkyferryHost *host = self->host;
    bool broken = false;
    // ResourceSpans.resource, Resource.attributes, KeyValue.key: each is field 1.
    if (has_key(self, message, 2, &broken)) {
        host->counter(host->context, text("resources_kept"), 1);
        return SKYFERRY_STATUS_UNCHANGED;
    }
    if (broken) {
        host->reason(call, text("the message is no protobuf"), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_REFUSED;
    }
    uint8_t *copy = malloc(message.len + self->field_len);
    if (copy == NULL) {
        host->reason(call, text("there is no memory"), SKYFERRY_NO_ITEM);
        return SKYFERRY_STATUS_FAILED;
    }
    if (message.len > 0) memcpy(copy, message.data, message.len);
    memcpy(copy + message.len, self->field, self->field_len);
    SkyferryBuffer buffer = {copy, message.len + self->field_len, copy, release};
    host->emit(call, kind, buffer);
    host->counter(host->context, text("resources_changed"), 1);
    return SKYFERRY_STATUS_REPLACED;
}

static SkyferryStatus flush(SkyferryInstance *instance, SkyferryCall *call) {
    (void)instance, (void)call;
    return SKYFERRY_STATUS_UNCHANGED;
}

static void destroy(SkyferryInstance *instance) { free(instance); }

static const SkyferryPlugin PLUGIN = {
    SKYFERRY_VERSION, sizeof PLUGIN, describe, create, process, flush, destroy,
};

const SkyferryPlugin *skyferry_plugin_v1(void) { return &PLUGIN; }
