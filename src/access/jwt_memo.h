
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWT_MEMO_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWT_MEMO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "jwt_cache.h"


/*
 * The verified token that a connection brought last.  Clients keep connections
 * and send one token again and again: to compare it with itself costs a
 * fraction of the HMAC under which all workers remember it.  It stays in the
 * connection's own memory, and is wiped with it.
 */

typedef struct ngx_ohttp_relay_jwt_memo_s  ngx_ohttp_relay_jwt_memo_t;


/*
 * The memo of a connection, in its pool; made with the second request that it
 * brings.  Returns NULL if there is none, or no memory.
 */
ngx_ohttp_relay_jwt_memo_t *ngx_ohttp_relay_jwt_memo(ngx_connection_t *c);

/*
 * Compares the token p..last, in the context of ngx_ohttp_relay_jwt_cache_key()
 * and at the time "now", with the one in the memo, which may be NULL: in a
 * time that does not tell how much of it is the same.  Returns NGX_OK and
 * fills *claims, or NGX_DECLINED.
 */
ngx_int_t ngx_ohttp_relay_jwt_memo_find(ngx_ohttp_relay_jwt_memo_t *memo,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, time_t now, ngx_ohttp_relay_jwt_claims_t *claims);

/*
 * Puts a token that was found good, with its claims, into the memo in place of
 * any other.  A long one, or one without memo, is left to the cache.
 */
void ngx_ohttp_relay_jwt_memo_store(ngx_ohttp_relay_jwt_memo_t *memo,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, ngx_ohttp_relay_jwt_claims_t *claims);


#endif /* _NGX_OHTTP_RELAY_JWT_MEMO_H_INCLUDED_ */
