
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_CHALLENGE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_CHALLENGE_H_INCLUDED_


#include "token_key.h"


/*
 * The challenges of a token key (RFC 9577, section 2.1) at a time: one if its
 * context is fixed, one for each window otherwise.
 */

/* what a challenge's age can be, in windows, and what is accepted of it */

#define NGX_OHTTP_RELAY_CHALLENGE_KEPT      8
#define NGX_OHTTP_RELAY_CHALLENGE_ACCEPTED  2


/*
 * Makes the challenges of a key; memory comes from "pool".  What is kept of
 * them changes with time, in each process on its own.  Returns NULL if there
 * is no memory.
 */
ngx_ohttp_relay_challenge_t *ngx_ohttp_relay_challenge_create(
    ngx_pool_t *pool, ngx_ohttp_relay_token_key_t *key);

/*
 * How many windows ago the challenge with this digest, 32 bytes, was the
 * current one: 0 for now and for a fixed context, at most
 * NGX_OHTTP_RELAY_CHALLENGE_KEPT - 1.  Returns NGX_DECLINED if it is none of
 * this key's.
 */
ngx_int_t ngx_ohttp_relay_challenge_age(ngx_ohttp_relay_token_key_t *key,
    const u_char *digest);

/*
 * The number of the window that is current, as of the last call of
 * ngx_ohttp_relay_challenge_age().
 */
uint64_t ngx_ohttp_relay_challenge_window(ngx_ohttp_relay_token_key_t *key);

/*
 * The value of a WWW-Authenticate header that asks for a token of this key
 * (RFC 9577, section 2.2.1), in the key's memory, valid until the next call.
 */
ngx_str_t *ngx_ohttp_relay_challenge_header(ngx_ohttp_relay_token_key_t *key);


#endif /* _NGX_OHTTP_RELAY_CHALLENGE_H_INCLUDED_ */
