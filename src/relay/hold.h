
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#ifndef _NGX_OHTTP_RELAY_HOLD_H_INCLUDED_
#define _NGX_OHTTP_RELAY_HOLD_H_INCLUDED_


/*
 * What a request keeps in memory although the registry has changed: its
 * gateway, to the end; all of its pool's roster, as long as it may choose.
 */


#include "relay.h"


/*
 * Sets ctx->gateway, or ctx->pool, which may be NULL, in place of the one
 * before.
 */
void ngx_ohttp_relay_hold_gateway(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_gateway_t *gateway);
void ngx_ohttp_relay_hold_pool(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_pool_t *pool);

/*
 * Keeps a gateway that was tried in vain in memory to the request's end: nginx
 * has pointers to its addresses for the log.  Returns NGX_OK or NGX_ERROR (no
 * memory).
 */
ngx_int_t ngx_ohttp_relay_hold_tried(ngx_http_request_t *r,
    ngx_ohttp_relay_gateway_t *gateway);

/*
 * Sets ctx->gateway or ctx->pool to what has this name now, or neither.
 */
void ngx_ohttp_relay_hold_name(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_roster_t *roster, ngx_str_t *name);


#endif /* _NGX_OHTTP_RELAY_HOLD_H_INCLUDED_ */
