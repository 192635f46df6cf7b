
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "registry_row.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>


/* of a block of memory; what needs more gets one of its own */
#define NGX_OHTTP_RELAY_REGISTRY_BLOCK    16384

#define NGX_OHTTP_RELAY_REGISTRY_VERSION  1


typedef struct ngx_ohttp_relay_registry_block_s
    ngx_ohttp_relay_registry_block_t;

struct ngx_ohttp_relay_registry_block_s {
    ngx_ohttp_relay_registry_block_t  *next;
    size_t                             size;
    size_t                             used;
    _Alignas(max_align_t) u_char       data[];
};


static int ngx_ohttp_relay_registry_take(ngx_ohttp_relay_registry_t *registry,
    json_t *root, char *error);
static int ngx_ohttp_relay_registry_policies(
    ngx_ohttp_relay_registry_t *registry, json_t *policies, char *error);
static int ngx_ohttp_relay_registry_take_policy(
    ngx_ohttp_relay_registry_t *registry, const char *name, json_t *json,
    char *error);
static char *ngx_ohttp_relay_registry_quote(
    const ngx_ohttp_relay_slice_t *text);


ngx_ohttp_relay_registry_t *
ngx_ohttp_relay_registry_read(const u_char *p, const u_char *last, char *error)
{
    json_t                      *root;
    ngx_ohttp_relay_registry_t  *registry;

    root = ngx_ohttp_relay_document_read(p, last, error);
    if (root == NULL) {
        return NULL;
    }

    registry = calloc(1, sizeof(ngx_ohttp_relay_registry_t));

    if (registry == NULL) {
        json_decref(root);
        (void) ngx_ohttp_relay_document_fail(error, "no memory");
        return NULL;
    }

    registry->json = root;

    if (ngx_ohttp_relay_registry_take(registry, root, error)
        != NGX_OHTTP_RELAY_OK)
    {
        ngx_ohttp_relay_registry_free(registry);
        return NULL;
    }

    return registry;
}


