
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../gateway/opaque.h"
#include "handler.h"
#include "profile.h"


static void ngx_ohttp_relay_profile_look_path(ngx_http_request_t *r,
    ngx_ohttp_relay_profile_t *profile, ngx_ohttp_relay_exchange_t *e);
static ngx_ohttp_relay_profile_route_t *ngx_ohttp_relay_profile_route(
    ngx_ohttp_relay_profile_t *profile, const u_char *p, const u_char *last,
    ngx_ohttp_relay_slice_t *segment);
static size_t ngx_ohttp_relay_profile_prefix(ngx_http_request_t *r);
static void ngx_ohttp_relay_profile_look_header(
    ngx_ohttp_relay_profile_t *profile, ngx_ohttp_relay_exchange_t *e,
    ngx_table_elt_t *h);
static ngx_int_t ngx_ohttp_relay_profile_refuse(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_fault_t *fault);
static ngx_int_t ngx_ohttp_relay_profile_door_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx);
static ngx_int_t ngx_ohttp_relay_profile_refuse_short(
    ngx_ohttp_relay_ctx_t *ctx);
static size_t ngx_ohttp_relay_profile_head_size(ngx_ohttp_relay_ctx_t *ctx,
    ngx_str_t *base);
static u_char *ngx_ohttp_relay_profile_write_target(
    ngx_ohttp_relay_exchange_t *e, u_char *p);
static u_char *ngx_ohttp_relay_profile_write_headers(
    ngx_ohttp_relay_ctx_t *ctx, u_char *p);


/* by NGX_OHTTP_RELAY_PROFILE_* */

static ngx_ohttp_relay_profile_t
    *ngx_ohttp_relay_profiles[NGX_OHTTP_RELAY_PROFILES] =
{
    NULL,
    &ngx_ohttp_relay_profile_dstack,
    &ngx_ohttp_relay_profile_chutes,
    &ngx_ohttp_relay_profile_near
};


void
ngx_ohttp_relay_profile_look(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_ohttp_relay_exchange_t  *e;

    ctx->profile = ngx_ohttp_relay_profiles[ctx->gateway
                                            ? ctx->gateway->profile
                                            : ctx->pool->profile];

    e = ngx_pcalloc(r->pool, sizeof(ngx_ohttp_relay_exchange_t));
    if (e == NULL) {
        return;
    }

    ctx->exchange = e;

    ngx_ohttp_relay_profile_look_path(r, ctx->profile, e);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_ohttp_relay_profile_look_header(ctx->profile, e, &h[i]);
        }
    }
}


/* the path as nginx has understood it, whole or behind the location's name */

static void
ngx_ohttp_relay_profile_look_path(ngx_http_request_t *r,
    ngx_ohttp_relay_profile_t *profile, ngx_ohttp_relay_exchange_t *e)
{
    u_char                           *p, *last;
    ngx_ohttp_relay_profile_route_t  *route;

    p = r->uri.data;
    last = p + r->uri.len;

    route = ngx_ohttp_relay_profile_route(profile, p, last, &e->segment);

    if (route == NULL) {
        p += ngx_ohttp_relay_profile_prefix(r);
        route = ngx_ohttp_relay_profile_route(profile, p, last, &e->segment);
    }

    if (route == NULL) {
        return;
    }

    e->route = route;
    e->method = (r->method != route->method);

    p = r->args.data;

    e->query = ngx_ohttp_relay_query(route->parameters, route->nparameters,
                                     p, p + r->args.len, e->parameters)
               != NGX_OHTTP_RELAY_OK;
}


static ngx_ohttp_relay_profile_route_t *
ngx_ohttp_relay_profile_route(ngx_ohttp_relay_profile_t *profile,
    const u_char *p, const u_char *last, ngx_ohttp_relay_slice_t *segment)
{
    ngx_uint_t                        i;
    ngx_ohttp_relay_profile_route_t  *route;

    for (i = 0; i < profile->nroutes; i++) {
        route = &profile->routes[i];

        if (ngx_ohttp_relay_route(route->pattern, &route->segment, p, last,
                                  segment)
            == NGX_OHTTP_RELAY_OK)
        {
            return route;
        }
    }

    return NULL;
}


/* bytes of the path that are the location's, without a "/" at their end */

