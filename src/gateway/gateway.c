
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../conf/conf.h"
#include "keys.h"
#include "live.h"
#include "names.h"
#include "opaque.h"
#include "peer.h"
#include "roster.h"
#include "tls.h"
#include "verdicts.h"


/* a head of a response that many gateways send must fit */
#define NGX_OHTTP_RELAY_MIN_BUFFER  4096

#define NGX_OHTTP_RELAY_MAX_WEIGHT  65535


static void ngx_ohttp_relay_gateway_init_values(
    ngx_ohttp_relay_gateway_t *gateway);
static char *ngx_ohttp_relay_gateway_wrong(ngx_ohttp_relay_gateway_t *gateway);
static void ngx_ohttp_relay_gateway_init_upstream(
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_gateway_heads(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway);
static ngx_int_t ngx_ohttp_relay_gateway_head(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway, ngx_uint_t kind);


ngx_int_t
ngx_ohttp_relay_gateways_create(ngx_pool_t *pool,
    ngx_ohttp_relay_gateways_t *gateways)
{
    if (ngx_array_init(&gateways->gateways, pool, 4,
                       sizeof(ngx_ohttp_relay_gateway_t *))
        != NGX_OK
        || ngx_array_init(&gateways->pools, pool, 4,
                          sizeof(ngx_ohttp_relay_pool_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&gateways->tls, pool, 4,
                          sizeof(ngx_ohttp_relay_tls_t *));
}


ngx_int_t
ngx_ohttp_relay_gateways_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **gateway;

    ngx_ohttp_relay_names_resolver(cf, gateways);

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {
        if (ngx_ohttp_relay_gateway_init(cf, gateways, gateway[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (gateways->live) {
        return ngx_ohttp_relay_live_init(cf, gateways);
    }

    gateways->roster = ngx_ohttp_relay_roster_of_blocks(cf, gateways);

    return gateways->roster ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ohttp_relay_gateway_init(ngx_conf_t *cf,
    ngx_ohttp_relay_gateways_t *gateways, ngx_ohttp_relay_gateway_t *gateway)
{
    char  *wrong;

    wrong = ngx_ohttp_relay_opaque_wrong(gateway);

    gateway->all = gateways;

    ngx_ohttp_relay_gateway_init_values(gateway);
    ngx_ohttp_relay_gateway_init_upstream(gateway);

    if (wrong == NULL) {
        wrong = ngx_ohttp_relay_gateway_wrong(gateway);
    }

    if (wrong == NULL) {
        wrong = ngx_ohttp_relay_keys_wrong(gateway);
    }

    if (wrong == NULL) {
        wrong = ngx_ohttp_relay_verdicts_prepare(cf->pool, gateways, gateway);
    }

    if (wrong) {
        ngx_ohttp_relay_conf_wrong(cf->log, gateway->file, gateway->line,
                                   "gateway \"%V\": %s", &gateway->name,
                                   wrong);
        return NGX_ERROR;
    }

    ngx_conf_init_uint_value(gateway->weight, 1);

    if (gateway->tls_name.len == 0) {
        gateway->tls_name.data = (u_char *) gateway->url.host.data;
        gateway->tls_name.len = gateway->url.host.len;
    }

    if (gateway->url.tls
        && ngx_ohttp_relay_tls_init(cf, gateways, gateway) != NGX_OK)
    {
        return NGX_ERROR;
    }

    gateway->peers.host = gateway->tls_name;
    gateway->peers.port = gateway->url.port;

    if (ngx_ohttp_relay_names_init(cf, gateway) != NGX_OK
        || ngx_ohttp_relay_peer_init(cf, gateway) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ohttp_relay_gateway_heads(cf, gateway);
}


/* what the block has not said */

static void
ngx_ohttp_relay_gateway_init_values(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_conf_init_value(gateway->insecure, 0);
    ngx_conf_init_value(gateway->max_body, 20 * 1024 * 1024);
    ngx_conf_init_uint_value(gateway->keepalive, 64);
    ngx_conf_init_uint_value(gateway->keepalive_requests, 1000);
    ngx_conf_init_uint_value(gateway->max_in_flight, 0);
    ngx_ohttp_relay_opaque_init_values(gateway);
    ngx_conf_init_value(gateway->replay_window, 0);
    ngx_conf_init_msec_value(gateway->eject, 10000);
    ngx_conf_init_uint_value(gateway->attestation,
                             NGX_OHTTP_RELAY_ATTESTATION_OFF);
    ngx_conf_init_uint_value(gateway->billing_frame,
                             NGX_OHTTP_RELAY_BILLING_PASS);

    /* shorter than what gateways keep: a stale connection costs a request */
    ngx_conf_init_msec_value(gateway->keepalive_timeout, 4000);

    if (gateway->kinds == 0) {
        gateway->kinds = NGX_OHTTP_RELAY_KIND_SINGLE
                         | NGX_OHTTP_RELAY_KIND_CHUNKED;
    }
}


/* what is wrong with a gateway as a whole; NULL if nothing is */

static char *
ngx_ohttp_relay_gateway_wrong(ngx_ohttp_relay_gateway_t *gateway)
{
    if (gateway->upstream.buffer_size < NGX_OHTTP_RELAY_MIN_BUFFER) {
        return "\"buffer_size\" must be at least 4k";
    }

    if (gateway->max_body < 1) {
        return "\"max_body\" must be at least 1";
    }

    if (gateway->upstream.connect_timeout == 0
        || gateway->upstream.send_timeout == 0
        || gateway->upstream.read_timeout == 0)
    {
        return "a time-out of 0 would end every request";
    }

    if (!gateway->url.tls && !gateway->insecure) {
        return "\"url\" is http://: anyone on the way could read when and how "
               "much is sent; say \"insecure on\" to accept that";
    }

    if (!gateway->url.tls
        && (gateway->tls.data || gateway->pins || gateway->tls_name.len))
    {
        return "\"tls\", \"ssl_pin\" and \"ssl_name\" need an https:// "
               "\"url\"";
    }

    if (ngx_strlchr(gateway->tls_name.data,
                    gateway->tls_name.data + gateway->tls_name.len, '$'))
    {
        return "\"ssl_name\" takes a constant: a variable could tell clients "
               "apart";
    }

    if (gateway->tls.data && gateway->pins) {
        return "\"tls\" and \"ssl_pin\" exclude each other";
    }

    if (gateway->url.tls && gateway->url.address && gateway->pins == NULL
        && gateway->tls_name.len == 0)
    {
        return "\"url\" has an address: \"ssl_pin\" or \"ssl_name\" must tell "
               "what its certificate is checked against";
    }

    if (gateway->pool_name.data == NULL
        && (gateway->selector.len || gateway->nkey_ids
            || gateway->weight != NGX_CONF_UNSET_UINT))
    {
        return "\"selector\", \"key_ids\" and \"weight\" need a \"pool\"";
    }

    if (gateway->weight != NGX_CONF_UNSET_UINT
        && (gateway->weight == 0
            || gateway->weight > NGX_OHTTP_RELAY_MAX_WEIGHT))
    {
        return "\"weight\" must be 1 to 65535";
    }

    return NULL;
}


/*
 * Fields left at zero on purpose: local (the source address never depends on
 * a client), intercept_errors, cache, store, limit_rate, hide_headers_hash
 * (no header of a response is ever put where nginx would look it up).
 */

static void
ngx_ohttp_relay_gateway_init_upstream(ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_http_upstream_conf_t  *upstream;

    upstream = &gateway->upstream;

    ngx_conf_init_size_value(upstream->buffer_size, 8192);
    ngx_conf_init_msec_value(upstream->connect_timeout, 5000);
    ngx_conf_init_msec_value(upstream->send_timeout, 60000);
    ngx_conf_init_msec_value(upstream->read_timeout, 300000);

    /* another address is tried only while no byte has been sent */
    upstream->next_upstream = NGX_HTTP_UPSTREAM_FT_ERROR
                              | NGX_HTTP_UPSTREAM_FT_TIMEOUT;

    upstream->ignore_headers = NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                               | NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES
                               | NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                               | NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                               | NGX_HTTP_UPSTREAM_IGN_XA_CHARSET;

    /* the rest of a request still flows after an early response */
    upstream->preserve_output = 1;

    upstream->upstream = &gateway->peers;
    ngx_str_set(&upstream->module, "ohttp_relay");
}


static ngx_int_t
ngx_ohttp_relay_gateway_heads(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway)
{
    ngx_uint_t  kind;

    if (gateway->profile != NGX_OHTTP_RELAY_PROFILE_OHTTP) {
        return ngx_ohttp_relay_opaque_head(cf, gateway);
    }

    for (kind = 0; kind < NGX_OHTTP_RELAY_KINDS; kind++) {
        if (ngx_ohttp_relay_gateway_head(cf, gateway, kind) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ohttp_relay_gateway_head(ngx_conf_t *cf,
    ngx_ohttp_relay_gateway_t *gateway, ngx_uint_t kind)
{
    u_char        *p;
    size_t         len;
    ngx_str_t     *type, *framing;
    ngx_uint_t     i, n;
    ngx_keyval_t  *header;

    static ngx_str_t  types[NGX_OHTTP_RELAY_KINDS] = {
        ngx_string("message/ohttp-req"),
        ngx_string("message/ohttp-chunked-req" CRLF "Incremental: ?1")
    };

    static ngx_str_t  framings[NGX_OHTTP_RELAY_KINDS] = {
        ngx_string("Content-Length: "),
        ngx_string("Transfer-Encoding: chunked" CRLF CRLF)
    };

    type = &types[kind];
    framing = &framings[kind];

    n = gateway->request_headers ? gateway->request_headers->nelts : 0;
    header = n ? gateway->request_headers->elts : NULL;

    len = sizeof("POST  HTTP/1.1" CRLF "Host: " CRLF "Content-Type: " CRLF) - 1
          + gateway->url.path.len + gateway->url.authority.len + type->len
          + framing->len;

    for (i = 0; i < n; i++) {
        len += header[i].key.len + sizeof(": " CRLF) - 1 + header[i].value.len;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    gateway->head[kind].data = p;
    gateway->head[kind].len = len;

    p = ngx_sprintf(p, "POST %*s HTTP/1.1" CRLF "Host: %*s" CRLF
                       "Content-Type: %V" CRLF,
                    gateway->url.path.len, gateway->url.path.data,
                    gateway->url.authority.len, gateway->url.authority.data,
                    type);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%V: %V" CRLF, &header[i].key, &header[i].value);
    }

    ngx_memcpy(p, framing->data, framing->len);

    return NGX_OK;
}


ngx_ohttp_relay_gateway_t *
ngx_ohttp_relay_gateway_find(ngx_ohttp_relay_gateways_t *gateways,
    ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_ohttp_relay_gateway_t  **gateway;

    gateway = gateways->gateways.elts;

    for (i = 0; i < gateways->gateways.nelts; i++) {
        if (gateway[i]->name.len == name->len
            && ngx_memcmp(gateway[i]->name.data, name->data, name->len) == 0)
        {
            return gateway[i];
        }
    }

    return NULL;
}


ngx_str_t *
ngx_ohttp_relay_gateway_passes(ngx_ohttp_relay_gateway_t *gateway,
    const u_char *name, size_t len)
{
    ngx_str_t   *pass;
    ngx_uint_t   i;

    if (gateway->pass_response_headers == NULL) {
        return NULL;
    }

    pass = gateway->pass_response_headers->elts;

    for (i = 0; i < gateway->pass_response_headers->nelts; i++) {
        if (pass[i].len == len
            && ngx_strncasecmp(pass[i].data, (u_char *) name, len) == 0)
        {
            return &pass[i];
        }
    }

    return NULL;
}
