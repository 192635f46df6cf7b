
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../codec/media_type.h"
#include "cors.h"
#include "handler.h"
#include "hold.h"
#include "privacy.h"
#include "profile.h"


#define ngx_ohttp_relay_header_is(h, name)                                   \
    ((h)->key.len == sizeof(name) - 1                                        \
     && ngx_memcmp((h)->lowcase_key, name, sizeof(name) - 1) == 0)


static u_char *ngx_ohttp_relay_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_ohttp_relay_look_gateway(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_loc_conf_t *rlcf);
static void ngx_ohttp_relay_look_type(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_uint_t ngx_ohttp_relay_is_repeated(ngx_http_request_t *r,
    ngx_table_elt_t *field);
static void ngx_ohttp_relay_look_headers(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx, ngx_ohttp_relay_loc_conf_t *rlcf);
static void ngx_ohttp_relay_look_header(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_loc_conf_t *rlcf, ngx_table_elt_t *h);
static void ngx_ohttp_relay_look_pool(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static void ngx_ohttp_relay_forget_headers(ngx_http_request_t *r);
static void ngx_ohttp_relay_forget_query(ngx_http_request_t *r);
static void ngx_ohttp_relay_forget_variables(ngx_http_request_t *r);


ngx_int_t
ngx_ohttp_relay_post_read(ngx_http_request_t *r)
{
    ngx_connection_t            *c;
    ngx_ohttp_relay_ctx_t       *ctx;
    ngx_ohttp_relay_srv_conf_t  *rscf;

    rscf = ngx_http_get_module_srv_conf(r, ngx_ohttp_relay_module);

    if (!rscf->relay || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_ohttp_relay_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c = r->connection;

    ctx->scrubbed = 1;
    ctx->log_handler = c->log->handler;
    ctx->addr_len = c->addr_text.len;

    c->log->handler = ngx_ohttp_relay_log_error;
    c->addr_text.len = 0;

    return NGX_DECLINED;
}


/* what nginx had before, for the next request on the connection */

void
ngx_ohttp_relay_restore(ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->scrubbed) {
        ctx->connection->log->handler = ctx->log_handler;
        ctx->connection->addr_text.len = ctx->addr_len;
    }
}


ngx_int_t
ngx_ohttp_relay_before_log(ngx_http_request_t *r)
{
    ngx_ohttp_relay_ctx_t  *ctx;

    if (!ngx_ohttp_relay_owns(r)) {
        return NGX_OK;
    }

    ctx = ngx_ohttp_relay_get_ctx(r);

    if (ctx) {
        ngx_ohttp_relay_look(r, ctx);
    }

    /* $request_body would print what is still there */

    if (r->request_body) {
        r->request_body->bufs = NULL;
    }

    return NGX_OK;
}


/* in place of nginx's: the server and the gateway, and nobody else */

static u_char *
ngx_ohttp_relay_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                    *p;
    ngx_http_request_t        *r;
    ngx_http_log_ctx_t        *log_ctx;
    ngx_ohttp_relay_ctx_t     *ctx;
    ngx_http_core_srv_conf_t  *cscf;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    /* the field stays, for those who parse logs */

    p = ngx_snprintf(buf, len, ", client: ");
    len -= p - buf;
    buf = p;

    log_ctx = log->data;
    r = log_ctx->request;

    if (r == NULL) {
        return p;
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p = ngx_snprintf(buf, len, ", server: %V", &cscf->server_name);
    len -= p - buf;
    buf = p;

    ctx = ngx_http_get_module_ctx(r, ngx_ohttp_relay_module);

    if (ctx && ctx->gateway) {
        p = ngx_snprintf(buf, len, ", gateway: %V", &ctx->gateway->name);
    }

    return p;
}


void
ngx_ohttp_relay_look(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t                   asks;
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    if (ctx->looked) {
        return;
    }

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    ctx->looked = 1;
    ctx->query = (r->args.len != 0);

    ngx_ohttp_relay_look_gateway(r, ctx, rlcf);
    ngx_ohttp_relay_look_type(r, ctx);

    /* keys are for everybody */

    asks = !rlcf->keys && ngx_ohttp_relay_auth_asks(rlcf->auth);

    /* without memory for them the handler refuses, as nobody has looked */

    if (asks) {
        (void) ngx_ohttp_relay_get_permit(r, ctx);
    }

    if (asks || rlcf->origins || rlcf->early_data_header
        || (ctx->pool && ctx->pool->header.len && !rlcf->keys))
    {
        ngx_ohttp_relay_look_headers(r, ctx, rlcf);
    }

    if (ctx->pool && !rlcf->keys) {
        ngx_ohttp_relay_look_pool(r, ctx);
    }

    if ((ctx->gateway && ctx->gateway->profile)
        || (ctx->pool && ctx->pool->profile))
    {
        ngx_ohttp_relay_profile_look(r, ctx);
    }

    ngx_ohttp_relay_forget_headers(r);
    ngx_ohttp_relay_forget_query(r);
    ngx_ohttp_relay_forget_variables(r);

    /* realip may have rendered another address since POST_READ */
    r->connection->addr_text.len = 0;
}


/* a gateway or a pool; a name from the request may be that of neither */

static void
ngx_ohttp_relay_look_gateway(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_loc_conf_t *rlcf)
{
    ngx_str_t                     name;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    /* of what lives as long as the configuration no uses are counted */

    ctx->gateway = rlcf->gateway;
    ctx->pool = rlcf->pool;

    if (ctx->gateway || ctx->pool || !rlcf->relay
        || ngx_http_complex_value(r, &rlcf->name, &name) != NGX_OK)
    {
        return;
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    ngx_ohttp_relay_hold_name(ctx, rmcf->gateways.roster, &name);
}


static void
ngx_ohttp_relay_look_type(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL
        || ngx_ohttp_relay_is_repeated(r, r->headers_in.content_type))
    {
        return;
    }

    type = &r->headers_in.content_type->value;

    switch (ngx_ohttp_relay_media_type(type->data, type->data + type->len)) {

    case NGX_OHTTP_RELAY_MEDIA_REQ:
        ctx->kind = NGX_OHTTP_RELAY_SINGLE;
        ctx->accepted = 1;
        break;

    case NGX_OHTTP_RELAY_MEDIA_CHUNKED_REQ:
        ctx->kind = NGX_OHTTP_RELAY_CHUNKED;
        ctx->accepted = 1;
        break;

    default:
        break;
    }
}


/* two types are none, as two in one line are none (RFC 9110, section 5.3) */

static ngx_uint_t
ngx_ohttp_relay_is_repeated(ngx_http_request_t *r, ngx_table_elt_t *field)
{
#if (nginx_version >= 1023000)

    return field->next != NULL;

#else

    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash == field->hash && &h[i] != field
                && h[i].key.len == field->key.len
                && ngx_strncmp(h[i].lowcase_key, field->lowcase_key,
                               field->key.len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;

#endif
}


/* the headers that nginx itself does not tell apart, where they matter */

static void
ngx_ohttp_relay_look_headers(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_loc_conf_t *rlcf)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_ohttp_relay_look_header(ctx, rlcf, &h[i]);
        }
    }
}