static size_t
ngx_ohttp_relay_profile_prefix(ngx_http_request_t *r)
{
    size_t                     len;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    len = clcf->name.len;

    /* what a regular expression or an exact name leaves is nothing */

    if (len == 0
        || clcf->exact_match
#if (NGX_PCRE)
        || clcf->regex
#endif
        || len > r->uri.len
        || ngx_memcmp(clcf->name.data, r->uri.data, len) != 0)
    {
        return 0;
    }

    return clcf->name.data[len - 1] == '/' ? len - 1 : len;
}


static void
ngx_ohttp_relay_profile_look_header(ngx_ohttp_relay_profile_t *profile,
    ngx_ohttp_relay_exchange_t *e, ngx_table_elt_t *h)
{
    ngx_uint_t                i;
    ngx_str_t                *name;
    const u_char             *p, *last;
    ngx_ohttp_relay_slice_t  *value;

    static ngx_str_t  type = ngx_string("content-type");
    static ngx_str_t  coding = ngx_string("content-encoding");

    p = h->value.data;
    last = p + h->value.len;

    if (h->key.len == type.len
        && ngx_memcmp(h->lowcase_key, type.data, type.len) == 0)
    {
        /* two types are none */

        e->media = e->typed ? NGX_OHTTP_RELAY_MEDIA_OTHER
                            : ngx_ohttp_relay_media_type(p, last);
        e->typed = 1;
        return;
    }

    if (h->key.len == coding.len
        && ngx_memcmp(h->lowcase_key, coding.data, coding.len) == 0)
    {
        e->packed |= (h->value.len != 0);
        return;
    }

    for (i = 0; i < profile->nheaders; i++) {
        name = &profile->headers[i].lowcase;

        if (h->key.len != name->len
            || ngx_memcmp(h->lowcase_key, name->data, name->len) != 0)
        {
            continue;
        }

        value = &e->headers[i];

        if (value->data) {
            e->repeated |= 1 << i;
            return;
        }

        ngx_ohttp_relay_trim(&p, &last);

        value->data = p;
        value->len = last - p;

        return;
    }
}


static ngx_int_t
ngx_ohttp_relay_profile_refuse(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_fault_t *fault)
{
    ctx->exchange->fault = fault;

    return ngx_ohttp_relay_refuse(ctx, fault->result);
}


