
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/boolean.h"
#include "../codec/media_type.h"
#include "../codec/response_head.h"
#include "answer.h"
#include "billing.h"
#include "filter.h"
#include "handler.h"
#include "hop.h"
#include "profile.h"


/* more informational responses than this before the final one are junk */
#define NGX_OHTTP_RELAY_MAX_INTERIM  16

/* what must be left of the buffer for the body when the head is there */
#define NGX_OHTTP_RELAY_MIN_BUFFER   1024


static ngx_int_t ngx_ohttp_relay_answer_status(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_answer_interim(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_answer_field(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_other(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_type(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_length(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_coding(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field);
static void ngx_ohttp_relay_answer_connection(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_incremental(ngx_http_request_t *r,
    ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_date(ngx_http_request_t *r,
    ngx_ohttp_relay_field_t *field);
static ngx_int_t ngx_ohttp_relay_answer_pass(ngx_http_request_t *r,
    ngx_str_t *name, ngx_ohttp_relay_field_t *field);
static char *ngx_ohttp_relay_answer_wrong(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_answer_head(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_free_body(ngx_http_request_t *r);
static ngx_int_t ngx_ohttp_relay_answer_refused(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_answer_invalid(ngx_http_request_t *r,
    char *what);
static ngx_int_t ngx_ohttp_relay_input_plain(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *p, u_char *last);
static ngx_int_t ngx_ohttp_relay_input_chunked(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, const u_char *p, u_char *last);
static ngx_int_t ngx_ohttp_relay_input_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, u_char *p, u_char *last);
static void ngx_ohttp_relay_input_end(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_uint_t clean);


/* names as they are written to the client, by ngx_ohttp_relay_field_e */

static ngx_str_t  ngx_ohttp_relay_answer_names[] = {
    ngx_null_string,
    ngx_string("Content-Type"),
    ngx_string("Content-Length"),
    ngx_string("Transfer-Encoding"),
    ngx_string("Connection"),
    ngx_string("Cache-Control"),
    ngx_string("Retry-After"),
    ngx_string("Incremental"),
    ngx_string("Date")
};


ngx_int_t
ngx_ohttp_relay_process_header(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_ohttp_relay_ctx_t    *ctx;
    ngx_ohttp_relay_field_t   field;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);
    b = &r->upstream->buffer;

    for ( ;; ) {

        if (ctx->status == 0) {
            rc = ngx_ohttp_relay_answer_status(r, ctx);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        rc = ngx_ohttp_relay_field_line(b->pos, b->last, &field);

        if (rc == NGX_OHTTP_RELAY_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_OHTTP_RELAY_ERROR) {
            return ngx_ohttp_relay_answer_invalid(r, "header line");
        }

        b->pos += field.length;

        if (rc == NGX_OHTTP_RELAY_DONE) {

            if (ctx->status >= 200) {
                return ngx_ohttp_relay_answer_head(r, ctx);
            }

            rc = ngx_ohttp_relay_answer_interim(r, ctx);

        } else if (ctx->status >= 200) {
            rc = ngx_ohttp_relay_answer_field(r, ctx, &field);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_ohttp_relay_answer_status(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    int                             rc;
    ngx_buf_t                      *b;
    ngx_ohttp_relay_status_line_t   line;

    b = &r->upstream->buffer;

    rc = ngx_ohttp_relay_status_line(b->pos, b->last, &line);

    if (rc == NGX_OHTTP_RELAY_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OHTTP_RELAY_OK || line.status == 101) {
        return ngx_ohttp_relay_answer_invalid(r, "status line");
    }

    b->pos += line.length;

    ctx->status = line.status;
    ctx->http_10 = (line.minor == 0);
    ctx->close = ctx->http_10;

    return NGX_OK;
}


/* an informational response is for the relay, which has no use for it */

static ngx_int_t
ngx_ohttp_relay_answer_interim(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t  *b;

    if (++ctx->interim > NGX_OHTTP_RELAY_MAX_INTERIM) {
        return ngx_ohttp_relay_answer_invalid(r, "number of 1xx responses");
    }

    ctx->status = 0;

    b = &r->upstream->buffer;

    b->last = ngx_movemem(b->start, b->pos, b->last - b->pos);
    b->pos = b->start;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_answer_field(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    ngx_ohttp_relay_field_e  id;

    id = ngx_ohttp_relay_field_id(&field->name);

    switch (id) {

    case NGX_OHTTP_RELAY_FIELD_CONTENT_TYPE:
        return ngx_ohttp_relay_answer_type(r, ctx, field);

    case NGX_OHTTP_RELAY_FIELD_CONTENT_LENGTH:
        if (ngx_ohttp_relay_answer_length(ctx, field) != NGX_OK) {
            return ngx_ohttp_relay_answer_invalid(r, "Content-Length");
        }

        return NGX_OK;

    case NGX_OHTTP_RELAY_FIELD_TRANSFER_ENCODING:
        if (ngx_ohttp_relay_answer_coding(ctx, field) != NGX_OK) {
            return ngx_ohttp_relay_answer_invalid(r, "Transfer-Encoding");
        }

        return NGX_OK;

    case NGX_OHTTP_RELAY_FIELD_CONNECTION:
        ngx_ohttp_relay_answer_connection(ctx, field);
        return NGX_OK;

    case NGX_OHTTP_RELAY_FIELD_INCREMENTAL:
        return ngx_ohttp_relay_answer_incremental(r, field);

    case NGX_OHTTP_RELAY_FIELD_DATE:
        return ngx_ohttp_relay_answer_date(r, field);

    case NGX_OHTTP_RELAY_FIELD_CACHE_CONTROL:
        ctx->cache_control = 1;
        break;

    case NGX_OHTTP_RELAY_FIELD_RETRY_AFTER:
        break;

    default:
        return ngx_ohttp_relay_answer_other(r, ctx, field);
    }

    return ngx_ohttp_relay_answer_pass(r, &ngx_ohttp_relay_answer_names[id],
                                       field);
}


/* one that the gateway, by its profile or its block, is allowed */

static ngx_int_t
ngx_ohttp_relay_answer_other(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    ngx_str_t  *name;

    if (ctx->gateway->billing_frame != NGX_OHTTP_RELAY_BILLING_PASS
        && ngx_ohttp_relay_billing_field(r, ctx, field) != NGX_OK)
    {
        return NGX_ERROR;
    }

    name = ctx->profile ? ngx_ohttp_relay_profile_field(ctx, field) : NULL;

    if (name == NULL) {
        name = ngx_ohttp_relay_gateway_passes(ctx->gateway, field->name.data,
                                              field->name.len);
    }

    return name ? ngx_ohttp_relay_answer_pass(r, name, field) : NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_answer_type(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    if (ctx->type) {
        return ngx_ohttp_relay_answer_invalid(r, "Content-Type");
    }

    ctx->type = 1;

    switch (ngx_ohttp_relay_media_type(field->value.data,
                                       field->value.data + field->value.len))
    {
    case NGX_OHTTP_RELAY_MEDIA_JSON:
    case NGX_OHTTP_RELAY_MEDIA_PROBLEM_JSON:
        ctx->json = 1;
        break;

    case NGX_OHTTP_RELAY_MEDIA_CHUNKED_RES:
        if (ctx->gateway->billing_frame != NGX_OHTTP_RELAY_BILLING_PASS
            && ngx_ohttp_relay_billing_follow(r, ctx) != NGX_OK)
        {
            return NGX_ERROR;
        }

        break;

    default:
        break;
    }

    r->headers_out.content_type.data = (u_char *) field->value.data;
    r->headers_out.content_type.len = field->value.len;
    r->headers_out.content_type_len = field->value.len;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_answer_length(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    int64_t  length;

    if (ctx->content_length >= 0
        || ngx_ohttp_relay_content_length(field->value.data,
                                          field->value.data + field->value.len,
                                          &length)
           != NGX_OHTTP_RELAY_OK)
    {
        return NGX_ERROR;
    }

    ctx->content_length = length;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_answer_coding(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    if (ctx->chunked
        || ctx->http_10
        || !ngx_ohttp_relay_token_equal(field->value.data,
                                        field->value.data + field->value.len,
                                        "chunked", sizeof("chunked") - 1))
    {
        return NGX_ERROR;
    }

    ctx->chunked = 1;

    return NGX_OK;
}


static void
ngx_ohttp_relay_answer_connection(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    const u_char  *p, *last;

    p = field->value.data;
    last = p + field->value.len;

    if (ngx_ohttp_relay_token_equal(p, last, "keep-alive",
                                    sizeof("keep-alive") - 1))
    {
        return;
    }

    ctx->close |= ngx_ohttp_relay_connection_close(p, last);

    if (!ngx_ohttp_relay_token_equal(p, last, "close", sizeof("close") - 1)) {
        ctx->hop = 1;
    }
}


/* what is no boolean is ignored, parameters are dropped (RFC 9651) */

static ngx_int_t
ngx_ohttp_relay_answer_incremental(ngx_http_request_t *r,
    ngx_ohttp_relay_field_t *field)
{
    int         value;
    ngx_str_t  *name;

    static ngx_str_t  values[] = { ngx_string("?0"), ngx_string("?1") };

    value = ngx_ohttp_relay_boolean(field->value.data,
                                    field->value.data + field->value.len);

    if (value == NGX_OHTTP_RELAY_ERROR) {
        return NGX_OK;
    }

    name = &ngx_ohttp_relay_answer_names[NGX_OHTTP_RELAY_FIELD_INCREMENTAL];

    return ngx_ohttp_relay_add_header(r, name, &values[value]);
}


/* nginx adds a date of its own unless it finds one */

static ngx_int_t
ngx_ohttp_relay_answer_date(ngx_http_request_t *r,
    ngx_ohttp_relay_field_t *field)
{
    ngx_list_part_t  *part;

    if (r->headers_out.date) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_answer_pass(r,
                     &ngx_ohttp_relay_answer_names[NGX_OHTTP_RELAY_FIELD_DATE],
                     field)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = r->headers_out.headers.last;
    r->headers_out.date = (ngx_table_elt_t *) part->elts + part->nelts - 1;

    return NGX_OK;
}


/* the value stays where it was received: see ngx_ohttp_relay_answer_head() */

static ngx_int_t
ngx_ohttp_relay_answer_pass(ngx_http_request_t *r, ngx_str_t *name,
    ngx_ohttp_relay_field_t *field)
{
    ngx_str_t  value;

    value.data = (u_char *) field->value.data;
    value.len = field->value.len;

    return ngx_ohttp_relay_add_header(r, name, &value);
}


ngx_int_t
ngx_ohttp_relay_add_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *name;
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


/* what of the whole head is wrong; NULL if nothing is */

static char *
ngx_ohttp_relay_answer_wrong(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t  *b;

    if (ctx->chunked && ctx->content_length >= 0) {
        return "framing";
    }

    b = &r->upstream->buffer;

    if (b->end - b->pos < NGX_OHTTP_RELAY_MIN_BUFFER) {
        return "size of the head";
    }

    return ctx->profile && ctx->status < 300
           ? ngx_ohttp_relay_profile_answer(r, ctx) : NULL;
}


static ngx_int_t
ngx_ohttp_relay_answer_head(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    char                 *wrong;
    ngx_buf_t            *b;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    b = &u->buffer;

    wrong = ngx_ohttp_relay_answer_wrong(r, ctx);

    if (wrong) {
        return ngx_ohttp_relay_answer_invalid(r, wrong);
    }

    if (ctx->hop) {
        ngx_ohttp_relay_drop_hop(r, ctx);
    }

    /*
     * Headers point to where they were received.  The body is received behind
     * them: who evaluates a header later, for a log, must not find the body.
     */

    b->start = b->pos;

    if (ctx->status >= 300
        && (ctx->status < 400 || ctx->status == 401 || ctx->status == 407
            || !ctx->json
            || (ctx->exchange && ctx->exchange->coded)
            || ctx->content_length > NGX_OHTTP_RELAY_MAX_ERROR))
    {
        return ngx_ohttp_relay_answer_refused(r, ctx);
    }

    ngx_ohttp_relay_free_body(r);

    /* an error waits until all of it is here, and known to be small */

    ctx->holding = (ctx->status >= 400);
    ctx->answered = 1;

    u->headers_in.status_n = ctx->status;
    u->headers_in.content_length_n = ctx->content_length;

    /* the head goes before it is known whether there is a bill to take out */

    if (ctx->billed && ctx->billed->follow
        && ctx->gateway->billing_frame == NGX_OHTTP_RELAY_BILLING_STRIP)
    {
        u->headers_in.content_length_n = -1;
    }

    u->state->status = ctx->status;

    return NGX_OK;
}


/*
 * A stream may stay open for long after its request has gone; the buffer that
 * brought the request is the largest thing it would hold on to.
 */

static void
ngx_ohttp_relay_free_body(ngx_http_request_t *r)
{
    ngx_http_request_body_t  *rb;

    rb = r->request_body;

    if (r->reading_body || !r->upstream->request_body_sent || rb->buf == NULL) {
        return;
    }

    (void) ngx_pfree(r->pool, rb->buf->start);

    rb->buf = NULL;
    rb->bufs = NULL;
}


static ngx_int_t
ngx_ohttp_relay_answer_refused(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway answered %ui, which is not passed on", ctx->status);

    ctx->refused_status = ctx->status;

    (void) ngx_ohttp_relay_refuse(ctx,
                                  ctx->status == NGX_HTTP_GATEWAY_TIME_OUT
                                  ? NGX_OHTTP_RELAY_GATEWAY_TIMEOUT
                                  : NGX_OHTTP_RELAY_GATEWAY_ERROR);

    ngx_http_clean_header(r);

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


static ngx_int_t
ngx_ohttp_relay_answer_invalid(ngx_http_request_t *r, char *what)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway sent an invalid %s", what);

    ngx_http_clean_header(r);

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


/*
 * u->length is 0 at the end of the body, -1 if only the end of the connection
 * ends it, and anything else before.
 */

ngx_int_t
ngx_ohttp_relay_input_filter_init(void *data)
{
    ngx_http_request_t *r = data;

    ngx_http_upstream_t    *u;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);
    u = r->upstream;

    if (ctx->status == NGX_HTTP_NO_CONTENT) {
        ctx->content_length = 0;
        ctx->chunked = 0;
    }

    u->length = ctx->chunked ? 1 : ctx->content_length;

    if (u->length == 0) {
        ngx_ohttp_relay_input_end(r, ctx, u->buffer.pos == u->buffer.last);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ohttp_relay_input_filter(void *data, ssize_t bytes)
{
    ngx_http_request_t *r = data;

    u_char                 *p;
    ngx_buf_t              *b;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    b = &r->upstream->buffer;
    p = b->last;
    b->last += bytes;

    return ctx->chunked ? ngx_ohttp_relay_input_chunked(r, ctx, p, b->last)
                        : ngx_ohttp_relay_input_plain(r, ctx, p, b->last);
}


static ngx_int_t
ngx_ohttp_relay_input_plain(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    u_char *p, u_char *last)
{
    ngx_uint_t            clean;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->length == -1) {
        return ngx_ohttp_relay_input_body(r, ctx, p, last);
    }

    clean = (last - p <= u->length);

    if (!clean) {
        last = p + u->length;
    }

    if (p < last && ngx_ohttp_relay_input_body(r, ctx, p, last) != NGX_OK) {
        return NGX_ERROR;
    }

    if (u->error) {
        return NGX_OK;
    }

    u->length -= last - p;

    if (u->length == 0) {
        ngx_ohttp_relay_input_end(r, ctx, clean);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_input_chunked(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, const u_char *p, u_char *last)
{
    int           rc;
    const u_char *end;

    for ( ;; ) {

        rc = ngx_ohttp_relay_chunk(&ctx->chunk, &p, last);

        if (rc != NGX_OHTTP_RELAY_OK) {
            break;
        }

        end = ((uint64_t) (last - p) > ctx->chunk.size) ? p + ctx->chunk.size
                                                        : last;

        if (ngx_ohttp_relay_input_body(r, ctx, (u_char *) p, (u_char *) end)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (r->upstream->error) {
            return NGX_OK;
        }

        ctx->chunk.size -= end - p;
        p = end;
    }

    if (rc == NGX_OHTTP_RELAY_DONE) {
        ngx_ohttp_relay_input_end(r, ctx, p == last);

    } else if (rc == NGX_OHTTP_RELAY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway sent an invalid chunk");
        r->upstream->error = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_input_body(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    u_char *p, u_char *last)
{
    return ctx->billed && ctx->billed->follow
           ? ngx_ohttp_relay_billing_input(r, ctx, p, last)
           : ngx_ohttp_relay_input_append(r, ctx, p, last);
}


ngx_int_t
ngx_ohttp_relay_input_append(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    u_char *p, u_char *last)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl, **ll;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    /* nginx empties the chain between two reads */

    ll = u->out_bufs ? &ctx->out_last->next : &u->out_bufs;

    cl = ngx_chain_get_free_buf(r->pool, &u->free_bufs);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    *ll = cl;
    ctx->out_last = cl;

    b = cl->buf;

    b->pos = p;
    b->last = last;
    b->tag = u->output.tag;
    b->memory = 1;
    b->flush = 1;
    b->last_buf = 0;

    ctx->sent += last - p;

    return NGX_OK;
}


/*
 * The body is complete.  Its last piece says so, so that it leaves together
 * with the end of the stream in one write.
 */

static void
ngx_ohttp_relay_input_end(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_uint_t clean)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    u->length = 0;
    u->keepalive = clean && !ctx->close;

    if (!clean) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "gateway sent more than one response");
    }

    if (u->out_bufs) {
        ctx->out_last->buf->last_buf = 1;
    }
}
