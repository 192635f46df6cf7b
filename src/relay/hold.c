
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "hold.h"


static void ngx_ohttp_relay_hold_release(void *data);


void
ngx_ohttp_relay_hold_gateway(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway) {
        ngx_ohttp_relay_gateway_hold(gateway);
    }

    if (ctx->gateway) {
        ngx_ohttp_relay_gateway_release(ctx->gateway);
    }

    ctx->gateway = gateway;
}


ngx_int_t
ngx_ohttp_relay_hold_tried(ngx_http_request_t *r,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ohttp_relay_hold_release;
    cln->data = gateway;

    ngx_ohttp_relay_gateway_hold(gateway);

    return NGX_OK;
}


static void
ngx_ohttp_relay_hold_release(void *data)
{
    ngx_ohttp_relay_gateway_release(data);
}


void
ngx_ohttp_relay_hold_pool(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_pool_t *pool)
{
    ngx_ohttp_relay_roster_t  *old;

    old = ctx->pool ? ctx->pool->roster : NULL;

    if (pool && pool->roster) {
        ngx_ohttp_relay_roster_hold(pool->roster);
    }

    ctx->pool = pool;
    ctx->choice = NULL;

    if (old) {
        ngx_ohttp_relay_roster_release(old);
    }
}


void
ngx_ohttp_relay_hold_name(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_roster_t *roster, ngx_str_t *name)
{
    ngx_ohttp_relay_hold_gateway(ctx, ngx_ohttp_relay_roster_gateway(roster,
                                                                     name));
    ngx_ohttp_relay_hold_pool(ctx, ctx->gateway ? NULL
                                   : ngx_ohttp_relay_roster_pool(roster,
                                                                 name));
}
