
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_REGISTRY_CODEC_H_INCLUDED_
#define _NGX_OHTTP_RELAY_REGISTRY_CODEC_H_INCLUDED_


/*
 * The registry file: gateways, pools and policies as JSON.  Its rows become
 * directives of the blocks "ohttp_relay_gateway" and "ohttp_relay_pool"; what
 * is checked here is that each member is one of them and of a fitting type.
 * What its value means is for the directive's own setter.
 */


#include "codec.h"


#define NGX_OHTTP_RELAY_REGISTRY_MAX     (4 * 1024 * 1024)   /* bytes */
#define NGX_OHTTP_RELAY_REGISTRY_ROWS    4096    /* of each kind */
#define NGX_OHTTP_RELAY_REGISTRY_ARGS    256     /* of a directive */
#define NGX_OHTTP_RELAY_REGISTRY_ERROR   256     /* bytes of a sentence */
#define NGX_OHTTP_RELAY_REGISTRY_NAME    64      /* bytes, at most */
#define NGX_OHTTP_RELAY_REGISTRY_DIGEST  32      /* bytes of SHA-256 */


/* what the operator wants of a registry's row */

typedef enum {
    NGX_OHTTP_RELAY_ADMIN_UP = 0,
    NGX_OHTTP_RELAY_ADMIN_DRAIN,     /* what it has begun may end */
    NGX_OHTTP_RELAY_ADMIN_DOWN       /* nothing more, not even that */
} ngx_ohttp_relay_admin_e;


/*
 * As nginx has it: argv[0] is the directive's name, argc counts it too.  All
 * slices of a registry are of UTF-8 without control characters, and have a
 * NUL behind them that "len" does not count.
 */

typedef struct {
    unsigned                               argc;
    ngx_ohttp_relay_slice_t               *argv;
} ngx_ohttp_relay_registry_directive_t;


typedef struct {
    ngx_ohttp_relay_slice_t                name;
    ngx_ohttp_relay_slice_t                text;   /* its canonical JSON */
    ngx_ohttp_relay_slice_t                kind;   /* 1 to 64 bytes */
    ngx_ohttp_relay_slice_t                tls;    /* "bind.tls", or empty */
    void                                  *json;
} ngx_ohttp_relay_registry_policy_t;


/* a gateway; or a pool, which has no more than the first four */

typedef struct {
    ngx_ohttp_relay_slice_t                name;
    unsigned                               ndirectives;
    ngx_ohttp_relay_registry_directive_t  *directives;

    /* two rows with the same one are the same in all, their policies too */
    u_char                        sha256[NGX_OHTTP_RELAY_REGISTRY_DIGEST];

    ngx_ohttp_relay_admin_e                admin;
    ngx_ohttp_relay_registry_policy_t     *policy; /* or NULL */
    u_char                        entry_sha256[NGX_OHTTP_RELAY_REGISTRY_DIGEST];
} ngx_ohttp_relay_registry_row_t;


/* all in the order in which it stands in the file */

typedef struct {
    unsigned                               ngateways;
    ngx_ohttp_relay_registry_row_t        *gateways;
    unsigned                               npools;
    ngx_ohttp_relay_registry_row_t        *pools;
    unsigned                               npolicies;
    ngx_ohttp_relay_registry_policy_t     *policies;

    void                                  *json;
    void                                  *blocks; /* of memory */
} ngx_ohttp_relay_registry_t;


/*
 * Reads p..last, at most NGX_OHTTP_RELAY_REGISTRY_MAX bytes.
 *
 * true and false become "on" and "off", counts become decimal text, an array
 * becomes several arguments, an object "request_header" becomes one directive
 * for each member.  A gateway that has no "attestation" gets "require", and
 * one that requires it must have a "policy" that is in the file.
 *
 * Returns the registry, to be freed with ngx_ohttp_relay_registry_free(), or
 * NULL with one sentence in error, NGX_OHTTP_RELAY_REGISTRY_ERROR bytes.
 */
ngx_ohttp_relay_registry_t *ngx_ohttp_relay_registry_read(const u_char *p,
    const u_char *last, char *error);

/* Frees all that belongs to the registry; NULL is allowed. */
void ngx_ohttp_relay_registry_free(ngx_ohttp_relay_registry_t *registry);

/* Returns the policy of this name, or NULL. */
ngx_ohttp_relay_registry_policy_t *ngx_ohttp_relay_registry_policy(
    const ngx_ohttp_relay_registry_t *registry,
    const ngx_ohttp_relay_slice_t *name);

/*
 * Writes to out, NGX_OHTTP_RELAY_REGISTRY_DIGEST bytes, what a verdict about
 * a gateway must name: the SHA-256 of this canonical JSON
 *
 *     {"name":NAME,"policy":POLICY'S NAME,"policy_content":{...},"url":URL}
 *
 * or, if policy is NULL, with "" and null in place of the policy.
 *
 * Returns NGX_OHTTP_RELAY_OK; NGX_OHTTP_RELAY_ERROR if name or url is not
 * UTF-8, or there is no memory.
 */
int ngx_ohttp_relay_registry_entry(const ngx_ohttp_relay_slice_t *name,
    const ngx_ohttp_relay_slice_t *url,
    const ngx_ohttp_relay_registry_policy_t *policy, u_char *out);


#endif /* _NGX_OHTTP_RELAY_REGISTRY_CODEC_H_INCLUDED_ */