static int
ngx_ohttp_relay_registry_take(ngx_ohttp_relay_registry_t *registry,
    json_t *root, char *error)
{
    json_t      *value;
    const char  *name;

    json_object_foreach(root, name, value) {

        if (strcmp(name, "version") != 0 && strcmp(name, "pools") != 0
            && strcmp(name, "gateways") != 0 && strcmp(name, "policies") != 0)
        {
            return ngx_ohttp_relay_document_fail(error,
                                                 "unknown member \"%.64s\"",
                                                 name);
        }
    }

    value = json_object_get(root, "version");

    if (!json_is_integer(value)
        || json_integer_value(value) != NGX_OHTTP_RELAY_REGISTRY_VERSION)
    {
        return ngx_ohttp_relay_document_fail(error, "\"version\" must be %d",
                                             NGX_OHTTP_RELAY_REGISTRY_VERSION);
    }

    /* gateways name policies */

    if (ngx_ohttp_relay_registry_policies(registry,
                                          json_object_get(root, "policies"),
                                          error)
        != NGX_OHTTP_RELAY_OK
        || ngx_ohttp_relay_registry_pools(registry,
                                          json_object_get(root, "pools"),
                                          error)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_registry_gateways(registry,
                                             json_object_get(root, "gateways"),
                                             error);
}


static int
ngx_ohttp_relay_registry_policies(ngx_ohttp_relay_registry_t *registry,
    json_t *policies, char *error)
{
    json_t      *json;
    const char  *name;

    if (policies == NULL) {
        return NGX_OHTTP_RELAY_OK;
    }

    if (!json_is_object(policies)
        || json_object_size(policies) > NGX_OHTTP_RELAY_REGISTRY_ROWS)
    {
        return ngx_ohttp_relay_document_fail(error, "\"policies\" must be an "
                                             "object of at most %d members",
                                             NGX_OHTTP_RELAY_REGISTRY_ROWS);
    }

    registry->policies = ngx_ohttp_relay_registry_alloc(registry,
                                   json_object_size(policies)
                                   * sizeof(ngx_ohttp_relay_registry_policy_t));
    if (registry->policies == NULL) {
        return ngx_ohttp_relay_document_fail(error, "no memory");
    }

    json_object_foreach(policies, name, json) {

        if (!ngx_ohttp_relay_document_name(name, strlen(name))) {
            return ngx_ohttp_relay_document_fail(error,
                                  "policy \"%.64s\": a name is 1 to 64 "
                                  "letters, digits, \"-\", \"_\" or \".\"",
                                  name);
        }

        if (ngx_ohttp_relay_registry_take_policy(registry, name, json, error)
            != NGX_OHTTP_RELAY_OK)
        {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}


/* what else a policy says is between the operator and the agent */

static int
ngx_ohttp_relay_registry_take_policy(ngx_ohttp_relay_registry_t *registry,
    const char *name, json_t *json, char *error)
{
    char                               *text, *copy;
    size_t                              len;
    json_t                             *kind, *bind, *tls;
    ngx_ohttp_relay_registry_policy_t  *policy;

    kind = json_object_get(json, "kind");
    bind = json_object_get(json, "bind");
    tls = json_object_get(bind, "tls");

    if (!json_is_string(kind)
        || !ngx_ohttp_relay_document_name(json_string_value(kind),
                                          json_string_length(kind)))
    {
        return ngx_ohttp_relay_document_fail(error, "policy \"%s\": it must "
                                             "be an object with a \"kind\"",
                                             name);
    }

    if ((bind && !json_is_object(bind))
        || (tls && (!json_is_string(tls)
                    || (strcmp(json_string_value(tls), "cert-sha256") != 0
                        && strcmp(json_string_value(tls), "spki-sha256")
                           != 0))))
    {
        return ngx_ohttp_relay_document_fail(error, "policy \"%s\": \"bind\" "
                                             "must be an object, its \"tls\" "
                                             "\"cert-sha256\" or "
                                             "\"spki-sha256\"", name);
    }

    text = ngx_ohttp_relay_document_canonical(json);
    len = text ? strlen(text) : 0;
    copy = text ? ngx_ohttp_relay_registry_alloc(registry, len + 1) : NULL;

    if (copy) {
        memcpy(copy, text, len);
    }

    free(text);

    if (copy == NULL) {
        return ngx_ohttp_relay_document_fail(error, "no memory");
    }

    policy = &registry->policies[registry->npolicies++];

    policy->name = ngx_ohttp_relay_registry_slice(name);
    policy->text.data = (u_char *) copy;
    policy->text.len = len;
    policy->kind = ngx_ohttp_relay_registry_string(kind);
    policy->json = json;

    if (tls) {
        policy->tls = ngx_ohttp_relay_registry_string(tls);
    }

    return NGX_OHTTP_RELAY_OK;
}


ngx_ohttp_relay_registry_policy_t *
ngx_ohttp_relay_registry_policy(const ngx_ohttp_relay_registry_t *registry,
    const ngx_ohttp_relay_slice_t *name)
{
    unsigned                            i;
    ngx_ohttp_relay_registry_policy_t  *policy;

    for (i = 0; i < registry->npolicies; i++) {
        policy = &registry->policies[i];

        if (policy->name.len == name->len
            && memcmp(policy->name.data, name->data, name->len) == 0)
        {
            return policy;
        }
    }

    return NULL;
}


/*
 * Put together of parts: a policy is long, and the same for many gateways.  Its
 * name needs no escapes.
 */

int
ngx_ohttp_relay_registry_entry(const ngx_ohttp_relay_slice_t *name,
    const ngx_ohttp_relay_slice_t *url,
    const ngx_ohttp_relay_registry_policy_t *policy, u_char *out)
{
    int     rc;
    char   *text, *named, *at;
    size_t  size;

    static const char  format[] =
        "{\"name\":%s,\"policy\":\"%s\",\"policy_content\":%s,\"url\":%s}";

    named = ngx_ohttp_relay_registry_quote(name);
    at = ngx_ohttp_relay_registry_quote(url);

    rc = NGX_OHTTP_RELAY_ERROR;

    if (named && at) {

        size = sizeof(format) + strlen(named) + strlen(at) + sizeof("null")
               + (policy ? policy->name.len + policy->text.len : 0);

        text = malloc(size);

        if (text) {
            size = snprintf(text, size, format, named,
                            policy ? (char *) policy->name.data : "",
                            policy ? (char *) policy->text.data : "null", at);

            if (EVP_Digest(text, size, out, NULL, EVP_sha256(), NULL) == 1) {
                rc = NGX_OHTTP_RELAY_OK;
            }
        }

        free(text);
    }

    free(named);
    free(at);

    return rc;
}


/* a string as JSON has it, to be freed; NULL if it is not UTF-8 */

static char *
ngx_ohttp_relay_registry_quote(const ngx_ohttp_relay_slice_t *text)
{
    char    *quoted;
    json_t  *value;

    value = json_stringn((char *) text->data, text->len);
    if (value == NULL) {
        return NULL;
    }

    quoted = ngx_ohttp_relay_document_canonical(value);

    json_decref(value);

    return quoted;
}


void
ngx_ohttp_relay_registry_free(ngx_ohttp_relay_registry_t *registry)
{
    ngx_ohttp_relay_registry_block_t  *block, *next;

    if (registry == NULL) {
        return;
    }

    for (block = registry->blocks; block; block = next) {
        next = block->next;
        free(block);
    }

    json_decref(registry->json);
    free(registry);
}


ngx_ohttp_relay_slice_t
ngx_ohttp_relay_registry_slice(const char *text)
{
    ngx_ohttp_relay_slice_t  slice;

    slice.data = (u_char *) text;
    slice.len = strlen(text);

    return slice;
}


ngx_ohttp_relay_slice_t
ngx_ohttp_relay_registry_string(json_t *value)
{
    ngx_ohttp_relay_slice_t  slice;

    slice.data = (u_char *) json_string_value(value);
    slice.len = json_string_length(value);

    return slice;
}


void *
ngx_ohttp_relay_registry_alloc(ngx_ohttp_relay_registry_t *registry,
    size_t size)
{
    void                              *p;
    size_t                             room;
    ngx_ohttp_relay_registry_block_t  *block;

    size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    block = registry->blocks;

    if (block == NULL || block->size - block->used < size) {
        room = size > NGX_OHTTP_RELAY_REGISTRY_BLOCK
               ? size : NGX_OHTTP_RELAY_REGISTRY_BLOCK;

        block = calloc(1, sizeof(ngx_ohttp_relay_registry_block_t) + room);
        if (block == NULL) {
            return NULL;
        }

        block->size = room;
        block->next = registry->blocks;
        registry->blocks = block;
    }

    p = block->data + block->used;
    block->used += size;

    return p;
}
