
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_JWT_CACHE_H_INCLUDED_
#define _NGX_OHTTP_RELAY_JWT_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "hmac.h"


/* how long a verified token is remembered at most, seconds */
#define NGX_OHTTP_RELAY_JWT_CACHE_TIME  60

/* the smallest zone, bytes */
#define NGX_OHTTP_RELAY_JWT_CACHE_MIN   (8 * ngx_pagesize)


typedef struct ngx_ohttp_relay_jwt_cache_s  ngx_ohttp_relay_jwt_cache_t;


/* what is remembered of a verified token */

typedef struct {
    time_t         until;     /* seconds since the epoch, at most "exp" */
    u_char         subject[NGX_OHTTP_RELAY_HMAC];
} ngx_ohttp_relay_jwt_claims_t;


/* since the zone was made */

typedef struct {
    ngx_uint_t     hits;
    ngx_uint_t     misses;
    ngx_uint_t     places;    /* for how many tokens there is room */
} ngx_ohttp_relay_jwt_cache_figures_t;


/*
 * Adds the shared memory "ohttp_relay_jwt" of "size" bytes, where verified
 * tokens are remembered: by their HMAC under a key that nobody outside the
 * zone knows, and nothing else of them.  It outlives a reload.  "tag" is the
 * module.  Returns NULL after one logged line.
 */
ngx_ohttp_relay_jwt_cache_t *ngx_ohttp_relay_jwt_cache_create(ngx_conf_t *cf,
    size_t size, void *tag);

/*
 * Computes under which key the token p..last is remembered in a context:
 * whatever decides, beside the token, whether it is good.  Returns NGX_OK, or
 * NGX_ERROR if OpenSSL fails.
 */
ngx_int_t ngx_ohttp_relay_jwt_cache_key(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char context[NGX_OHTTP_RELAY_HMAC], const u_char *p,
    const u_char *last, u_char key[NGX_OHTTP_RELAY_HMAC]);

/*
 * Looks for a token at the time "now", in seconds.  Returns NGX_OK and fills
 * *claims; NGX_DECLINED if it is not remembered, or not any longer.
 */
ngx_int_t ngx_ohttp_relay_jwt_cache_find(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char key[NGX_OHTTP_RELAY_HMAC], time_t now,
    ngx_ohttp_relay_jwt_claims_t *claims);

/*
 * Remembers a token until claims->until.  Where there is no room, the one that
 * ends next has to go.
 */
void ngx_ohttp_relay_jwt_cache_store(ngx_ohttp_relay_jwt_cache_t *cache,
    u_char key[NGX_OHTTP_RELAY_HMAC], time_t now,
    ngx_ohttp_relay_jwt_claims_t *claims);

/*
 * Counts a token that was known without being looked for here.
 */
void ngx_ohttp_relay_jwt_cache_hit(ngx_ohttp_relay_jwt_cache_t *cache);

void ngx_ohttp_relay_jwt_cache_read(ngx_ohttp_relay_jwt_cache_t *cache,
    ngx_ohttp_relay_jwt_cache_figures_t *figures);


#endif /* _NGX_OHTTP_RELAY_JWT_CACHE_H_INCLUDED_ */