static void
ngx_ohttp_relay_look_header(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_loc_conf_t *rlcf, ngx_table_elt_t *h)
{
    ngx_uint_t  proxy;

    if (ctx->pool
        && ngx_ohttp_relay_select_reads(ctx->pool, h->lowcase_key, h->key.len))
    {
        ctx->ambiguous |= ctx->named;
        ctx->named = 1;
        ctx->choice = ngx_ohttp_relay_select(ctx->pool, &h->value);
        return;
    }

    if (rlcf->origins && ngx_ohttp_relay_header_is(h, "origin")) {
        ctx->origin = ngx_ohttp_relay_match_origin(rlcf->origins, &h->value);
        return;
    }

    if (rlcf->early_data_header && ngx_ohttp_relay_header_is(h, "early-data")) {

        /* what is not "1" is taken for it: RFC 8470, section 5.1 */
        ctx->early = 1;
        return;
    }

    if (ctx->permit == NULL) {
        return;
    }

    proxy = ngx_ohttp_relay_header_is(h, "proxy-authorization");

    if (proxy || ngx_ohttp_relay_header_is(h, "authorization")) {
        ngx_ohttp_relay_credentials_note(&ctx->permit->credentials, proxy,
                                         h->value.data,
                                         h->value.data + h->value.len);
    }
}


/* which gateway of the pool it is, unless its body has to tell */

static void
ngx_ohttp_relay_look_pool(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->pool->select == NGX_OHTTP_RELAY_SELECT_PATH) {
        ctx->choice = ngx_ohttp_relay_select_path(ctx->pool, &r->uri);

    } else if (!ctx->named) {
        ctx->choice = ctx->pool->fallback;
    }

    if (ctx->choice && !ctx->ambiguous) {
        ngx_ohttp_relay_hold_gateway(ctx,
                                 ngx_ohttp_relay_select_at(ctx->choice,
                                  ngx_ohttp_relay_select_place(ctx->choice)));
    }
}


/*
 * All pointers to single headers lie between "host" and "user".  "expect" is
 * still needed when the body is asked for; its text is that of a token.
 */

static void
ngx_ohttp_relay_forget_headers(ngx_http_request_t *r)
{
    ngx_table_elt_t  *expect;

    expect = r->headers_in.expect;

    ngx_memzero(&r->headers_in.host,
                offsetof(ngx_http_headers_in_t, user)
                - offsetof(ngx_http_headers_in_t, host));

    r->headers_in.expect = expect;

    ngx_str_null(&r->headers_in.user);
    ngx_str_null(&r->headers_in.passwd);

#if (nginx_version >= 1023000)
    r->headers_in.cookie = NULL;
#else
    r->headers_in.cookies.nelts = 0;
#endif

    r->headers_in.headers.part.nelts = 0;
    r->headers_in.headers.part.next = NULL;
    r->headers_in.headers.last = &r->headers_in.headers.part;
}


static void
ngx_ohttp_relay_forget_query(ngx_http_request_t *r)
{
    u_char      *p;
    ngx_str_t   *line[2];
    ngx_uint_t   i;

    r->args.len = 0;
    r->headers_in.server.len = 0;

    if (r->args_start == NULL) {
        return;
    }

    line[0] = &r->request_line;
    line[1] = &r->unparsed_uri;

    for (i = 0; i < 2; i++) {
        p = ngx_strlchr(line[i]->data, line[i]->data + line[i]->len, '?');

        if (p) {
            line[i]->len = p - line[i]->data;
        }
    }
}


/* "if" or a limit's key may have asked for a header before: it is kept then */

static void
ngx_ohttp_relay_forget_variables(ngx_http_request_t *r)
{
    ngx_uint_t                    i, *index;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);
    index = rmcf->forget.elts;

    for (i = 0; i < rmcf->forget.nelts; i++) {
        r->variables[index[i]].valid = 0;
        r->variables[index[i]].not_found = 0;
    }
}


void
ngx_ohttp_relay_open_log(ngx_http_request_t *r)
{
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    ngx_set_connection_log(r->connection, rlcf->log);
}
