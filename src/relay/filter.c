
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "answer.h"
#include "claim.h"
#include "cors.h"
#include "filter.h"
#include "handler.h"
#include "privacy.h"
#include "problem.h"


/* the bit of r->buffered of nginx's image filter, which sees none of this */
#define NGX_OHTTP_RELAY_BUFFERED  0x08


typedef ngx_int_t (*ngx_ohttp_relay_send_header_pt)(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);


static ngx_int_t ngx_ohttp_relay_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_ohttp_relay_header_problem(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_header_send(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_exit_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_ohttp_relay_output_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_output(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_output_waiting(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_output_problem(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_output_held(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_release(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_discard(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_send_problem(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_send_header_pt send_header);


static ngx_http_output_header_filter_pt  ngx_ohttp_relay_next_header_filter;
static ngx_http_output_header_filter_pt
    ngx_ohttp_relay_exit_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_ohttp_relay_next_output_filter;
static ngx_http_output_body_filter_pt    ngx_ohttp_relay_exit_filter;


void
ngx_ohttp_relay_filter_init(void)
{
    ngx_ohttp_relay_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_ohttp_relay_header_filter;

    ngx_ohttp_relay_next_output_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_ohttp_relay_output_filter;
}


ngx_int_t
ngx_ohttp_relay_exit_init(ngx_conf_t *cf)
{
    ngx_ohttp_relay_exit_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_ohttp_relay_exit_header_filter;

    ngx_ohttp_relay_exit_filter = ngx_http_top_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_header_filter(ngx_http_request_t *r)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    if (!ngx_ohttp_relay_owns(r)) {
        return ngx_ohttp_relay_next_header_filter(r);
    }

    ctx = ngx_ohttp_relay_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->filtered = 1;

    ngx_ohttp_relay_look(r, ctx);

    /* nobody compresses what is sealed */
    r->gzip_tested = 1;
    r->gzip_ok = 0;

    if (ctx->holding) {
        return NGX_OK;
    }

    if (!ctx->answered && r->headers_out.status >= NGX_HTTP_BAD_REQUEST) {
        return ngx_ohttp_relay_header_problem(r, ctx);
    }

    return ngx_ohttp_relay_header_send(r, ctx);
}


static ngx_int_t
ngx_ohttp_relay_header_problem(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t  status;

    status = r->headers_out.status;

    if (ctx->result >= NGX_OHTTP_RELAY_FIRST_PROBLEM) {
        status = ngx_ohttp_relay_problem_status(ctx);

    } else if (r->connection->error) {
        ctx->result = NGX_OHTTP_RELAY_RESULT_CLIENT_CLOSED;
        return NGX_ERROR;

    } else {

        /*
         * nginx answers 400 to a head that is too large, but unlike other 400s
         * it still reads what is coming
         */

        if (status == NGX_HTTP_BAD_REQUEST && r->lingering_close) {
            status = 431;
        }

        ctx->result = ngx_ohttp_relay_problem_of(status);
    }

    if (ngx_ohttp_relay_problem_head(r, ctx, status) != NGX_OK) {
        return NGX_ERROR;
    }

    /* for $status */
    r->err_status = status;

    /* a client that may use its token again must be able to when it hears */

    if (ngx_ohttp_relay_claim_return(r, ctx) == NGX_AGAIN) {
        r->buffered |= NGX_OHTTP_RELAY_BUFFERED;
        ctx->waiting = 1;

        return NGX_OK;
    }

    return ngx_ohttp_relay_header_send(r, ctx);
}


static ngx_int_t
ngx_ohttp_relay_header_send(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t  rc;

    static ngx_str_t  cache_control = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");

    if (ctx->answered && !ctx->cache_control
        && ngx_ohttp_relay_add_header(r, &cache_control, &no_store) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_ohttp_relay_cors(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * Filters that change bodies choose them by type, so on their way they see
     * none.  Others, such as add_header, do their work.
     */

    ctx->out_type = r->headers_out.content_type;
    ctx->out_length = r->headers_out.content_length_n;

    ngx_str_null(&r->headers_out.content_type);

    rc = ngx_ohttp_relay_next_header_filter(r);

    /* a filter that waits for the body, which it will not see */

    if (rc == NGX_OK && !ctx->exited) {
        return ngx_ohttp_relay_exit_header_filter(r);
    }

    return rc;
}


static ngx_int_t
ngx_ohttp_relay_exit_header_filter(ngx_http_request_t *r)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx && ctx->filtered) {
        ctx->exited = 1;

        /* "add_trailer" asks for a chunked body, and adds nothing to ours */
        r->expect_trailers = 0;

        r->headers_out.content_type = ctx->out_type;
        r->headers_out.content_type_len = ctx->out_type.len;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.content_length_n = ctx->out_length;
    }

    return ngx_ohttp_relay_exit_next_header_filter(r);
}


static ngx_int_t
ngx_ohttp_relay_output_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx == NULL || !ctx->filtered) {
        return ngx_ohttp_relay_next_output_filter(r, in);
    }

    if (ctx->waiting) {
        return ngx_ohttp_relay_output_waiting(r, ctx);
    }

    if (ctx->problem) {
        return ngx_ohttp_relay_output_problem(r, ctx, in);
    }

    if (ctx->holding) {
        return ngx_ohttp_relay_output_held(r, ctx, in);
    }

    return ngx_ohttp_relay_output(r, ctx, in);
}


static ngx_int_t
ngx_ohttp_relay_output(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_chain_t  *cl;

    if (ctx->cut && in && !ctx->problem) {
        return NGX_ERROR;
    }

    /* nginx ends a body once more after the piece that already did */

    if (ctx->last_sent && in) {
        return NGX_OK;
    }

    for (cl = in; cl; cl = cl->next) {
        ctx->last_sent |= cl->buf->last_buf;
    }

    return ngx_ohttp_relay_exit_filter(r, in);
}


/* nginx asks again when the last refund is done: head and body go then */

static ngx_int_t
ngx_ohttp_relay_output_waiting(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->permit->returning) {
        return NGX_AGAIN;
    }

    r->buffered &= ~NGX_OHTTP_RELAY_BUFFERED;
    ctx->waiting = 0;

    return ngx_ohttp_relay_send_problem(r, ctx, ngx_ohttp_relay_header_send);
}


/* in place of whatever body there is comes the problem's, once */

static ngx_int_t
ngx_ohttp_relay_output_problem(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_chain_t  *out;

    if (in == NULL || ctx->last_sent) {
        return ngx_ohttp_relay_output(r, ctx, in);
    }

    out = ngx_ohttp_relay_problem_body(r, ctx);
    if (out == NULL) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_output(r, ctx, out);
}


static ngx_int_t
ngx_ohttp_relay_output_held(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    last = 0;

    for (cl = in; cl; cl = cl->next) {
        last |= cl->buf->last_buf;
    }

    if (ngx_ohttp_relay_gather(r->pool, &ctx->held, in) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->held.size > NGX_OHTTP_RELAY_MAX_ERROR) {
        (void) ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_GATEWAY_ERROR);
    }

    /* too long, or the gateway has died before the end */

    if (ctx->result >= NGX_OHTTP_RELAY_FIRST_PROBLEM) {
        return ngx_ohttp_relay_discard(r, ctx);
    }

    return last ? ngx_ohttp_relay_release(r, ctx) : NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_release(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->holding = 0;

    r->headers_out.content_length_n = ctx->held.size;

    rc = ngx_ohttp_relay_header_send(r, ctx);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    if (ctx->held.first == NULL) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    ctx->held.last->buf->last_buf = 1;
    ctx->held.last->buf->last_in_chain = 1;

    return ngx_ohttp_relay_output(r, ctx, ctx->held.first);
}


static ngx_int_t
ngx_ohttp_relay_discard(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ctx->holding = 0;
    ctx->answered = 0;
    ctx->refused_status = ctx->status;

    /* nobody waits for the rest: nginx ends the exchange, and the connection */
    r->upstream->length = 0;

    ngx_http_clean_header(r);

    return ngx_ohttp_relay_send_problem(r, ctx,
                                        ngx_ohttp_relay_header_problem);
}


static ngx_int_t
ngx_ohttp_relay_send_problem(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_send_header_pt send_header)
{
    ngx_int_t     rc;
    ngx_chain_t  *out;

    rc = send_header(r, ctx);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    out = ngx_ohttp_relay_problem_body(r, ctx);
    if (out == NULL) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_output(r, ctx, out);
}
