
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/eject.h"
#include "../gateway/peer.h"
#include "../gateway/verdicts.h"
#include "answer.h"
#include "forward.h"
#include "handler.h"
#include "hold.h"
#include "profile.h"


/* digits of a length, and the empty line behind it */
#define NGX_OHTTP_RELAY_LENGTH_TAIL  (NGX_OFF_T_LEN + sizeof(CRLF CRLF) - 1)

/* hex digits of a chunk's size, and the end of its line */
#define NGX_OHTTP_RELAY_CHUNK_HEAD   (2 * sizeof(off_t) + sizeof(CRLF) - 1)


static ngx_int_t ngx_ohttp_relay_create_request(ngx_http_request_t *r);
static ngx_buf_t *ngx_ohttp_relay_head(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_buf_t *ngx_ohttp_relay_head_single(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_buf_t *ngx_ohttp_relay_head_chunked(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_ohttp_relay_gateway_t *ngx_ohttp_relay_forward_other(
    ngx_http_request_t *r, ngx_uint_t forged);
static ngx_int_t ngx_ohttp_relay_chunk_output(void *data, ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_send(void *data, ngx_chain_t *in);
static ngx_int_t ngx_ohttp_relay_chunk_encode(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t **out);
static ngx_buf_t *ngx_ohttp_relay_framing(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_chain_t ***ll);
static u_char *ngx_ohttp_relay_decimal(u_char *p, off_t n);
static u_char *ngx_ohttp_relay_hexadecimal(u_char *p, off_t n);
static ngx_int_t ngx_ohttp_relay_reinit_request(ngx_http_request_t *r);
static void ngx_ohttp_relay_abort_request(ngx_http_request_t *r);
static void ngx_ohttp_relay_finalize_request(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_uint_t ngx_ohttp_relay_is_cut(ngx_http_request_t *r);
static void ngx_ohttp_relay_cut(ngx_http_request_t *r);


void
ngx_ohttp_relay_forward(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    /* a body, or the store, may have taken longer than a verdict holds */

    if (!ngx_ohttp_relay_verdicts_allow(ctx->gateway)
        && ngx_ohttp_relay_enter_other(r, ctx) != NGX_OK)
    {
        ngx_ohttp_relay_leave(ctx);
        ngx_http_finalize_request(r, ngx_ohttp_relay_refuse(ctx,
                                        NGX_OHTTP_RELAY_GATEWAY_NOT_ATTESTED));
        return;
    }

    if (ngx_http_upstream_create(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    u = r->upstream;

    u->conf = &ctx->gateway->upstream;
    u->output.tag = (ngx_buf_tag_t) &ngx_ohttp_relay_module;
    u->ssl = ctx->gateway->url.tls;

    u->output.output_filter = (ctx->kind == NGX_OHTTP_RELAY_CHUNKED)
                              ? ngx_ohttp_relay_chunk_output
                              : ngx_ohttp_relay_send;
    u->output.filter_ctx = r;

    /* in the order in which they run */

    u->create_request = ngx_ohttp_relay_create_request;
    u->reinit_request = ngx_ohttp_relay_reinit_request;
    u->process_header = ngx_ohttp_relay_process_header;
    u->input_filter_init = ngx_ohttp_relay_input_filter_init;
    u->input_filter = ngx_ohttp_relay_input_filter;
    u->input_filter_ctx = r;
    u->abort_request = ngx_ohttp_relay_abort_request;
    u->finalize_request = ngx_ohttp_relay_finalize_request;

    /* each piece of the answer leaves at once, and never by way of a file */
    u->buffering = 0;

    ngx_http_upstream_init(r);
}


static ngx_int_t
ngx_ohttp_relay_create_request(ngx_http_request_t *r)
{
    ngx_buf_t              *b;
    ngx_chain_t            *cl;
    ngx_http_upstream_t    *u;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);
    u = r->upstream;

    b = ngx_ohttp_relay_head(r, ctx);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;

    /* a body that is still being read is appended by nginx when it sends */

    if (!r->request_body_no_buffering) {
        cl->next = u->request_bufs;
    }

    u->request_bufs = cl;

    return NGX_OK;
}


static ngx_buf_t *
ngx_ohttp_relay_head(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t  *b;

    b = ctx->profile ? ngx_ohttp_relay_profile_head(r, ctx)
        : (ctx->kind == NGX_OHTTP_RELAY_SINGLE)
        ? ngx_ohttp_relay_head_single(r, ctx)
        : ngx_ohttp_relay_head_chunked(r, ctx);

    if (b) {
        b->flush = 1;
    }

    return b;
}


static ngx_buf_t *
ngx_ohttp_relay_head_single(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t  *b;
    ngx_str_t  *head;

    head = &ctx->gateway->head[NGX_OHTTP_RELAY_SINGLE];

    b = ngx_create_temp_buf(r->pool, head->len + NGX_OHTTP_RELAY_LENGTH_TAIL);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_cpymem(b->last, head->data, head->len);
    b->last = ngx_ohttp_relay_decimal(b->last, ctx->declared);
    b->last = ngx_cpymem(b->last, CRLF CRLF, sizeof(CRLF CRLF) - 1);

    return b;
}


static ngx_buf_t *
ngx_ohttp_relay_head_chunked(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t  *b;
    ngx_str_t  *head;

    head = &ctx->gateway->head[NGX_OHTTP_RELAY_CHUNKED];

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    b->start = head->data;
    b->pos = head->data;
    b->last = head->data + head->len;
    b->end = b->last;
    b->memory = 1;

    return b;
}


void
ngx_ohttp_relay_forward_init(void)
{
    ngx_ohttp_relay_peer_ask_other(ngx_ohttp_relay_forward_other);
}


/*
 * The head is the only thing made for the first gateway, and it is still
 * there: nginx takes it from request_bufs when it begins to send.
 */

static ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_forward_other(ngx_http_request_t *r, ngx_uint_t forged)
{
    ngx_buf_t              *b;
    ngx_http_upstream_t    *u;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);
    u = r->upstream;

    ngx_ohttp_relay_eject_failed(ctx->gateway, ctx->choice, forged);

    if (ngx_ohttp_relay_enter_other(r, ctx) != NGX_OK) {
        return NULL;
    }

    b = ngx_ohttp_relay_head(r, ctx);
    if (b == NULL) {
        return NULL;
    }

    u->request_bufs->buf = b;

    u->conf = &ctx->gateway->upstream;
    u->upstream = u->conf->upstream;
    u->ssl = ctx->gateway->url.tls;
    u->ssl_name = u->upstream->host;

    return ctx->gateway;
}


/* stands between nginx's output chain and the connection */

static ngx_int_t
ngx_ohttp_relay_chunk_output(void *data, ngx_chain_t *in)
{
    ngx_http_request_t *r = data;

    ngx_int_t               rc;
    ngx_chain_t            *out, **ll;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    out = NULL;
    ll = &out;

    if (in && !ctx->head_sent) {
        ctx->head_sent = 1;

        out = ngx_alloc_chain_link(r->pool);
        if (out == NULL) {
            return NGX_ERROR;
        }

        out->buf = in->buf;
        out->next = NULL;
        ll = &out->next;

        in = in->next;
    }

    if (in && ngx_ohttp_relay_chunk_encode(r, ctx, in, ll) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_ohttp_relay_send(r, out);

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &out,
                            r->upstream->output.tag);

    return rc;
}


/*
 * A gateway may answer early and close: then sending fails, but the answer is
 * there.  So a failure to send is no error by itself, the rest of the request
 * is dropped, and reading tells how the exchange ends.
 */

static ngx_int_t
ngx_ohttp_relay_send(void *data, ngx_chain_t *in)
{
    ngx_http_request_t *r = data;

    ngx_int_t               rc;
    ngx_chain_t            *cl;
    ngx_connection_t       *c;
    ngx_http_upstream_t    *u;
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    u = r->upstream;
    c = u->peer.connection;

    ngx_ohttp_relay_peer_connected(r);
    /* from here on no other gateway is asked */

    if (ctx->pool) {
        ngx_ohttp_relay_hold_pool(ctx, NULL);
    }

    if (!c->write->error) {
        rc = ngx_chain_writer(&u->writer, in);

        if (rc != NGX_ERROR || !c->write->error) {
            return rc;
        }

        if (!c->read->timer_set) {
            ngx_add_timer(c->read, u->conf->read_timeout);
        }

        ngx_post_event(c->read, &ngx_posted_events);

        /* all of "in" is there, too */

        in = u->writer.out;

        u->writer.out = NULL;
        u->writer.last = &u->writer.out;
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    return NGX_OK;
}


/* all that came in this turn becomes one chunk (RFC 9112, section 7.1) */

static ngx_int_t
ngx_ohttp_relay_chunk_encode(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_chain_t *in, ngx_chain_t **out)
{
    off_t         size;
    ngx_buf_t    *b;
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    size = 0;
    last = 0;

    for (cl = in; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
        last |= cl->buf->last_buf;
    }

    if (size) {
        b = ngx_ohttp_relay_framing(r, ctx, &out);
        if (b == NULL) {
            return NGX_ERROR;
        }

        b->last = ngx_ohttp_relay_hexadecimal(b->start, size);
        *b->last++ = CR;
        *b->last++ = LF;
    }

    for (cl = in; cl; cl = cl->next) {

        if (ngx_buf_size(cl->buf) == 0) {
            continue;
        }

        *out = ngx_alloc_chain_link(r->pool);
        if (*out == NULL) {
            return NGX_ERROR;
        }

        (*out)->buf = cl->buf;
        (*out)->next = NULL;
        out = &(*out)->next;
    }

    if (size == 0 && !last) {
        return NGX_OK;
    }

    b = ngx_ohttp_relay_framing(r, ctx, &out);
    if (b == NULL) {
        return NGX_ERROR;
    }

    if (size) {
        b->last = ngx_cpymem(b->last, CRLF, sizeof(CRLF) - 1);
    }

    if (last) {
        b->last = ngx_cpymem(b->last, "0" CRLF CRLF, sizeof("0" CRLF CRLF) - 1);
    }

    return NGX_OK;
}


/* appends an empty buffer of our own to a chain */

static ngx_buf_t *
ngx_ohttp_relay_framing(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_chain_t ***ll)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(r->pool, &ctx->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;

    if (b->start == NULL) {
        b->start = ngx_palloc(r->pool, NGX_OHTTP_RELAY_CHUNK_HEAD);
        if (b->start == NULL) {
            return NULL;
        }

        b->end = b->start + NGX_OHTTP_RELAY_CHUNK_HEAD;
        b->tag = (ngx_buf_tag_t) &ngx_ohttp_relay_module;
        b->temporary = 1;
    }

    b->pos = b->start;
    b->last = b->start;

    /* TLS would keep a small piece back otherwise */
    b->flush = 1;

    **ll = cl;
    *ll = &cl->next;

    return b;
}


static u_char *
ngx_ohttp_relay_decimal(u_char *p, off_t n)
{
    u_char  digits[NGX_OFF_T_LEN], *d;

    d = digits + NGX_OFF_T_LEN;

    do {
        *--d = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, d, digits + NGX_OFF_T_LEN - d);
}


static u_char *
ngx_ohttp_relay_hexadecimal(u_char *p, off_t n)
{
    ngx_uint_t  shift;

    static u_char  digits[] = "0123456789abcdef";

    for (shift = 0; n >> shift > 0xf; shift += 4) { /* void */ }

    for ( ;; ) {
        *p++ = digits[(n >> shift) & 0xf];

        if (shift == 0) {
            return p;
        }

        shift -= 4;
    }
}


/* nginx calls this before a second try, and we allow none after a byte left */

static ngx_int_t
ngx_ohttp_relay_reinit_request(ngx_http_request_t *r)
{
    return NGX_ERROR;
}


static void
ngx_ohttp_relay_abort_request(ngx_http_request_t *r)
{
    /* nginx never calls it, and requires it */
}


static void
ngx_ohttp_relay_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    ngx_ohttp_relay_leave(ctx);

    if (rc == 0 && ngx_ohttp_relay_is_cut(r)) {
        ctx->cut = 1;
        rc = NGX_HTTP_BAD_GATEWAY;
    }

    if (rc == 0) {
        if (ctx->result == NGX_OHTTP_RELAY_RESULT_NONE) {
            ctx->result = ctx->status < 400
                          ? NGX_OHTTP_RELAY_RESULT_OK
                          : NGX_OHTTP_RELAY_RESULT_GATEWAY_REFUSED;
        }

        return;
    }

    ngx_ohttp_relay_cut(r);

    switch (rc) {

    case NGX_HTTP_BAD_GATEWAY:
        (void) ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_GATEWAY_ERROR);
        break;

    case NGX_HTTP_GATEWAY_TIME_OUT:
        (void) ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_GATEWAY_TIMEOUT);
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        break;

    case NGX_HTTP_BAD_REQUEST:
        if (!r->connection->error) {
            (void) ngx_ohttp_relay_refuse(ctx,
                                          NGX_OHTTP_RELAY_MALFORMED_REQUEST);
            break;
        }

        /* fall through */

    default:

        /* nothing else ends a request but its client */

        if (ctx->result == NGX_OHTTP_RELAY_RESULT_NONE) {
            ctx->result = NGX_OHTTP_RELAY_RESULT_CLIENT_CLOSED;
        }
    }
}


/*
 * Where only the end of the connection tells that the answer is complete, it
 * has to be a true one.  nginx takes a reset of a TLS connection for its end,
 * and a reset that a failure to send has told is an end to who reads on.
 */

static ngx_uint_t
ngx_ohttp_relay_is_cut(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->upstream->peer.connection;

    if (r->upstream->length != -1 || c == NULL) {
        return 0;
    }

    return c->write->error
           || (c->ssl
               && !(SSL_get_shutdown(c->ssl->connection)
                    & SSL_RECEIVED_SHUTDOWN));
}


/* what is broken off must look so to the client, and at once */

static void
ngx_ohttp_relay_cut(ngx_http_request_t *r)
{
    struct linger  linger;

#if (NGX_HTTP_V2)

    /*
     * nginx leaves the RST_STREAM of a cut answer in its queue as long as no
     * other stream of the connection has something to send
     */

    if (r->stream) {
        ngx_post_event(r->stream->connection->connection->write,
                       &ngx_posted_events);
        return;
    }

#endif

    /* to HTTP/1.0 the end of a connection ends a body well, but a reset */

    if (r->http_version < NGX_HTTP_VERSION_11 && r->upstream->header_sent
        && r->headers_out.content_length_n < 0)
    {
        linger.l_onoff = 1;
        linger.l_linger = 0;

        (void) setsockopt(r->connection->fd, SOL_SOCKET, SO_LINGER, &linger,
                          sizeof(struct linger));

        /* nothing more is sent, and nginx closes without lingering */
        r->connection->error = 1;
    }
}
