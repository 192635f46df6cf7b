
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "body.h"
#include "handler.h"


static void ngx_ohttp_relay_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_ohttp_relay_body_wait(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_body_is_whole(ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_body_collect(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_body_collected(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static u_char *ngx_ohttp_relay_peek_chain(ngx_chain_t *cl, u_char *p,
    u_char *end);
static ngx_int_t ngx_ohttp_relay_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_request_body_filter_pt  ngx_ohttp_relay_next_body_filter;


ngx_int_t
ngx_ohttp_relay_read_body(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_check_pt check, ngx_ohttp_relay_ready_pt ready)
{
    ngx_int_t  rc;

    ctx->check = check;
    ctx->ready = ready;

    /* never a file, never the whole */
    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_ohttp_relay_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {

        /* nobody waits for what the client still sends, as below */

        ngx_ohttp_relay_leave(ctx);
        return rc;
    }

    return NGX_DONE;
}


void
ngx_ohttp_relay_read_rest(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_ready_pt ready)
{
    if (!ngx_ohttp_relay_body_is_whole(ctx)) {
        r->read_event_handler = ngx_http_block_reading;
        ready(r, ctx);
        return;
    }

    ctx->rest = 1;
    ctx->ready = ready;

    ngx_ohttp_relay_body_handler(r);
}


/* the body has begun to come, or goes on coming */

static void
ngx_ohttp_relay_body_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    rc = ngx_ohttp_relay_body_wait(r, ctx);

    if (rc == NGX_AGAIN) {
        r->read_event_handler = ngx_ohttp_relay_body_handler;
        r->write_event_handler = ngx_http_request_empty_handler;
        return;
    }

    if (rc != NGX_OK) {

        if (r->connection->error || rc == NGX_HTTP_REQUEST_TIME_OUT) {
            ctx->result = NGX_OHTTP_RELAY_RESULT_CLIENT_CLOSED;
        }

        ngx_ohttp_relay_leave(ctx);
        ngx_http_finalize_request(r, rc);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;

    ctx->ready(r, ctx);
}


static ngx_int_t
ngx_ohttp_relay_body_wait(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    off_t       received;
    ngx_int_t   rc, ready;
    ngx_uint_t  whole;

    whole = ngx_ohttp_relay_body_is_whole(ctx);

    for ( ;; ) {

        ready = ctx->check(r, ctx);

        if (ready != NGX_OK && ready != NGX_AGAIN) {
            return ready;
        }

        /* who may not send it does not send all of it in vain */

        if (ready == NGX_OK && whole && !ctx->rest) {
            return NGX_OK;
        }

        if (!r->reading_body) {

            /* all there is has been checked */

            if (whole) {
                ctx->declared = ctx->received;
                r->request_body_no_buffering = 0;
            }

            ngx_ohttp_relay_body_collected(r, ctx);
            return NGX_OK;
        }

        if (ready == NGX_OK && !whole) {
            ngx_ohttp_relay_body_collected(r, ctx);
            return NGX_OK;
        }

        if (ngx_ohttp_relay_body_collect(r, ctx) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        received = ctx->received;

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            return rc;
        }

        if (rc == NGX_AGAIN && ctx->received == received) {
            return NGX_AGAIN;
        }
    }
}


/* one whose length has to be declared to the gateway and is not yet known */

static ngx_uint_t
ngx_ohttp_relay_body_is_whole(ngx_ohttp_relay_ctx_t *ctx)
{
    return ctx->kind == NGX_OHTTP_RELAY_SINGLE && ctx->declared < 0;
}


/*
 * Moves what has come out of nginx's buffer: while that is full nginx neither
 * reads on nor keeps a timer.
 */

static ngx_int_t
ngx_ohttp_relay_body_collect(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_chain_t  *cl, *ln;

    cl = r->request_body->bufs;
    r->request_body->bufs = NULL;

    if (ngx_ohttp_relay_gather(r->pool, &ctx->collected, cl) != NGX_OK) {
        return NGX_ERROR;
    }

    while (cl) {
        ln = cl;
        cl = cl->next;
        ngx_free_chain(r->pool, ln);
    }

    return NGX_OK;
}


/* puts it back in front of the rest */

static void
ngx_ohttp_relay_body_collected(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->collected.first) {
        ctx->collected.last->next = r->request_body->bufs;
        r->request_body->bufs = ctx->collected.first;

        ctx->collected.first = NULL;
    }
}


u_char *
ngx_ohttp_relay_peek_body(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    u_char *buf, size_t size)
{
    u_char  *p;

    p = ngx_ohttp_relay_peek_chain(ctx->collected.first, buf, buf + size);

    return ngx_ohttp_relay_peek_chain(r->request_body->bufs, p, buf + size);
}


static u_char *
ngx_ohttp_relay_peek_chain(ngx_chain_t *cl, u_char *p, u_char *end)
{
    size_t  n;

    for ( /* void */ ; cl && p < end; cl = cl->next) {
        n = ngx_min(cl->buf->last - cl->buf->pos, end - p);

        /* the buffer that only marks the end has no memory */

        if (n) {
            p = ngx_cpymem(p, cl->buf->pos, n);
        }
    }

    return p;
}


void
ngx_ohttp_relay_body_init(void)
{
    ngx_ohttp_relay_next_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_ohttp_relay_body_filter;
}


static ngx_int_t
ngx_ohttp_relay_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    off_t                   max;
    ngx_chain_t            *cl;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || (ctx->gateway == NULL && ctx->pool == NULL)) {
        return ngx_ohttp_relay_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        ctx->received += cl->buf->last - cl->buf->pos;
    }

    /* which gateway it is may stand in these bytes */

    max = ctx->gateway ? ctx->gateway->max_body : ctx->pool->max_body;

    if (ctx->received > max) {
        r->lingering_close = 1;
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE);
    }

    return ngx_ohttp_relay_next_body_filter(r, in);
}
