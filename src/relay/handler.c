
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "body.h"
#include "cors.h"
#include "forward.h"
#include "handler.h"
#include "privacy.h"
#include "problem.h"


static ngx_int_t ngx_ohttp_relay_door(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_is_early(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_check_gateway(ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_enter(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_cleanup(void *data);
static ngx_int_t ngx_ohttp_relay_check_envelope(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


ngx_int_t
ngx_ohttp_relay_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_ohttp_relay_ctx_t  *ctx;

    /* a copy of a sealed request must never reach a second gateway */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_ohttp_relay_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_ohttp_relay_look(r, ctx);
    ngx_ohttp_relay_open_log(r);

    if (r->method == NGX_HTTP_OPTIONS && ctx->origin.len) {
        return ngx_ohttp_relay_preflight(r, ctx);
    }

    rc = ngx_ohttp_relay_door(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ohttp_relay_check_gateway(ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ohttp_relay_enter(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    /* from here on it goes as the body comes */

    return ngx_ohttp_relay_read_body(r, ctx, ngx_ohttp_relay_check_envelope,
                                     ngx_ohttp_relay_forward);
}


ngx_uint_t
ngx_ohttp_relay_owns(ngx_http_request_t *r)
{
    ngx_ohttp_relay_srv_conf_t  *rscf;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    if (r != r->main) {
        return 0;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if (rlcf->relay) {
        return 1;
    }

    rscf = ngx_http_get_module_srv_conf(r, ngx_ohttp_relay_module);

    /* the first handler of the first phase is our own */

    return rscf->relay && r->phase_handler == 0;
}


ngx_ohttp_relay_ctx_t *
ngx_ohttp_relay_get_ctx(ngx_http_request_t *r)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_relay_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ctx->declared = -1;
        ctx->content_length = -1;

        ngx_http_set_ctx(r, ctx, ngx_ohttp_relay_module);
    }

    return ctx;
}


ngx_int_t
ngx_ohttp_relay_refuse(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_result_e result)
{
    if (ctx->result == NGX_OHTTP_RELAY_RESULT_NONE) {
        ctx->result = result;
    }

    return ngx_ohttp_relay_problem_status(ctx->result);
}


/* what headers alone decide, before a byte of the body is asked for */

static ngx_int_t
ngx_ohttp_relay_door(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (r->method != NGX_HTTP_POST) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED);
    }

    if (ngx_ohttp_relay_is_early(r, ctx)) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_TOO_EARLY);
    }

    if (!ctx->accepted) {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE);
    }

    /*
     * A query could carry an identifier to the next log; a body that somebody
     * has read before, a mirror or an earlier handler, has been elsewhere.
     */

    if (ctx->query || r->request_body || r->discard_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
    }

    if (!r->headers_in.chunked) {

        ctx->declared = r->headers_in.content_length_n;

        if (ctx->declared < NGX_OHTTP_RELAY_ENVELOPE_HEADER) {
            return ngx_ohttp_relay_refuse(ctx,
                                          NGX_OHTTP_RELAY_MALFORMED_REQUEST);
        }
    }

    return NGX_OK;
}


/*
 * RFC 8470: what came before the handshake ended could be somebody's replay.
 * The handshake may end between the bytes and this question, so the first
 * request of a connection with early data counts as early in any case.
 */

static ngx_uint_t
ngx_ohttp_relay_is_early(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
#if (NGX_HTTP_SSL)

    SSL         *ssl;
    ngx_uint_t   before;

    if (r->connection->ssl) {
        ssl = r->connection->ssl->connection;

        /* an HTTP/2 stream is not yet counted, and QUIC counts otherwise */

        before = r->connection->requests;
        before -= (r->http_version < NGX_HTTP_VERSION_20);

        if (!SSL_is_init_finished(ssl)
            || (SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED
                && r->http_version <= NGX_HTTP_VERSION_20 && before == 0))
        {
            return 1;
        }
    }

#endif

    return ctx->early;
}


static ngx_int_t
ngx_ohttp_relay_check_gateway(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_gateway_t  *gateway;

    gateway = ctx->gateway;

    if (gateway == NULL) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_GATEWAY_UNKNOWN);
    }

    if (!(gateway->kinds & (1 << ctx->kind))) {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE);
    }

    if (ctx->declared > gateway->max_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_enter(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_http_cleanup_t           *cln;
    ngx_ohttp_relay_counters_t   *counters;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    counters = ngx_ohttp_relay_metrics_counters(rmcf->metrics,
                                                ctx->gateway->index);

    if (ngx_ohttp_relay_metrics_enter(counters, ctx->gateway->max_in_flight)
        != NGX_OK)
    {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE);
    }

    ctx->counters = counters;

    cln->handler = ngx_ohttp_relay_cleanup;
    cln->data = ctx;

    return NGX_OK;
}


/*
 * The place is free as soon as the gateway is: a client may take its time with
 * what is left of its request.
 */

void
ngx_ohttp_relay_leave(ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->counters) {
        ngx_ohttp_relay_metrics_leave(ctx->counters);
        ctx->counters = NULL;
    }
}


static void
ngx_ohttp_relay_cleanup(void *data)
{
    ngx_ohttp_relay_leave(data);
}


/*
 * Called with the first bytes of the body, as many as there are, until they
 * are enough.  Returns NGX_OK, NGX_AGAIN if more are needed, or a status.
 */

static ngx_int_t
ngx_ohttp_relay_check_envelope(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    off_t    least, there;
    u_char   header[NGX_OHTTP_RELAY_ENVELOPE_HEADER], *last;

    last = ngx_ohttp_relay_peek_body(r, ctx, header,
                                     NGX_OHTTP_RELAY_ENVELOPE_HEADER);

    least = NGX_OHTTP_RELAY_ENVELOPE_HEADER;

    if (ngx_ohttp_relay_envelope(header, last, &ctx->envelope)
        == NGX_OHTTP_RELAY_OK)
    {
        ctx->suite = 1;
        least = ngx_ohttp_relay_envelope_min(&ctx->envelope,
                                   ctx->kind == NGX_OHTTP_RELAY_CHUNKED);
    }

    there = (ctx->declared >= 0) ? ctx->declared : ctx->received;

    if (ctx->suite && there >= least) {
        return NGX_OK;
    }

    if (r->reading_body && (ctx->declared < 0 || !ctx->suite)) {
        return NGX_AGAIN;
    }

    return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
}
