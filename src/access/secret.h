
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_SECRET_H_INCLUDED_
#define _NGX_OHTTP_RELAY_SECRET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "hmac.h"


#define NGX_OHTTP_RELAY_DIGEST        NGX_OHTTP_RELAY_HMAC    /* bytes */

/* the most parts that one digest can have */
#define NGX_OHTTP_RELAY_SECRET_PARTS  8


/*
 * What turns a nonce or a subject into a name that says nothing to those who
 * do not hold the secret: HMAC-SHA256.
 */

typedef struct {
    ngx_str_t      key;       /* empty: no ohttp_relay_secret was given */
    EVP_MAC_CTX   *mac;       /* since ngx_ohttp_relay_secret_start() */
} ngx_ohttp_relay_secret_t;


/*
 * The directive "ohttp_relay_secret FILE"; "conf" is an
 * ngx_ohttp_relay_secret_t.  The file is read now: 32 bytes to 4 KiB, all of
 * it counts.  Returns NGX_CONF_OK, an error text, or NGX_CONF_ERROR after one
 * logged line.
 */
char *ngx_ohttp_relay_secret_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Makes the secret ready once the configuration has been read, for this
 * process and those that it forks.  Without a secret it takes a constant:
 * names are plain hashes then, which a store outside of nginx must not get.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ohttp_relay_secret_start(ngx_conf_t *cf,
    ngx_ohttp_relay_secret_t *secret);

/*
 * Writes the HMAC of n parts, at most NGX_OHTTP_RELAY_SECRET_PARTS, to out;
 * the lengths of the parts count, so that no two lists of parts are the same.
 * Returns NGX_OK, or NGX_ERROR if OpenSSL fails.
 */
ngx_int_t ngx_ohttp_relay_secret_digest(ngx_ohttp_relay_secret_t *secret,
    ngx_str_t *parts, ngx_uint_t n, u_char out[NGX_OHTTP_RELAY_DIGEST]);


#endif /* _NGX_OHTTP_RELAY_SECRET_H_INCLUDED_ */
