
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_ACCESS_TOKEN_H_INCLUDED_
#define _NGX_OHTTP_RELAY_ACCESS_TOKEN_H_INCLUDED_


#include "access.h"


/*
 * Looks at the base64url text p..last of a token for one of n keys: length,
 * type, key, time and challenge first, the signature last (RFC 9577, section
 * 2.2; RFC 9578, section 6.4).  Nothing is asked of a store.
 *
 * Returns NGX_OHTTP_RELAY_ACCESS_GRANTED with admission->key and its question
 * to the store filled, but for the request's id; _REQUIRED for what is no
 * token that could be used; _INVALID; _EXPIRED; or _FAILED if OpenSSL cannot
 * tell.
 */
ngx_ohttp_relay_access_e ngx_ohttp_relay_token_check(
    ngx_ohttp_relay_secret_t *secret, ngx_ohttp_relay_token_key_t **keys,
    ngx_uint_t n, const u_char *p, const u_char *last,
    ngx_ohttp_relay_admission_t *admission);


#endif /* _NGX_OHTTP_RELAY_ACCESS_TOKEN_H_INCLUDED_ */
