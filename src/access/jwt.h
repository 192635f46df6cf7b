
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWT_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "../watch/watch.h"
#include "jwt_memo.h"
#include "jwt_verify.h"
#include "limit.h"
#include "secret.h"


/* all blocks "ohttp_relay_jwt_issuer" of a configuration */

typedef struct {
    ngx_array_t                   issuers;  /* ngx_ohttp_relay_jwt_issuer_t * */
    ngx_ohttp_relay_secret_t     *secret;
    ngx_ohttp_relay_jwt_cache_t  *cache;
} ngx_ohttp_relay_jwt_t;


typedef struct {
    ngx_str_t                     name;
    u_char                       *file;     /* of the configuration */
    ngx_uint_t                    line;

    ngx_str_t                     jwks;
    ngx_str_t                     secret_file;
    ngx_str_t                     iss;
    ngx_str_t                     aud;
    ngx_str_t                     scope;
    time_t                        leeway;

    ngx_ohttp_relay_limit_t       limit;    /* per subject */
    ngx_array_t                  *gateways; /* ngx_str_t, NULL: all */

    ngx_ohttp_relay_jwt_t        *jwt;
    ngx_ohttp_relay_watched_t    *watched;  /* NULL with secret_file */
    ngx_ohttp_relay_jwt_rules_t   rules;

    /* this process: the keys, and what the memory of tokens depends on */
    ngx_ohttp_relay_jwks_t       *keys;
    u_char                        digest[NGX_OHTTP_RELAY_DIGEST];
    u_char                        context[NGX_OHTTP_RELAY_DIGEST];
    unsigned                      ready:1;
} ngx_ohttp_relay_jwt_issuer_t;


/*
 * Prepares an empty list of blocks; "secret" must be ready when the first
 * token comes.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_jwt_create(ngx_pool_t *pool,
    ngx_ohttp_relay_jwt_t *jwt, ngx_ohttp_relay_secret_t *secret);

/*
 * Handler of the directive "ohttp_relay_jwt_issuer NAME { ... }";
 * cmd->offset leads to an ngx_ohttp_relay_jwt_t.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after one logged line.
 */
char *ngx_ohttp_relay_jwt_issuer_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Returns the block of this name, NULL if there is none. */
ngx_ohttp_relay_jwt_issuer_t *ngx_ohttp_relay_jwt_find(
    ngx_ohttp_relay_jwt_t *jwt, ngx_str_t *name);

/* Returns all blocks, an array of ngx_ohttp_relay_jwt_issuer_t *. */
ngx_array_t *ngx_ohttp_relay_jwt_issuers(ngx_ohttp_relay_jwt_t *jwt);

/*
 * Reads the files of keys when all of the configuration has been read, and
 * adds them to those watched; adds the shared memory in which verified tokens
 * are remembered, "cache" bytes.  "tag" is the module.  Without a block it
 * does nothing.  Returns NGX_OK, or NGX_ERROR after one logged line.
 */
ngx_int_t ngx_ohttp_relay_jwt_init(ngx_conf_t *cf, ngx_ohttp_relay_jwt_t *jwt,
    ngx_ohttp_relay_watch_t **watch, size_t cache, void *tag);

/*
 * Tells whether the token p..last is good for an issuer's block now.  No I/O;
 * no signature is checked for a token that was found good a short while ago,
 * by any worker.  "memo" is that of the client's connection, or NULL.
 *
 * Returns NGX_OHTTP_RELAY_JWT_GOOD with *claims: "exp", and the digest under
 * the secret of the issuer's block, "iss" and "sub".  A token without "sub"
 * is a subject of its own; with a rate it is INVALID.  The other answers are
 * those of ngx_ohttp_relay_jwt_verify(); after FOREIGN another block may
 * still say GOOD, after FAILED nobody knows.
 */
ngx_ohttp_relay_jwt_e ngx_ohttp_relay_jwt_check(
    ngx_ohttp_relay_jwt_issuer_t *issuer, ngx_ohttp_relay_jwt_memo_t *memo,
    const u_char *p, const u_char *last, ngx_ohttp_relay_jwt_claims_t *claims);


#endif /* _NGX_OHTTP_RELAY_JWT_H_INCLUDED_ */
