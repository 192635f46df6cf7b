
/*
 * Copyright (C) the ngx_ohttp_relay_module authors
 */


#include "gateway_url.h"
#include "host.h"


static const u_char *ngx_ohttp_relay_url_scheme(const u_char *p,
    const u_char *last, ngx_ohttp_relay_gateway_url_t *url);
static const u_char *ngx_ohttp_relay_url_host(const u_char *p,
    const u_char *last, ngx_ohttp_relay_gateway_url_t *url);
static int ngx_ohttp_relay_url_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url);


int
ngx_ohttp_relay_gateway_url(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    p = ngx_ohttp_relay_url_scheme(p, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    p = ngx_ohttp_relay_url_host(p, last, url);
    if (p == NULL) {
        return NGX_OHTTP_RELAY_ERROR;
    }

    return ngx_ohttp_relay_url_path(p, last, url);
}


static const u_char *
ngx_ohttp_relay_url_scheme(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    const u_char  *colon;

    colon = p < last ? memchr(p, ':', last - p) : NULL;

    if (colon == NULL || last - colon < 3 || colon[1] != '/'
        || colon[2] != '/')
    {
        return NULL;
    }

    if (ngx_ohttp_relay_token_equal(p, colon, "https", 5)) {
        url->tls = 1;
        url->port = 443;

    } else if (ngx_ohttp_relay_token_equal(p, colon, "http", 4)) {
        url->tls = 0;
        url->port = 80;

    } else {
        return NULL;
    }

    return colon + 3;
}


static const u_char *
ngx_ohttp_relay_url_host(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    const u_char            *end;
    ngx_ohttp_relay_host_t   host;

    end = p < last ? memchr(p, '/', last - p) : NULL;

    if (end == NULL) {
        end = last;
    }

    if (ngx_ohttp_relay_host(p, end, &host) != NGX_OHTTP_RELAY_OK) {
        return NULL;
    }

    url->host = host.name;
    url->address = host.address;
    url->authority.data = p;

    if (host.port != 0 && host.port != url->port) {
        url->port = host.port;
        url->authority.len = end - p;

    } else {
        url->authority.len = host.name.len + 2 * host.bracketed;
    }

    return end;
}


static int
ngx_ohttp_relay_url_path(const u_char *p, const u_char *last,
    ngx_ohttp_relay_gateway_url_t *url)
{
    if (p == last) {
        url->path.data = (const u_char *) "/";
        url->path.len = 1;

        return NGX_OHTTP_RELAY_OK;
    }

    if (*p != '/') {
        return NGX_OHTTP_RELAY_ERROR;
    }

    url->path.data = p;
    url->path.len = last - p;

    for ( /* void */ ; p < last; p++) {
        if (*p <= ' ' || *p > '~' || *p == '#') {
            return NGX_OHTTP_RELAY_ERROR;
        }
    }

    return NGX_OHTTP_RELAY_OK;
}
