
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "jwt_memo.h"

#include <openssl/crypto.h>


/* the longest token, bytes: most have about half of it */
#define NGX_OHTTP_RELAY_JWT_MEMO  1536


struct ngx_ohttp_relay_jwt_memo_s {
    ngx_ohttp_relay_jwt_claims_t      claims;
    u_char                            context[NGX_OHTTP_RELAY_HMAC];
    size_t                            len;      /* 0: no token */
    u_char                            token[NGX_OHTTP_RELAY_JWT_MEMO];
};


static void ngx_ohttp_relay_jwt_memo_forget(void *data);
static ngx_uint_t ngx_ohttp_relay_jwt_memo_differs(const u_char *a,
    const u_char *b, size_t len);


ngx_ohttp_relay_jwt_memo_t *
ngx_ohttp_relay_jwt_memo(ngx_connection_t *c)
{
    ngx_pool_cleanup_t          *cln;
    ngx_ohttp_relay_jwt_memo_t  *memo;

    for (cln = c->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_ohttp_relay_jwt_memo_forget) {
            return cln->data;
        }
    }

    if (c->requests < 2) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(c->pool, sizeof(ngx_ohttp_relay_jwt_memo_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_ohttp_relay_jwt_memo_forget;

    memo = cln->data;
    memo->len = 0;

    return memo;
}


static void
ngx_ohttp_relay_jwt_memo_forget(void *data)
{
    ngx_ohttp_relay_jwt_memo_t *memo = data;

    ngx_explicit_memzero(memo, sizeof(ngx_ohttp_relay_jwt_memo_t));
}


ngx_int_t
ngx_ohttp_relay_jwt_memo_find(ngx_ohttp_relay_jwt_memo_t *memo,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, time_t now, ngx_ohttp_relay_jwt_claims_t *claims)
{
    if (memo == NULL
        || memo->len == 0
        || memo->len != (size_t) (last - p)
        || memo->claims.until <= now
        || ngx_memcmp(memo->context, context, NGX_OHTTP_RELAY_HMAC) != 0
        || ngx_ohttp_relay_jwt_memo_differs(memo->token, p, memo->len))
    {
        return NGX_DECLINED;
    }

    *claims = memo->claims;

    return NGX_OK;
}


/*
 * As CRYPTO_memcmp(), which goes byte by byte, in a time that depends on the
 * length alone.
 */

static ngx_uint_t
ngx_ohttp_relay_jwt_memo_differs(const u_char *a, const u_char *b, size_t len)
{
    uint64_t  x, y, differs;

    for (differs = 0; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        ngx_memcpy(&x, a, sizeof(uint64_t));
        ngx_memcpy(&y, b, sizeof(uint64_t));

        differs |= x ^ y;

        a += sizeof(uint64_t);
        b += sizeof(uint64_t);
    }

    return (CRYPTO_memcmp(a, b, len) != 0) | (differs != 0);
}


void
ngx_ohttp_relay_jwt_memo_store(ngx_ohttp_relay_jwt_memo_t *memo,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, ngx_ohttp_relay_jwt_claims_t *claims)
{
    if (memo == NULL || last - p > NGX_OHTTP_RELAY_JWT_MEMO) {
        return;
    }

    memo->claims = *claims;
    memo->len = last - p;

    ngx_memcpy(memo->context, context, NGX_OHTTP_RELAY_HMAC);
    ngx_memcpy(memo->token, p, memo->len);
}
