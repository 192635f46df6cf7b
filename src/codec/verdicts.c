
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "document.h"
#include "hex.h"
#include "verdicts.h"

#include <stdlib.h>


#define NGX_OHTTP_RELAY_VERDICTS_VERSION  1
#define NGX_OHTTP_RELAY_VERDICTS_TTL      (30 * 24 * 60 * 60)
#define NGX_OHTTP_RELAY_VERDICTS_TIME     253402300799   /* the year 9999 */


#define ngx_ohttp_relay_verdicts_count(words)  (sizeof(words) / sizeof(char *))


static int ngx_ohttp_relay_verdicts_take(ngx_ohttp_relay_verdict_file_t *file,
    json_t *root, char *error);
static int ngx_ohttp_relay_verdicts_head(ngx_ohttp_relay_verdict_file_t *file,
    json_t *root, char *error);
static int ngx_ohttp_relay_verdicts_boot(ngx_ohttp_relay_verdict_file_t *file,
    json_t *boot_id);
static int ngx_ohttp_relay_verdict_take(ngx_ohttp_relay_verdict_t *verdict,
    json_t *json, char *error);
static const char *ngx_ohttp_relay_verdict_wrong(
    ngx_ohttp_relay_verdict_t *verdict, json_t *json);
static const char *ngx_ohttp_relay_verdict_wrong_proof(
    ngx_ohttp_relay_verdict_t *verdict, json_t *json);
static int ngx_ohttp_relay_verdict_text(json_t *value, size_t min, size_t max,
    ngx_ohttp_relay_slice_t *text);
static int ngx_ohttp_relay_verdict_word(json_t *value, const char **words,
    unsigned n);
static int ngx_ohttp_relay_verdict_digest(json_t *value, unsigned optional,
    u_char *digest);
static int ngx_ohttp_relay_verdict_pins(json_t *value,
    ngx_ohttp_relay_verdict_t *verdict);
static int ngx_ohttp_relay_verdicts_number(json_t *value, int64_t max,
    int64_t *n);
static int ngx_ohttp_relay_verdicts_members(json_t *json, const char **names,
    unsigned n, const char **wrong);
static int ngx_ohttp_relay_verdict_compare(const void *one, const void *two);


static const char  *ngx_ohttp_relay_verdict_states[] = {
    "ok", "pinned", "stale", "refused", "key_conflict"
};


static const char  *ngx_ohttp_relay_verdict_roots[] = {
    "", "hardware", "service", "operator", "test-root"
};


static const char  *ngx_ohttp_relay_verdicts_names[] = {
    "version", "seq", "boot_id", "written_at", "ttl", "gateways"
};


static const char  *ngx_ohttp_relay_verdict_names[] = {
    "state", "kind", "root", "reason", "entry_sha256", "verified_at",
    "valid_until", "tls_pins", "evidence_sha256"
};


ngx_ohttp_relay_verdict_file_t *
ngx_ohttp_relay_verdicts_read(const u_char *p, const u_char *last, char *error)
{
    json_t                          *root;
    ngx_ohttp_relay_verdict_file_t  *file;

    root = ngx_ohttp_relay_document_read(p, last, error);
    if (root == NULL) {
        return NULL;
    }

    file = calloc(1, sizeof(ngx_ohttp_relay_verdict_file_t));

    if (file == NULL) {
        json_decref(root);
        (void) ngx_ohttp_relay_document_fail(error, "no memory");
        return NULL;
    }

    file->json = root;

    if (ngx_ohttp_relay_verdicts_take(file, root, error)
        != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_verdicts_free(file);
        return NULL;
    }

    return file;
}


