
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "answer.h"
#include "handler.h"
#include "privacy.h"
#include "publish.h"


static ngx_ohttp_relay_keys_t *ngx_ohttp_relay_publish_find(
    ngx_http_request_t *r);
static ngx_uint_t ngx_ohttp_relay_publish_in_path(ngx_str_t *uri,
    ngx_str_t *name);
static ngx_uint_t ngx_ohttp_relay_publish_known(ngx_http_request_t *r,
    ngx_str_t *etag);
static ngx_uint_t ngx_ohttp_relay_publish_lists(ngx_str_t *value,
    ngx_str_t *etag);
static ngx_int_t ngx_ohttp_relay_publish_headers(ngx_http_request_t *r,
    ngx_ohttp_relay_keys_t *keys, ngx_ohttp_relay_keys_snapshot_t *snapshot);
static ngx_int_t ngx_ohttp_relay_publish_send(ngx_http_request_t *r,
    ngx_ohttp_relay_keys_snapshot_t *snapshot);


ngx_int_t
ngx_ohttp_relay_publish_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_uint_t                        known;
    ngx_ohttp_relay_ctx_t            *ctx;
    ngx_ohttp_relay_keys_t           *keys;
    ngx_ohttp_relay_keys_snapshot_t  *snapshot;

    /* the filters that keep the bytes as they are see whole requests alone */

    if (r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_ohttp_relay_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* before the headers are forgotten */

    keys = ngx_ohttp_relay_publish_find(r);
    snapshot = keys ? ngx_ohttp_relay_keys_get(keys, r->pool) : NULL;
    known = snapshot && ngx_ohttp_relay_publish_known(r, &snapshot->etag);

    ngx_ohttp_relay_look(r, ctx);
    ngx_ohttp_relay_open_log(r);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (snapshot == NULL) {
        return ngx_ohttp_relay_refuse(ctx,
                                      keys ? NGX_OHTTP_RELAY_GATEWAY_UNAVAILABLE
                                           : NGX_OHTTP_RELAY_GATEWAY_UNKNOWN);
    }

    if (ngx_ohttp_relay_publish_headers(r, keys, snapshot) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->result = NGX_OHTTP_RELAY_RESULT_KEYS;

    if (known) {
        r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
        return ngx_http_send_header(r);
    }

    return ngx_ohttp_relay_publish_send(r, snapshot);
}


/* NULL: nothing is published under this name */

static ngx_ohttp_relay_keys_t *
ngx_ohttp_relay_publish_find(ngx_http_request_t *r)
{
    ngx_str_t                     name;
    ngx_ohttp_relay_pool_t       *pool;
    ngx_ohttp_relay_roster_t     *roster;
    ngx_ohttp_relay_gateway_t    *gateway;
    ngx_ohttp_relay_loc_conf_t   *rlcf;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);
    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    gateway = rlcf->gateway;
    pool = rlcf->pool;

    if (gateway == NULL && pool == NULL) {

        if (ngx_http_complex_value(r, &rlcf->name, &name) != NGX_OK
            || (rlcf->name.lengths
                && !ngx_ohttp_relay_publish_in_path(&r->uri, &name)))
        {
            return NULL;
        }

        /* a row of the registry, and its pool, come and go */

        roster = rmcf->gateways.roster;
        gateway = ngx_ohttp_relay_roster_gateway(roster, &name);

        if (gateway == NULL) {
            pool = ngx_ohttp_relay_roster_pool(roster, &name);
        }
    }

    return gateway ? gateway->keys : pool ? pool->keys : NULL;
}


/*
 * One URL, one set of keys: a name that varies is a segment of the path, so
 * that nothing else of a request can lead one client to other keys.
 */

static ngx_uint_t
ngx_ohttp_relay_publish_in_path(ngx_str_t *uri, ngx_str_t *name)
{
    u_char  *p, *last, *end;

    last = uri->data + uri->len;

    for (p = uri->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '/');
        end = end ? end : last;

        if ((size_t) (end - p) == name->len
            && ngx_memcmp(p, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* If-None-Match, RFC 9110, section 13.1.2 */

static ngx_uint_t
ngx_ohttp_relay_publish_known(ngx_http_request_t *r, ngx_str_t *etag)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.if_none_match;

#if (nginx_version >= 1023000)

    for ( /* void */ ; h; h = h->next) {
        if (ngx_ohttp_relay_publish_lists(&h->value, etag)) {
            return 1;
        }
    }

    return 0;

#else

    return h && ngx_ohttp_relay_publish_lists(&h->value, etag);

#endif
}


static ngx_uint_t
ngx_ohttp_relay_publish_lists(ngx_str_t *value, ngx_str_t *etag)
{
    u_char  *p, *last, *start;

    p = value->data;
    last = p + value->len;

    if (value->len == 1 && *p == '*') {
        return 1;
    }

    while (p < last) {

        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }

        /* compared weakly: both stand for the same bytes */

        if (last - p > 2 && p[0] == 'W' && p[1] == '/') {
            p += 2;
        }

        start = p;

        if (*p++ != '"') {
            return 0;
        }

        while (p < last && *p != '"') {
            p++;
        }

        if (p == last) {
            return 0;
        }

        p++;

        if ((size_t) (p - start) == etag->len
            && ngx_memcmp(start, etag->data, etag->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ohttp_relay_publish_headers(ngx_http_request_t *r,
    ngx_ohttp_relay_keys_t *keys, ngx_ohttp_relay_keys_snapshot_t *snapshot)
{
    ngx_str_t  value;

    static ngx_str_t  etag = ngx_string("ETag");
    static ngx_str_t  cache_control = ngx_string("Cache-Control");

    value.data = ngx_pnalloc(r->pool, sizeof("public, max-age=")
                                      + NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "public, max-age=%T",
                            ngx_ohttp_relay_keys_age(keys))
                - value.data;

    if (ngx_ohttp_relay_add_header(r, &cache_control, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_add_header(r, &etag, &snapshot->etag);
}


static ngx_int_t
ngx_ohttp_relay_publish_send(ngx_http_request_t *r,
    ngx_ohttp_relay_keys_snapshot_t *snapshot)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = snapshot->content.len;
    r->headers_out.content_type = snapshot->type;
    r->headers_out.content_type_len = snapshot->type.len;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = snapshot->content.data;
    b->last = b->pos + snapshot->content.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
