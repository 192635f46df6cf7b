
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "registry_row.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>


/* what a member may be */

#define NGX_OHTTP_RELAY_MEMBER_STRING   1
#define NGX_OHTTP_RELAY_MEMBER_FLAG     2
#define NGX_OHTTP_RELAY_MEMBER_COUNT    4
#define NGX_OHTTP_RELAY_MEMBER_LIST     8     /* of the other types, or one */
#define NGX_OHTTP_RELAY_MEMBER_HEADERS  16
#define NGX_OHTTP_RELAY_MEMBER_ADMIN    32    /* is no directive */

#define NGX_OHTTP_RELAY_MEMBER_STRINGS                                        \
    (NGX_OHTTP_RELAY_MEMBER_STRING|NGX_OHTTP_RELAY_MEMBER_LIST)


typedef struct {
    const char                        *name;
    unsigned                           types;
} ngx_ohttp_relay_registry_member_t;


/* a row while it is read */

typedef struct {
    ngx_ohttp_relay_registry_t               *registry;
    ngx_ohttp_relay_registry_row_t           *row;
    const ngx_ohttp_relay_registry_member_t  *members;
    const char                               *what;   /* "gateway", "pool" */
    const char                               *member;
    char                                     *error;
} ngx_ohttp_relay_registry_read_t;


static int ngx_ohttp_relay_registry_rows(ngx_ohttp_relay_registry_read_t *read,
    json_t *json, ngx_ohttp_relay_registry_row_t **rows, unsigned *n);
static int ngx_ohttp_relay_registry_row(ngx_ohttp_relay_registry_read_t *read,
    json_t *json);
static int ngx_ohttp_relay_registry_value(
    ngx_ohttp_relay_registry_read_t *read, json_t *value, unsigned types);
static int ngx_ohttp_relay_registry_headers(
    ngx_ohttp_relay_registry_read_t *read, json_t *value);
static int ngx_ohttp_relay_registry_admin(
    ngx_ohttp_relay_registry_read_t *read, json_t *value);
static ngx_ohttp_relay_slice_t *ngx_ohttp_relay_registry_directive(
    ngx_ohttp_relay_registry_read_t *read, unsigned n);
static int ngx_ohttp_relay_registry_argument(
    ngx_ohttp_relay_registry_read_t *read, json_t *value, unsigned types,
    ngx_ohttp_relay_slice_t *argument);
static const char *ngx_ohttp_relay_registry_wanted(unsigned types);
static int ngx_ohttp_relay_registry_number(
    ngx_ohttp_relay_registry_read_t *read, json_t *value,
    ngx_ohttp_relay_slice_t *argument);
static int ngx_ohttp_relay_registry_seal(ngx_ohttp_relay_registry_read_t *read,
    json_t *json);
static int ngx_ohttp_relay_registry_digest(
    ngx_ohttp_relay_registry_row_t *row);
static void ngx_ohttp_relay_registry_sort(ngx_ohttp_relay_registry_row_t *row,
    ngx_ohttp_relay_registry_directive_t **order);
static u_char *ngx_ohttp_relay_registry_write(u_char *p, const void *data,
    size_t size);
static int ngx_ohttp_relay_registry_attested(
    ngx_ohttp_relay_registry_read_t *read, json_t *json);
static int ngx_ohttp_relay_registry_wrong(
    ngx_ohttp_relay_registry_read_t *read, const char *text);


static const ngx_ohttp_relay_registry_member_t
    ngx_ohttp_relay_registry_gateway_members[] =
{
    { "url", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "tls", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "ssl_pin", NGX_OHTTP_RELAY_MEMBER_STRINGS },
    { "ssl_name", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "insecure", NGX_OHTTP_RELAY_MEMBER_FLAG },
    { "request_header", NGX_OHTTP_RELAY_MEMBER_HEADERS },
    { "pass_response_header", NGX_OHTTP_RELAY_MEMBER_STRINGS },
    { "media_types", NGX_OHTTP_RELAY_MEMBER_STRINGS },
    { "max_body", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "buffer_size", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "connect_timeout", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "send_timeout", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "read_timeout", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "keepalive", NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "keepalive_requests", NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "keepalive_timeout", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "replay_window", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "eject", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "max_in_flight", NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "pool", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "selector", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "key_ids", NGX_OHTTP_RELAY_MEMBER_STRINGS|NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "weight", NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "keys_file", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "keys_format", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "keys_max_age", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "keys_url", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "unknown_key",
      NGX_OHTTP_RELAY_MEMBER_STRING|NGX_OHTTP_RELAY_MEMBER_COUNT },
    { "attestation", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "policy", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "evidence_url", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "profile", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "confidential_models", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "billing_frame", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "admin", NGX_OHTTP_RELAY_MEMBER_ADMIN },
    { NULL, 0 }
};


