
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "hold.h"


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
