
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "event_log.h"
#include "hex.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>


/* how many events a log may have */
#define NGX_OHTTP_RELAY_EVENT_MAX      1024

/* the type of those that are written at run time: to RTMR 3, all of them */
#define NGX_OHTTP_RELAY_EVENT_RUNTIME  0x08000001


/* one event as it stands in the log */

typedef struct {
    json_int_t    imr;
    json_int_t    type;
    json_int_t    version;
    const char   *name;
    const char   *digest;       /* both as hexadecimal digits */
    const char   *payload;
} ngx_ohttp_relay_event_entry_t;


static const char *ngx_ohttp_relay_event_replay(const json_t *array,
    ngx_ohttp_relay_event_log_t *log);
static const char *ngx_ohttp_relay_event_entry(const json_t *json,
    ngx_ohttp_relay_event_entry_t *entry);
static int ngx_ohttp_relay_event_digest(
    const ngx_ohttp_relay_event_entry_t *entry, u_char *digest);
static int ngx_ohttp_relay_event_first(
    const ngx_ohttp_relay_event_entry_t *entry, const u_char *payload,
    size_t len, u_char *digest);
static int ngx_ohttp_relay_event_second(
    const ngx_ohttp_relay_event_entry_t *entry, const u_char *payload,
    size_t len, u_char *digest);
static int ngx_ohttp_relay_event_extend(u_char *rtmr, const u_char *digest);
static int ngx_ohttp_relay_event_keep(
    const ngx_ohttp_relay_event_entry_t *entry,
    ngx_ohttp_relay_event_log_t *log);


static const char  ngx_ohttp_relay_event_twice[] =
    "an event of the system is there twice, or too long";

static const char  *ngx_ohttp_relay_event_names[] = {
    "compose-hash", "os-image-hash", "app-id", "key-provider"
};


ngx_ohttp_relay_answer_e
ngx_ohttp_relay_event_log(const u_char *p, const u_char *last,
    ngx_ohttp_relay_event_log_t *log, ngx_ohttp_relay_finding_t *finding)
{
    json_t      *array;
    const char  *error;

    memset(log, 0, sizeof(ngx_ohttp_relay_event_log_t));

    array = NULL;

    if (last - p <= NGX_OHTTP_RELAY_EVENT_LOG_BYTES) {
        array = json_loadb((const char *) p, last - p, JSON_REJECT_DUPLICATES,
                           NULL);
    }

    if (!json_is_array(array)
        || json_array_size(array) > NGX_OHTTP_RELAY_EVENT_MAX)
    {
        json_decref(array);
        return ngx_ohttp_relay_malformed(finding,
                                     "the event log is no array of events");
    }

    error = ngx_ohttp_relay_event_replay(array, log);

    json_decref(array);

    if (error == ngx_ohttp_relay_event_twice) {
        return ngx_ohttp_relay_refused(finding, error);
    }

    return error ? ngx_ohttp_relay_malformed(finding, error)
                 : ngx_ohttp_relay_accepted(finding);
}


/* returns NULL, or what is wrong */

static const char *
ngx_ohttp_relay_event_replay(const json_t *array,
    ngx_ohttp_relay_event_log_t *log)
{
    size_t                          i;
    u_char                          digest[NGX_OHTTP_RELAY_RTMR];
    unsigned                        ready;
    const char                     *error;
    ngx_ohttp_relay_event_entry_t   entry;

    for (ready = 0, i = 0; i < json_array_size(array); i++) {

        error = ngx_ohttp_relay_event_entry(json_array_get(array, i), &entry);

        if (error != NULL) {
            return error;
        }

        if (ngx_ohttp_relay_event_digest(&entry, digest) != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_event_extend(log->rtmrs[entry.imr], digest)
               != NGX_OHTTP_RELAY_OK)
        {
            return "an event has a wrong digest, payload or name";
        }

        if (entry.type != NGX_OHTTP_RELAY_EVENT_RUNTIME || ready) {
            continue;
        }

        ready = strcmp(entry.name, "system-ready") == 0;

        if (ngx_ohttp_relay_event_keep(&entry, log) != NGX_OHTTP_RELAY_OK) {
            return ngx_ohttp_relay_event_twice;
        }
    }

    /* what has no end was not written by the system alone */

    if (!ready) {
        memset(log->events, 0, sizeof(log->events));
    }

    return NULL;
}


static const char *
ngx_ohttp_relay_event_entry(const json_t *json,
    ngx_ohttp_relay_event_entry_t *entry)
{
    const json_t  *imr, *type, *version;

    imr = json_object_get(json, "imr");
    type = json_object_get(json, "event_type");
    version = json_object_get(json, "version");

    entry->imr = json_integer_value(imr);
    entry->type = json_integer_value(type);
    entry->version = json_is_integer(version) ? json_integer_value(version)
                                              : 1;

    entry->name = json_string_value(json_object_get(json, "event"));
    entry->digest = json_string_value(json_object_get(json, "digest"));
    entry->payload = json_string_value(json_object_get(json, "event_payload"));

    if (!json_is_integer(imr) || entry->imr < 0 || entry->imr > 3
        || !json_is_integer(type) || entry->type < 0
        || entry->type > 0xffffffffLL
        || entry->name == NULL || entry->digest == NULL
        || entry->payload == NULL)
    {
        return "an event lacks a member, or has a wrong one";
    }

    if ((version != NULL && !json_is_null(version)
         && !json_is_integer(version))
        || (entry->version != 1 && entry->version != 2))
    {
        return "an event is of an unknown version";
    }

    /* RTMR 3 is where the system's own events go, and where no others do */

    if ((entry->type == NGX_OHTTP_RELAY_EVENT_RUNTIME) != (entry->imr == 3)) {
        return "an event is in another RTMR than its type";
    }

    return NULL;
}