static int
ngx_ohttp_relay_verdicts_take(ngx_ohttp_relay_verdict_file_t *file,
    json_t *root, char *error)
{
    json_t                     *gateways, *value;
    const char                 *name;
    ngx_ohttp_relay_verdict_t  *verdict;

    if (ngx_ohttp_relay_verdicts_head(file, root, error)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    gateways = json_object_get(root, "gateways");

    if (!json_is_object(gateways)
        || json_object_size(gateways) > NGX_OHTTP_RELAY_VERDICTS_ROWS)
    {
        return ngx_ohttp_relay_document_fail(error, "\"gateways\" must be an "
                                             "object of at most %d members",
                                             NGX_OHTTP_RELAY_VERDICTS_ROWS);
    }

    /* one more, since of nothing there might be no memory */

    file->verdicts = calloc(json_object_size(gateways) + 1,
                            sizeof(ngx_ohttp_relay_verdict_t));
    if (file->verdicts == NULL) {
        return ngx_ohttp_relay_document_fail(error, "no memory");
    }

    json_object_foreach(gateways, name, value) {

        if (!ngx_ohttp_relay_document_name(name, strlen(name))) {
            return ngx_ohttp_relay_document_fail(error,
                                  "gateway \"%.64s\": a name is 1 to 64 "
                                  "letters, digits, \"-\", \"_\" or \".\"",
                                  name);
        }

        verdict = &file->verdicts[file->n++];

        verdict->name.data = (u_char *) name;
        verdict->name.len = strlen(name);

        if (ngx_ohttp_relay_verdict_take(verdict, value, error)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    qsort(file->verdicts, file->n, sizeof(ngx_ohttp_relay_verdict_t),
          ngx_ohttp_relay_verdict_compare);

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_verdicts_head(ngx_ohttp_relay_verdict_file_t *file,
    json_t *root, char *error)
{
    int          missing;
    int64_t      version;
    const char  *wrong;

    missing = ngx_ohttp_relay_verdicts_members(root,
                 ngx_ohttp_relay_verdicts_names,
                 ngx_ohttp_relay_verdicts_count(ngx_ohttp_relay_verdicts_names),
                 &wrong);

    if (wrong) {
        return ngx_ohttp_relay_document_fail(error, missing
                                             ? "\"%.64s\" is missing"
                                             : "unknown member \"%.64s\"",
                                             wrong);
    }

    if (ngx_ohttp_relay_verdicts_number(json_object_get(root, "version"),
                                        NGX_OHTTP_RELAY_VERDICTS_VERSION,
                                        &version)
        != NGX_OHTTP_RELAY_OK
        || version != NGX_OHTTP_RELAY_VERDICTS_VERSION)
    {
        wrong = "version";

    } else if (ngx_ohttp_relay_verdicts_number(json_object_get(root, "seq"),
                                               INT64_MAX, &file->seq)
               != NGX_OHTTP_RELAY_OK)
    {
        wrong = "seq";

    } else if (ngx_ohttp_relay_verdicts_number(
                                         json_object_get(root, "written_at"),
                                         NGX_OHTTP_RELAY_VERDICTS_TIME,
                                         &file->written_at)
               != NGX_OHTTP_RELAY_OK)
    {
        wrong = "written_at";

    } else if (ngx_ohttp_relay_verdicts_number(json_object_get(root, "ttl"),
                                               NGX_OHTTP_RELAY_VERDICTS_TTL,
                                               &file->ttl)
               != NGX_OHTTP_RELAY_OK)
    {
        wrong = "ttl";

    } else if (ngx_ohttp_relay_verdicts_boot(file,
                                             json_object_get(root, "boot_id"))
               != NGX_OHTTP_RELAY_OK)
    {
        wrong = "boot_id";
    }

    return wrong ? ngx_ohttp_relay_document_fail(error, "\"%s\" is wrong",
                                                 wrong)
                 : NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_verdicts_boot(ngx_ohttp_relay_verdict_file_t *file,
    json_t *boot_id)
{
    ngx_ohttp_relay_slice_t  text;

    if (ngx_ohttp_relay_verdict_text(boot_id, 2,
                                     2 * NGX_OHTTP_RELAY_VERDICTS_BOOT, &text)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_hex(text.data, text.data + text.len, file->boot_id);
}


static int
ngx_ohttp_relay_verdict_take(ngx_ohttp_relay_verdict_t *verdict, json_t *json,
    char *error)
{
    int          missing;
    const char  *wrong;

    if (!json_is_object(json)) {
        return ngx_ohttp_relay_document_fail(error,
                                             "gateway \"%s\": it must be an "
                                             "object", verdict->name.data);
    }

    missing = ngx_ohttp_relay_verdicts_members(json,
                 ngx_ohttp_relay_verdict_names,
                 ngx_ohttp_relay_verdicts_count(ngx_ohttp_relay_verdict_names),
                 &wrong);

    if (wrong) {
        return ngx_ohttp_relay_document_fail(error, missing
                                   ? "gateway \"%s\": \"%.64s\" is missing"
                                   : "gateway \"%s\": unknown member \"%.64s\"",
                                             verdict->name.data, wrong);
    }

    wrong = ngx_ohttp_relay_verdict_wrong(verdict, json);

    return wrong ? ngx_ohttp_relay_document_fail(error,
                                             "gateway \"%s\": \"%s\" is wrong",
                                             verdict->name.data, wrong)
                 : NGX_OHTTP_RELAY_OK;
}


/* fills the verdict; the name of a member that is wrong, or NULL */

static const char *
ngx_ohttp_relay_verdict_wrong(ngx_ohttp_relay_verdict_t *verdict, json_t *json)
{
    int  state, root;

    state = ngx_ohttp_relay_verdict_word(json_object_get(json, "state"),
               ngx_ohttp_relay_verdict_states,
               ngx_ohttp_relay_verdicts_count(ngx_ohttp_relay_verdict_states));

    if (state == NGX_OHTTP_RELAY_ERROR) {
        return "state";
    }

    root = ngx_ohttp_relay_verdict_word(json_object_get(json, "root"),
               ngx_ohttp_relay_verdict_roots,
               ngx_ohttp_relay_verdicts_count(ngx_ohttp_relay_verdict_roots));

    /* what is good is so because of something */

    if (root == NGX_OHTTP_RELAY_ERROR
        || (root == NGX_OHTTP_RELAY_ROOT_NONE
            && state < NGX_OHTTP_RELAY_VERDICT_REFUSED))
    {
        return "root";
    }

    verdict->state = state;
    verdict->root = root;

    if (ngx_ohttp_relay_verdict_text(json_object_get(json, "kind"), 1,
                                     NGX_OHTTP_RELAY_DOCUMENT_NAME,
                                     &verdict->kind)
        != NGX_OHTTP_RELAY_OK)
    {
        return "kind";
    }

    if (ngx_ohttp_relay_verdict_text(json_object_get(json, "reason"), 0,
                                     NGX_OHTTP_RELAY_VERDICT_REASON,
                                     &verdict->reason)
        != NGX_OHTTP_RELAY_OK)
    {
        return "reason";
    }

    return ngx_ohttp_relay_verdict_wrong_proof(verdict, json);
}


static const char *
ngx_ohttp_relay_verdict_wrong_proof(ngx_ohttp_relay_verdict_t *verdict,
    json_t *json)
{
    unsigned  proven;

    if (ngx_ohttp_relay_verdict_digest(json_object_get(json, "entry_sha256"),
                                       0, verdict->entry_sha256)
        != NGX_OHTTP_RELAY_OK)
    {
        return "entry_sha256";
    }

    /* of what is pinned, or could not be fetched, there is no evidence */

    proven = verdict->state == NGX_OHTTP_RELAY_VERDICT_OK
             || verdict->state == NGX_OHTTP_RELAY_VERDICT_STALE;

    if (ngx_ohttp_relay_verdict_digest(json_object_get(json,
                                                       "evidence_sha256"),
                                       !proven, verdict->evidence_sha256)
        != NGX_OHTTP_RELAY_OK)
    {
        return "evidence_sha256";
    }

    if (ngx_ohttp_relay_verdicts_number(json_object_get(json, "verified_at"),
                                        NGX_OHTTP_RELAY_VERDICTS_TIME,
                                        &verdict->verified_at)
        != NGX_OHTTP_RELAY_OK)
    {
        return "verified_at";
    }

    if (ngx_ohttp_relay_verdicts_number(json_object_get(json, "valid_until"),
                                        NGX_OHTTP_RELAY_VERDICTS_TIME,
                                        &verdict->valid_until)
        != NGX_OHTTP_RELAY_OK)
    {
        return "valid_until";
    }

    return ngx_ohttp_relay_verdict_pins(json_object_get(json, "tls_pins"),
                                        verdict)
           == NGX_OHTTP_RELAY_OK ? NULL : "tls_pins";
}


static int
ngx_ohttp_relay_verdict_text(json_t *value, size_t min, size_t max,
    ngx_ohttp_relay_slice_t *text)
{
    if (!json_is_string(value) || json_string_length(value) < min
        || json_string_length(value) > max)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    text->data = (u_char *) json_string_value(value);
    text->len = json_string_length(value);

    return NGX_OHTTP_RELAY_OK;
}


/* the word's place among the words, or NGX_OHTTP_RELAY_ERROR */

static int
ngx_ohttp_relay_verdict_word(json_t *value, const char **words, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (json_is_string(value)
            && strcmp(json_string_value(value), words[i]) == 0)
        {
            return i;
        }
    }

    return NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_verdict_digest(json_t *value, unsigned optional,
    u_char *digest)
{
    ngx_ohttp_relay_slice_t  text;

    if (ngx_ohttp_relay_verdict_text(value, 0,
                                     2 * NGX_OHTTP_RELAY_VERDICT_DIGEST, &text)
        != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    if (text.len == 0 && optional) {
        return NGX_OHTTP_RELAY_OK;
    }

    return text.len == 2 * NGX_OHTTP_RELAY_VERDICT_DIGEST
           ? ngx_ohttp_relay_hex(text.data, text.data + text.len, digest)
           : NGX_OHTTP_RELAY_ERROR;
}


static int
ngx_ohttp_relay_verdict_pins(json_t *value, ngx_ohttp_relay_verdict_t *verdict)
{
    size_t                   i;
    ngx_ohttp_relay_slice_t  text;

    if (!json_is_array(value)
        || json_array_size(value) > NGX_OHTTP_RELAY_VERDICT_PINS)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < json_array_size(value); i++) {
        if (ngx_ohttp_relay_verdict_text(json_array_get(value, i), 1, SIZE_MAX,
                                         &text)
            != NGX_OHTTP_RELAY_OK
            || ngx_ohttp_relay_pin(text.data, text.data + text.len,
                                   &verdict->pins[i])
               != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    verdict->npins = i;

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_verdicts_number(json_t *value, int64_t max, int64_t *n)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > max)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    *n = json_integer_value(value);

    return NGX_OHTTP_RELAY_OK;
}


/*
 * Sets *wrong to a member that is not one of the names, and returns 0, or to
 * a name that is no member, and returns 1; or to NULL.
 */

static int
ngx_ohttp_relay_verdicts_members(json_t *json, const char **names, unsigned n,
    const char **wrong)
{
    json_t      *value;
    unsigned     i;
    const char  *name;

    json_object_foreach(json, name, value) {

        for (i = 0; i < n; i++) {
            if (strcmp(names[i], name) == 0) {
                break;
            }
        }

        if (i == n) {
            *wrong = name;
            return 0;
        }
    }

    for (i = 0; i < n; i++) {
        if (json_object_get(json, names[i]) == NULL) {
            *wrong = names[i];
            return 1;
        }
    }

    *wrong = NULL;

    return 0;
}


static int
ngx_ohttp_relay_verdict_compare(const void *one, const void *two)
{
    const ngx_ohttp_relay_verdict_t *a = one;
    const ngx_ohttp_relay_verdict_t *b = two;

    return strcmp((char *) a->name.data, (char *) b->name.data);
}


void
ngx_ohttp_relay_verdicts_free(ngx_ohttp_relay_verdict_file_t *file)
{
    if (file == NULL) {
        return;
    }

    json_decref(file->json);
    free(file->verdicts);
    free(file);
}


const ngx_ohttp_relay_verdict_t *
ngx_ohttp_relay_verdicts_find(const ngx_ohttp_relay_verdict_file_t *file,
    const u_char *name, size_t len)
{
    int                               order;
    unsigned                          low, high, middle;
    const ngx_ohttp_relay_verdict_t  *verdict;

    low = 0;
    high = file->n;

    while (low < high) {
        middle = (low + high) / 2;
        verdict = &file->verdicts[middle];

        order = strncmp((char *) name, (char *) verdict->name.data, len);

        if (order == 0 && verdict->name.len == len) {
            return verdict;
        }

        /* of two that begin alike the longer one comes later */

        if (order <= 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return NULL;
}


const char *
ngx_ohttp_relay_verdict_state_word(ngx_ohttp_relay_verdict_state_e state)
{
    return ngx_ohttp_relay_verdict_states[state];
}


const char *
ngx_ohttp_relay_verdict_root_word(ngx_ohttp_relay_root_e root)
{
    return ngx_ohttp_relay_verdict_roots[root];
}
