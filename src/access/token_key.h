
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_TOKEN_KEY_H_INCLUDED_
#define _NGX_OHTTP_RELAY_TOKEN_KEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/evp.h>

#include "limit.h"


#define NGX_OHTTP_RELAY_KEY_ID        32    /* bytes, RFC 9578, section 6.1 */
#define NGX_OHTTP_RELAY_CONTEXT       32    /* bytes, RFC 9577, section 2.1 */

/* for keys that nobody gave an end, 2100-01-01: spent is spent */
#define NGX_OHTTP_RELAY_KEY_NO_END    4102444800


typedef struct ngx_ohttp_relay_challenge_s  ngx_ohttp_relay_challenge_t;


/*
 * An issuer's public key, and what its tokens are good for: one key is one
 * plan.  Written while the configuration is read and never afterwards; what
 * changes with time lives behind "challenge".
 */

typedef struct {
    ngx_str_t                     name;
    u_char                       *file;       /* where it stands */
    ngx_uint_t                    line;

    ngx_str_t                     spki;       /* DER, RSASSA-PSS */
    u_char                        id[NGX_OHTTP_RELAY_KEY_ID];
    EVP_PKEY                     *key;
    EVP_PKEY_CTX                 *verify;     /* ready for one digest each */
    EVP_MD_CTX                   *digest;     /* SHA-384, to begin again */

    ngx_str_t                     issuer;     /* of the challenge */
    ngx_str_t                     origin;     /* may be empty */
    ngx_str_t                     context;    /* empty, or 32 bytes */
    time_t                        window;     /* seconds; 0: no windows */

    ngx_uint_t                    uses;
    time_t                        lifetime;   /* s from the first use; 0 */
    ngx_ohttp_relay_limit_t       limit;
    time_t                        expires;
    ngx_array_t                  *gateways;   /* ngx_str_t; NULL: all */

    u_char                        group[8];   /* for the store */
    ngx_ohttp_relay_challenge_t  *challenge;
} ngx_ohttp_relay_token_key_t;


/*
 * The directive "ohttp_relay_token_key NAME { ... }"; cmd->offset leads to an
 * ngx_array_t of ngx_ohttp_relay_token_key_t *.  Reads the key as well.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR after one logged line.
 */
char *ngx_ohttp_relay_token_key_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_OHTTP_RELAY_TOKEN_KEY_H_INCLUDED_ */