static int
ngx_ohttp_relay_event_digest(const ngx_ohttp_relay_event_entry_t *entry,
    u_char *digest)
{
    int      rc;
    size_t   len;
    u_char  *payload;

    if (entry->type != NGX_OHTTP_RELAY_EVENT_RUNTIME) {

        len = strlen(entry->digest);

        return len == 2 * NGX_OHTTP_RELAY_RTMR
               ? ngx_ohttp_relay_hex((const u_char *) entry->digest,
                                     (const u_char *) entry->digest + len,
                                     digest)
               : NGX_OHTTP_RELAY_ERROR;
    }

    len = strlen(entry->payload);
    payload = malloc(len / 2 + 1);

    if (payload == NULL
        || ngx_ohttp_relay_hex((const u_char *) entry->payload,
                               (const u_char *) entry->payload + len, payload)
           != NGX_OHTTP_RELAY_OK)
    {
        free(payload);
        return NGX_OHTTP_RELAY_ERROR;
    }

    rc = entry->version == 1
         ? ngx_ohttp_relay_event_first(entry, payload, len / 2, digest)
         : ngx_ohttp_relay_event_second(entry, payload, len / 2, digest);

    free(payload);

    return rc;
}


/* version 1: type in little endian, name and payload, with colons between */

static int
ngx_ohttp_relay_event_first(const ngx_ohttp_relay_event_entry_t *entry,
    const u_char *payload, size_t len, u_char *digest)
{
    int          ok;
    EVP_MD_CTX  *ctx;

    static const u_char  type[] = { 0x01, 0x00, 0x00, 0x08, ':' };

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) == 1
         && EVP_DigestUpdate(ctx, type, sizeof(type)) == 1
         && EVP_DigestUpdate(ctx, entry->name, strlen(entry->name)) == 1
         && EVP_DigestUpdate(ctx, ":", 1) == 1
         && EVP_DigestUpdate(ctx, payload, len) == 1
         && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);

    return ok ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/*
 * Version 2: canonical JSON (RFC 8785).  Names that would have to be escaped
 * are not read at all.
 */

static int
ngx_ohttp_relay_event_second(const ngx_ohttp_relay_event_entry_t *entry,
    const u_char *payload, size_t len, u_char *digest)
{
    int          ok;
    char         hex[2];
    size_t       i;
    EVP_MD_CTX  *ctx;

    static const char  digits[] = "0123456789abcdef";
    static const char  head[] = "{\"name\":\"", middle[] = "\",\"payload\":\"",
                       tail[] = "\",\"type\":134217729}";

    for (i = 0; entry->name[i]; i++) {
        if (entry->name[i] < ' ' || entry->name[i] > '~'
            || entry->name[i] == '"' || entry->name[i] == '\\')
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    ctx = EVP_MD_CTX_new();

    ok = ctx != NULL
         && EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) == 1
         && EVP_DigestUpdate(ctx, head, sizeof(head) - 1) == 1
         && EVP_DigestUpdate(ctx, entry->name, strlen(entry->name)) == 1
         && EVP_DigestUpdate(ctx, middle, sizeof(middle) - 1) == 1;

    for (i = 0; ok && i < len; i++) {
        hex[0] = digits[payload[i] >> 4];
        hex[1] = digits[payload[i] & 0x0f];
        ok = EVP_DigestUpdate(ctx, hex, 2) == 1;
    }

    ok = ok && EVP_DigestUpdate(ctx, tail, sizeof(tail) - 1) == 1
         && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);

    return ok ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_event_extend(u_char *rtmr, const u_char *digest)
{
    u_char  both[2 * NGX_OHTTP_RELAY_RTMR];

    memcpy(both, rtmr, NGX_OHTTP_RELAY_RTMR);
    memcpy(both + NGX_OHTTP_RELAY_RTMR, digest, NGX_OHTTP_RELAY_RTMR);

    return SHA384(both, sizeof(both), rtmr) != NULL ? NGX_OHTTP_RELAY_OK
                                                    : NGX_OHTTP_RELAY_ERROR;
}


/* the payload has been found right */

static int
ngx_ohttp_relay_event_keep(const ngx_ohttp_relay_event_entry_t *entry,
    ngx_ohttp_relay_event_log_t *log)
{
    size_t                    len;
    ngx_ohttp_relay_event_e   number;
    ngx_ohttp_relay_event_t  *event;

    number = ngx_ohttp_relay_event(entry->name);

    if (number == NGX_OHTTP_RELAY_EVENTS) {
        return NGX_OHTTP_RELAY_OK;
    }

    event = &log->events[number];
    len = strlen(entry->payload);

    if (event->len != 0 || len == 0 || len / 2 > sizeof(event->data)) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    event->len = len / 2;

    return ngx_ohttp_relay_hex((const u_char *) entry->payload,
                               (const u_char *) entry->payload + len,
                               event->data);
}


ngx_ohttp_relay_event_e
ngx_ohttp_relay_event(const char *name)
{
    unsigned  i;

    for (i = 0; i < NGX_OHTTP_RELAY_EVENTS; i++) {
        if (strcmp(name, ngx_ohttp_relay_event_names[i]) == 0) {
            break;
        }
    }

    return (ngx_ohttp_relay_event_e) i;
}