ngx_int_t
ngx_ohttp_relay_profile_door(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_exchange_t       *e;
    ngx_ohttp_relay_profile_route_t  *route;

    e = ctx->exchange;

    if (e == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    route = e->route;

    if (route == NULL) {
        return ngx_ohttp_relay_profile_refuse(ctx, ctx->profile->unknown);
    }

    if (e->method) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_METHOD_NOT_ALLOWED);
    }

    if (route->refused) {
        return ngx_ohttp_relay_profile_refuse(ctx, route->refused);
    }

    /* a body that somebody has read before has been elsewhere */

    if (e->query || r->request_body || r->discard_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
    }

    if (route->method == NGX_HTTP_POST) {
        return ngx_ohttp_relay_profile_door_body(r, ctx);
    }

    if (r->headers_in.chunked || r->headers_in.content_length_n > 0) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_MALFORMED_REQUEST);
    }

    ctx->declared = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_profile_door_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_exchange_t   *e;
    ngx_ohttp_relay_main_conf_t  *rmcf;

    e = ctx->exchange;

    /* without its coding, which does not pass, a body would be another one */

    if (e->media != e->route->media || e->packed) {
        return ngx_ohttp_relay_refuse(ctx,
                                      NGX_OHTTP_RELAY_UNSUPPORTED_MEDIA_TYPE);
    }

    if (r->headers_in.chunked) {
        return NGX_OK;
    }

    ctx->declared = r->headers_in.content_length_n;

    if (ctx->declared < e->route->least) {
        return ngx_ohttp_relay_profile_refuse_short(ctx);
    }

    rmcf = ngx_http_get_module_main_conf(r, ngx_ohttp_relay_module);

    if (ctx->declared > rmcf->gateways.roster->max_body) {
        return ngx_ohttp_relay_refuse(ctx, NGX_OHTTP_RELAY_PAYLOAD_TOO_LARGE);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_profile_refuse_short(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;

    fault = ctx->profile->short_body;

    return fault ? ngx_ohttp_relay_profile_refuse(ctx, fault)
                 : ngx_ohttp_relay_refuse(ctx,
                                          NGX_OHTTP_RELAY_MALFORMED_REQUEST);
}


ngx_int_t
ngx_ohttp_relay_profile_check(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;

    if (ctx->exchange->route->method != NGX_HTTP_POST) {
        return NGX_OK;
    }

    fault = ctx->profile->check(ctx);

    return fault ? ngx_ohttp_relay_profile_refuse(ctx, fault) : NGX_OK;
}


ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_profile_check_headers(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_uint_t                         i;
    ngx_ohttp_relay_slice_t           *value;
    ngx_ohttp_relay_exchange_t        *e;
    ngx_ohttp_relay_profile_header_t  *header;

    e = ctx->exchange;

    for (i = 0; i < ctx->profile->nheaders; i++) {

        value = &e->headers[i];
        header = &ctx->profile->headers[i];

        if ((e->repeated & (1 << i))
            || (value->len
                && ngx_ohttp_relay_value(&header->grammar, value->data,
                                         value->data + value->len)
                   != NGX_OHTTP_RELAY_OK))
        {
            return header->wrong;
        }
    }

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_profile_check_body(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    off_t  least;

    least = ctx->exchange->route->least;

    if (ctx->declared >= least || ctx->received >= least) {
        return NGX_OK;
    }

    return r->reading_body ? NGX_AGAIN
                           : ngx_ohttp_relay_profile_refuse_short(ctx);
}


ngx_int_t
ngx_ohttp_relay_profile_enter(ngx_ohttp_relay_ctx_t *ctx)
{
    if (ctx->profile->enter == NULL) {
        return NGX_OK;
    }

    ctx->exchange->result = ctx->profile->enter(ctx);

    return ctx->exchange->result == NGX_OHTTP_RELAY_RESULT_NONE
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_ohttp_relay_profile_claim(ngx_ohttp_relay_ctx_t *ctx, ngx_str_t *parts,
    time_t *time)
{
    if (ctx->profile->claim == NULL
        || ctx->exchange->route->method != NGX_HTTP_POST)
    {
        return 0;
    }

    return ctx->profile->claim(ctx->exchange, parts, time);
}


/*
 * Method, path and query, then the constants of the gateway, then what passes
 * of the client's head: all in the order of the tables.
 */

ngx_buf_t *
ngx_ohttp_relay_profile_head(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_buf_t                        *b;
    ngx_str_t                         base, *head;
    ngx_ohttp_relay_profile_route_t  *route;

    route = ctx->exchange->route;
    base = ngx_ohttp_relay_opaque_base(ctx->gateway);
    head = &ctx->gateway->head[NGX_OHTTP_RELAY_SINGLE];

    b = ngx_create_temp_buf(r->pool,
                            ngx_ohttp_relay_profile_head_size(ctx, &base));
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_sprintf(b->last, "%V %V", &route->name, &base);
    b->last = ngx_ohttp_relay_profile_write_target(ctx->exchange, b->last);
    b->last = ngx_cpymem(b->last, head->data, head->len);

    if (route->method == NGX_HTTP_POST) {
        b->last = ngx_sprintf(b->last, "Content-Type: %V" CRLF, &route->type);
        b->last = ngx_ohttp_relay_profile_write_headers(ctx, b->last);
        b->last = ngx_sprintf(b->last, "Content-Length: %O" CRLF,
                              ctx->declared);
    }

    b->last = ngx_cpymem(b->last, CRLF, sizeof(CRLF) - 1);

    return b;
}


static size_t
ngx_ohttp_relay_profile_head_size(ngx_ohttp_relay_ctx_t *ctx, ngx_str_t *base)
{
    size_t                            size;
    ngx_uint_t                        i;
    ngx_ohttp_relay_profile_t        *profile;
    ngx_ohttp_relay_exchange_t       *e;
    ngx_ohttp_relay_profile_route_t  *route;

    e = ctx->exchange;
    route = e->route;
    profile = ctx->profile;

    size = route->name.len + sizeof(" ") - 1 + base->len
           + ngx_strlen(route->pattern) + e->segment.len
           + ctx->gateway->head[NGX_OHTTP_RELAY_SINGLE].len
           + sizeof("Content-Type: " CRLF) - 1 + route->type.len
           + sizeof("Content-Length: " CRLF CRLF) - 1 + NGX_OFF_T_LEN;

    for (i = 0; i < route->nparameters; i++) {
        size += sizeof("?=") - 1 + ngx_strlen(route->parameters[i].name)
                + e->parameters[i].len;
    }

    for (i = 0; i < profile->nheaders; i++) {
        size += profile->headers[i].name.len + sizeof(": " CRLF) - 1
                + e->headers[i].len;
    }

    return size;
}


static u_char *
ngx_ohttp_relay_profile_write_target(ngx_ohttp_relay_exchange_t *e, u_char *p)
{
    size_t                            len;
    u_char                            mark;
    ngx_uint_t                        i;
    ngx_ohttp_relay_slice_t          *value;
    ngx_ohttp_relay_parameter_t      *parameter;
    ngx_ohttp_relay_profile_route_t  *route;

    route = e->route;
    len = strcspn(route->pattern, "*");

    p = ngx_cpymem(p, route->pattern, len);

    if (route->pattern[len]) {
        p = ngx_cpymem(p, e->segment.data, e->segment.len);
    }

    mark = '?';

    for (i = 0; i < route->nparameters; i++) {

        value = &e->parameters[i];
        parameter = &route->parameters[i];

        if (value->len) {
            p = ngx_sprintf(p, "%c%s=", mark, parameter->name);
            p = ngx_ohttp_relay_value_write(&parameter->grammar, value->data,
                                            value->data + value->len, p);
            mark = '&';
        }
    }

    return p;
}


static u_char *
ngx_ohttp_relay_profile_write_headers(ngx_ohttp_relay_ctx_t *ctx, u_char *p)
{
    ngx_uint_t                         i;
    ngx_ohttp_relay_slice_t           *value;
    ngx_ohttp_relay_profile_header_t  *header;

    for (i = 0; i < ctx->profile->nheaders; i++) {

        value = &ctx->exchange->headers[i];
        header = &ctx->profile->headers[i];

        if (value->len) {
            p = ngx_sprintf(p, "%V: ", &header->name);
            p = ngx_ohttp_relay_value_write(&header->grammar, value->data,
                                            value->data + value->len, p);
            p = ngx_cpymem(p, CRLF, sizeof(CRLF) - 1);
        }
    }

    return p;
}


ngx_str_t *
ngx_ohttp_relay_profile_field(ngx_ohttp_relay_ctx_t *ctx,
    ngx_ohttp_relay_field_t *field)
{
    u_char                      *data;
    ngx_str_t                   *name;
    ngx_uint_t                   yes;
    ngx_ohttp_relay_profile_t   *profile;
    ngx_ohttp_relay_exchange_t  *e;

    e = ctx->exchange;
    profile = ctx->profile;
    data = (u_char *) field->name.data;

    for (name = profile->answers; name->len; name++) {
        if (name->len == field->name.len
            && ngx_strncasecmp(name->data, data, name->len) == 0)
        {
            break;
        }
    }

    if (name->len == 0) {

        /* nobody asked for it, and without this header nobody could read it */

        e->coded |= (field->name.len == sizeof("Content-Encoding") - 1
                     && ngx_strncasecmp((u_char *) "Content-Encoding", data,
                                        field->name.len)
                        == 0);
        return NULL;
    }

    if (name == profile->confirm) {
        yes = ngx_ohttp_relay_token_equal(field->value.data,
                                          field->value.data + field->value.len,
                                          "true", sizeof("true") - 1);
        e->confirmed |= yes;
        e->denied |= !yes;
    }

    return name;
}


char *
ngx_ohttp_relay_profile_answer(ngx_http_request_t *r,
    ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_str_t                        *type;
    ngx_uint_t                        media;
    ngx_ohttp_relay_exchange_t       *e;
    ngx_ohttp_relay_profile_route_t  *route;

    e = ctx->exchange;
    route = e->route;
    type = &r->headers_out.content_type;

    media = ngx_ohttp_relay_media_type(type->data, type->data + type->len);

    if (!(route->answers & (1 << media))) {
        return "Content-Type";
    }

    if (e->coded) {
        return "Content-Encoding";
    }

    if (route->method == NGX_HTTP_POST && ctx->profile->confirm
        && (!e->confirmed || e->denied))
    {
        return "word on encryption: its answer is not sealed";
    }

    return NULL;
}


ngx_ohttp_relay_fault_t *
ngx_ohttp_relay_profile_fault(ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_fault_t  *fault;

    fault = ctx->exchange ? ctx->exchange->fault : NULL;

    if (fault && fault->result == ctx->result) {
        return fault;
    }

    for (fault = ctx->profile->faults; fault->result; fault++) {
        if (fault->result == ctx->result) {
            return fault;
        }
    }

    return NULL;
}