static const ngx_ohttp_relay_registry_member_t
    ngx_ohttp_relay_registry_pool_members[] =
{
    { "select", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "keys", NGX_OHTTP_RELAY_MEMBER_STRING },
    { "default", NGX_OHTTP_RELAY_MEMBER_STRING },
    { NULL, 0 }
};


int
ngx_ohttp_relay_registry_gateways(ngx_ohttp_relay_registry_t *registry,
    json_t *json, char *error)
{
    ngx_ohttp_relay_registry_read_t  read;

    read.registry = registry;
    read.members = ngx_ohttp_relay_registry_gateway_members;
    read.what = "gateway";
    read.error = error;

    return ngx_ohttp_relay_registry_rows(&read, json, &registry->gateways,
                                         &registry->ngateways);
}


int
ngx_ohttp_relay_registry_pools(ngx_ohttp_relay_registry_t *registry,
    json_t *json, char *error)
{
    ngx_ohttp_relay_registry_read_t  read;

    read.registry = registry;
    read.members = ngx_ohttp_relay_registry_pool_members;
    read.what = "pool";
    read.error = error;

    return ngx_ohttp_relay_registry_rows(&read, json, &registry->pools,
                                         &registry->npools);
}


static int
ngx_ohttp_relay_registry_rows(ngx_ohttp_relay_registry_read_t *read,
    json_t *json, ngx_ohttp_relay_registry_row_t **rows, unsigned *n)
{
    json_t      *value;
    const char  *name;

    if (json == NULL) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (!json_is_object(json)
        || json_object_size(json) > NGX_OHTTP_RELAY_REGISTRY_ROWS)
    {
        return ngx_ohttp_relay_document_fail(read->error, "\"%ss\" must be an "
                                             "object of at most %d members",
                                             read->what,
                                             NGX_OHTTP_RELAY_REGISTRY_ROWS);
    }

    *rows = ngx_ohttp_relay_registry_alloc(read->registry,
                                     json_object_size(json)
                                     * sizeof(ngx_ohttp_relay_registry_row_t));
    if (*rows == NULL) {
        return ngx_ohttp_relay_document_fail(read->error, "no memory");
    }

    json_object_foreach(json, name, value) {

        read->row = &(*rows)[(*n)++];
        read->row->name = ngx_ohttp_relay_registry_slice(name);

        if (!ngx_ohttp_relay_document_name(name, strlen(name))) {
            return ngx_ohttp_relay_document_fail(read->error,
                                  "%s \"%.64s\": a name is 1 to 64 letters, "
                                  "digits, \"-\", \"_\" or \".\"",
                                  read->what, name);
        }

        if (ngx_ohttp_relay_registry_row(read, value) != NGX_OHTTP_RELAY_OK) {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_registry_row(ngx_ohttp_relay_registry_read_t *read,
    json_t *json)
{
    json_t                                   *value;
    size_t                                    n;
    const char                               *name;
    const ngx_ohttp_relay_registry_member_t  *member;

    if (!json_is_object(json)) {
        return ngx_ohttp_relay_document_fail(read->error,
                                             "%s \"%s\": it must be an object",
                                             read->what, read->row->name.data);
    }

    /* one may be added, and a member may become several */

    n = json_object_size(json) + 1
        + json_object_size(json_object_get(json, "request_header"));

    read->row->directives = ngx_ohttp_relay_registry_alloc(read->registry,
                            n * sizeof(ngx_ohttp_relay_registry_directive_t));
    if (read->row->directives == NULL) {
        return ngx_ohttp_relay_document_fail(read->error, "no memory");
    }

    json_object_foreach(json, name, value) {

        for (member = read->members; member->name; member++) {
            if (strcmp(member->name, name) == 0) {
                break;
            }
        }

        if (member->name == NULL) {
            return ngx_ohttp_relay_document_fail(read->error,
                                         "%s \"%s\": unknown member \"%.64s\"",
                                         read->what, read->row->name.data,
                                         name);
        }

        read->member = member->name;

        if (ngx_ohttp_relay_registry_value(read, value, member->types)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return ngx_ohttp_relay_registry_seal(read, json);
}


static int
ngx_ohttp_relay_registry_value(ngx_ohttp_relay_registry_read_t *read,
    json_t *value, unsigned types)
{
    size_t                    i, n;
    ngx_ohttp_relay_slice_t  *argv;

    if (types & NGX_OHTTP_RELAY_MEMBER_ADMIN) {
        return ngx_ohttp_relay_registry_admin(read, value);
    }

    if (types & NGX_OHTTP_RELAY_MEMBER_HEADERS) {
        return ngx_ohttp_relay_registry_headers(read, value);
    }

    if (!(types & NGX_OHTTP_RELAY_MEMBER_LIST) || !json_is_array(value)) {
        argv = ngx_ohttp_relay_registry_directive(read, 1);

        return argv ? ngx_ohttp_relay_registry_argument(read, value, types,
                                                        argv)
                    : NGX_OHTTP_RELAY_ERROR;
    }

    n = json_array_size(value);

    if (n == 0 || n > NGX_OHTTP_RELAY_REGISTRY_ARGS) {
        return ngx_ohttp_relay_registry_wrong(read, "must have 1 to 256 "
                                              "elements");
    }

    argv = ngx_ohttp_relay_registry_directive(read, n);
    if (argv == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (ngx_ohttp_relay_registry_argument(read, json_array_get(value, i),
                                              types, &argv[i])
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


/* {"Name": "value"}, or one header as an array of name and value */

static int
ngx_ohttp_relay_registry_headers(ngx_ohttp_relay_registry_read_t *read,
    json_t *value)
{
    json_t                   *header;
    const char               *name;
    ngx_ohttp_relay_slice_t  *argv;

    if (json_is_array(value) && json_array_size(value) == 2) {
        argv = ngx_ohttp_relay_registry_directive(read, 2);

        return argv
               && ngx_ohttp_relay_registry_argument(read,
                              json_array_get(value, 0),
                              NGX_OHTTP_RELAY_MEMBER_STRING, &argv[0])
                  == NGX_OHTTP_RELAY_OK
               ? ngx_ohttp_relay_registry_argument(read,
                              json_array_get(value, 1),
                              NGX_OHTTP_RELAY_MEMBER_STRING, &argv[1])
               : NGX_OHTTP_RELAY_ERROR;
    }

    if (!json_is_object(value)) {
        return ngx_ohttp_relay_registry_wrong(read, "must be an object of "
                                              "names and values, or an array "
                                              "of one name and its value");
    }

    json_object_foreach(value, name, header) {

        argv = ngx_ohttp_relay_registry_directive(read, 2);
        if (argv == NULL) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        argv[0] = ngx_ohttp_relay_registry_slice(name);

        if (ngx_ohttp_relay_registry_argument(read, header,
                                              NGX_OHTTP_RELAY_MEMBER_STRING,
                                              &argv[1])
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


static int
ngx_ohttp_relay_registry_admin(ngx_ohttp_relay_registry_read_t *read,
    json_t *value)
{
    unsigned  i;

    static const char  *names[] = { "up", "drain", "down" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_is_string(value)
            && strcmp(json_string_value(value), names[i]) == 0)
        {
            read->row->admin = i;
            return NGX_OHTTP_RELAY_OK;
        }
    }

    return ngx_ohttp_relay_registry_wrong(read, "must be \"up\", \"drain\" or "
                                          "\"down\"");
}


/* adds a directive, and returns the first of its n arguments, to be filled */

static ngx_ohttp_relay_slice_t *
ngx_ohttp_relay_registry_directive(ngx_ohttp_relay_registry_read_t *read,
    unsigned n)
{
    ngx_ohttp_relay_slice_t               *argv;
    ngx_ohttp_relay_registry_directive_t  *directive;

    argv = ngx_ohttp_relay_registry_alloc(read->registry,
                                          (n + 1)
                                          * sizeof(ngx_ohttp_relay_slice_t));
    if (argv == NULL) {
        (void) ngx_ohttp_relay_document_fail(read->error, "no memory");
        return NULL;
    }

    argv[0] = ngx_ohttp_relay_registry_slice(read->member);

    directive = &read->row->directives[read->row->ndirectives++];
    directive->argc = n + 1;
    directive->argv = argv;

    return &argv[1];
}


static int
ngx_ohttp_relay_registry_argument(ngx_ohttp_relay_registry_read_t *read,
    json_t *value, unsigned types, ngx_ohttp_relay_slice_t *argument)
{
    if (json_is_string(value) && (types & NGX_OHTTP_RELAY_MEMBER_STRING)) {
        *argument = ngx_ohttp_relay_registry_string(value);
        return NGX_OHTTP_RELAY_OK;
    }

    if (json_is_integer(value) && (types & NGX_OHTTP_RELAY_MEMBER_COUNT)) {
        return ngx_ohttp_relay_registry_number(read, value, argument);
    }

    if (json_is_boolean(value) && (types & NGX_OHTTP_RELAY_MEMBER_FLAG)) {
        *argument = ngx_ohttp_relay_registry_slice(json_is_true(value)
                                                   ? "on" : "off");
        return NGX_OHTTP_RELAY_OK;
    }

    return ngx_ohttp_relay_registry_wrong(read,
                                        ngx_ohttp_relay_registry_wanted(types));
}


static const char *
ngx_ohttp_relay_registry_wanted(unsigned types)
{
    switch (types) {

    case NGX_OHTTP_RELAY_MEMBER_FLAG:
        return "must be true or false";

    case NGX_OHTTP_RELAY_MEMBER_COUNT:
        return "must be a number";

    case NGX_OHTTP_RELAY_MEMBER_STRING:
        return "must be a string";

    case NGX_OHTTP_RELAY_MEMBER_STRINGS:
        return "must be a string, or an array of strings";

    default:
        return types & NGX_OHTTP_RELAY_MEMBER_LIST
               ? "must be a number or a string, or an array of such"
               : "must be a number or a string";
    }
}


static int
ngx_ohttp_relay_registry_number(ngx_ohttp_relay_registry_read_t *read,
    json_t *value, ngx_ohttp_relay_slice_t *argument)
{
    char  *text;

    if (json_integer_value(value) < 0) {
        return ngx_ohttp_relay_registry_wrong(read, "must not be negative");
    }

    /* as many digits as 64 bits may have, and a NUL */

    text = ngx_ohttp_relay_registry_alloc(read->registry, 20);
    if (text == NULL) {
        return ngx_ohttp_relay_document_fail(read->error, "no memory");
    }

    (void) snprintf(text, 20, "%lld", (long long) json_integer_value(value));

    *argument = ngx_ohttp_relay_registry_slice(text);

    return NGX_OHTTP_RELAY_OK;
}


/* what a row as a whole must have, and what it is known by */

static int
ngx_ohttp_relay_registry_seal(ngx_ohttp_relay_registry_read_t *read,
    json_t *json)
{
    ngx_ohttp_relay_slice_t          url;
    ngx_ohttp_relay_registry_row_t  *row;

    row = read->row;

    if (read->members == ngx_ohttp_relay_registry_gateway_members) {

        if (ngx_ohttp_relay_registry_attested(read, json)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }

        url = ngx_ohttp_relay_registry_string(json_object_get(json, "url"));

        if (ngx_ohttp_relay_registry_entry(&row->name, &url, row->policy,
                                           row->entry_sha256)
            != NGX_OHTTP_RELAY_OK)
        {
            return ngx_ohttp_relay_document_fail(read->error, "no memory");
        }
    }

    return ngx_ohttp_relay_registry_digest(row) == NGX_OHTTP_RELAY_OK
           ? NGX_OHTTP_RELAY_OK
           : ngx_ohttp_relay_document_fail(read->error, "no memory");
}


/*
 * What a row comes to: its directives, in whatever order they stand in the
 * file, "admin", and by its entry the policy.  Each text has its length in
 * front, so that no two rows are written alike.
 */

static int
ngx_ohttp_relay_registry_digest(ngx_ohttp_relay_registry_row_t *row)
{
    int                                     rc;
    u_char                                 *text, *p;
    size_t                                  size;
    unsigned                                i, k;
    ngx_ohttp_relay_registry_directive_t  **order, *directive;

    size = row->ndirectives * sizeof(ngx_ohttp_relay_registry_directive_t *)
           + sizeof(row->entry_sha256) + sizeof(row->admin);

    for (i = 0; i < row->ndirectives; i++) {
        directive = &row->directives[i];
        size += sizeof(unsigned);

        for (k = 0; k < directive->argc; k++) {
            size += sizeof(size_t) + directive->argv[k].len;
        }
    }

    order = malloc(size);
    if (order == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    ngx_ohttp_relay_registry_sort(row, order);

    text = (u_char *) (order + row->ndirectives);
    p = text;

    for (i = 0; i < row->ndirectives; i++) {
        directive = order[i];
        p = ngx_ohttp_relay_registry_write(p, &directive->argc,
                                           sizeof(unsigned));

        for (k = 0; k < directive->argc; k++) {
            p = ngx_ohttp_relay_registry_write(p, &directive->argv[k].len,
                                               sizeof(size_t));
            p = ngx_ohttp_relay_registry_write(p, directive->argv[k].data,
                                               directive->argv[k].len);
        }
    }

    p = ngx_ohttp_relay_registry_write(p, row->entry_sha256,
                                       sizeof(row->entry_sha256));
    p = ngx_ohttp_relay_registry_write(p, &row->admin, sizeof(row->admin));

    rc = EVP_Digest(text, p - text, row->sha256, NULL, EVP_sha256(), NULL);

    free(order);

    return rc == 1 ? NGX_OHTTP_RELAY_OK : NGX_OHTTP_RELAY_ERROR;
}


/* by their names; those of one name, which are headers, stay as they are */

static void
ngx_ohttp_relay_registry_sort(ngx_ohttp_relay_registry_row_t *row,
    ngx_ohttp_relay_registry_directive_t **order)
{
    unsigned                               i, k;
    ngx_ohttp_relay_registry_directive_t  *directive;

    for (i = 0; i < row->ndirectives; i++) {
        directive = &row->directives[i];

        for (k = i;
             k && strcmp((char *) order[k - 1]->argv[0].data,
                         (char *) directive->argv[0].data)
                  > 0;
             k--)
        {
            order[k] = order[k - 1];
        }

        order[k] = directive;
    }
}


static u_char *
ngx_ohttp_relay_registry_write(u_char *p, const void *data, size_t size)
{
    memcpy(p, data, size);

    return p + size;
}


/* a row is attested unless it says that it is not */

static int
ngx_ohttp_relay_registry_attested(ngx_ohttp_relay_registry_read_t *read,
    json_t *json)
{
    json_t                          *attestation, *policy;
    ngx_ohttp_relay_slice_t          name, *argv;
    ngx_ohttp_relay_registry_row_t  *row;

    row = read->row;

    if (json_object_get(json, "url") == NULL) {
        read->member = "url";
        return ngx_ohttp_relay_registry_wrong(read, "must be there");
    }

    attestation = json_object_get(json, "attestation");

    if (attestation == NULL) {
        read->member = "attestation";

        argv = ngx_ohttp_relay_registry_directive(read, 1);
        if (argv == NULL) {
            return NGX_OHTTP_RELAY_ERROR;
        }

        argv[0] = ngx_ohttp_relay_registry_slice("require");
    }

    read->member = "policy";
    policy = json_object_get(json, "policy");

    if (policy) {
        name = ngx_ohttp_relay_registry_string(policy);
        row->policy = ngx_ohttp_relay_registry_policy(read->registry, &name);

        return row->policy ? NGX_OHTTP_RELAY_OK
                           : ngx_ohttp_relay_registry_wrong(read, "must be "
                                               "one of those in \"policies\"");
    }

    if (attestation && strcmp(json_string_value(attestation), "off") == 0) {
        return NGX_OHTTP_RELAY_OK;
    }

    return ngx_ohttp_relay_registry_wrong(read, "must be there unless "
                                          "\"attestation\" is \"off\"");
}


static int
ngx_ohttp_relay_registry_wrong(ngx_ohttp_relay_registry_read_t *read,
    const char *text)
{
    return ngx_ohttp_relay_document_fail(read->error, "%s \"%s\": \"%s\" %s",
                                         read->what, read->row->name.data,
                                         read->member, text);
}
