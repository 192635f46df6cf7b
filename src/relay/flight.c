
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/live.h"
#include "claim.h"
#include "flight.h"
#include "handler.h"


static void ngx_ohttp_relay_flight_down(ngx_ohttp_relay_roster_t *roster);
static void ngx_ohttp_relay_flight_end(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_flight_detach(ngx_http_request_t *r);
static void ngx_ohttp_relay_flight_finalize(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_int_t status);


/* the ctx->flight of this worker's requests to rows, whatever their roster */
static ngx_queue_t  ngx_ohttp_relay_flights;


void
ngx_ohttp_relay_flight_init(void)
{
    /* a single process has requests of an earlier configuration in it */

    if (ngx_ohttp_relay_flights.next == NULL) {
        ngx_queue_init(&ngx_ohttp_relay_flights);
    }

    ngx_ohttp_relay_live_ask_down(ngx_ohttp_relay_flight_down);
}


void
ngx_ohttp_relay_flight_enter(ngx_ohttp_relay_ctx_t *ctx)
{
    /* a block has no "admin" */

    if (ctx->gateway->memory) {
        ngx_queue_insert_tail(&ngx_ohttp_relay_flights, &ctx->flight);
    }
}


void
ngx_ohttp_relay_flight_leave(ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->flight.next) {
        ngx_queue_remove(&ctx->flight);
        ctx->flight.next = NULL;
    }
}


static void
ngx_ohttp_relay_flight_down(ngx_ohttp_relay_roster_t *roster)
{
    ngx_uint_t                  n;
    ngx_queue_t                *q, *next, down;
    ngx_http_request_t         *r;
    ngx_ohttp_relay_ctx_t      *ctx;
    ngx_ohttp_relay_gateway_t  *gateway;

    ngx_queue_init(&down);

    for (q = ngx_queue_head(&ngx_ohttp_relay_flights);
         q != ngx_queue_sentinel(&ngx_ohttp_relay_flights);
         q = next)
    {
        next = ngx_queue_next(q);

        ctx = ngx_queue_data(q, ngx_ohttp_relay_ctx_t, flight);
        gateway = ngx_ohttp_relay_roster_gateway(roster, &ctx->gateway->name);

        if (gateway && gateway->admin == NGX_OHTTP_RELAY_ADMIN_DOWN) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&down, q);
        }
    }

    /* the end of one may be that of others, which are gone from here then */

    for (n = 0; !ngx_queue_empty(&down); n++) {

        q = ngx_queue_head(&down);
        ctx = ngx_queue_data(q, ngx_ohttp_relay_ctx_t, flight);

        ngx_ohttp_relay_flight_leave(ctx);

        r = ctx->connection->data;

        ngx_ohttp_relay_flight_end(r->main, ctx);
    }

    if (n) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "%ui requests to gateways that are down were cut", n);
    }
}


static void
ngx_ohttp_relay_flight_end(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t          status;
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    status = ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE);

    /* what has been granted is given back on the way of the problem */

    ngx_ohttp_relay_claim_stop(ctx);
    ngx_ohttp_relay_leave(ctx);

    ngx_ohttp_relay_flight_detach(r);
    ngx_ohttp_relay_flight_finalize(r, ctx, status);

    ngx_http_run_posted_requests(c);
}


/* ends the gateway's side as nginx does when an upstream is made anew */

static void
ngx_ohttp_relay_flight_detach(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u && u->cleanup) {
        r->main->count++;
        (*u->cleanup)(r);
    }
}


static void
ngx_ohttp_relay_flight_finalize(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_int_t status)
{
    if (r->upstream == NULL || !r->upstream->header_sent) {
        ngx_http_finalize_request(r, status);
        return;
    }

    r->keepalive = 0;

    /* a head that waits for its body becomes that of a problem */

    if (ctx->holding) {
        ngx_http_finalize_request(r, ngx_http_send_special(r,
                                                           NGX_HTTP_FLUSH));
        return;
    }

    ngx_http_finalize_request(r, NGX_ERROR);
}
