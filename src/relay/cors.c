
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "answer.h"
#include "cors.h"
#include "profile.h"


static ngx_str_t  ngx_ohttp_relay_preflight_headers[] = {
    ngx_string("Access-Control-Allow-Methods"),
    ngx_string("POST, OPTIONS"),
    ngx_string("Access-Control-Allow-Headers"),
    ngx_string("authorization, proxy-authorization, content-type, incremental, "
               "accept, x-tee-id, x-ohttp-stream"),
    ngx_string("Access-Control-Max-Age"),
    ngx_string("86400"),
    ngx_null_string
};


ngx_uint_t
ngx_ohttp_relay_is_origin(ngx_str_t *value)
{
    u_char     *p, *last, *host;
    ngx_int_t   port, usual;

    p = value->data;
    last = p + value->len;

    if (ngx_strncmp(p, "https://", sizeof("https://") - 1) == 0) {
        p += sizeof("https://") - 1;
        usual = 443;

    } else if (ngx_strncmp(p, "http://", sizeof("http://") - 1) == 0) {
        p += sizeof("http://") - 1;
        usual = 80;

    } else {
        return 0;
    }

    host = p;

    if (*p == '[') {
        p = ngx_strlchr(p, last, ']');
        if (p == NULL) {
            return 0;
        }

        p++;

    } else {
        while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
               || *p == '.' || *p == '-' || *p == '_')
        {
            p++;
        }
    }

    if (p == host) {
        return 0;
    }

    if (p == last) {
        return 1;
    }

    if (*p++ != ':' || *p == '0') {
        return 0;
    }

    port = ngx_atoi(p, last - p);

    return port > 0 && port < 65536 && port != usual;
}


ngx_str_t *
ngx_ohttp_relay_match_origin(ngx_array_t *origins, ngx_str_t *value)
{
    ngx_str_t   *origin;
    ngx_uint_t   i;

    origin = origins->elts;

    for (i = 0; i < origins->nelts; i++) {

        if (origin[i].len == value->len
            && ngx_memcmp(origin[i].data, value->data, value->len) == 0)
        {
            return &origin[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_ohttp_relay_preflight(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t  *header;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    header = ctx->profile ? ctx->profile->preflight
                          : ngx_ohttp_relay_preflight_headers;

    for ( /* void */ ; header->len; header += 2) {
        if (ngx_ohttp_relay_add_header(r, &header[0], &header[1]) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->result = NGX_OHTTP_RELAY_RESULT_PREFLIGHT;

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->headers_out.content_length_n = 0;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_ohttp_relay_cors(ngx_http_request_t *r, ngx_ohttp_relay_ctx_t *ctx)
{
    ngx_ohttp_relay_loc_conf_t  *rlcf;

    static ngx_str_t  vary = ngx_string("Vary");
    static ngx_str_t  origin = ngx_string("Origin");
    static ngx_str_t  allow = ngx_string("Access-Control-Allow-Origin");
    static ngx_str_t  expose = ngx_string("Access-Control-Expose-Headers");
    static ngx_str_t  exposed = ngx_string("Proxy-Status, Retry-After, "
                                           "WWW-Authenticate, Incremental");

    rlcf = ngx_http_get_module_loc_conf(r, ngx_ohttp_relay_module);

    if (rlcf->origins == NULL) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_add_header(r, &vary, &origin) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->origin == NULL) {
        return NGX_OK;
    }

    if (ngx_ohttp_relay_add_header(r, &allow, ctx->origin) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_add_header(r, &expose,
                                      ctx->profile ? &ctx->profile->exposed
                                                   : &exposed);
}
